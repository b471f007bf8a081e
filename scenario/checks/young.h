/* young.h: an accessed bit that is set while its entry is changed. SPDX-License-Identifier: MIT
 *
 * Somebody sees that it is set; who changes the entry by load and store takes it away again. */
#ifndef SCENARIO_CHECKS_YOUNG_H
#define SCENARIO_CHECKS_YOUNG_H

#include "space.h"

static bool seen;

static inline void young_setup(void)
{
	space_setup();
	oc_entry_set(entry, oct_pte_mkold(original));
}

static inline void look(void)
{
	seen = oct_pte_young(oc_entry_get(entry));
	if (seen)
		oc_cover("seen");
}

static void by_load_and_store(void)
{
	oct_pte_t found = oc_entry_get(entry);

	look();
	oc_entry_set(entry, oct_pte_wrprotect(found));
}

static void repaired(void)
{
	look();
	oc_entry_update(entry, oct_pte_wrprotect);
}

static inline void young_final(void)
{
	OC_ASSERT(OC_I10, !seen || oct_pte_young(oc_entry_get(entry)));
}

#endif
