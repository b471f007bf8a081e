/* checks/free-while-walked: a table is given back while a walker may be in it (I1).
 * SPDX-License-Identifier: MIT
 *
 * Walk caches hold upper entries: those that lead into the table are invalidated before it is free. */
#include "space.h"

static oct_pte_t *upper;

static void setup(void)
{
	space_setup();
	upper = oc_pte(mm, VA, 1);
}

static void free_table(bool invalidate)
{
	oct_phys_t table = oct_pte_phys(oc_entry_get(upper));

	oc_entry_set(upper, 0);
	if (invalidate) {
		oc_dsb();
		oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_ALL_LEVELS);
		oc_dsb();
	}
	oct_port_page_free(table, 0, OCT_USE_TABLE);
}

static void no_flush(void)
{
	free_table(false);
}

static void repaired(void)
{
	free_table(true);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .variants = {{.name = "broken", .run = no_flush, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"loaded"}}})
