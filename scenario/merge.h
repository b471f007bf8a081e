/* merge.h: two equal pages that become one: raw entries, and the core's public call. SPDX-License-Identifier:
 * MIT
 *
 * The pages at MERGE_VA and MERGE_OTHER contain zeros; any CPU may have cached their entries as writable and
 * dirty. A CPU stores to the first: it is there in the end, and the other page has zeros still (I2). */
#ifndef SCENARIO_MERGE_H
#define SCENARIO_MERGE_H

#include "raw.h"
#include <octavo/merge.h>

enum { MERGE_VA = 0x10000, MERGE_OTHER = 0x18000, MERGE_STORED = 7 };

static struct oct_mm *merge_mm;
static bool merge_stored;

static inline void merge_setup(void)
{
	merge_mm = oc_mm();
	oc_map_anon(merge_mm, MERGE_VA, 1, READ_WRITE);
	oc_map_anon(merge_mm, MERGE_OTHER, 1, READ_WRITE);
	oct_clear_refs(merge_mm, MERGE_OTHER,
	               MERGE_OTHER + OCT_PAGE_SIZE); /* nobody stores there: a flush less */
	raw_setup(merge_mm);
	raw_forbid_faults(merge_mm, RAW_SPARE);
}

static inline void merge_pages(void)
{
	int result = oct_merge_pages(merge_mm, MERGE_VA, merge_mm, MERGE_OTHER);

	OC_ASSERT(OC_ASSERTION, result == 0 || result == 1);
}

/* The same with the places changed: the page that is stored to goes. */
static inline void merge_pages_into_other(void)
{
	int result = oct_merge_pages(merge_mm, MERGE_OTHER, merge_mm, MERGE_VA);

	OC_ASSERT(OC_ASSERTION, result == 0 || result == 1 || result == -OCT_EAGAIN);
}

static inline void merge_writer(void)
{
	OC_ASSERT(OC_ASSERTION, oc_store32(merge_mm, MERGE_VA, MERGE_STORED) == 0);
	merge_stored = true;
}

/* ---- Raw: the page of RAW_VA is compared with that of RAW_SPARE, which becomes a second name of it ------
 */

static inline bool raw_same(void)
{
	return oct_port_page_same(oct_pte_phys(raw.writable), oct_pte_phys(raw.fresh));
}

static inline void raw_share(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_SPARE);

	oc_entry_set(pte, oct_pte_broken());
	oc_dsb();
	oc_tlbi(raw.mm, RAW_SPARE, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
	oc_entry_set(pte, oct_pte_wrprotect(raw.writable));
	oct_pte_unlock(raw.mm, pte);
	oc_cover("raw-shared");
}

static inline void merge_final(void)
{
	if (merge_stored)
		OC_ASSERT(OC_I2, oc_peek32(merge_mm, MERGE_VA) == MERGE_STORED);
	OC_ASSERT(OC_I2, oc_peek32(merge_mm, MERGE_OTHER) == 0);
	/* Who reads by the other address sees no store that was made by the first. */
	OC_ASSERT(OC_I2, oc_peek32(raw.mm, RAW_SPARE) == 0);
	oc_entry_set(oc_pte(raw.mm, RAW_SPARE), raw.fresh);
	raw_restore();
}

#endif
