/* checks/i8-device: a table is given back while a device may keep the way to it (I8, I1), or a change counts
 * as complete of which it was not told. SPDX-License-Identifier: MIT
 *
 * A device walks the tables by itself and keeps upper entries. It hears no invalidation of the CPUs,
 * broadcast or not: it is told, or the table is not free. */
#include "space.h"

enum { CORE_VA = 0x28000 };

static oct_pte_t *upper;

static void setup(void)
{
	space_setup();
	upper = oc_pte(mm, VA, 1);
	oc_map_anon(mm, CORE_VA, 1, OCT_READ | OCT_WRITE);
}

static void free_table(bool tell, enum oct_depth depth)
{
	oct_phys_t table = oct_pte_phys(oc_entry_get(upper));

	oc_entry_set(upper, 0);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	if (tell)
		oct_secondary_invalidate(&mm->space, VA, 1, depth);
	oct_port_page_free(table, 0, OCT_USE_TABLE);
}

static void broken(void)
{
	free_table(false, OCT_LEAF);
}

static void leaf_only(void)
{
	free_table(true, OCT_LEAF);
}

static void repaired(void)
{
	free_table(true, OCT_ALL_LEVELS);
}

/* The core's tickets, and a device that walks on when it is no more bound: nobody tells it that a right is
 * gone. */
static void revoke(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, CORE_VA, OCT_PAGE_SIZE, OCT_READ) == 0);
}

static void not_bound(void)
{
	oct_secondary_unbind(&mm->space, mm->space.secondary);
	revoke();
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_IOMMU(reader)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I8)},
                         {.name = "broken-walked", .run = broken, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "broken-leaf-only", .run = leaf_only, .expected = OC_VIOLATES(OC_I8)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"loaded"}},
                         {.name = "broken-told", .run = not_bound, .expected = OC_VIOLATES(OC_I8)},
                         {.name = "repaired-told", .run = revoke, .expected = OC_HOLDS, .cover = {"loaded"}},
                         {.name = "snooping",
                          .run = broken,
                          .expected = OC_HOLDS,
                          .on = {{OC_X86_64, OC_VIOLATES(OC_I8)}}, /* broadcasts nothing */
                          .knobs = {.iommu_snoops = true},
                          .cover = {"loaded"}}})
