/* checks/free-while-linked: a page is given back while a TLB may hold it, by way of a table that the race linked
 * (I1). SPDX-License-Identifier: MIT
 *
 * Nobody accesses the page: who ran the space since the table was linked may hold it all the same. */
#include "space.h"

static oct_pte_t *upper, link;
static oct_pte_t *in_new_table;

static void setup(void)
{
	oct_phys_t table = oct_port_page_alloc(0, OCT_USE_TABLE);

	space_setup();
	oct_port_page_clear(table, 0);
	upper = oc_pte(mm, VA, 1);
	link = oct_pte_make_table(table, 1, false);
	in_new_table = (oct_pte_t *)oct_port_phys_to_virt(table) + (VA >> OCT_PAGE_SHIFT) % OCT_TABLE_ENTRIES;
}

static void map_and_free(bool flushes)
{
	oc_entry_set(in_new_table, original);
	oc_entry_set(upper, 0);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	oc_entry_set(upper, link);
	oc_entry_set(in_new_table, 0);
	if (flushes)
		flush();
	oct_port_page_free(page, 0, OCT_USE_USER);
	oc_cover("freed");
}

static void broken(void)
{
	map_and_free(false);
}

static void repaired(void)
{
	map_and_free(true);
}

/* It runs the space, and touches nothing. */
static void bystander(void) {}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64 | OC_RISCV64, .actors = {OC_CPU(OC_VARIANT), OC_CPU(bystander)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"freed"}}})
