/* collapse.h: page tables that nobody needs any more. SPDX-License-Identifier: MIT
 *
 * When many small pages of an object have become one, or were evicted, the leaf tables that mapped them are
 * empty in every space that shows it. Retraction takes them out with no lock of any space: faults, userfault
 * resolutions, mremap and walks of other calls go on beside it, and find the table, or none
 * (src/reclaim/retract.c says why each of them may). */
#ifndef OCTAVO_COLLAPSE_H
#define OCTAVO_COLLAPSE_H

#include <octavo/mapping.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Takes out the empty leaf tables of every space that show nothing but pages of [first, first + pages) of the
 * object, that is, the tables of whose span one area of the object has all. A table counts as empty if each
 * of its entries is none, seen under its page-table lock: a page of whatever kind, a swap entry or a marker
 * of a userfault keeps it. A table that is about to be used again costs its next user the memory for another
 * one. Takes the lock of the mapping for reading and page-table locks; may sleep, interrupts on; the lock of
 * a space may be held (not needed). Allocates nothing. TLB after: no walk of any CPU or secondary MMU,
 * through whatever it keeps of the upper entry, reaches a table that was taken; each goes back when a grace
 * period that began after that has ended (R5): all that is complete on return. How many were taken, INT32_MAX
 * at most; -OCT_EINVAL: empty or overflowing range. Source: retract_page_tables() of Linux as of 2023, and
 * what was found about it later. */
int oct_retract_page_tables(struct oct_mapping *mapping, uint64_t first, uint64_t pages);

#ifdef __cplusplus
}
#endif
#endif
