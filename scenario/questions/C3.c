/* questions/C3: the table is empty: is a notifier still needed? SPDX-License-Identifier: MIT
 *
 * K takes the empty table out and frees it; a CPU and a device are about to use an address of it. Left out,
 * one at a time: the invalidation of leaves (one address is named, with all that leads to it, not the
 * others); that of what leads to them; that the call which tells the device waits for walks in flight (the
 * table is freed first, so nobody waits for what was asked for).
 *
 * No leaf of an empty table is cached where none is kept that says "nothing here". On riscv64 the one
 * invalidation that reaches upper entries reaches all leaves, so there the first cannot be left out. With
 * Svvptc no such leaf is kept there either: no-leaf-svvptc. */
#include "../retract.h"

enum { USED = RAW_TABLE + OCT_PAGE_SIZE }; /* not the first of its table */

enum { LEAVES = 1, WALK_CACHES = 2, WAITS = 4 };

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	retract_setup(mm, 0);
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, TABLE_VA, TABLE_BYTES, OCT_NONE) == 0); /* as of RAW_TABLE */
	retract_raw_setup(mm);
}

static void invalidate(unsigned what)
{
	size_t pages = what & LEAVES ? TABLE_PAGES : 1;
	unsigned level = what & WALK_CACHES ? OC_ALL_LEVELS : OC_LEAF;

	oc_dsb();
	oc_tlbi(retract.mm, RAW_TABLE, pages, OC_BROADCAST, level);
	oc_dsb();
	if (!(what & WAITS))
		raw_free_table(NULL);
	oct_secondary_invalidate(&retract.mm->space, RAW_TABLE, pages,
	                         what & WALK_CACHES ? OCT_ALL_LEVELS : OCT_LEAF);
}

static void use(uintptr_t va)
{
	uint32_t value;

	OC_ASSERT(OC_ASSERTION, oc_load32(retract.mm, va, &value) != 0);
}

static void race(unsigned what)
{
	if (oct_port_cpu_self() != 0) {
		use(USED);
		return;
	}
	if (raw_unlink(ENTRIES) == OCT_NO_PAGE)
		return;
	invalidate(what);
	if (what & WAITS)
		oct_port_defer(raw_free_table, NULL);
}

static void no_leaf(void)
{
	race(WALK_CACHES | WAITS);
}

static void no_walk_cache(void)
{
	race(LEAVES | WAITS);
}

static void no_wait(void)
{
	race(LEAVES | WALK_CACHES);
}

static void all(void)
{
	race(LEAVES | WALK_CACHES | WAITS);
}

static void now(void)
{
	if (oct_port_cpu_self() == 0)
		retract_now();
	else
		use(TABLE_VA);
}

OC_SCENARIO(.setup = setup, .final = retract_final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_IOMMU(OC_VARIANT)},
            .variants = {
                {.name = "no-leaf", .run = no_leaf, .expected = OC_HOLDS},
                {.name = "no-leaf-svvptc", .run = no_leaf, .expected = OC_HOLDS, .knobs = {.svvptc = true}},
                {.name = "no-walk-cache", .run = no_walk_cache, .expected = OC_VIOLATES(OC_I1)},
                {.name = "no-wait", .run = no_wait, .expected = OC_VIOLATES(OC_I1)},
                {.name = "all", .run = all, .expected = OC_HOLDS},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"retracted"}}})
