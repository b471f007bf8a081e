/* checks/leak-table: a table that is in no table any more, and not free. SPDX-License-Identifier: MIT */
#include "parts.h"

enum { VA = 0x10000 };

static struct oct_mm *mm;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ);
}

/* Another table takes the place of the one that is there. */
static void replace(bool free_the_old)
{
	oct_pte_t *upper = oc_pte(mm, VA, 1);
	oct_phys_t table = oct_port_page_alloc(0, OCT_USE_TABLE);
	oct_pte_t first = oc_entry_xchg(upper, oct_pte_make_table(table, 1, false));

	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	oc_entry_set(upper, first); /* and back again */
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	if (free_the_old)
		oct_port_page_free(table, 0, OCT_USE_TABLE);
	oc_cover("replaced");
}

static void broken(void)
{
	replace(false);
}

static void repaired(void)
{
	replace(true);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_LEAK)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"replaced"}}})
