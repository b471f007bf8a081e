/* checks/i10-lost-young: accessed was seen, and is gone without having been cleared (I10).
 * SPDX-License-Identifier: MIT
 *
 * An entry is changed by load and store; a walker sets accessed in between, somebody sees it, and the
 * store takes it away again. */
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

static void broken(void)
{
	change(false);
}

static void repaired(void)
{
	change(true);
}

static void final(void)
{
	OC_ASSERT(OC_I10, !seen || oct_pte_young(oc_entry_get(entry)));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I10)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"seen"}}})
