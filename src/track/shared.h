/* shared.h: walks over the entries of an object. SPDX-License-Identifier: MIT */
#ifndef OCT_TRACK_SHARED_H
#define OCT_TRACK_SHARED_H

#include <octavo/track.h>

/* Pages that one walk records on its stack, and flushes once for in each area. */
#define OCT_TRACK_PAGES ((uint64_t)OCT_TRACK_WORDS * 64)

enum {
	OCT_WALK_PROTECT = 1, /* the write right is taken away */
	OCT_WALK_CLEAN = 2
}; /* dirty is */

/* A walk over pages [first, last] of an object in all areas that share it. */
struct oct_object_walk {
	struct oct_mapping *mapping;
	uint64_t base; /* bit 0 of only and found */
	uint64_t first, last;
	unsigned what;
	const uint64_t *only; /* NULL, or the pages to look at */
	uint64_t *found;      /* NULL, or where pages are set from whose entries dirty (without
	                         OCT_WALK_CLEAN: the write right) was taken; may be only */
	struct oct_track_result *result;
};

/* Complete on return. The lock of the mapping is held for reading. */
void oct_object_walk(struct oct_object_walk *walk);

/* Adds what was found to bitmap, which has room for it. */
void oct_object_publish(const struct oct_dirty_bitmap *bitmap, const struct oct_object_walk *walk);

/* Has bitmap all of [first, first + pages), and are these pages that an object may have? */
bool oct_dirty_has(const struct oct_dirty_bitmap *bitmap, uint64_t first, uint64_t pages);

#endif
