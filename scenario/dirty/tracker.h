/* tracker.h: an object with a tracker, and somebody who scans it. SPDX-License-Identifier: MIT */
#ifndef SCENARIO_DIRTY_TRACKER_H
#define SCENARIO_DIRTY_TRACKER_H

#include "../dirty.h"

static struct oct_tracker tracker;
static uint64_t notes[1];
static uint32_t started;
static oct_phys_t page; /* of the object */

static inline void tracker_setup(void)
{
	struct oct_mm *mm = oc_mm();

	file_setup(mm, OCT_WRITE);
	page = oc_folio(mm, FILE_VA)->page;
	raw_setup(mm);
	dirty_setup();
}

static inline void tracker_start(enum oct_track_method method)
{
	OC_ASSERT(OC_ASSERTION, oct_tracker_start(&tracker, &file.mapping, 0, 1, notes, method) == 0);
	oct_store(&started, 1, OCT_REL); /* pairs with the acquire in tracker_await */
}

static inline void tracker_scan(void)
{
	struct oct_track_result result;

	OC_ASSERT(OC_ASSERTION, oct_tracker_scan(&tracker, &dirty.bitmap, &result) == 0);
	if (dirty_taken()) {
		oct_port_page_copy(file.buffer->page, page, 0);
		oc_cover("consumed");
	}
}

static inline void tracker_await(void)
{
	oc_await(oct_load(&started, OCT_ACQ));
}

static inline void tracker_final(void)
{
	uint32_t *copy = oct_port_phys_to_virt(file.buffer->page);
	bool found = tracker.method == OCT_TRACK_CLEAN_RECORD && /* it looks at every entry */
	             oct_pte_dirty(oc_entry_get(oc_pte(file.mm, FILE_VA)));

	OC_ASSERT(OC_I3, !file.stored || *copy == STORED || dirty.words[0] || notes[0] || found);
}

#endif
