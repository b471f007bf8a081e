/* merge.h: equal pages that become one. SPDX-License-Identifier: MIT
 *
 * Two private pages with the same contents become one page that both addresses show, without the write right.
 * A store by either makes a copy of its own, as after fork. Which pages are worth a look, and when, is the
 * caller's policy: the core keeps no list of them. */
#ifndef OCTAVO_MERGE_H
#define OCTAVO_MERGE_H

#include <octavo/mm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* If the pages at va_a of mm_a and at va_b of mm_b have equal contents, both show the first one's page from
 * now on, and the other is given back. mm_a may be mm_b. Both addresses lie in private anonymous areas.
 *
 * Each page first loses the write right, complete (also what another call began and did not complete: races
 * 7), and gets a reference that keeps everybody from storing to it; then they are compared. What
 * the entries say of rights, young, dirty, soft-dirty and userfault write-protection stays. The page that
 * stays loses what OCT_MADV_FREE said of it. It keeps its lineage (anon.h): while entries of other lineages
 * map it, reclaim leaves it in memory.
 *
 * Takes the lock of mm_a for reading, so may sleep; that of mm_b is only tried; interrupts on, no lock held.
 * The caller keeps both spaces from ending. Allocates nothing. TLB after: nobody uses a right to store to
 * either page, nor the page that was given back.
 * 1: they are one page (or were). 0: the contents differ. -OCT_EINVAL: an address is not aligned or outside,
 * or both are one; -OCT_ENOENT: no private page is mapped at one of them (none, zeros, in swap, an object's);
 * -OCT_EBUSY: one is pinned, or a part of a large folio; -OCT_EAGAIN: another call had the lock of mm_b, or
 * was faster. Unless it is 1 the addresses show what they showed, and the most that has changed is that the
 * next store to each takes a fault. Source: the merging of Linux's KSM, and the races it had with batched
 * flushes. */
int oct_merge_pages(struct oct_mm *mm_a, uintptr_t va_a, struct oct_mm *mm_b, uintptr_t va_b);

#ifdef __cplusplus
}
#endif
#endif
