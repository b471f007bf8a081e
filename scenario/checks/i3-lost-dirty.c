/* checks/i3-lost-dirty: write protection by load and store, against a walker that sets dirty (I3).
 * SPDX-License-Identifier: MIT
 *
 * The page is clean: the first store through its entry makes the walker set dirty, and that may come
 * between a load of the entry and a store of what was made of it. */
#include "space.h"

static bool stored;

static void setup(void)
{
	space_setup();
	oc_entry_set(entry, oct_pte_mkclean(original));
}

static void writer(void)
{
	stored = oc_store32(mm, VA, 7) == 0;
}

static void load_and_store(void)
{
	oc_entry_set(entry, oct_pte_wrprotect(oc_entry_get(entry)));
}

static void repaired(void)
{
	oc_entry_update(entry, oct_pte_wrprotect);
}

static void final(void)
{
	OC_ASSERT(OC_I3, !stored || oct_pte_dirty(oc_entry_get(entry)));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer)},
            .variants = {{.name = "broken", .run = load_and_store, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
