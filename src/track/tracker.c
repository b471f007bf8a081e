/* tracker.c: which pages of an object were stored to, by the method that pays. SPDX-License-Identifier: MIT
 *
 * Why no store is lost stands at the top of shared.c (T4, T5). Which method pays: clean-and-record costs a
 * look at every entry, write-protect a fault for each page that is stored to and a look at those alone. So
 * many clean scans in a row speak for write-protect, many pages at a time for clean-and-record. The
 * thresholds are those that a graphics driver (vmwgfx) found for its buffers and published.
 *
 * The method belongs to who scans, one at a time; faults, zaps and write-back note pages whatever it is, so
 * it can be changed without their knowing. */
#include "shared.h"
#include "../page/shown.h"

enum { WORD_PAGES = 64 };

/* Takes the notes of the walk's window into found. Before the walk (T4). */
static void take_notes(const struct oct_tracker *tracker, const struct oct_object_walk *walk)
{
	uint64_t *word = &tracker->noted.words[(walk->base - tracker->noted.first) / WORD_PAGES];

	/* Relaxed. Whoever added the note did so in a page-table section of an area that was in the reverse
	 * map. It still is: the walk takes that page-table lock, after him. It has left: by the lock of the
	 * mapping, which is held here. */
	for (uint64_t at = walk->base; at <= walk->last; at += WORD_PAGES, word++)
		if (oct_load(word, OCT_RLX) != 0)
			walk->found[(at - walk->base) / WORD_PAGES] = oct_xchg(word, 0, OCT_RLX);
}

static uint64_t count(const uint64_t *words)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < OCT_TRACK_WORDS; i++)
		for (uint64_t word = words[i]; word; word &= word - 1)
			pages++;
	return pages;
}

/* Walks all pages; what: how, by the method. bitmap: NULL forgets what is found. Returns how many pages. */
static uint64_t walk_all(const struct oct_tracker *tracker, unsigned what, bool noted_only,
                         const struct oct_dirty_bitmap *bitmap, struct oct_track_result *result)
{
	const uint64_t end = tracker->noted.first + tracker->noted.pages;
	uint64_t pages = 0;

	*result = (struct oct_track_result){0, 0, 0, 0, 0};
	for (uint64_t base = tracker->noted.first; base < end; base += OCT_TRACK_PAGES) {
		uint64_t words[OCT_TRACK_WORDS] = {0};
		struct oct_object_walk walk = {
		    .mapping = tracker->mapping,
		    .base = base,
		    .first = base,
		    .last = end - base < OCT_TRACK_PAGES ? end - 1 : base + OCT_TRACK_PAGES - 1,
		    .what = what,
		    .only = noted_only ? words : NULL,
		    .found = words,
		    .result = result};

		oct_rwlock_read_lock(&tracker->mapping->lock);
		take_notes(tracker, &walk);
		oct_object_walk(&walk);
		oct_rwlock_read_unlock(&tracker->mapping->lock);
		pages += count(words);
		if (bitmap)
			oct_object_publish(bitmap, &walk);
	}
	return pages;
}

int oct_tracker_start(struct oct_tracker *tracker, struct oct_mapping *mapping, uint64_t first,
                      uint64_t pages, uint64_t *words, enum oct_track_method method)
{
	struct oct_track_result result;
	bool busy;

	oct_dirty_init(&tracker->noted, words, first, 0);
	tracker->noted.pages = pages;
	if (!oct_dirty_has(&tracker->noted, first, pages) || (unsigned)method > OCT_TRACK_CLEAN_RECORD)
		return -OCT_EINVAL;
	oct_dirty_init(&tracker->noted, words, first, pages);
	tracker->mapping = mapping;
	tracker->adaptive = method == OCT_TRACK_ADAPT;
	if (tracker->adaptive)
		method = pages < OCT_TRACK_SMALL_PAGES ? OCT_TRACK_CLEAN_RECORD : OCT_TRACK_WRITE_PROTECT;
	tracker->method = method;
	tracker->protect = false;
	tracker->streak = 0;
	oct_rwlock_write_lock(&mapping->lock);
	busy = oct_load(&mapping->noted, OCT_RLX) != NULL; /* changed under the lock */
	if (!busy)
		oct_store(&mapping->noted, &tracker->noted, OCT_REL); /* pairs with oct_shown_note */
	oct_rwlock_write_unlock(&mapping->lock);
	if (busy)
		return -OCT_EBUSY;
	/* What was stored before is nobody's business, what is stored from now on is noted, or found. */
	walk_all(tracker, OCT_WALK_CLEAN | (method == OCT_TRACK_WRITE_PROTECT ? OCT_WALK_PROTECT : 0), false,
	         NULL, &result);
	return 0;
}

/* After a scan that found so many pages: does the next one work by the other method? */
static void adapt(struct oct_tracker *tracker, uint64_t pages)
{
	bool cleaning = tracker->method == OCT_TRACK_CLEAN_RECORD;
	bool other = cleaning ? pages == 0 : pages * 100 > tracker->noted.pages * OCT_TRACK_BUSY_PERCENT;

	tracker->streak = other ? tracker->streak + 1 : 0;
	if (tracker->streak <= OCT_TRACK_PATIENCE)
		return;
	tracker->streak = 0;
	tracker->method = cleaning ? OCT_TRACK_WRITE_PROTECT : OCT_TRACK_CLEAN_RECORD;
	tracker->protect = cleaning;
	OCT_COVER("track-method");
}

int oct_tracker_scan(struct oct_tracker *tracker, const struct oct_dirty_bitmap *bitmap,
                     struct oct_track_result *result)
{
	uint64_t pages;

	if (!oct_dirty_has(bitmap, tracker->noted.first, tracker->noted.pages))
		return -OCT_EINVAL;
	if (tracker->method == OCT_TRACK_CLEAN_RECORD)
		pages = walk_all(tracker, OCT_WALK_CLEAN, false, bitmap, result);
	else /* without dirty an entry that is unmapped later is not noted once more */
		pages =
		    walk_all(tracker, OCT_WALK_CLEAN | OCT_WALK_PROTECT, !tracker->protect, bitmap, result);
	tracker->protect = false;
	if (tracker->adaptive)
		adapt(tracker, pages);
	return 0;
}

void oct_tracker_stop(struct oct_tracker *tracker)
{
	struct oct_mapping *mapping = tracker->mapping;
	struct oct_track_result result = {0, 0, 0, 0, 0};
	struct oct_object_walk walk = {.mapping = mapping,
	                               .first = tracker->noted.first,
	                               .base = tracker->noted.first,
	                               .last = tracker->noted.first + (tracker->noted.pages - 1),
	                               .what = 0,
	                               .result = &result};

	oct_rwlock_write_lock(&mapping->lock);
	oct_store(&mapping->noted, NULL, OCT_RLX); /* the locks below order it */
	/* A zap may have found the notes and holds a page-table lock until it has used them: each is taken
	 * once. Faults and write-back hold the lock of the mapping. */
	oct_object_walk(&walk);
	oct_rwlock_write_unlock(&mapping->lock);
}
