/* space.h: one page of one space, in raw entries, for the minimal scenarios. SPDX-License-Identifier: MIT
 *
 * The page at VA lies in an area without rights, though its entry has some: an access succeeds through
 * a valid entry, current or stale, and otherwise fails for good instead of making another page. */
#ifndef SCENARIO_CHECKS_SPACE_H
#define SCENARIO_CHECKS_SPACE_H

#include "parts.h"

enum { VA = 0x10000, OTHER_VA = 0x20000 };

static struct oct_mm *mm;
static oct_phys_t page;
static oct_pte_t *entry, original;

static inline void space_setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
	entry = oc_pte(mm, VA);
	original = oc_entry_get(entry);
	page = oct_pte_phys(original);
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, VA, OCT_PAGE_SIZE, OCT_NONE) == 0);
	oc_entry_set(entry, original);
}

/* Invalidate VA everywhere and wait until that is complete. */
static inline void flush(void)
{
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

/* A user of the page; what it gets is its own business. */
static inline void reader(void)
{
	uint32_t value;

	if (oc_load32(mm, VA, &value) == 0)
		oc_cover("loaded");
}

#endif
