/* races/32: mremap moves a table that has been retracted (CVE-2024-50066). SPDX-License-Identifier: MIT
 *
 * V read the upper entry, it linked a table, and V took the locks after that; K has taken the table out in
 * between; V moves the table that it saw, or, as it was found, nothing as if it were a table: who uses the
 * new address walks a page that was freed, or none at all. */
#include "../retract.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	retract_setup(mm, 0);
	retract_raw_setup(mm);
	retract_to_setup(mm);
}

static void raw_k(void)
{
	raw_retract(ENTRIES);
}

static void raw_v(void)
{
	raw_move_table(LINK_BEFORE);
}

static void raw_v_nothing(void)
{
	raw_move_table(LINK_NOW);
}

static void old(void)
{
	RAW_PARTS(raw_k, raw_v, raw_read_moved);
}

static void old_nothing(void)
{
	RAW_PARTS(raw_k, raw_v_nothing, raw_read_moved);
}

static void now(void)
{
	RAW_PARTS(retract_now, retract_move, retract_read_moved);
}

OC_SCENARIO(.setup = setup, .final = retract_final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "old-nothing", .run = old_nothing, .expected = OC_VIOLATES(OC_UAF)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"retracted", "mremap-table", "loaded-moved"}}})
