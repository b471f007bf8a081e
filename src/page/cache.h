/* cache.h: which pages of an object are in memory. SPDX-License-Identifier: MIT
 *
 * A radix tree by index, under the lock of the mapping: changed with it held for writing, read with it held
 * at all. The slot of an index names its page, so a large folio has a slot for each of its pages that are in
 * the cache: all of them, or after a truncation the first of them. A folio has a reference for each slot. */
#ifndef OCT_PAGE_CACHE_H
#define OCT_PAGE_CACHE_H

#include <octavo/mapping.h>

/* Indexes are smaller than this: an object has at most so many pages. */
#define OCT_INDEX_END ((uint64_t)1 << 52)

/* The folio of index, NULL if it is not in memory. */
struct oct_folio *oct_cache_find(const struct oct_mapping *mapping, uint64_t index);
/* The first folio from *index to last, whose index *index becomes; NULL: there is none. */
struct oct_folio *oct_cache_next(const struct oct_mapping *mapping, uint64_t *index, uint64_t last);
/* The last of the slots that folio has, which has the one of index. */
uint64_t oct_cache_last(const struct oct_mapping *mapping, const struct oct_folio *folio, uint64_t index);
/* Makes the nodes that index needs: oct_cache_insert cannot fail then. 0, or -OCT_ENOMEM: what was made
 * stays, empty. */
int oct_cache_prepare(struct oct_mapping *mapping, uint64_t index);
/* Adds folio, of one page, by its index, where none is. */
void oct_cache_insert(struct oct_mapping *mapping, struct oct_folio *folio);
/* The slot of index, which has a page, names that of folio instead, which has the reference already. What had
 * it, whose reference is the caller's now. */
struct oct_folio *oct_cache_replace(struct oct_mapping *mapping, uint64_t index,
                                    const struct oct_folio *folio);
/* Takes the page of index out. Its slot's reference is the caller's now. */
void oct_cache_remove(struct oct_mapping *mapping, uint64_t index);
/* Gives back nodes without a folio. */
void oct_cache_trim(struct oct_mapping *mapping);

#endif
