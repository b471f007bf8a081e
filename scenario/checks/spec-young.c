/* checks/spec-young: accessed is set for an access that never happens (I10). SPDX-License-Identifier: MIT
 *
 * Nobody uses the page, yet a walker that runs ahead may set accessed in its entry, at any time. Who changes
 * the entry by load and store takes it away again. */
#include "space.h"

static bool seen;

static void setup(void)
{
	space_setup();
	oc_entry_set(entry, oct_pte_mkold(original));
}

static void change(bool atomically)
{
	oct_pte_t found = oc_entry_get(entry);

	seen = oct_pte_young(oc_entry_get(entry));
	if (seen)
		oc_cover("seen");
	if (atomically)
		oc_entry_update(entry, oct_pte_wrprotect);
	else
		oc_entry_set(entry, oct_pte_wrprotect(found));
}

static void by_load_and_store(void)
{
	change(false);
}

static void repaired(void)
{
	change(true);
}

static void idle(void)
{
}

static void final(void)
{
	OC_ASSERT(OC_I10, !seen || oct_pte_young(oc_entry_get(entry)));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(idle)},
            .variants = {{.name = "broken",
                          .run = by_load_and_store,
                          .expected = OC_VIOLATES(OC_I10),
                          .knobs = {.spec_young = true}},
                         {.name = "off", .run = by_load_and_store, .expected = OC_HOLDS},
                         {.name = "repaired",
                          .run = repaired,
                          .expected = OC_HOLDS,
                          .knobs = {.spec_young = true},
                          .cover = {"seen"}}})
