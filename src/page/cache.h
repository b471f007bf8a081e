/* cache.h: which pages of an object are in memory. SPDX-License-Identifier: MIT
 *
 * A radix tree by index, under the lock of the mapping: changed with it held for writing, read with it held
 * at all. Each folio in it has one reference that is the cache's. */
#ifndef OCT_PAGE_CACHE_H
#define OCT_PAGE_CACHE_H

#include <octavo/mapping.h>

/* Indexes are smaller than this: an object has at most so many pages. */
#define OCT_INDEX_END ((uint64_t)1 << 52)

/* The folio of index, NULL if it is not in memory. */
struct oct_folio *oct_cache_find(const struct oct_mapping *mapping, uint64_t index);
/* The first folio from *index to last, whose index *index becomes; NULL: there is none. */
struct oct_folio *oct_cache_next(const struct oct_mapping *mapping, uint64_t *index, uint64_t last);
/* Makes the nodes that index needs: oct_cache_insert cannot fail then. 0, or -OCT_ENOMEM: what was made
 * stays, empty. */
int oct_cache_prepare(struct oct_mapping *mapping, uint64_t index);
/* Adds folio, by its index, where none is. */
void oct_cache_insert(struct oct_mapping *mapping, struct oct_folio *folio);
/* Takes the folio of index out. Its reference is the caller's now. */
void oct_cache_remove(struct oct_mapping *mapping, uint64_t index);
/* Gives back nodes without a folio. */
void oct_cache_trim(struct oct_mapping *mapping);

#endif
