/* shown.h: which areas show an object. SPDX-License-Identifier: MIT
 *
 * The reverse map of an object is a balanced tree of areas by their first index, guarded by the lock of the
 * mapping: changed with it held for writing, read with it held at all. While an area is in the tree its
 * bounds stay, its space lives, and no table on the way to its addresses goes. Whoever takes it
 * out, or makes it smaller, has emptied what goes and completed that (R4): else a truncation finds no area
 * while a CPU still uses the page (races 2), or write-back finds no entry that a CPU still stores through
 * (races 12). */
#ifndef OCT_PAGE_SHOWN_H
#define OCT_PAGE_SHOWN_H

#include <octavo/track.h>

/* Put an area, with mapping, pgoff and bounds set, in the tree: it maps into space. Lock held for writing. */
void oct_shown_insert(struct oct_vma *vma, struct oct_space *space);
/* Take it out. Lock held for writing. */
void oct_shown_remove(struct oct_vma *vma);

/* The areas that show an index of [first, last], by their first index: the first one behind after, or of all
 * if that is NULL; NULL: no more. Lock held. */
struct oct_vma *oct_shown_next(const struct oct_mapping *mapping, uint64_t first, uint64_t last,
                               const struct oct_vma *after);

/* Around a change of bounds of an area that may be in a tree: between the two it is not, and the lock is
 * held for writing. No effect on areas that are not. May sleep. */
void oct_shown_begin(struct oct_vma *vma);
void oct_shown_end(struct oct_vma *vma);

/* Areas of mm in [start, end) that show an object: keep, their leaf tables stay, empty or not, until the same is
 * called with keep false or they are gone. The lock of the space is held for writing. May sleep. */
void oct_shown_keep(struct oct_vma_tree *areas, uintptr_t start, uintptr_t end, bool keep);

/* Where in vma index is shown. */
static inline uintptr_t oct_shown_address(const struct oct_vma *vma, uint64_t index)
{
	return vma->start + (uintptr_t)((index - vma->pgoff) << OCT_PAGE_SHIFT);
}

/* What vma shows at va. */
static inline uint64_t oct_shown_index(const struct oct_vma *vma, uintptr_t va)
{
	return vma->pgoff + ((va - vma->start) >> OCT_PAGE_SHIFT);
}

static inline uint64_t oct_shown_last(const struct oct_vma *vma)
{
	return vma->pgoff + ((vma->end - vma->start) >> OCT_PAGE_SHIFT) - 1;
}

/* An entry of a shared area that maps page index becomes writable, or dirty was taken from it: who tracks the
 * object is told. The page-table lock of the entry is held (T4 in src/track/shared.c). */
static inline void oct_shown_note(const struct oct_mapping *mapping, uint64_t index)
{
	/* Acquire: pairs with the release in oct_tracker_start. */
	const struct oct_dirty_bitmap *noted = oct_load(&mapping->noted, OCT_ACQ);

	if (noted)
		oct_dirty_add(noted, index);
}

/* ---- Entries of an area that shows an object (zap.c) ---------------------------------------------- */

/* Which entries go, and whether what the space wants to know of them stays, as markers. */
enum oct_zap {
	OCT_ZAP_ALL,    /* all; nothing stays: it is the space that takes them away */
	OCT_ZAP_OBJECT, /* all, private copies too; markers stay: the object has no such pages any more */
	OCT_ZAP_CACHED, /* those that map pages of the object; markers stay */
};

/* Clear the entries of [start, end), a part of vma, which maps into space. Dirty goes from each entry, by
 * the value that its exchange gave back, to the folio before the page-table lock is dropped, so before
 * the page can be cleaned or released (I3, races 11).
 * The tables stay: the area is in the reverse map with its lock held, or the space's lock is. The caller
 * completes ticket before he relies on it. */
void oct_zap_area(struct oct_space *space, const struct oct_vma *vma, uintptr_t start, uintptr_t end,
                  enum oct_zap what, struct oct_ticket *ticket);
/* The same for [first, last] of the object in every area, complete. The lock of the mapping is held for
 * writing. */
void oct_zap_shown(struct oct_mapping *mapping, uint64_t first, uint64_t last, enum oct_zap what);

/* What a mapping calls for faults (src/space/file.c), and for those who wait for its pages. */
int oct_file_fault(struct oct_fault_state *fault);
unsigned oct_file_event(struct oct_mapping *mapping, uint64_t index);
/* Its contents have been read. */
bool oct_folio_uptodate(const struct oct_folio *folio);

/* The folio becomes dirty. The page-table lock of an entry that maps it, or did until now, is held. */
void oct_folio_dirty_locked(struct oct_folio *folio);

#endif
