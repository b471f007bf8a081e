/* migrate.h: pages that move to other memory while they are mapped. SPDX-License-Identifier: MIT
 *
 * A private page that only one entry holds is taken from it, copied, and mapped again where the copy is, in
 * one lock section of its page table: entries are broken, one flush completes them all, and only then the
 * pages are copied and their new entries stored. What hardware recorded until the entry was broken comes
 * along (I3, I10), whoever unmaps or forgets the range meanwhile waits for the lock and finds a page again
 * (I4), and a page that is pinned (pin.h) stays (I5). */
#ifndef OCTAVO_MIGRATE_H
#define OCTAVO_MIGRATE_H

#include <octavo/folio.h>
#include <octavo/mm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Moves private pages of [start, end) of mm into fresh[0], fresh[1], ..., count folios of one page that
 * oct_folio_alloc gave, or that the caller took from the node where the pages shall be: nobody else knows
 * them, and their one reference is given to the entry. The pages move in the order of their addresses. What
 * stays where it is: pages that another space or anybody else holds too, pinned ones, those of objects and of
 * shared memory, of large folios, what is out, and the zero page. Allocates nothing. Takes the lock of the
 * space for reading, so may sleep; interrupts on, no lock held. TLB after: nobody uses the old pages, which
 * are given back; contents, rights, young, dirty, soft-dirty and userfault write-protection are what they
 * were. Source: migrate_pages() and the discussion of migrate_device's flush, 2022. How many moved, 0 ..
 * count: so many folios from the first on are used, the others are still the caller's. -OCT_EINVAL: bad
 * range; nothing has changed. */
int oct_migrate_pages(struct oct_mm *mm, uintptr_t start, uintptr_t end, struct oct_folio *const *fresh,
                      unsigned count);

#ifdef __cplusplus
}
#endif
#endif
