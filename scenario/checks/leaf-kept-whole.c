/* checks/leaf-kept-whole: a table gives way to a copy, and what it mapped stays in TLBs (I1).
 * SPDX-License-Identifier: MIT
 *
 * Both tables map the same pages, so only the way to the old one has to go before it is free. An invalidation
 * of one address drops that; a leaf of another address that a TLB keeps whole is no walk of the table. */
#include "parts.h"

enum { VA = 0x10000, COPY_VA = 0x20000, PAGES = 2 };

static struct oct_mm *mm;
static oct_pte_t *upper, copy;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, PAGES, OCT_READ);
	for (uintptr_t at = 0; at < PAGES * OCT_PAGE_SIZE; at += OCT_PAGE_SIZE)
		oc_map_folio(mm, COPY_VA + at, oc_folio(mm, VA + at), OCT_READ);
	upper = oc_pte(mm, VA, 1);
	copy = oc_entry_get(oc_pte(mm, COPY_VA, 1));
}

static void replace_table(unsigned level)
{
	oct_phys_t table = oct_pte_phys(oc_entry_get(upper));

	oc_entry_set(upper, copy);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, level);
	oc_dsb();
	oct_port_page_free(table, 0, OCT_USE_TABLE);
}

static void leaf_only(void)
{
	replace_table(OC_LEAF);
}

static void repaired(void)
{
	replace_table(OC_ALL_LEVELS);
}

static void reader(void)
{
	uint32_t value;

	if (oc_load32(mm, VA + OCT_PAGE_SIZE, &value) == 0)
		oc_cover("loaded");
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .variants = {{.name = "broken", .run = leaf_only, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"loaded"}}})
