/* collapse.h: many small pages become one, and page tables that nobody needs go. SPDX-License-Identifier: MIT
 *
 * A collapse makes one large folio (folio.h) of single private pages, which then are one block to TLBs, one
 * reference to fork and munmap, and one entry to reclaim. It is the opposite of a split. Or it makes one of
 * pages of an object, in its cache, for all spaces that show it.
 *
 * When pages of an object were evicted, truncated or forgotten, the leaf tables that mapped them are empty in
 * the spaces that show it. Retraction takes them out with no lock of any space: faults, userfault
 * resolutions, mremap and walks of other calls go on beside it, and find the table, or none
 * (src/reclaim/retract.c says why each may). */
#ifndef OCTAVO_COLLAPSE_H
#define OCTAVO_COLLAPSE_H

#include <octavo/folio.h>
#include <octavo/mm.h>

#ifdef __cplusplus
extern "C" {
#endif

struct oct_mapping;

/* Makes one large folio of what is mapped in the OCT_FOLIO_BYTES, aligned, around addr (any byte), which lie
 * in one private anonymous area. max_none: how many of its pages may be missing, or be the zero page: the
 * folio has zeros there. Contents stay. The entries get the rights that all of them had, are young and
 * soft-dirty if one was, dirty, and soft-dirty where they may be written. Takes the lock of mm for reading:
 * runs beside faults and stores; may sleep, interrupts on, no lock held. TLB after: nobody uses the old
 * pages, which are given back. 0; -OCT_EINVAL: no such area, or one that forbids it (OCT_MADV_NOHUGEPAGE), or
 * there are no large folios; -OCT_ENOMEM; -OCT_ENOENT: more are missing, or all, or some in an area with
 * OCT_UFFD_MISSING; -OCT_EBUSY: a page that somebody else holds or has pinned, that is in swap, in hand,
 * write-protected for userfault, or of a large folio. On error nothing has changed, but that a CPU may have
 * to fault once more. Source: the collapse of khugepaged, which drops the lock between unmapping and copying.
 */
int oct_collapse(struct oct_mm *mm, uintptr_t addr, unsigned max_none);

/* The same for the OCT_HUGE_BYTES of mm around addr, of whose pages max_none may be missing: one huge folio,
 * mapped by one leaf of level 1, whose leaf table goes back when nobody walks it any more (R5). Large folios
 * that the space alone maps may be among the pages, and come out as single ones on some errors. -OCT_EBUSY as
 * well if the leaf is large already. Else, and on error, as oct_collapse; may sleep, interrupts on. Who
 * touches a part of the leaf afterwards (a partial munmap, mprotect or DONTNEED, a pin, a copy on write,
 * reclaim) finds it split into single entries again; it cannot fail for want of memory. */
int oct_collapse_huge(struct oct_mm *mm, uintptr_t addr, unsigned max_none);

/* Makes one huge folio, of OCT_HUGE_PAGES, of the pages of the object in the aligned OCT_HUGE_PAGES around
 * index, all of which lie inside the object. max_none: how many of them may be missing from memory: they are
 * read (and stay, whatever the result). Contents stay, and are dirty if one of them was. The pages are
 * unmapped from every area of every space, private copies apart; protections of userfaults stay, as markers.
 * The leaf tables that this empties are retracted, so that whoever faults may map the folio by one leaf.
 * Takes the lock of the mapping: for writing while it unmaps, copies and exchanges, so faults on the object
 * wait for OCT_HUGE_PAGES copies; for reading while it retracts. Runs beside everything else; may sleep,
 * interrupts on; the lock of a space may be held (not needed). TLB after: nobody uses the old pages, which
 * are given back. 0, also if it is one already; -OCT_EINVAL: a page is past the end, memory without folios,
 * or there are no huge folios; -OCT_ENOMEM; -OCT_EIO: a missing page cannot be read; -OCT_ENOENT: more are
 * missing, or some where an area has OCT_UFFD_MISSING; -OCT_EAGAIN: pages that were there have gone
 * meanwhile; -OCT_EBUSY: a page that somebody else holds or has pinned, or under I/O. On error nothing has
 * changed, but that CPUs may have to fault once more. Source: the collapse of files and shared memory of
 * khugepaged, which freezes page by page under the page locks. */
int oct_collapse_mapping(struct oct_mapping *mapping, uint64_t index, unsigned max_none);

/* Takes out the empty leaf tables of every space that show nothing but pages of [first, first + pages) of the
 * object, that is, the tables of whose span one area of the object has all. A table counts as empty if each
 * of its entries is none, seen under its page-table lock: a page of whatever kind, a swap entry or a marker
 * of a userfault keeps it. A table that is about to be used again costs its next user the memory for another
 * one. Takes the lock of the mapping for reading and page-table locks; may sleep, interrupts on; the lock of
 * a space may be held (not needed). Allocates nothing. TLB after: no walk of any CPU or secondary MMU,
 * through whatever it keeps of the upper entry, reaches a table that was taken; each goes back when a grace
 * period that began after that has ended (R5): all that is complete on return. T3. How many were taken,
 * INT32_MAX at most; -OCT_EINVAL: empty or overflowing range. Source: retract_page_tables() of Linux as of
 * 2023, and what was found about it later. */
int oct_retract_page_tables(struct oct_mapping *mapping, uint64_t first, uint64_t pages);

#ifdef __cplusplus
}
#endif
#endif
