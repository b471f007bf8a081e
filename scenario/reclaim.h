/* reclaim.h: pages that go to swap and come back, through the core's public calls. SPDX-License-Identifier:
 * MIT */
#ifndef SCENARIO_RECLAIM_H
#define SCENARIO_RECLAIM_H

#include "raw.h"

enum { SWAP_VA = 0x10000, SWAP_SLOTS = 2, SWAPPED = 5 };

static struct oct_swap swap;
static struct oct_swap_slot swap_slots[SWAP_SLOTS];
static struct oct_reclaimer reclaim;
static struct oct_mm *swap_mm;

/* A space whose page at SWAP_VA has SWAPPED in its first word, may be reclaimed, and has not been used for a
 * while. Any CPU may have cached its entry. */
static inline void swap_setup(struct oct_mm *mm)
{
	oct_pte_t *pte;
	uintptr_t at;

	swap_mm = mm;
	OC_ASSERT(OC_ASSERTION, oct_swap_init(&swap, &swap, swap_slots, SWAP_SLOTS) == 0);
	oct_reclaim_init(&reclaim, &swap);
	OC_ASSERT(OC_ASSERTION, oct_reclaim_add(&reclaim, mm) == 0);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, SWAP_VA, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, SWAP_VA, OCT_WRITE) == OCT_FAULT_DONE);
	oc_store32(mm, SWAP_VA, SWAPPED);
	/* The area has pages before the race begins. */
	for (unsigned i = 0; i < SWAP_SLOTS; i++)
		OC_ASSERT(OC_ASSERTION, oct_port_page_write(&swap, i, oc_folio(mm, SWAP_VA)->page) == 0);
	pte = oc_pte(mm, SWAP_VA);
	oc_entry_set(pte, oct_pte_mkold(oc_entry_get(pte)));
}

/* The same, and the page is out. */
static inline void swap_setup_out(struct oct_mm *mm)
{
	swap_setup(mm);
	OC_ASSERT(OC_ASSERTION, oct_madvise_pageout(mm, SWAP_VA, SWAP_VA + OCT_PAGE_SIZE) == 0);
}

static inline void swap_pageout(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_pageout(swap_mm, SWAP_VA, SWAP_VA + OCT_PAGE_SIZE) == 0);
}

static inline void swap_reclaim(void)
{
	OC_ASSERT(OC_ASSERTION, oct_reclaim(&reclaim, 1) >= 0);
}

/* When the race is over: the word at va, wherever its page is. */
static inline uint32_t swap_word(struct oct_mm *mm, uintptr_t va)
{
	if (!oct_pte_present(oc_entry_get(oc_pte(mm, va))))
		OC_ASSERT(OC_ASSERTION, oct_fault(mm, va, OCT_READ) == OCT_FAULT_DONE);
	return oc_peek32(mm, va);
}

#endif
