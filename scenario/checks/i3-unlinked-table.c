/* checks/i3-unlinked-table: a table is unlinked, and what hardware set in it is gathered (I3).
 * SPDX-License-Identifier: MIT
 *
 * The page is clean. A walker that came by the upper entry before it went may still set dirty; the completion
 * of the invalidation waits for that as it waits for accesses, so behind it loads are enough. */
#include "space.h"

static oct_pte_t *upper, gathered;
static bool stored;

static void setup(void)
{
	space_setup();
	oc_entry_set(entry, oct_pte_mkclean(original));
	upper = oc_pte(mm, VA, 1);
	stored = false;
}

static void unlink_table(bool early)
{
	oct_phys_t table = oct_pte_phys(oc_entry_get(upper));

	oc_entry_set(upper, 0);
	if (early)
		gathered = oc_entry_get(entry);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	if (!early)
		gathered = oc_entry_get(entry);
	oct_port_page_free(table, 0, OCT_USE_TABLE);
}

static void before_completion(void)
{
	unlink_table(true);
}

static void repaired(void)
{
	unlink_table(false);
}

static void writer(void)
{
	stored = oc_store32(mm, VA, 7) == 0;
	if (stored)
		oc_cover("stored");
}

static void final(void)
{
	OC_ASSERT(OC_I3, !stored || oct_pte_dirty(gathered));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer)},
            .variants = {{.name = "broken", .run = before_completion, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"stored"}}})
