/* checks/tce: INVLPG that drops only what leads to its address (I1). SPDX-License-Identifier: MIT
 *
 * A table goes, and an address that it does not map is invalidated. INVLPG drops every walk-cache entry of
 * its CPU; with the translation-cache extension those on the way to the address only: then the address must
 * be one below the table. */
#include "space.h"

static oct_pte_t *upper;

static void setup(void)
{
	space_setup();
	oc_map_anon(mm, OTHER_VA, 1, OCT_READ);
	upper = oc_pte(mm, VA, 1);
}

static void free_table(uintptr_t va)
{
	oct_phys_t table = oct_pte_phys(oc_entry_get(upper));

	oc_entry_set(upper, 0);
	oc_tlbi(mm, va, 1, OC_BROADCAST, OC_ALL_LEVELS);
	oct_port_page_free(table, 0, OCT_USE_TABLE);
}

static void by_other(void)
{
	free_table(OTHER_VA);
}

static void by_own(void)
{
	free_table(VA);
}

OC_SCENARIO(.setup = setup, .arch = OC_X86_64, .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .variants = {
                {.name = "broken", .run = by_other, .expected = OC_VIOLATES(OC_I1), .knobs = {.tce = true}},
                {.name = "repaired",
                 .run = by_own,
                 .expected = OC_HOLDS,
                 .knobs = {.tce = true},
                 .cover = {"loaded"}}})
