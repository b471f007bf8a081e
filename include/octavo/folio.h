/* folio.h: references to pages that hold contents. SPDX-License-Identifier: MIT
 *
 * A folio describes pages allocated together with OCT_USE_USER (struct oct_folio, types.h): one, or a
 * large folio of 2^OCT_FOLIO_ORDER, or a huge one of 2^OCT_HUGE_ORDER, aligned to their size. Its count is
 * the number of references: one per entry that maps any of its pages, and one per anybody else who needs them
 * to stay. Whoever takes the count to zero gives the pages back. An entry's reference is given up only
 * through a ticket, when no TLB can reach the page through that entry any more (R5).
 *
 * Exclusive means that, seen under the page-table lock of an entry that maps the folio, every reference is
 * one of an entry under that lock: a new one could only be taken through one of them, under the same lock.
 * Of a single page that is refcount == 1, or that it is pinned (pin.h). Then a write fault reuses the page.
 * Anybody's further reference forces a copy: it promises its holder that the contents do not change under him
 * (races 22).
 *
 * LARGE FOLIOS
 *   count         one for all pages, no count per page: what maps or unmaps many pages of one folio
 *                 does one read-modify-write. A pin of one page holds all of them
 *   map counts    none. Who asks "only mine?" counts the entries that he has locked: they are neighbours
 *   partly mapped when some of its entries are gone (munmap, DONTNEED, a copy on write), the folio keeps
 *                 all of its memory until the last entry goes, or until it is split; reclaim splits huge
 *                 ones for that (deferred split)
 *   exclusive     is a property of the folio. After fork, a copy of one page in one space leaves the
 *                 page to the other space alone, but the folio is shared until the last common page has
 *                 gone, so a store there copies too: memory is lost by that, never a store
 *   young, dirty  are entries'. Flags are the folio's, so advice that is about one page (FREE) splits first
 *   split         an exclusive folio becomes single pages, each with the references of its entries, in
 *                 the lock section that found it exclusive; pages that no entry maps are given back.
 *                 Entries do not change. Reclaim splits, then takes page by page; a folio that two
 *                 spaces share it leaves alone
 *   of an object  the cache has a reference for each page; such a folio is never exclusive, nor split
 *   huge          large too. A leaf of level 1 may map it, which has a reference for each of its pages: to
 *                 make a table of the leaf, or a leaf of the table, changes no reference
 *   descriptors   the first page's has everything; the others have the order and their page, and lead to it.
 *                 They are written before the folio is published and by the split: whoever reads one has a
 *                 reference, or the page-table lock of an entry that has one */
#ifndef OCTAVO_FOLIO_H
#define OCTAVO_FOLIO_H

#include <octavo/tlb.h>
#include <octavo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In refcount: one pin (pin.h). Below it the references; there are never so many that they reach it: fork
 * copies a private page that has half of that; pages of objects and large folios, which nobody pins, only
 * look pinned then. */
#define OCT_FOLIO_PIN  ((uint32_t)1 << 20)
#define OCT_FOLIO_REFS (OCT_FOLIO_PIN - 1)

/* A fresh user page with one reference, the caller's; contents undefined, nothing published.
 * NULL when there are none. Does not sleep; any lock may be held. */
struct oct_folio *oct_folio_alloc(void);

/* 2^order fresh user pages, aligned to their size, as one folio; order: 0, OCT_FOLIO_ORDER or OCT_HUGE_ORDER;
 * references: how many the caller has, at least 1. NULL when there are none. Does not sleep; interrupts on or
 * off, any lock.
 */
struct oct_folio *oct_folio_alloc_pages(unsigned order, uint32_t references);

/* The folio that page belongs to. The caller holds a reference of it, or the page-table lock of an entry that
 * maps it. Any context. */
static inline struct oct_folio *oct_folio_of(oct_phys_t page)
{
	return oct_port_folio_of(page)->head;
}

/* count more references. The caller holds one already, or the page-table lock of an entry that maps
 * the folio. Does not sleep; interrupts on or off. */
static inline void oct_folio_get_many(struct oct_folio *folio, uint32_t count)
{
	/* Relaxed: the caller's claim to the folio already orders it before any last put. */
	oct_fetch_add(&folio->refcount, count, OCT_RLX);
}

/* One more reference; as oct_folio_get_many. Any context. */
void oct_folio_get(struct oct_folio *folio);

/* One reference less; the last gives the pages back to the port. Any context. */
void oct_folio_put(struct oct_folio *folio);
/* count references less, likewise. Does not sleep; interrupts on or off. */
void oct_folio_put_many(struct oct_folio *folio, uint32_t count);

/* Whether the caller's is the only reference: true, and what earlier holders did to the page is
 * visible. Any context. Stable under the page-table lock of an entry that maps the folio. */
bool oct_folio_exclusive(const struct oct_folio *folio);

/* Whether all references are those of entries of the guarded leaf table, where the guarded entry maps
 * a page of folio and the others lie beside it in the order of their pages; or of the guarded leaf of level
 * 1, which maps all of folio: true, and what earlier holders did to the pages is visible. Stable until the
 * guard is unlocked. Any context. */
bool oct_folio_exclusive_at(const struct oct_folio *folio, const struct oct_pte_guard *guard);

/* Makes single pages of a large folio of which oct_folio_exclusive_at(folio, guard) was true, in the same
 * lock section, by an entry of a leaf table (oct_guard_fit makes one). Those that no entry maps are given
 * back; the others have one reference, the flags and the lineage of the folio, and the index of their own. No
 * entry changes, nothing to flush. folio describes the first page afterwards, which is gone if no entry
 * mapped it. Does not sleep; interrupts on. false: nothing was done, somebody has it pinned for a moment. */
OCT_MUST_USE bool oct_folio_split(struct oct_folio *folio, const struct oct_pte_guard *guard);

#ifdef __cplusplus
}
#endif
#endif
