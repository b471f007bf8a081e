/* file.c: areas that show an object: mapping them, and their faults. SPDX-License-Identifier: MIT
 *
 * A fault first looks at the entry: a present one is resolved as in any area, but for a store to a shared
 * page without the write right. For that one, and where nothing is mapped, the page of the object is needed:
 * the lock of the mapping is taken, the page found in the cache (or read, with no lock but the space's, and
 * then all begins again), and the entry looked at once more under its page-table lock.
 *
 * Rights. A page of the object is mapped writable only in a shared area, by a store, and becomes dirty in the
 * same section (D1 in src/page/mapping.c). In a private area a store gets a copy: at once where nothing is
 * mapped, by copy-on-write otherwise: the cache's reference keeps the page from being reused.
 *
 * Memory without folios (OCT_MAPPING_PFN) is the same without references, cache and dirty.
 *
 * Why it ends (I9): each turn of the loop either ends, or follows a page that was read, or an event that was
 * answered and is not asked again for that page, or an entry that somebody else has changed. */
#include "fault.h"
#include "../page/cache.h"
#include "../page/shown.h"
#include "../table/table_internal.h"

enum { AGAIN = 0x100, NEEDS_PAGE }; /* beside enum oct_fault_result */

/* What is needed: the page of the object for index. folio: NULL for memory without. */
struct source {
	struct oct_mapping *mapping;
	uint64_t index;
	oct_phys_t page;
	struct oct_folio *folio;
	oct_phys_t asked; /* the page for which the event was answered */
	bool vacant;      /* nothing was mapped when the entry was looked at */
};

static bool shared(const struct oct_fault_state *fault)
{
	return fault->vma->flags & OCT_MAP_SHARED;
}

/* The entry, locked, as it is. */
static int look(struct oct_fault_state *fault, struct source *source)
{
	oct_pte_t pte = oct_fault_get(fault);

	source->vacant = oct_pte_vacant(pte);
	if (source->vacant)
		return oct_fault_vacant(fault, pte) == OCT_FAULT_SIGNAL ? OCT_FAULT_SIGNAL : NEEDS_PAGE;
	if (!oct_pte_present(pte))
		return oct_fault_soft(fault, pte);
	if (fault->store && shared(fault) && !oct_pte_write(pte) && !oct_fault_stopped(fault, pte))
		return NEEDS_PAGE;
	return oct_fault_present(fault, pte);
}

/* A store to an empty place of a private area. */
static int install_copy(struct oct_fault_state *fault, const struct source *source)
{
	struct oct_folio *folio = oct_folio_alloc();

	if (!folio)
		return -OCT_ENOMEM;
	OCT_COVER("file-copy");
	oct_anon_born(fault->mm, fault->vma, fault->va, folio);
	oct_port_page_copy(folio->page, source->page, 0);
	oct_fault_install(fault, folio, oct_fault_entry(fault, folio));
	return OCT_FAULT_DONE;
}

static int install_page(struct oct_fault_state *fault, const struct source *source)
{
	unsigned prot = fault->store ? fault->prot : fault->prot & ~(unsigned)OCT_WRITE;
	oct_pte_t pte = oct_pte_mkyoung(oct_pte_make(source->page, prot, source->mapping->type));

	OCT_COVER("file-map");
	if (fault->store) {
		pte = oct_pte_mk_soft_dirty(oct_pte_mkdirty(pte));
		oct_shown_note(source->mapping, source->index);
	}
	if (source->folio) {
		if (fault->store)
			oct_folio_dirty_locked(source->folio); /* D1 */
		oct_folio_get(source->folio);
	}
	if (fault->protect)
		pte = oct_pte_mk_uffd_wp(pte);
	oct_fault_install(fault, source->folio, pte);
	return OCT_FAULT_DONE;
}

/* Nothing is mapped, as the entry pte, locked, says. */
static int fill(struct oct_fault_state *fault, const struct source *source, oct_pte_t pte)
{
	int result = oct_fault_vacant(fault, pte);

	if (result != OCT_FAULT_DONE)
		return result;
	if (!source->vacant && oct_vma_has_uffd(fault->vma, OCT_UFFD_MISSING | OCT_UFFD_MINOR))
		return AGAIN; /* it may be an event now */
	return fault->store && !shared(fault) ? install_copy(fault, source) : install_page(fault, source);
}

/* The source is there and the entry locked. */
static int use_source(struct oct_fault_state *fault, const struct source *source)
{
	oct_pte_t pte = oct_fault_get(fault);

	if (oct_pte_vacant(pte))
		return fill(fault, source, pte);
	if (!oct_pte_present(pte) || oct_pte_phys(pte) != source->page || !fault->store || !shared(fault) ||
	    oct_pte_write(pte) || oct_fault_stopped(fault, pte))
		return AGAIN; /* another fault was here */
	OCT_COVER("file-mkwrite");
	if (source->folio)
		oct_folio_dirty_locked(source->folio); /* D1 */
	oct_shown_note(source->mapping, source->index);
	return oct_fault_resolve(fault, pte, true);
}

/* Lock of the mapping held: is the page there? AGAIN: it is not, or not read. */
static int find_source(struct source *source)
{
	struct oct_mapping *mapping = source->mapping;

	source->folio = NULL;
	if (source->index >= mapping->pages)
		return OCT_FAULT_SIGNAL;
	if (mapping->flags & OCT_MAPPING_PFN) {
		source->page = mapping->first + (oct_phys_t)(source->index << OCT_PAGE_SHIFT);
		return 0;
	}
	source->folio = oct_cache_find(mapping, source->index);
	if (!source->folio || !oct_folio_uptodate(source->folio))
		return AGAIN;
	source->page = oct_folio_page(source->folio, source->index);
	return 0;
}

unsigned oct_file_event(struct oct_mapping *mapping, uint64_t index)
{
	struct source source = {.mapping = mapping, .index = index};
	int found;

	oct_rwlock_read_lock(&mapping->lock);
	found = find_source(&source);
	oct_rwlock_read_unlock(&mapping->lock);
	return found == 0 ? OCT_UFFD_MINOR : found == AGAIN && !source.folio ? OCT_UFFD_MISSING : 0;
}

/* Asks the owner of the object whether the page may be stored to. No lock is held but the space's, so the
 * page may go meanwhile; the reference keeps its frame from being another page with the same name. AGAIN: it
 * may. */
static int ask(struct oct_fault_state *fault, struct source *source)
{
	struct oct_event event = {.kind = source->folio ? OCT_EVENT_PAGE_MKWRITE : OCT_EVENT_PFN_MKWRITE,
	                          .mm = fault->mm,
	                          .va = fault->va,
	                          .object = source->mapping->object,
	                          .index = source->index,
	                          .page = source->page};
	int answer = oct_port_event(&event);

	source->asked = source->page;
	if (source->folio)
		oct_folio_put(source->folio);
	return !answer ? AGAIN : answer == -OCT_EAGAIN ? OCT_FAULT_RETRY : OCT_FAULT_SIGNAL;
}

/* The page is not in memory. AGAIN: now it is, or was. */
static int read_source(const struct source *source)
{
	struct oct_folio *folio;
	int error = oct_mapping_get(source->mapping, source->index, &folio);

	if (error)
		return error == -OCT_EINVAL ? OCT_FAULT_SIGNAL : error;
	oct_folio_put(folio);
	return AGAIN;
}

/* The page was looked for: would the owner of the area rather supply it, or map it himself? */
static bool is_event(struct oct_fault_state *fault, const struct source *source, int found)
{
	if (!source->vacant)
		return false;
	if (found == 0)
		return oct_fault_event(fault, OCT_UFFD_MINOR);
	return found == AGAIN && !source->folio && oct_fault_event(fault, OCT_UFFD_MISSING);
}

static int supply(struct oct_fault_state *fault, struct source *source)
{
	struct oct_rwlock *lock = &source->mapping->lock;
	int result;

	oct_rwlock_read_lock(lock);
	result = find_source(source);
	if (is_event(fault, source, result))
		result = OCT_FAULT_EVENT;
	if (!result && fault->store && shared(fault) && (source->mapping->flags & OCT_MAPPING_EVENTS) &&
	    source->asked != source->page) {
		if (source->folio)
			oct_folio_get(source->folio);
		oct_rwlock_read_unlock(lock);
		return ask(fault, source);
	}
	if (result == AGAIN) {
		oct_rwlock_read_unlock(lock);
		return read_source(source);
	}
	if (!result) {
		result = oct_fault_lock(fault);
		if (result && oct_fault_large(fault, &result)) {
			oct_rwlock_read_unlock(lock);
			return result;
		}
		result = use_source(fault, source);
		oct_fault_unlock(fault);
	}
	oct_rwlock_read_unlock(lock);
	return result;
}

/* ---- One leaf for a huge folio ------------------------------------------------------------------------- */

#if OCT_HUGE_ORDER > 0

/* May a leaf show the area what surrounds va? It gets no write right, since D1 is about single pages: a store
 * takes it apart. A glance at the object, for which nothing is locked. */
static bool leaf_welcome(const struct oct_fault_state *fault, uintptr_t first)
{
	const struct oct_vma *vma = fault->vma;

	/* Relaxed: a hint. */
	return !fault->store && !fault->unshare && first >= vma->start &&
	       vma->end - first >= OCT_HUGE_BYTES && !(vma->flags & OCT_VMA_NOHUGE) &&
	       !oct_vma_has_uffd(vma, OCT_UFFD_MODES) &&
	       (oct_shown_index(vma, first) & (OCT_HUGE_PAGES - 1)) == 0 &&
	       oct_load(&vma->mapping->huge, OCT_RLX);
}

/* Lock of the mapping held: the huge folio that has all its pages in the cache, from index first on; NULL. */
static struct oct_folio *find_huge(const struct oct_mapping *mapping, uint64_t first)
{
	struct oct_folio *folio = oct_cache_find(mapping, first);

	/* Whole in the cache: so below the end. It was up to date when it came. */
	return folio && folio->order == OCT_HUGE_ORDER &&
	               oct_cache_last(mapping, folio, first) == first + (OCT_HUGE_PAGES - 1)
	           ? folio
	           : NULL;
}

/* Stores the leaf where the slot is empty. The lock of the mapping is held: as a page's entry (WHO in
 * src/page/mapping.c). */
static bool install_leaf(struct oct_fault_state *fault, uintptr_t first, struct oct_folio *folio)
{
	const unsigned prot = fault->prot & ~(unsigned)OCT_WRITE;
	struct oct_pte_guard guard;
	bool empty;

	oct_pte_lock_at(&fault->mm->space, first, &guard);
	empty = guard.level == 1 && oct_pte_none(guard.upper);
	if (empty) {
		OCT_COVER("file-leaf");
		if (prot & OCT_EXEC)
			oct_port_icache_sync(folio->page, OCT_HUGE_ORDER);
		oct_folio_get_many(folio, OCT_HUGE_PAGES);
		oct_entry_install(&guard, guard.pte, first,
		                  oct_pte_mkyoung(oct_pte_make_leaf(folio->page, 1, prot, OCT_NORMAL)));
	}
	oct_pte_guard_unlock(NULL, &guard);
	return empty;
}

/* true: the access may come again. false: nothing was changed. */
static OCT_SELDOM bool map_leaf(struct oct_fault_state *fault, uintptr_t first)
{
	struct oct_mapping *mapping = fault->vma->mapping;
	struct oct_space *space = &fault->mm->space;
	struct oct_folio *folio;
	bool mapped = false;

	/* The deposit of the split, which cannot fail then. */
	if (oct_table_find(space, first, 0) || oct_table_prepare_slot(space, first) ||
	    oct_deposit_add(space, 1))
		return false;
	oct_rwlock_read_lock(&mapping->lock);
	folio = find_huge(mapping, oct_shown_index(fault->vma, first));
	if (folio)
		mapped = install_leaf(fault, first, folio);
	oct_rwlock_read_unlock(&mapping->lock);
	if (!mapped)
		oct_deposit_drop(space, 1);
	else if (OCT_FORMAT_CACHES_INVALID)
		oct_tlb_forget_local(space, fault->va, true);
	return mapped;
}

static bool fault_leaf(struct oct_fault_state *fault)
{
	const uintptr_t first = fault->va & ~(OCT_HUGE_BYTES - 1);

	return leaf_welcome(fault, first) && map_leaf(fault, first);
}

#else
static bool fault_leaf(const struct oct_fault_state *fault)
{
	(void)fault;
	return false;
}
#endif

int oct_file_fault(struct oct_fault_state *fault)
{
	struct source source = {.mapping = fault->vma->mapping,
	                        .index =
	                            fault->vma->pgoff + ((fault->va - fault->vma->start) >> OCT_PAGE_SHIFT),
	                        .asked = OCT_NO_PAGE};
	int result;

	if (fault_leaf(fault))
		return OCT_FAULT_DONE;
	do {
		result = oct_fault_lock(fault);
		if (result && oct_fault_large(fault, &result))
			return result;
		result = look(fault, &source);
		oct_fault_unlock(fault);
		if (result == NEEDS_PAGE)
			result = supply(fault, &source);
	} while (result == AGAIN);
	return result;
}

/* ---- Mapping and write-back ----------------------------------------------------------------------- */

int oct_mmap_file(struct oct_mm *mm, uintptr_t addr, size_t bytes, unsigned prot, unsigned flags,
                  struct oct_mapping *mapping, uint64_t pgoff, uintptr_t *result)
{
	if (!mapping || pgoff >= OCT_INDEX_END || (flags & OCT_MAP_GROWSDOWN) ||
	    ((mapping->flags & OCT_MAPPING_PFN) && !(flags & OCT_MAP_SHARED)))
		return -OCT_EINVAL;
	return oct_walk_map(mm, addr, bytes, prot, flags, mapping, pgoff, result);
}

int oct_msync(struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	const struct oct_vma *vma;
	int result = 0;

	if (!oct_mm_range_ok(mm, start, end))
		return -OCT_EINVAL;
	oct_rwlock_read_lock(&mm->lock);
	for (vma = oct_vma_first(&mm->areas, start); vma && vma->start < end;
	     vma = oct_vma_first(&mm->areas, vma->end)) {
		uintptr_t low = vma->start > start ? vma->start : start;
		uintptr_t high = vma->end < end ? vma->end : end;
		int error = 0;

		if (oct_vma_kind(vma) == OCT_VMA_FILE && (vma->flags & OCT_MAP_SHARED))
			error = oct_mapping_writeback(vma->mapping,
			                              vma->pgoff + ((low - vma->start) >> OCT_PAGE_SHIFT),
			                              (high - low) >> OCT_PAGE_SHIFT);
		if (error)
			result = error;
	}
	oct_rwlock_read_unlock(&mm->lock);
	return result;
}
