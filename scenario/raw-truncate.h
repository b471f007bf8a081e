/* raw-truncate.h: a page is mapped by who looked at the size too early, against a truncation, in raw entries.
 * SPDX-License-Identifier: MIT */
#ifndef SCENARIO_RAW_TRUNCATE_H
#define SCENARIO_RAW_TRUNCATE_H

#include "raw.h"

static uint32_t raw_size = 1; /* atomic: pages of the object */
static oct_phys_t raw_cached; /* its page */
static oct_pte_t raw_cached_entry;

/* The object's page is not mapped at RAW_VA yet. */
static inline void raw_truncate_setup(struct oct_mm *mm)
{
	raw_setup(mm);
	raw_cached = oct_folio_alloc()->page;
	raw_cached_entry = oct_pte_mkdirty(oct_pte_mkyoung(oct_pte_make(raw_cached, READ_WRITE, OCT_NORMAL)));
	oc_entry_set(raw.entry, 0);
}

/* Looks at the size, and makes the entry later. */
static inline void raw_map_and_store(void)
{
	if (oct_load(&raw_size, OCT_ACQ)) {
		oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

		oc_entry_set(pte, raw_cached_entry);
		oct_pte_unlock(raw.mm, pte);
		raw_writer();
	}
}

static inline void raw_truncate(void)
{
	oct_pte_t *pte;

	oct_store(&raw_size, 0, OCT_REL);
	pte = oct_pte_lock(raw.mm, RAW_VA);
	oc_entry_xchg(pte, 0);
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
	oct_port_page_free(raw_cached, 0, OCT_USE_USER);
}

#endif
