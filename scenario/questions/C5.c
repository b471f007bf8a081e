/* questions/C5: and mremap moving the table? SPDX-License-Identifier: MIT
 *
 * V holds the lock of the space, which K does not take. before-locks: V moves the table that it saw;
 * before-locks-now: what it finds, taken for a table (CVE-2024-50066). */
#include "../retract.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	retract_setup(mm, 0);
	retract_raw_setup(mm);
	retract_to_setup(mm);
}

static void race(enum raw_move how)
{
	if (oct_port_cpu_self() == 0)
		raw_retract(ENTRIES);
	else if (oct_port_cpu_self() == 1)
		raw_move_table(how);
	else
		raw_read_moved();
}

static void before_locks(void)
{
	race(LINK_BEFORE);
}

static void before_locks_now(void)
{
	race(LINK_NOW);
}

static void again(void)
{
	race(LOOK_AGAIN);
}

static void now(void)
{
	RAW_PARTS(retract_now, retract_move, retract_read_moved);
}

OC_SCENARIO(.setup = setup, .final = retract_final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "before-locks", .run = before_locks, .expected = OC_VIOLATES(OC_I1)},
                {.name = "before-locks-now", .run = before_locks_now, .expected = OC_VIOLATES(OC_UAF)},
                {.name = "again",
                 .run = again,
                 .expected = OC_HOLDS,
                 .cover = {"raw-moved", "raw-gone", "raw-retracted"}},
                {.name = "now",
                 .run = now,
                 .expected = OC_HOLDS,
                 .cover = {"retracted", "mremap-table", "loaded-moved"}}})
