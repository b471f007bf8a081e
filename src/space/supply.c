/* supply.c: userfault: pages that somebody else supplies. SPDX-License-Identifier: MIT
 *
 * WHO OWNS WHAT
 *   the page     whoever supplies it, until its entry is stored: contents are in place before anybody sees it
 *   an entry     its page-table lock. A fault, another resolution, a collapse may come first
 *   the object   the lock of its mapping: for writing where a page comes into the cache (shared area), for
 *                reading where a page of it is mapped, or a private page in its place
 *
 * Why of two who supply a page one wins and no page is replaced. Both look at the entry under its lock, and
 * in a shared area at the cache under the mapping's; who finds something gives -OCT_EEXIST and his page back.
 * A fault that fills the entry is such a one too (I2).
 *
 * Why a truncation finds what was supplied (I1). The size is looked at and the entry stored with the
 * mapping's lock held; the truncation, which holds it for writing, comes before, and there is no page to
 * supply to, or after, and unmaps it like any other. So does an unmapping of the area, by the lock of the
 * space.
 *
 * What a retraction may do meanwhile. It holds the mapping's lock for reading too, and takes tables away that
 * are empty: oct_fault_lock makes another one, and the entry is looked at under the lock that it then has
 * (src/reclaim/retract.c; races 31). Nobody has to ask whether the area has private pages.
 *
 * Why no store is lost to write-back (I3). A page that an object gets is dirty before its entry is there (D1
 * in src/page/mapping.c); one that was there is mapped without the write right.
 *
 * Order of locks: space (read), mapping, page-table lock. A page is filled by upcall with none of them. */
#include "fault.h"
#include "../page/cache.h"
#include "../page/shown.h"

enum what { SUPPLY_CONTENTS, SUPPLY_ZERO, SUPPLY_CONTINUE, SUPPLY_POISON };

struct supply {
	struct oct_mm *mm;
	enum what what;
	unsigned flags;  /* enum oct_uffd_flag */
	oct_phys_t from; /* CONTENTS: to copy; OCT_NO_PAGE: by fill */
	int (*fill)(void *arg, uintptr_t va, oct_phys_t page);
	void *arg;
	struct oct_folio *folio; /* CONTENTS: the page at va, filled; NULL once it is used */
};

/* ---- One entry ---------------------------------------------------------------------------------- */

/* Locks the entry, where nothing may be mapped. 0, or why not: nothing is locked. */
static int lock_vacant(struct oct_fault_state *fault, unsigned flags)
{
	int error = oct_fault_lock(fault);
	oct_pte_t pte;

	if (error == OCT_FAULT_LARGE) {
		oct_fault_unlock(fault);
		return -OCT_EEXIST;
	}
	if (error)
		return error;
	pte = oct_pte_get(&fault->guard);
	if (oct_pte_vacant(pte)) {
		fault->protect = (flags & OCT_UFFD_PROTECTED) || (oct_pte_marked(pte, OCT_MARKER_UFFD_WP) &&
		                                                  oct_vma_has_uffd(fault->vma, OCT_UFFD_WP));
		return 0;
	}
	oct_fault_unlock(fault);
	OCT_COVER("supply-exists");
	return oct_pte_soft_kind(pte) == OCT_SOFT_BROKEN ? -OCT_EAGAIN : -OCT_EEXIST;
}

/* Stores the locked entry. The CPU that faulted may find it missing once more (oct_entry_install). */
static void store_entry(struct oct_fault_state *fault, oct_pte_t pte)
{
	if (oct_pte_exec(pte))
		oct_port_icache_sync(oct_pte_phys(pte), 0);
	oct_entry_install(&fault->guard, fault->guard.pte, fault->va, pte);
	oct_fault_unlock(fault);
}

/* The page of its own that a private area gets. */
static int map_private(struct oct_fault_state *fault, struct supply *supply)
{
	struct oct_folio *folio = supply->folio;
	int error = lock_vacant(fault, supply->flags);

	if (error)
		return error;
	if (folio) {
		OCT_COVER("supply-page");
		oct_anon_born(fault->mm, fault->vma, fault->va, folio);
		supply->folio = NULL;
		fault->store = true;
	} else {
		OCT_COVER("supply-zero");
		folio = oct_port_folio_of(fault->mm->zero_page);
	}
	store_entry(fault, oct_fault_entry(fault, folio));
	return 0;
}

/* ---- Objects ------------------------------------------------------------------------------------ */

/* The page that the object gets, mapped. Its lock is held for writing, and the cache has room. */
static int map_into_cache(struct oct_fault_state *fault, struct supply *supply, uint64_t index)
{
	struct oct_mapping *mapping = fault->vma->mapping;
	struct oct_folio *folio = supply->folio;
	int error = lock_vacant(fault, supply->flags);

	if (error)
		return error;
	OCT_COVER("supply-cache");
	supply->folio = NULL;
	folio->mapping = mapping;
	folio->index = index;
	/* Relaxed: published by the lock of the mapping. Dirty in the section that may give the write right
	 * (D1). */
	oct_store(&folio->flags, (uint32_t)(OCT_FOLIO_UPTODATE | OCT_FOLIO_DIRTY), OCT_RLX);
	oct_folio_get(folio);
	oct_cache_insert(mapping, folio);
	oct_shown_note(mapping, index);
	fault->store = !(mapping->flags & OCT_MAPPING_EVENTS);
	store_entry(fault, oct_fault_entry(fault, folio));
	return 0;
}

static int supply_object(struct oct_fault_state *fault, struct supply *supply, uint64_t index)
{
	struct oct_mapping *mapping = fault->vma->mapping;
	int error;

	if (index >= mapping->pages)
		return -OCT_EFAULT;
	if (oct_cache_find(mapping, index))
		return -OCT_EEXIST;
	error = oct_cache_prepare(mapping, index);
	if (!error && !supply->folio) { /* zeros */
		supply->folio = oct_folio_alloc();
		if (!supply->folio)
			return -OCT_ENOMEM;
		oct_port_page_clear(supply->folio->page, 0);
	}
	return error ? error : map_into_cache(fault, supply, index);
}

/* The page that the object has. Its lock is held. */
static int map_cached(struct oct_fault_state *fault, struct supply *supply, uint64_t index)
{
	struct oct_folio *folio = oct_cache_find(fault->vma->mapping, index);
	int error;

	if (!folio || !oct_folio_uptodate(folio))
		return -OCT_EFAULT;
	error = lock_vacant(fault, supply->flags);
	if (error)
		return error;
	OCT_COVER("supply-continue");
	oct_folio_get(folio);
	store_entry(fault,
	            oct_pte_advance(oct_fault_entry(fault, folio), (index - folio->index) << OCT_PAGE_SHIFT));
	return 0;
}

static int supply_shown(struct oct_fault_state *fault, struct supply *supply)
{
	struct oct_mapping *mapping = fault->vma->mapping;
	uint64_t index = oct_shown_index(fault->vma, fault->va);
	int error;

	if (mapping->flags & OCT_MAPPING_PFN)
		return -OCT_EEXIST; /* the memory is always there */
	if (supply->what != SUPPLY_CONTINUE && (fault->vma->flags & OCT_MAP_SHARED)) {
		oct_rwlock_write_lock(&mapping->lock);
		error = supply_object(fault, supply, index);
		oct_rwlock_write_unlock(&mapping->lock);
		return error;
	}
	oct_rwlock_read_lock(&mapping->lock);
	if (index >= mapping->pages)
		error = -OCT_EFAULT;
	else if (supply->what == SUPPLY_CONTINUE)
		error = map_cached(fault, supply, index);
	else
		error = map_private(fault, supply);
	oct_rwlock_read_unlock(&mapping->lock);
	return error;
}

/* ---- One page ----------------------------------------------------------------------------------- */

static int poison(struct oct_fault_state *fault)
{
	int error = lock_vacant(fault, 0);
	uint64_t bits;
	oct_pte_t old;

	if (error)
		return error;
	bits = oct_pte_soft_value(oct_pte_get(&fault->guard)) | OCT_MARKER_POISON;
	/* Nothing was present, so there is no verdict but the ticket's. */
	(void)!oct_entry_change(&fault->ticket, &fault->guard, fault->guard.pte, fault->va,
	                        oct_pte_mksoft(OCT_SOFT_MARKER, bits), &old);
	oct_fault_unlock(fault);
	return 0;
}

/* The lock of the space is held. */
static int supply_locked(struct supply *supply, uintptr_t va)
{
	struct oct_fault_state fault = {.mm = supply->mm, .va = va};

	fault.vma = oct_vma_find(&supply->mm->areas, va);
	if (!fault.vma || !oct_vma_has_uffd(fault.vma, OCT_UFFD_MODES))
		return -OCT_ENOENT;
	if ((supply->flags & OCT_UFFD_PROTECTED) && !oct_vma_has_uffd(fault.vma, OCT_UFFD_WP))
		return -OCT_EINVAL;
	fault.prot = fault.vma->prot;
	fault.kind = oct_vma_kind(fault.vma);
	if (supply->what == SUPPLY_POISON)
		return poison(&fault);
	switch (fault.kind) {
	case OCT_VMA_FILE:
		return supply_shown(&fault, supply);
	case OCT_VMA_SHARED: /* its pages were made with it */
		return supply->what == SUPPLY_CONTINUE ? -OCT_EINVAL : -OCT_EEXIST;
	case OCT_VMA_ANON:
		break;
	}
	return supply->what == SUPPLY_CONTINUE ? -OCT_EINVAL : map_private(&fault, supply);
}

/* A page of contents for va, the number-th of the call. */
static int make_page(struct supply *supply, uintptr_t va, size_t number)
{
	int error = 0;

	supply->folio = oct_folio_alloc();
	if (!supply->folio)
		return -OCT_ENOMEM;
	if (supply->from != OCT_NO_PAGE)
		oct_port_page_copy(supply->folio->page, supply->from + ((oct_phys_t)number << OCT_PAGE_SHIFT),
		                   0);
	else
		error = supply->fill(supply->arg, va, supply->folio->page);
	return error;
}

static int supply_page(struct supply *supply, uintptr_t va, size_t number)
{
	int error = 0;

	supply->folio = NULL;
	if (supply->what == SUPPLY_CONTENTS)
		error = make_page(supply, va, number);
	if (!error) {
		oct_rwlock_read_lock(&supply->mm->lock);
		error = supply_locked(supply, va);
		oct_rwlock_read_unlock(&supply->mm->lock);
	}
	if (supply->folio)
		oct_folio_put(supply->folio); /* nobody has seen it */
	return error;
}

/* ---- The calls ---------------------------------------------------------------------------------- */

bool oct_uffd_range_ok(const struct oct_mm *mm, uintptr_t start, size_t pages)
{
	return pages > 0 && pages <= INT32_MAX && pages <= (mm->space.last >> OCT_PAGE_SHIFT) &&
	       start <= mm->space.last && oct_mm_range_ok(mm, start, start + (pages << OCT_PAGE_SHIFT));
}

static int supply_pages(struct supply *supply, uintptr_t start, size_t pages)
{
	if (!oct_uffd_range_ok(supply->mm, start, pages) || (supply->flags & ~(unsigned)OCT_UFFD_PROTECTED))
		return -OCT_EINVAL;
	for (size_t n = 0; n < pages; n++) {
		int error = supply_page(supply, start + (n << OCT_PAGE_SHIFT), n);

		if (error)
			return n ? (int)n : error;
	}
	return (int)pages;
}

int oct_uffd_copy(struct oct_mm *mm, uintptr_t start, size_t pages, oct_phys_t from, unsigned flags)
{
	struct supply supply = {.mm = mm, .what = SUPPLY_CONTENTS, .flags = flags, .from = from};

	if (from & ~(oct_phys_t)OCT_PAGE_MASK)
		return -OCT_EINVAL;
	return supply_pages(&supply, start, pages);
}

int oct_uffd_fill(struct oct_mm *mm, uintptr_t start, size_t pages,
                  int (*fill)(void *arg, uintptr_t va, oct_phys_t page), void *arg, unsigned flags)
{
	struct supply supply = {
	    .mm = mm, .what = SUPPLY_CONTENTS, .flags = flags, .from = OCT_NO_PAGE, .fill = fill, .arg = arg};

	return supply_pages(&supply, start, pages);
}

int oct_uffd_zeropage(struct oct_mm *mm, uintptr_t start, size_t pages, unsigned flags)
{
	struct supply supply = {.mm = mm, .what = SUPPLY_ZERO, .flags = flags};

	return supply_pages(&supply, start, pages);
}

int oct_uffd_continue(struct oct_mm *mm, uintptr_t start, size_t pages, unsigned flags)
{
	struct supply supply = {.mm = mm, .what = SUPPLY_CONTINUE, .flags = flags};

	return supply_pages(&supply, start, pages);
}

int oct_uffd_poison(struct oct_mm *mm, uintptr_t start, size_t pages)
{
	struct supply supply = {.mm = mm, .what = SUPPLY_POISON};

	return supply_pages(&supply, start, pages);
}
