/* dirty.h: recording the pages of an object that were stored to. SPDX-License-Identifier: MIT
 *
 * FILE_VA shows page 0 of an object (file.h); a recorder adds it to a bitmap, a consumer takes it out and
 * copies the page: what a graphics driver or a migration does. A store that did not fault for good is, in the
 * end, in the copy, or the page is in the bitmap, or its entry is dirty (I3). The raw page of raw.h has the
 * same life, with a bitmap of one bit and entries without tickets. */
#ifndef SCENARIO_DIRTY_H
#define SCENARIO_DIRTY_H

#include "file.h"
#include <octavo/track.h>

struct dirty {
	uint64_t words[1];
	struct oct_dirty_bitmap bitmap;
	uint32_t copy;    /* of the core's page */
	uint32_t raw_bit; /* the raw page is recorded */
	uint32_t raw_copy;
};

static struct dirty dirty;

static inline void dirty_setup(void)
{
	oct_dirty_init(&dirty.bitmap, dirty.words, 0, 1);
}

/* ---- By the core ------------------------------------------------------------------------------- */

static inline void dirty_record(void)
{
	struct oct_track_result result;

	OC_ASSERT(OC_ASSERTION,
	          oct_clean_record_shared_mapping_range(&file.mapping, 0, 1, &dirty.bitmap, &result) == 0);
	if (result.entries)
		oc_cover("recorded");
}

static inline bool dirty_taken(void)
{
	uint64_t from = 0, to;

	return oct_dirty_take(&dirty.bitmap, &from, 1, &to);
}

static inline void dirty_consume(void)
{
	if (dirty_taken()) {
		dirty.copy = oc_peek32(file.mm, FILE_VA);
		oc_cover("consumed");
	}
}

static inline void dirty_record_and_consume(void)
{
	dirty_record();
	dirty_consume();
}

/* Does something still say that the page has to be copied? */
static inline bool dirty_is_known(void)
{
	return dirty.words[0] || oct_pte_dirty(oc_entry_get(oc_pte(file.mm, FILE_VA)));
}

static inline void dirty_final(void)
{
	OC_ASSERT(OC_I3, !file.stored || dirty.copy == STORED || dirty_is_known());
}

/* ---- In raw entries ------------------------------------------------------------------------------ */

static inline oct_pte_t raw_mkclean(oct_pte_t entry)
{
	return oct_pte_present(entry) ? oct_pte_mkclean(entry) : entry;
}

/* Release and acquire as the core's bitmap has them. */
static inline void raw_record(oct_pte_t old)
{
	if (oct_pte_present(old) && oct_pte_dirty(old))
		oct_fetch_or(&dirty.raw_bit, 1, OCT_REL);
}

static inline void raw_consume(void)
{
	if (oct_fetch_and(&dirty.raw_bit, 0, OCT_ACQ)) {
		dirty.raw_copy = oc_peek32(raw.mm, RAW_ALIAS); /* the same page, by an entry that stays */
		oc_cover("consumed");
	}
}

static inline void raw_clean_and_record(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	raw_record(oc_entry_update(pte, raw_mkclean));
	oct_pte_unlock(raw.mm, pte);
}

static inline void raw_dirty_final(void)
{
	OC_ASSERT(OC_I3, !raw.stored || dirty.raw_copy == STORED || dirty.raw_bit ||
	                     oct_pte_dirty(oc_entry_get(raw.entry)));
	raw_restore();
}

static inline void nobody(void)
{
}

#endif
