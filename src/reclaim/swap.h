/* swap.h: what the files of src/reclaim share. SPDX-License-Identifier: MIT */
#ifndef OCT_RECLAIM_SWAP_H
#define OCT_RECLAIM_SWAP_H

#include <octavo/reclaim.h>

/* The meaning of swap entries. */
extern const struct oct_soft oct_swap_soft;

/* A slot for folio, whose page is about to be taken from its entries, with I/O under way and a count for
 * the caller. fresh: it was not in the swap cache; the caller's reference is the cache's now. Else
 * the slot that it has. */
struct oct_swap_hold {
	uint32_t slot; /* OCT_NO_SLOT: none is free, or somebody else is at work on it */
	bool fresh;
	bool unwritten; /* the area does not have the contents */
};

/* Any lock but that of the area may be held; interrupts on. entries: those counted at once. */
struct oct_swap_hold oct_swap_take(struct oct_swap *swap, struct oct_folio *folio, uint32_t entries);

/* Undoes oct_swap_take of a fresh slot with one entry, which names it no more: the entry has its reference
 * back. Under the page-table lock since then. */
void oct_swap_give_up(struct oct_swap *swap, uint32_t number);

/* One more entry names slot. Context as above. */
void oct_swap_add(struct oct_swap *swap, uint32_t slot);

/* Ends what oct_swap_take began. wrote: the contents were written, with result error. Drops the page from
 * memory if nobody needs it there: true, it was given back. Wakes who waits. No lock held. */
bool oct_swap_finish(struct oct_swap *swap, uint32_t slot, bool wrote, int error);

/* Drops up to pages pages from the swap cache that nobody maps or holds; writes what is unwritten. Returns
 * how many, *error receives a failure. Sleeps. */
unsigned oct_swap_shrink(struct oct_swap *swap, unsigned pages, int *error);

#endif
