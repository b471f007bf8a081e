/* mapping.h: objects and their pages: page cache, reverse map, write-back, truncation. T3.
 * SPDX-License-Identifier: MIT
 *
 * A mapping is what the core keeps of one object (a file, a driver's memory): the pages of it that are in
 * memory (page cache), and the areas that map it (reverse map). The caller owns the structure and gives each
 * object one. Nodes of the cache are pages of OCT_USE_CORE.
 *
 * Unless a function says otherwise: it may sleep (it takes the lock of the mapping and may wait for I/O), is
 * called with interrupts on, without page-table locks and without the lock of a mapping. The lock of a space
 * may be held (1 in docs/LOCKING.md; the lock of a mapping comes after it). Indexes and sizes count pages of
 * the object. "Complete": when the call has returned, no CPU uses what was taken away, in no space (I4). */
#ifndef OCTAVO_MAPPING_H
#define OCTAVO_MAPPING_H

#include <octavo/lock.h>
#include <octavo/mm.h>
#include <octavo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct oct_fault_state;
struct oct_dirty_bitmap;

enum oct_mapping_flag {
	OCT_MAPPING_EVENTS = 1, /* oct_port_event is asked before a page becomes writable */
	OCT_MAPPING_PFN = 2,    /* memory without folios: oct_mapping_init_pfn */
};

struct oct_mapping {
	struct oct_rwlock resizing; /* 1a in docs/LOCKING.md: the size changes */
	struct oct_rwlock lock;     /* 1b: everything below */
	void *object;               /* the caller's: passed to oct_port_page_read and others */
	uint64_t pages;             /* size: an access past it is a signal */
	unsigned flags;             /* enum oct_mapping_flag */
	/* Page cache: a radix tree, src/page/cache.c */
	oct_phys_t root; /* of height tables, OCT_NO_PAGE for none */
	unsigned height;
	uint64_t cached; /* pages in it */
	uint32_t huge;   /* atomic: 1: it may have a huge folio, so a fault looks whether one leaf will do */
	/* Reverse map: a balanced tree of areas by their first index, src/page/shown.c */
	struct oct_vma *areas;
	/* What oct_fault calls for an area of this mapping; spaces (T2) know files by this and the next
	 * alone. */
	int (*fault)(struct oct_fault_state *fault);
	/* What oct_uffd_wait calls: which event (enum oct_uffd_mode) an access to page index is where nothing
	 * is mapped, 0: none, it lies past the end or is being read. */
	unsigned (*event)(struct oct_mapping *mapping, uint64_t index);
	/* Where pages are noted that became writable, or whose dirty entry went: a tracker's (track.h); NULL: nowhere.
	 * Atomic: changed with lock held for writing, read under page-table locks. */
	const struct oct_dirty_bitmap *noted;
	/* OCT_MAPPING_PFN */
	oct_phys_t first;
	enum oct_memory_type type;
};

/* ---- A mapping ------------------------------------------------------------------------------ */

/* An object of pages pages (up to 2^52), none of them in memory. flags: 0 or OCT_MAPPING_EVENTS. Does not
 * sleep. 0, or -OCT_EINVAL. */
int oct_mapping_init(struct oct_mapping *mapping, void *object, uint64_t pages, unsigned flags);

/* Memory that has no folios (of a device, reserved): pages pages from first, page-aligned, of type. It is
 * always there, never read or written through upcalls, and may be mapped shared only. flags as above. Does
 * not sleep. 0, or -OCT_EINVAL. */
int oct_mapping_init_pfn(struct oct_mapping *mapping, void *object, oct_phys_t first, uint64_t pages,
                         enum oct_memory_type type, unsigned flags);

/* Gives back every page and node. Dirty contents are lost: write back before. No other call on the mapping
 * runs or comes. 0; -OCT_EBUSY: an area maps it; nothing has changed. */
int oct_mapping_exit(struct oct_mapping *mapping);

/* The size becomes pages, 2^52 at most; of memory without folios, not more than there is. Of several at once
 * each waits until the one before has ended. Grown: the new pages are read when they are accessed. Shrunk:
 * what lies past the new end is unmapped from every area of every space, private copies too, complete; then
 * its pages leave the cache, and are freed when their last holder gives them up. Waits for I/O on them. After
 * it an access past the end is a signal, and a driver may use its memory again. Cannot fail. */
void oct_mapping_truncate(struct oct_mapping *mapping, uint64_t pages);

/* ---- Its pages ------------------------------------------------------------------------------ */

/* The page index of the object, which folio has: one of its 2^order pages. Any context; the caller holds a
 * reference, the lock of the mapping, or the page-table lock of an entry that maps it. */
static inline oct_phys_t oct_folio_page(const struct oct_folio *folio, uint64_t index)
{
	return folio->page + ((oct_phys_t)(index - folio->index) << OCT_PAGE_SHIFT);
}

/* *result: what has the page index of the object (oct_folio_page), read if it is not in memory, with a
 * reference for the caller. For reading and writing files by calls: store through oct_port_phys_to_virt, then
 * oct_folio_mark_dirty. 0; -OCT_EINVAL: past the end, or no folios; -OCT_ENOMEM; -OCT_EIO. */
int oct_mapping_get(struct oct_mapping *mapping, uint64_t index, struct oct_folio **result);

/* The caller stored to a page of an object: it will be written back. Does not sleep; any lock may be held;
 * the caller holds a reference, or the page-table lock of an entry that maps it. */
void oct_folio_mark_dirty(struct oct_folio *folio);

/* Writes every page in [first, first + pages) that is dirty by a store that came before the call; of a large
 * folio that has one of them, all. Each is first write-protected and cleaned in every area, complete (R4: the
 * areas are other spaces' too): a later store faults and makes the page dirty again. So a store is either in
 * what is written, or the page is dirty after it (I3). Pages that fail stay dirty. 0; -OCT_EINVAL: empty or
 * overflowing range; -OCT_EIO: some page failed, the others are written. Memory without folios: 0, nothing to
 * do. */
int oct_mapping_writeback(struct oct_mapping *mapping, uint64_t first, uint64_t pages);

/* Unmaps page index from every area, private copies apart, complete, and drops it from memory if it is clean
 * and nobody else holds it; of a large folio, all pages. For reclaim. 0: gone (or was not there); -OCT_EBUSY:
 * dirty, held, or under I/O: still in memory. */
int oct_mapping_evict(struct oct_mapping *mapping, uint64_t index);

/* ---- Areas that map it ---------------------------------------------------------------------- */

/* Map [pgoff, pgoff + bytes / page) of the object at addr, as oct_mmap does; prot and result as there. flags:
 * those of oct_mmap that choose the place; OCT_MAP_SHARED: stores reach the object; without it they are the
 * space's own (private copies). Nothing is read yet. The range may lie past the end of the object: accesses
 * there are signals. A page that
 * cannot be read makes oct_fault return -OCT_EIO. The mapping outlives its areas. Errors as oct_mmap;
 * -OCT_EINVAL also: pgoff overflows; private memory without folios. On error nothing has changed. */
int oct_mmap_file(struct oct_mm *mm, uintptr_t addr, size_t bytes, unsigned prot, unsigned flags,
                  struct oct_mapping *mapping, uint64_t pgoff, uintptr_t *result);

/* Writes back what the shared areas in [start, end) map. Takes the lock of the space for reading. Holes are
 * no error. 0; -OCT_EINVAL; -OCT_EIO as oct_mapping_writeback. */
int oct_msync(struct oct_mm *mm, uintptr_t start, uintptr_t end);

#ifdef __cplusplus
}
#endif
#endif
