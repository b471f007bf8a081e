/* shared.c: the entries of an object, in every space that shows it. SPDX-License-Identifier: MIT
 *
 * WHO OWNS WHAT
 *   reverse map        the lock of the mapping, held for reading: areas and their tables stay, faults run
 * beside an entry           its page-table lock; hardware sets dirty at any time, so it is exchanged and what
 * comes back is judged (T1) noted (tracker)    words that anybody sets bits in; who takes a bit off does so
 * before he takes the page-table locks of its page a caller's bitmap  gets bits when the tickets of all that
 * was found are complete
 *
 * WHY NO STORE IS LOST (I3; questions B1 to B5)
 * T1 The exchange that takes dirty away gives it back: there is no moment between a look at dirty and
 *    its loss (B3).
 * T2 A CPU that cached the entry as dirty stores without touching it until the flush is complete. What it
 * stored by then is seen by who takes the page out of the bitmap, because the page is added after it
 * (release) and taken with acquire; what it stores later goes through the clean entry and makes it dirty, by
 * hardware or by a fault. So promise (b) holds at the return, and a page may be taken while the walk goes on
 * (B1). T3 An entry that looks done may have been cleaned by another whose flush is not complete: its table
 * is behind, the ticket joins it and completes it too (R4). Invalidating only what this call has changed
 * would leave the other's stale entry to be stored through (dirty/nested-flush). Secondary MMUs are told by
 * the same completion (F9). T4 Who gives the write right to an entry of a shared area, or takes a dirty entry
 * away, notes the page in the same page-table section (mapping.noted). A scan takes the note off before it
 * takes that lock: so either the section comes first, and the scan's walk takes the right away and completes
 * what is owed, or it comes later, and the note stays for the next scan (as D1 in src/page/mapping.c). T5 So
 * for a tracker the write right, or dirty, in any entry implies a note or a walk to come: with write-protect
 * an entry has the right only if its page is noted; with clean-and-record every entry is walked. From
 *    clean-and-record to write-protect one walk takes both away in one exchange. */
#include "shared.h"
#include "../page/cache.h"
#include "../page/shown.h"
#include "../notify/notifier.h"

static oct_pte_t change(oct_pte_t pte, unsigned long what)
{
	if (!oct_pte_present(pte))
		return pte;
	if (what & OCT_WALK_PROTECT)
		pte = oct_pte_wrprotect(pte);
	return what & OCT_WALK_CLEAN ? oct_pte_mkclean(pte) : pte;
}

/* Was something taken from the entry that was replaced? */
static bool counts(oct_pte_t old, unsigned what)
{
	return oct_pte_present(old) && (what & OCT_WALK_CLEAN ? oct_pte_dirty(old) : oct_pte_write(old));
}

static bool wanted(const struct oct_object_walk *walk, uint64_t index)
{
	uint64_t at = index - walk->base;

	return !walk->only || (walk->only[at / 64] >> (at % 64) & 1);
}

/* *index: the next that is wanted, from *index to last. */
static bool next_wanted(const struct oct_object_walk *walk, uint64_t *index, uint64_t last)
{
	for (; *index <= last; ++*index) {
		if (wanted(walk, *index))
			return true;
		if ((*index - walk->base) % 64 == 0 && !walk->only[(*index - walk->base) / 64])
			*index += 63;
	}
	return false;
}

static void extend(struct oct_track_result *result, uint64_t start, uint64_t end)
{
	if (result->end == 0 || start < result->start)
		result->start = start;
	if (end > result->end)
		result->end = end;
}

static void found(struct oct_object_walk *walk, uint64_t index, uint64_t pages)
{
	walk->result->entries++;
	if (!walk->found) {
		extend(walk->result, index, index + pages);
		return;
	}
	for (uint64_t at = index - walk->base; pages-- > 0; at++)
		walk->found[at / 64] |= (uint64_t)1 << (at % 64);
}

/* The guarded entry above the leaf tables, where the walk for index ended. The first index behind it. */
static uint64_t visit_upper(struct oct_object_walk *walk, uint64_t index, uint64_t last,
                            struct oct_pte_guard *guard, struct oct_ticket *ticket)
{
	uint64_t pages = oct_level_bytes(guard->level) >> OCT_PAGE_SHIFT;
	uint64_t lead = (guard->va >> OCT_PAGE_SHIFT) & (pages - 1);
	oct_pte_t old;

	walk->result->scanned++;
	if (!oct_pte_present(guard->upper)) {
		oct_ticket_join(ticket, guard); /* R4: the table may just have gone */
	} else if (lead > index - walk->first || index - lead + (pages - 1) > last) {
		walk->result->huge++;
	} else {
		(void)!oct_entry_update(ticket, guard, guard->pte, guard->va, change, walk->what, &old);
		if (counts(old, walk->what))
			found(walk, index - lead, pages);
	}
	return index - lead + pages;
}

static void visit(struct oct_object_walk *walk, uint64_t index, struct oct_pte_guard *guard,
                  struct oct_ticket *ticket)
{
	oct_pte_t old;

	walk->result->scanned++;
	/* The verdict is the ticket's; what looks done joins it too (T3). */
	(void)!oct_entry_update(ticket, guard, guard->pte, guard->va, change, walk->what, &old);
	if (counts(old, walk->what))
		found(walk, index, 1);
}

/* What vma shows of the walk's pages, complete. */
static void walk_area(struct oct_object_walk *walk, const struct oct_vma *vma)
{
	uint64_t index = walk->first > vma->pgoff ? walk->first : vma->pgoff;
	uint64_t last = walk->last < oct_shown_last(vma) ? walk->last : oct_shown_last(vma);
	struct oct_announced announced;
	struct oct_ticket ticket;

	oct_announce_shown(&announced, vma, oct_shown_address(vma, index),
	                   oct_shown_address(vma, last) + OCT_PAGE_SIZE);
	oct_ticket_init(&ticket, vma->space);
	while (next_wanted(walk, &index, last)) {
		struct oct_pte_guard guard;

		oct_pte_lock_at(vma->space, oct_shown_address(vma, index), &guard);
		if (guard.level) {
			index = visit_upper(walk, index, last, &guard, &ticket);
		} else {
			do
				visit(walk, index, &guard, &ticket);
			while (index++ < last && wanted(walk, index) && oct_pte_guard_next(&guard));
		}
		oct_pte_guard_unlock(&ticket, &guard);
	}
	oct_ticket_complete(&ticket); /* T2 */
	oct_announce_end(&announced);
}

void oct_object_walk(struct oct_object_walk *walk)
{
	struct oct_vma *vma = NULL;

	while ((vma = oct_shown_next(walk->mapping, walk->first, walk->last, vma)))
		if (vma->shown.shared)
			walk_area(walk, vma);
}

void oct_object_publish(const struct oct_dirty_bitmap *bitmap, const struct oct_object_walk *walk)
{
	for (unsigned i = 0; i < OCT_TRACK_WORDS; i++) {
		uint64_t index = walk->base + (uint64_t)i * 64, at = index - bitmap->first,
		         word = walk->found[i];
		uint64_t *to;

		if (!word)
			continue;
		to = &bitmap->words[at / 64];
		/* Release: pairs with the acquire of oct_dirty_take; the flush is complete before (T2). */
		if (word << (at % 64))
			oct_fetch_or(to, word << (at % 64), OCT_REL);
		if (at % 64 && word >> (64 - at % 64))
			oct_fetch_or(to + 1, word >> (64 - at % 64), OCT_REL);
		for (unsigned bit = 0; bit < 64; bit++)
			if (word >> bit & 1)
				extend(walk->result, index + bit, index + bit + 1);
	}
}

/* ---- The calls ------------------------------------------------------------------------------------ */

/* Pages are there to be walked. */
static bool range_ok(uint64_t first, uint64_t pages)
{
	return pages != 0 && first + pages > first && first + pages <= OCT_INDEX_END;
}

bool oct_dirty_has(const struct oct_dirty_bitmap *bitmap, uint64_t first, uint64_t pages)
{
	return range_ok(first, pages) && first >= bitmap->first && first - bitmap->first <= bitmap->pages &&
	       pages <= bitmap->pages - (first - bitmap->first);
}

/* One window after the other, so that the lock is not held for long. bitmap: NULL records nothing.
 * locked: the caller holds it for writing. */
static void walk_windows(struct oct_mapping *mapping, uint64_t first, uint64_t pages, unsigned what,
                         const struct oct_dirty_bitmap *bitmap, bool locked, struct oct_track_result *result)
{
	*result = (struct oct_track_result){0, 0, 0, 0, 0};
	for (uint64_t base = first, end = first + pages; base < end; base += OCT_TRACK_PAGES) {
		uint64_t words[OCT_TRACK_WORDS] = {0};
		struct oct_object_walk walk = {
		    .mapping = mapping,
		    .base = base,
		    .first = base,
		    .last = end - base < OCT_TRACK_PAGES ? end - 1 : base + OCT_TRACK_PAGES - 1,
		    .what = what,
		    .found = bitmap ? words : NULL,
		    .result = result};

		if (!locked)
			oct_rwlock_read_lock(&mapping->lock);
		oct_object_walk(&walk);
		if (!locked)
			oct_rwlock_read_unlock(&mapping->lock);
		if (bitmap)
			oct_object_publish(bitmap, &walk);
	}
}

int oct_wp_shared_mapping_range(struct oct_mapping *mapping, uint64_t first, uint64_t pages,
                                struct oct_track_result *result)
{
	if (!range_ok(first, pages))
		return -OCT_EINVAL;
	walk_windows(mapping, first, pages, OCT_WALK_PROTECT, NULL, false, result);
	return 0;
}

int oct_clean_record_shared_mapping_range(struct oct_mapping *mapping, uint64_t first, uint64_t pages,
                                          const struct oct_dirty_bitmap *bitmap,
                                          struct oct_track_result *result)
{
	if (!oct_dirty_has(bitmap, first, pages))
		return -OCT_EINVAL;
	walk_windows(mapping, first, pages, OCT_WALK_CLEAN, bitmap, false, result);
	return 0;
}

int oct_freeze_shared_mapping_range(struct oct_mapping *mapping, uint64_t first, uint64_t pages,
                                    const struct oct_dirty_bitmap *bitmap, void (*frozen)(void *arg),
                                    void *arg, struct oct_track_result *result)
{
	if (!oct_dirty_has(bitmap, first, pages))
		return -OCT_EINVAL;
	/* A store without the write right needs this lock before its entry gets it (src/space/file.c). */
	oct_rwlock_write_lock(&mapping->lock);
	walk_windows(mapping, first, pages, OCT_WALK_CLEAN | OCT_WALK_PROTECT, bitmap, true, result);
	frozen(arg);
	oct_rwlock_write_unlock(&mapping->lock);
	return 0;
}
