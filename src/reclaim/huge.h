/* huge.h: huge folios that are mapped in part. SPDX-License-Identifier: MIT */
#ifndef OCT_RECLAIM_HUGE_H
#define OCT_RECLAIM_HUGE_H

#include <octavo/folio.h>
#include <octavo/mm.h>

/* folio, huge, a page of which the locked entry of a leaf table maps: if only entries of this table map it,
 * and not all of it, it becomes single pages, and those that nothing maps are given back. How many these are.
 */
unsigned oct_split_partly(struct oct_folio *folio, const struct oct_pte_guard *guard);

/* The same for the folios of leaves that became tables lately. The lock of mm is held for reading. */
unsigned oct_split_deferred(struct oct_mm *mm);

#endif
