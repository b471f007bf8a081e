/* track.h: which pages were stored to. T2; from "Objects" on T3. SPDX-License-Identifier: MIT
 *
 * Three ways to know, by what is taken from the entries and what a store then does:
 *
 *   clean-and-record  dirty is taken off and the page recorded. A store costs nothing but the hardware's
 *                     update (a fault where there is none); every entry has to be looked at.
 *   write-protect     the write right is taken off. The first store to each page faults; only pages
 *                     that faulted have to be looked at.
 *   marks in a space  soft-dirty (oct_clear_refs, mm.h) and userfault write-protection
 * (oct_uffd_writeprotect, userfault.h): the write right is taken off and the entry itself remembers.
 *
 * Of an object (mapping.h) every space's stores are seen; of a space all its private and shared pages.
 *
 * Unless a function says otherwise: it may sleep (it takes the lock of a space or of a mapping for reading),
 * is called with interrupts on and no page-table lock or lock of a mapping held; no memory is
 * allocated; "complete" is that of mm.h (I4); a range of addresses is page-aligned, not empty, and inside the
 * space; a range of pages counts pages of the object. -OCT_EINVAL otherwise, and nothing has changed. */
#ifndef OCTAVO_TRACK_H
#define OCTAVO_TRACK_H

#include <octavo/mapping.h>
#include <octavo/mm.h>
#include <octavo/userfault.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Bitmaps -------------------------------------------------------------------------------- */
/* A set of pages [first, first + pages) of an object. The words are the caller's. Several CPUs may add and
 * take at the same time: each word is changed by one atomic operation. */
struct oct_dirty_bitmap {
	uint64_t *words; /* atomic: page first + i is bit i % 64 of word i / 64 */
	uint64_t first;
	uint64_t pages;
};

/* How many words pages pages need. */
#define OCT_DIRTY_WORDS(pages) (((pages) + 63) / 64)

/* An empty set over OCT_DIRTY_WORDS(pages) words. Nobody else uses it yet. Any context; takes no lock, leaves
 * TLBs alone. */
void oct_dirty_init(struct oct_dirty_bitmap *bitmap, uint64_t *words, uint64_t first, uint64_t pages);

/* Adds page index; one outside the set's range is left out. Any context; takes no lock, leaves TLBs alone.
 * Release: what the caller did before is seen by who takes the page. */
static inline void oct_dirty_add(const struct oct_dirty_bitmap *bitmap, uint64_t index)
{
	uint64_t at = index - bitmap->first;

	/* Release: pairs with the acquire of oct_dirty_take. A read-modify-write even where the bit is set
	 * already: it may be taken off before what the caller did is seen. */
	if (at < bitmap->pages)
		oct_fetch_or(&bitmap->words[at / 64], (uint64_t)1 << (at % 64), OCT_REL);
}

/* Takes pages out of the set: the first run of them in [*from, end), at most to the end of its word. true:
 * the run is
 * [*from, *to); call again with *from = *to for the next one. false: there is none. Who takes a page sees
 * what was done before it was added. Any context; takes no lock, leaves TLBs alone. bitmap: the set. */
bool oct_dirty_take(const struct oct_dirty_bitmap *bitmap, uint64_t *from, uint64_t end, uint64_t *to);

/* Moves every page of from that into has room for to into; those stay in from that it has not. They may begin
 * at different pages. Both may be in use. Any context; takes no lock, leaves TLBs alone. */
void oct_dirty_merge(const struct oct_dirty_bitmap *into, const struct oct_dirty_bitmap *from);

/* ---- One call that looks and takes --------------------------------------------------------------- */

enum oct_page_category {
	OCT_PAGE_PRESENT = 1, /* mapped */
	OCT_PAGE_SWAPPED = 2, /* in swap */
	OCT_PAGE_WRITTEN = 4, /* present or swapped, and not write-protected for userfault: stored to since it
	                         was, if it was. Not the zero page */
	OCT_PAGE_SOFT_DIRTY = 8, /* stored to since oct_clear_refs or OCT_SCAN_CLEAR */
	OCT_PAGE_ZERO = 16,      /* the zero page */
	OCT_PAGE_OBJECT = 32,    /* in an area that shows an object */
	OCT_PAGE_HUGE = 64,      /* part of a large leaf */
};

enum oct_scan_flag {
	OCT_SCAN_PROTECT = 1, /* write-protect what matches for userfault: it is not WRITTEN afterwards */
	OCT_SCAN_CLEAR = 2,   /* clear soft-dirty of what matches, and write-protect it */
};

/* Pages that follow one another and are alike. */
struct oct_page_range {
	uintptr_t start, end; /* addresses */
	unsigned categories;  /* of scan.returned */
};

struct oct_scan {
	/* Set by the caller */
	uintptr_t start, end;
	unsigned flags;    /* 0 or enum oct_scan_flag */
	unsigned inverted; /* these categories are turned round before required and any are asked */
	unsigned required; /* a page matches if it has all of these, */
	unsigned any;      /* and one of these (0: and no more is asked) */
	unsigned returned; /* categories that the ranges tell apart, as they were before the call */
	struct oct_page_range *ranges; /* room for capacity ranges; capacity 0: only count and change */
	size_t capacity;
	size_t most_pages; /* stop after so many that match; 0: no limit */
	/* Set by the call */
	size_t filled;  /* ranges */
	size_t pages;   /* that matched */
	uintptr_t next; /* where to go on: end, or the first address that was not looked at */
};

/* Looks at each page of the areas in [scan->start, scan->end), tells which match, and with flags takes the
 * mark off these in the same step: a store is in the contents of a page that was told, or marks the page
 * again; there is no moment in between. Complete, also for pages that another call protects at the same time
 * and whose mark it took. Stops where ranges are full, or at most_pages, with nothing changed from
 * scan->next on: to be called again from there. Where nothing is mapped a page has no categories and no
 * mark is taken or set; outside areas pages are not looked at. What makes contents vanish (DONTNEED, munmap)
 * is no store. A large leaf is told, changed and counted as far as it lies in the range; changed, it is split
 * where it reaches out of it. Takes the lock of mm for reading: faults run beside it. As PAGEMAP_SCAN and
 * GetWriteWatch with reset do. 0; -OCT_EINVAL, also for unknown flags or categories. */
int oct_scan_pages(struct oct_mm *mm, struct oct_scan *scan);

/* ---- Objects: ranges of pages, in every shared area that shows them -------------------------------- */

/* What a walk met. Pages are those of the object. */
struct oct_track_result {
	uint64_t start, end; /* the least range with all that was recorded (or protected); both 0 for none */
	uint64_t entries;    /* that were cleaned, or lost the write right: a page may have several */
	uint64_t scanned;    /* entries looked at, empty ones too */
	uint64_t huge;       /* large leaves that reach out of the range, and were left alone */
};

/* Takes the write right from every entry that maps a page of [first, first + pages), in every shared area of
 * every space, complete. Dirty stays as it is. The next store to each faults: where the object's owner asked
 * for events (OCT_MAPPING_EVENTS) he is asked. Memory without folios too. *result: what was done. Promise: a
 * store after the return comes through a fault that came after this call had looked at the entry. 0;
 * -OCT_EINVAL. */
int oct_wp_shared_mapping_range(struct oct_mapping *mapping, uint64_t first, uint64_t pages,
                                struct oct_track_result *result);

/* Makes every entry that maps a page of [first, first + pages), in every shared area of every space, clean,
 * complete, and adds the pages of those that were dirty to bitmap. The write right stays. Memory without
 * folios is recorded all the same. Promises: (a) a page that was stored to before the call, through an entry
 * that is still mapped when the walk arrives, is recorded. A zap (munmap, truncation, reclaim) moves dirty to
 * the folio, write-back writes the page; memory without folios has neither, so its owner records before it
 * unmaps, or attaches a tracker. (b) a page that is stored to later is recorded, or its entry is dirty at the
 * return, or both. A page is added only when the flush that makes this true is complete, so others may take
 * pages out while this runs. Of two calls at the same time one records a page: the set is whole when both
 * have returned. The folio's own dirty flag stays: the page will still be written back. Where a large leaf is
 * dirty all its pages are recorded. 0; -OCT_EINVAL, also: bitmap does not have all pages of the range. */
int oct_clean_record_shared_mapping_range(struct oct_mapping *mapping, uint64_t first, uint64_t pages,
                                          const struct oct_dirty_bitmap *bitmap,
                                          struct oct_track_result *result);

/* The exact set: as oct_clean_record_shared_mapping_range, and the write right goes too. New writers are held
 * up in their faults (the lock of the mapping is held for writing) from before the first entry is looked at
 * until frozen(arg) has returned: while it runs nobody can store to these pages, bitmap has exactly those
 * that were stored to since they were cleaned last, and their contents can be copied. frozen sleeps if it
 * likes, and calls nothing of this mapping. result, 0, -OCT_EINVAL: as above. */
int oct_freeze_shared_mapping_range(struct oct_mapping *mapping, uint64_t first, uint64_t pages,
                                    const struct oct_dirty_bitmap *bitmap, void (*frozen)(void *arg),
                                    void *arg, struct oct_track_result *result);

/* ---- Objects: a tracker that chooses ------------------------------------------------------------- */

enum oct_track_method {
	OCT_TRACK_ADAPT,         /* one of the others, as it pays */
	OCT_TRACK_WRITE_PROTECT, /* few pages of many are stored to */
	OCT_TRACK_CLEAN_RECORD,  /* many of few */
};

/* When OCT_TRACK_ADAPT changes its mind (a graphics driver's published values). */
enum {
	OCT_TRACK_SMALL_PAGES = 512, /* below: starts with clean-and-record, else with write-protect */
	OCT_TRACK_PATIENCE = 2, /* more scans in a row than this without a dirty page: to write-protect; */
	OCT_TRACK_BUSY_PERCENT =
	    10, /* with more than so many per cent of the pages dirty: to clean-and-record */
};

/* Pages of one object over time. The caller's memory; fields are the core's to write. */
struct oct_tracker {
	struct oct_mapping *mapping;
	struct oct_dirty_bitmap noted; /* by faults, zaps and write-back, since the last scan */
	enum oct_track_method method;  /* WRITE_PROTECT or CLEAN_RECORD */
	bool adaptive;
	bool protect;    /* the next scan takes the write right everywhere: entries have it since
	                    clean-and-record */
	unsigned streak; /* scans in a row that speak for the other method */
};

/* Watches pages [first, first + pages) of mapping, which outlives the tracker: a store after the return is
 * told by a later scan. words: OCT_DIRTY_WORDS(pages) of them for the tracker, until oct_tracker_stop. method: how
 * it begins, and stays but for OCT_TRACK_ADAPT. 0;
 * -OCT_EINVAL; -OCT_EBUSY: mapping has a tracker. */
int oct_tracker_start(struct oct_tracker *tracker, struct oct_mapping *mapping, uint64_t first,
                      uint64_t pages, uint64_t *words, enum oct_track_method method);

/* Adds to bitmap, which has all pages of the tracker, those that were stored to since the last scan (or the
 * start): each store is told by the scan that begins after it, or by one before; what was unmapped, written
 * back or cleaned by others meanwhile is told too. May tell a page that was about to be stored to. Complete,
 * and added after that, as above. One scan of a tracker at a time. *result: start and end as above; entries
 * and scanned say what it cost. 0; -OCT_EINVAL. */
int oct_tracker_scan(struct oct_tracker *tracker, const struct oct_dirty_bitmap *bitmap,
                     struct oct_track_result *result);

/* The end. No scan runs. Entries stay as they are: the next store to each page may fault once. Does not fail;
 * takes the lock of the mapping for writing; TLBs stay as they are. */
void oct_tracker_stop(struct oct_tracker *tracker);

#ifdef __cplusplus
}
#endif
#endif
