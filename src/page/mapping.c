/* mapping.c: the pages of an object: reading, write-back, truncation. SPDX-License-Identifier: MIT
 *
 * WHO OWNS WHAT
 *   cache, reverse map, size   the lock of the mapping. Faults hold it for reading from the look into the
 *                      cache to the entry stored, so neither truncation nor eviction comes between
 *   size               also the resize lock, which a truncation holds from end to end, waits for I/O included
 *   LOCKED             whoever set it: the page is being read (it is new, nobody maps it) or written. It
 *                      stays in the cache meanwhile. He clears it and wakes. Nobody waits for it with the
 *                      lock of the mapping held, because a reading that fails takes that lock
 *   UPTODATE           set once, released after the contents; whoever uses the page acquires it
 *   large folios       have one of each flag: what is dirty somewhere is cleaned and written whole
 *   DIRTY              set by anybody who stores, or takes an entry away through which was stored; taken
 *                      off by write-back alone, which holds LOCKED
 *   an entry           its page-table lock
 *
 * WHY NO STORE IS LOST (I3)
 * D1 An entry of a shared area has the write right only if DIRTY was set in the same page-table section that
 *    gave it (file.c), and write-back takes DIRTY off before it takes that page-table lock. So either the
 *    fault's section comes first, and write-back takes the right away again; or it comes later, and
 *    DIRTY is set again after it was taken off. A leaf that shows a huge folio never has the right (file.c).
 * D2 What write-back took away is complete, in every space that maps the page, before the page is written
 *    (R4). So a store that comes after its page was written came through a fault, which made the page dirty
 *    (D1); a store through a stale entry is over, and in what is written.
 * D3 An entry that somebody else has emptied or protected already may not be flushed yet: its table is
 *    behind and write-back completes it (R4; races 11). The area is in the reverse map until its own flush
 *    is complete (races 12).
 * D4 A zap that finds dirty in an entry sets DIRTY in its section (zap.c): by D1's argument it stays, or
 *    the page is written after that flush.
 *
 * WHY NO PAGE IS REACHED AFTER IT LEFT (I1, races 2). Truncation and eviction hold the lock for writing: no
 * fault makes an entry; areas are all in the reverse map (fork and joining hold the lock too); each area's
 * entries are cleared and that is complete before the page leaves the cache. An area that is no longer in the
 * reverse map was complete before it left. */
#include "cache.h"
#include "shown.h"
#include "../notify/notifier.h"

/* ---- A mapping ------------------------------------------------------------------------------------ */

static int init(struct oct_mapping *mapping, void *object, uint64_t pages, unsigned flags)
{
	if (pages > OCT_INDEX_END || (flags & ~(unsigned)OCT_MAPPING_EVENTS))
		return -OCT_EINVAL;
	oct_rwlock_init(&mapping->resizing);
	oct_rwlock_init(&mapping->lock);
	mapping->object = object;
	mapping->pages = pages;
	mapping->flags = flags;
	mapping->root = OCT_NO_PAGE;
	mapping->height = 0;
	mapping->cached = 0;
	mapping->huge = 0;
	mapping->areas = NULL;
	mapping->noted = NULL;
	mapping->fault = oct_file_fault;
	mapping->event = oct_file_event;
	mapping->first = OCT_NO_PAGE;
	mapping->type = OCT_NORMAL;
	return 0;
}

int oct_mapping_init(struct oct_mapping *mapping, void *object, uint64_t pages, unsigned flags)
{
	return init(mapping, object, pages, flags);
}

/* Do entries reach all of this memory? */
static bool range_exists(oct_phys_t first, uint64_t pages, enum oct_memory_type type)
{
	oct_phys_t last = first + ((pages - 1) << OCT_PAGE_SHIFT);

	return pages <= OCT_INDEX_END && last >= first && oct_pte_phys(oct_pte_make(last, 0, type)) == last;
}

int oct_mapping_init_pfn(struct oct_mapping *mapping, void *object, oct_phys_t first, uint64_t pages,
                         enum oct_memory_type type, unsigned flags)
{
	int error;

	if ((first & ~(oct_phys_t)OCT_PAGE_MASK) || (unsigned)type > OCT_DEVICE ||
	    (pages && !range_exists(first, pages, type)))
		return -OCT_EINVAL;
	error = init(mapping, object, pages, flags);
	if (error)
		return error;
	mapping->flags |= OCT_MAPPING_PFN;
	mapping->first = first;
	mapping->type = type;
	return 0;
}

/* Out of the cache with everything from first on. Nobody maps it, no I/O is under way. */
static void drop_pages(struct oct_mapping *mapping, uint64_t first)
{
	struct oct_folio *folio;

	for (uint64_t index = first; (folio = oct_cache_next(mapping, &index, OCT_INDEX_END)); index++) {
		oct_cache_remove(mapping, index);
		oct_folio_put(folio);
	}
	oct_cache_trim(mapping);
}

int oct_mapping_exit(struct oct_mapping *mapping)
{
	if (mapping->areas)
		return -OCT_EBUSY;
	drop_pages(mapping, 0);
	return 0;
}

/* ---- One page ------------------------------------------------------------------------------------- */

void oct_folio_mark_dirty(struct oct_folio *folio)
{
	/* Release: pairs with the acquire in claim(): the store is in what is written. A read-modify-write,
	 * since the flag that is set already may be taken off before the store is seen. */
	oct_fetch_or(&folio->flags, (uint32_t)OCT_FOLIO_DIRTY, OCT_REL);
}

bool oct_folio_uptodate(const struct oct_folio *folio)
{
	/* Acquire: pairs with the release in read_page(). */
	return oct_load(&folio->flags, OCT_ACQ) & OCT_FOLIO_UPTODATE;
}

static void unlock_folio(struct oct_folio *folio, uint32_t flags)
{
	/* Release: pairs with the acquires of those who wait, and of who locks it next. */
	oct_fetch_and(&folio->flags, ~flags, OCT_REL);
	oct_port_wake(&folio->flags, ~0u);
}

/* Until nobody has the folio locked. The caller holds a reference and no lock. */
static void wait_unlocked(struct oct_folio *folio)
{
	for (;;) {
		/* Relaxed: each caller looks at the flags again, by an acquire, before he relies on the I/O.
		 */
		uint32_t flags = oct_load(&folio->flags, OCT_RLX);

		if (!(flags & OCT_FOLIO_LOCKED))
			return;
		oct_port_wait(&folio->flags, flags);
	}
}

/* Lock held for writing: the folio of index with a reference for the caller; *fresh: it was not there, is
 * locked, and must be read. NULL: *error. */
static struct oct_folio *claim_page(struct oct_mapping *mapping, uint64_t index, bool *fresh, int *error)
{
	struct oct_folio *folio;

	*fresh = false;
	*error = -OCT_EINVAL;
	if (index >= mapping->pages || (mapping->flags & OCT_MAPPING_PFN))
		return NULL;
	folio = oct_cache_find(mapping, index);
	if (folio) {
		oct_folio_get(folio);
		return folio;
	}
	*error = -OCT_ENOMEM;
	if (oct_cache_prepare(mapping, index))
		return NULL;
	folio = oct_folio_alloc();
	if (!folio)
		return NULL;
	folio->mapping = mapping;
	folio->index = index;
	/* Relaxed: published by the lock. */
	oct_store(&folio->flags, (uint32_t)OCT_FOLIO_LOCKED, OCT_RLX);
	oct_cache_insert(mapping, folio);
	oct_folio_get(folio);
	*fresh = true;
	return folio;
}

/* The contents of a fresh folio. It is in the cache, locked; it leaves it if it cannot be read. */
static int read_page(struct oct_mapping *mapping, struct oct_folio *folio)
{
	int error = oct_port_page_read(mapping->object, folio->index, folio->page);

	if (!error) {
		OCT_COVER("page-read");
		/* Release: the contents come before who finds it up to date. */
		oct_fetch_or(&folio->flags, (uint32_t)OCT_FOLIO_UPTODATE, OCT_REL);
		unlock_folio(folio, OCT_FOLIO_LOCKED);
		return 0;
	}
	oct_rwlock_write_lock(&mapping->lock);
	oct_cache_remove(mapping, folio->index);
	oct_rwlock_write_unlock(&mapping->lock);
	unlock_folio(folio, OCT_FOLIO_LOCKED);
	oct_folio_put(folio); /* the cache's */
	return error;
}

int oct_mapping_get(struct oct_mapping *mapping, uint64_t index, struct oct_folio **result)
{
	for (;;) {
		struct oct_folio *folio;
		bool fresh;
		int error;

		oct_rwlock_write_lock(&mapping->lock);
		folio = claim_page(mapping, index, &fresh, &error);
		oct_rwlock_write_unlock(&mapping->lock);
		if (!folio)
			return error;
		error = fresh ? read_page(mapping, folio) : 0;
		if (!error && oct_folio_uptodate(folio)) {
			*result = folio;
			return 0;
		}
		if (!error) /* somebody else reads it: look again when he has, he may fail */
			wait_unlocked(folio);
		oct_folio_put(folio);
		if (error)
			return error;
	}
}

/* ---- Write-back ------------------------------------------------------------------------------------ */

enum { BATCH_PAGES = 16 };

/* Folios whose pages in the cache follow one another, locked by write-back. */
struct batch {
	struct oct_folio *folio[BATCH_PAGES];
	unsigned count;
	uint64_t first, last; /* of the pages; each folio's begin with its first */
};

/* Locks a dirty folio and takes DIRTY off. *busy: I/O on it is under way, *flags says. */
static bool claim(struct oct_folio *folio, bool *busy)
{
	uint32_t flags, locked;

	do {
		/* Acquire: pairs with the release of who had it locked: that it is clean means that it is
		 * written.
		 */
		flags = oct_load(&folio->flags, OCT_ACQ);
		*busy = (flags & OCT_FOLIO_LOCKED) != 0;
		if (*busy || !(flags & OCT_FOLIO_DIRTY))
			return false;
		locked = (flags & ~(uint32_t)OCT_FOLIO_DIRTY) | OCT_FOLIO_LOCKED;
		/* Acquire: pairs with the release of who made it dirty once more, and of who had it locked.
		 * D1: before any page-table lock is taken. */
	} while (!oct_cas(&folio->flags, &flags, locked, OCT_ACQ));
	return true;
}

/* Lock held: the next dirty folios from *index to last; all pages of a large one, since dirty says nothing of
 * each. *wait: one on which I/O is under way, with a reference, and nothing was claimed. */
static void collect(struct oct_mapping *mapping, uint64_t *index, uint64_t last, struct batch *batch,
                    struct oct_folio **wait)
{
	struct oct_folio *folio = NULL;
	bool busy;

	batch->count = 0;
	*wait = NULL;
	for (; batch->count < BATCH_PAGES && (folio = oct_cache_next(mapping, index, last)); ++*index) {
		if (batch->count && *index != batch->last + 1)
			return;
		if (claim(folio, &busy)) {
			if (!batch->count)
				batch->first = folio->index;
			batch->last = oct_cache_last(mapping, folio, *index);
			batch->folio[batch->count++] = folio;
			*index = batch->last;
		} else if (batch->count) {
			return; /* entries between would be cleaned for nothing */
		} else if (busy) {
			oct_folio_get(folio);
			*wait = folio;
			return;
		}
	}
	if (!folio)
		*index = last + 1;
}

static oct_pte_t clean(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_present(pte) ? oct_pte_mkclean(oct_pte_wrprotect(pte)) : pte;
}

/* Write-protects and cleans what vma shows of [first, last], complete. */
static void clean_area(struct oct_vma *vma, uint64_t first, uint64_t last)
{
	const uintptr_t start = oct_shown_address(vma, first > vma->pgoff ? first : vma->pgoff);
	uintptr_t va = start,
	          end = oct_shown_address(vma, last < oct_shown_last(vma) ? last : oct_shown_last(vma)) +
	                OCT_PAGE_SIZE;
	struct oct_announced announced;
	struct oct_ticket ticket;

	oct_announce_shown(&announced, vma, va, end);
	oct_ticket_init(&ticket, vma->space);
	while (va < end) {
		struct oct_pte_guard guard;
		oct_pte_t old;

		oct_pte_lock_at(vma->space, va, &guard);
		if (guard.level)
			oct_guard_fit(&guard, start, end);
		do {
			va = oct_level_next(guard.va, guard.level);
			/* R4: the table may just have gone. */
			if (guard.level && !oct_pte_present(guard.upper)) {
				oct_ticket_join(&ticket, &guard);
				continue;
			}
			/* The verdict is the ticket's; what looks done joins it too (D3). */
			(void)!oct_entry_update(&ticket, &guard, guard.pte, guard.va, clean, 0, &old);
			/* A leaf cannot be stored to. */
			if (!guard.level && oct_pte_present(old) && oct_pte_dirty(old))
				oct_shown_note(vma->mapping, oct_shown_index(vma, guard.va));
		} while (va < end && oct_pte_guard_next(&guard));
		oct_pte_guard_unlock(&ticket, &guard);
		if (va == 0) /* past the top of addresses */
			break;
	}
	oct_ticket_complete(&ticket); /* D2 */
	oct_announce_end(&announced);
}

/* The pages of a locked folio from its first to last. */
static int write_folio(struct oct_mapping *mapping, struct oct_folio *folio, uint64_t last)
{
	int result = 0;

	for (uint64_t index = folio->index; index <= last; index++) {
		int error = oct_port_page_write(mapping->object, index, oct_folio_page(folio, index));

		if (error)
			result = error;
		OCT_COVER("page-written");
	}
	if (result)
		oct_folio_mark_dirty(folio);
	unlock_folio(folio, OCT_FOLIO_LOCKED);
	return result;
}

static int write_batch(struct oct_mapping *mapping, const struct batch *batch)
{
	int result = 0;

	for (unsigned i = 0; i < batch->count; i++) {
		uint64_t last = i + 1 < batch->count ? batch->folio[i + 1]->index - 1 : batch->last;
		int error = write_folio(mapping, batch->folio[i], last);

		if (error)
			result = error;
	}
	return result;
}

int oct_mapping_writeback(struct oct_mapping *mapping, uint64_t first, uint64_t pages)
{
	uint64_t index = first, last = first + pages - 1;
	int result = 0;

	if (!pages || last < first)
		return -OCT_EINVAL;
	if (last >= OCT_INDEX_END)
		last = OCT_INDEX_END - 1;
	while (index <= last) {
		struct oct_folio *wait;
		struct oct_vma *vma = NULL;
		struct batch batch;
		int error;

		oct_rwlock_read_lock(&mapping->lock);
		collect(mapping, &index, last, &batch, &wait);
		while (batch.count && (vma = oct_shown_next(mapping, batch.first, batch.last, vma)))
			if (vma->shown.shared)
				clean_area(vma, batch.first, batch.last);
		oct_rwlock_read_unlock(&mapping->lock);
		error = write_batch(mapping, &batch);
		if (error)
			result = error;
		if (wait) {
			wait_unlocked(wait);
			oct_folio_put(wait);
		}
	}
	return result;
}

/* ---- Truncation and eviction -------------------------------------------------------------------------- */

/* A folio from first on with I/O under way, with a reference; NULL for none. Lock held. */
static struct oct_folio *find_locked(const struct oct_mapping *mapping, uint64_t first)
{
	struct oct_folio *folio;

	for (uint64_t index = first; (folio = oct_cache_next(mapping, &index, OCT_INDEX_END)); index++) {
		/* Acquire: pairs with unlock_folio; what the I/O did comes before the page goes. */
		if (oct_load(&folio->flags, OCT_ACQ) & OCT_FOLIO_LOCKED) {
			oct_folio_get(folio);
			return folio;
		}
		index = oct_cache_last(mapping, folio, index);
	}
	return NULL;
}

void oct_mapping_truncate(struct oct_mapping *mapping, uint64_t pages)
{
	struct oct_folio *folio;
	bool shrinks;

	if (pages > OCT_INDEX_END)
		pages = OCT_INDEX_END;
	/* While this one waits for I/O nobody makes valid again what it is about to drop. */
	oct_rwlock_write_lock(&mapping->resizing);
	oct_rwlock_write_lock(&mapping->lock);
	shrinks = pages < mapping->pages;
	mapping->pages = pages; /* from now on nobody reads or maps what lies past it */
	while (shrinks && (folio = find_locked(mapping, pages))) {
		oct_rwlock_write_unlock(&mapping->lock);
		wait_unlocked(folio);
		oct_folio_put(folio);
		oct_rwlock_write_lock(&mapping->lock);
	}
	if (shrinks) {
		oct_zap_shown(mapping, pages, ~(uint64_t)0, OCT_ZAP_OBJECT);
		drop_pages(mapping, pages);
	}
	oct_rwlock_write_unlock(&mapping->lock);
	oct_rwlock_write_unlock(&mapping->resizing);
}

/* The folio is in the cache and under no I/O; its lock is held for writing. */
static int evict_folio(struct oct_mapping *mapping, struct oct_folio *folio)
{
	uint64_t first = folio->index, last = oct_cache_last(mapping, folio, first);
	uint32_t slots = (uint32_t)(last - first) + 1;

	oct_zap_shown(mapping, first, last, OCT_ZAP_CACHED);
	/* Acquire: pairs with the release of the puts that left the cache's references. Relaxed: set under
	 * page-table locks that were taken since, or by a holder of a reference. */
	if (oct_load(&folio->refcount, OCT_ACQ) != slots ||
	    (oct_load(&folio->flags, OCT_RLX) & OCT_FOLIO_DIRTY))
		return -OCT_EBUSY;
	for (uint64_t index = first; index <= last; index++)
		oct_cache_remove(mapping, index);
	oct_folio_put_many(folio, slots);
	return 0;
}

int oct_mapping_evict(struct oct_mapping *mapping, uint64_t index)
{
	struct oct_folio *folio;
	int result = 0;

	oct_rwlock_write_lock(&mapping->lock);
	folio = oct_cache_find(mapping, index);
	if (folio && (oct_load(&folio->flags, OCT_ACQ) & OCT_FOLIO_LOCKED)) { /* as in find_locked */
		result = -OCT_EBUSY;
	} else if (folio) {
		result = evict_folio(mapping, folio);
	}
	oct_rwlock_write_unlock(&mapping->lock);
	return result;
}
