/* reclaim.h: from pages back to spaces: second chance, swap. T3. SPDX-License-Identifier: MIT
 *
 * A clock goes over the spaces of a registry (anon.h), area by area. Nothing is recorded when a page is
 * mapped: the tables are the list of pages, and young is the second chance. What is found old is taken
 * from every entry that maps it, in batches: one flush for each space, complete before the first page is
 * written or given back (I1, races 10).
 *
 * What is taken: private pages that only their entries hold, and pages of objects (mapping.h). A large folio
 * of one space is split for that and goes page by page; one that several share stays whole (folio.h). What
 * stays also: a page with a further reference (a pin), one that was mapped before its space was added or by
 * oct_mm_map_folio, shared anonymous memory, and all where a writer has the lock of the space.
 *
 * All functions: called with interrupts on. */
#ifndef OCTAVO_RECLAIM_H
#define OCTAVO_RECLAIM_H

#include <octavo/anon.h>
#include <octavo/mm.h>
#include <octavo/swap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The caller's: a set of spaces and where their pages go. */
struct oct_reclaimer {
	struct oct_anon anon;    /* first */
	struct oct_swap *swap;   /* NULL: none, only clean pages can be given back */
	struct oct_swap *device; /* memory of a device (device.h), NULL: none; set before spaces are added */
};

/* swap: initialised, outlives the spaces; or NULL. Does not sleep. */
void oct_reclaim_init(struct oct_reclaimer *reclaim, struct oct_swap *swap);

/* Adds mm, which oct_mm_init just made, see oct_anon_add. Does not sleep. 0; -OCT_EINVAL. */
int oct_reclaim_add(struct oct_reclaimer *reclaim, struct oct_mm *mm);

/* Gives back up to pages pages: a page that was not young since the clock came by last is taken from its
 * entries, written if neither swap nor its object has its contents, and freed. In each space it first splits
 * huge folios that are mapped in part (folio.h) and gives back what nobody maps of them, which may be more
 * than pages. Ends when there are enough, or when the clock has been round three times. A page whose writing
 * fails stays in memory, and its spaces find it by their next fault. May sleep (page_write); interrupts on;
 * no lock of a space, mapping or table held: not from oct_port_page_alloc. Several at once are allowed. TLB
 * after: nobody reaches what was given back. The number of pages given back; -OCT_EIO: none, and writing
 * failed. */
int oct_reclaim(struct oct_reclaimer *reclaim, unsigned pages);

/* Takes the pages of [start, end) at once, young or not, as oct_reclaim does. Holes are no error. Advice:
 * what cannot be taken stays. Takes the lock of the space for reading; sleeps. 0; -OCT_EINVAL: bad range, or
 * mm is in no registry of reclaim; -OCT_EIO: some page could not be written, it stays in memory. */
int oct_madvise_pageout(struct oct_mm *mm, uintptr_t start, uintptr_t end);

#ifdef __cplusplus
}
#endif
#endif
