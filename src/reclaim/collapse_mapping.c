/* collapse_mapping.c: the pages of an object become one huge folio. SPDX-License-Identifier: MIT
 *
 * WHO OWNS WHAT
 *   cache, entries   the lock of the mapping, held for writing from the first look to the last slot: no fault
 *                    or userfault's resolution makes an entry, nobody finds a page in the cache. Entries are
 *                    only taken away, by their page-table locks
 *   a page           its holders of references. The cache has one; after the unmapping nobody else should:
 *                    that is compared by a read-modify-write, as pins need it (pin.c)
 *   LOCKED           whoever does I/O: the page is left alone. Nobody sets it while the lock is held
 *
 * WHY NO STORE IS LOST (I2, I3). Every entry of every space is cleared, and that is complete (R4), before the
 * first page is copied: a CPU or a device that walks tables stores before that, or faults, and its fault
 * waits for the lock. Who stores without an entry has a reference: a pin, a file's caller. The count shows
 * it, and all stays; a pin without locks that comes later finds its entry gone. Dirty of an entry went to its
 * folio in the section that cleared it (zap.c), and from there to the huge one; write-back takes it off with
 * the same lock held for reading, so before or after. No entry that was left has the write right: private
 * copies are other pages.
 *
 * WHY NOBODY IS MISLED (I4). Protections of userfaults stay where their pages were, as markers. A missing
 * page is read only where no area wants to be asked for it. Notes of trackers are made by index.
 *
 * WHY THE OLD PAGES ARE NOT REUSED TOO EARLY (I1). They are given back when the cache names the new ones, and
 * no TLB has had them since the unmapping was complete.
 *
 * Linux has no lock that keeps faults from the whole object, so it freezes each page's count, leaves marks in
 * the cache for those that are missing, and undoes all that if one page cannot be had. Here a failure leaves
 * entries missing, which the next fault makes again. */
#include <octavo/collapse.h>
#include <octavo/pin.h>
#include "../page/cache.h"
#include "../page/shown.h"

#if OCT_HUGE_ORDER > 0

/* Lock held. Does a space want to be asked before pages of [first, last] come into memory? */
static bool wants_missing(const struct oct_mapping *mapping, uint64_t first, uint64_t last)
{
	const struct oct_vma *vma = NULL;

	while ((vma = oct_shown_next(mapping, first, last, vma)))
		if (oct_vma_has_uffd(vma, OCT_UFFD_MISSING))
			return true;
	return false;
}

static bool in_object(const struct oct_mapping *mapping, uint64_t first)
{
	return first < mapping->pages && mapping->pages - first >= OCT_HUGE_PAGES;
}

/* What may be tried at all, and whether pages are missing. */
static int look(struct oct_mapping *mapping, uint64_t first, unsigned max_none, bool *missing)
{
	const uint64_t last = first + (OCT_HUGE_PAGES - 1);
	unsigned none = 0;
	int error = 0;

	oct_rwlock_read_lock(&mapping->lock);
	if (!in_object(mapping, first))
		error = -OCT_EINVAL;
	for (uint64_t index = first; !error && index <= last; index++)
		none += !oct_cache_find(mapping, index);
	if (none > max_none || (none && wants_missing(mapping, first, last)))
		error = -OCT_ENOENT;
	oct_rwlock_read_unlock(&mapping->lock);
	*missing = none != 0;
	return error;
}

static int read_missing(struct oct_mapping *mapping, uint64_t first)
{
	for (uint64_t index = first; index < first + OCT_HUGE_PAGES; index++) {
		struct oct_folio *folio;
		int error = oct_mapping_get(mapping, index, &folio);

		if (error)
			return error;
		oct_folio_put(folio);
	}
	return 0;
}

/* Lock held for writing. 0: each page is there, as far as a glance says nobody else's. */
static int check_pages(const struct oct_mapping *mapping, uint64_t first)
{
	if (!in_object(mapping, first))
		return -OCT_EINVAL; /* truncated meanwhile */
	for (uint64_t index = first; index < first + OCT_HUGE_PAGES; index++) {
		struct oct_folio *folio = oct_cache_find(mapping, index);
		uint32_t flags;

		if (!folio)
			return -OCT_EAGAIN;
		/* Acquire: pairs with the release of who read or wrote it. */
		flags = oct_load(&folio->flags, OCT_ACQ);
		if ((flags & OCT_FOLIO_LOCKED) || !(flags & OCT_FOLIO_UPTODATE) || oct_folio_pinned(folio))
			return -OCT_EBUSY;
		index = oct_cache_last(mapping, folio, index);
	}
	return 0;
}

/* Unmapped everywhere: has nobody but the cache any of the pages? */
static bool are_alone(const struct oct_mapping *mapping, uint64_t first)
{
	for (uint64_t index = first; index < first + OCT_HUGE_PAGES; index++) {
		struct oct_folio *folio = oct_cache_find(mapping, index);
		uint64_t last = oct_cache_last(mapping, folio, index);

		if (!oct_folio_alone(folio, (uint32_t)(last - index) + 1))
			return false;
		index = last;
	}
	return true;
}

/* The contents of the old pages, and DIRTY if one has it. */
static void fill(const struct oct_mapping *mapping, struct oct_folio *huge)
{
	uint32_t flags = OCT_FOLIO_UPTODATE;

	for (unsigned i = 0; i < OCT_HUGE_PAGES; i++) {
		const uint64_t index = huge->index + i;
		const struct oct_folio *folio = oct_cache_find(mapping, index);

		oct_port_page_copy(oct_folio_page(huge, index), oct_folio_page(folio, index), 0);
		/* Relaxed: set under page-table locks that were taken since, or by who had a reference then.
		 */
		flags |= oct_load(&folio->flags, OCT_RLX) & OCT_FOLIO_DIRTY;
	}
	oct_store(&huge->flags, flags, OCT_RLX); /* published by the lock of the mapping */
}

/* Lock held for writing, and all pages are there. */
static bool is_huge(const struct oct_mapping *mapping, uint64_t first)
{
	const struct oct_folio *folio = oct_cache_find(mapping, first);

	return folio->order == OCT_HUGE_ORDER &&
	       oct_cache_last(mapping, folio, first) == first + (OCT_HUGE_PAGES - 1);
}

/* Lock held for writing. Uses huge if it returns 0 and sets *used. */
static int collapse_locked(struct oct_mapping *mapping, struct oct_folio *huge, uint64_t first, bool *used)
{
	int error = check_pages(mapping, first);

	if (error || is_huge(mapping, first))
		return error;
	oct_zap_shown(mapping, first, first + (OCT_HUGE_PAGES - 1), OCT_ZAP_CACHED);
	if (!are_alone(mapping, first)) {
		OCT_COVER("object-collapse-held");
		return -OCT_EBUSY;
	}
	OCT_COVER("object-collapsed");
	huge->mapping = mapping;
	huge->index = first;
	fill(mapping, huge);
	for (uint64_t index = first; index < first + OCT_HUGE_PAGES; index++)
		oct_folio_put(oct_cache_replace(mapping, index, huge));
	oct_store(&mapping->huge, 1u, OCT_RLX); /* a hint */
	*used = true;
	return 0;
}

static int collapse_there(struct oct_mapping *mapping, uint64_t first)
{
	struct oct_folio *huge = oct_folio_alloc_pages(OCT_HUGE_ORDER, OCT_HUGE_PAGES);
	bool used = false;
	int error;

	if (!huge)
		return -OCT_ENOMEM;
	oct_rwlock_write_lock(&mapping->lock);
	error = collapse_locked(mapping, huge, first, &used);
	oct_rwlock_write_unlock(&mapping->lock);
	if (!used)
		oct_folio_put_many(huge, OCT_HUGE_PAGES);
	return error;
}

int oct_collapse_mapping(struct oct_mapping *mapping, uint64_t index, unsigned max_none)
{
	const uint64_t first = index & ~(uint64_t)(OCT_HUGE_PAGES - 1);
	bool missing;
	int error;

	if (mapping->flags & OCT_MAPPING_PFN)
		return -OCT_EINVAL;
	error = look(mapping, first, max_none, &missing);
	if (!error && missing)
		error = read_missing(mapping, first);
	if (!error)
		error = collapse_there(mapping, first);
	if (!error)
		(void)oct_retract_page_tables(mapping, first,
		                              OCT_HUGE_PAGES); /* of tables that stay nothing is owed */
	return error;
}

#else

int oct_collapse_mapping(struct oct_mapping *mapping, uint64_t index, unsigned max_none)
{
	(void)mapping;
	(void)index;
	(void)max_none;
	return -OCT_EINVAL; /* there are no huge folios */
}

#endif
