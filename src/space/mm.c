/* mm.c: address spaces and their areas. SPDX-License-Identifier: MIT
 *
 * Every call here follows one order: check; reserve (areas, tables, pages: all that can fail); change
 * areas and entries (nothing fails any more); complete the ticket; unlock. So an error leaves
 * everything as it was, and an address is free for reuse only when no TLB can reach its old
 * page (I1, I4). */
#include "walk.h"
#include "../page/shown.h"
#include "../notify/notifier.h"

/* ---- The space ------------------------------------------------------------------------------ */

/* References of entries to several pages of a block, or of a large leaf: of one large folio, or of each. */
static __attribute__((noinline)) void release_run(const struct oct_mm *mm, oct_phys_t page, unsigned pages)
{
	if (oct_port_folio_of(page)->order) {
		oct_folio_put_many(oct_folio_of(page), pages);
		return;
	}
	for (; pages > 0; pages--, page += OCT_PAGE_SIZE)
		if (page != mm->zero_page)
			oct_folio_put(oct_folio_of(page));
}

/* An entry's reference, or several, given up by a ticket that is complete. */
static void release_pages(struct oct_space *space, oct_phys_t page, unsigned pages)
{
	const struct oct_mm *mm = (const struct oct_mm *)(const void *)space; /* its first member */

	if (pages > 1)
		release_run(mm, page, pages);
	else if (page != mm->zero_page)
		oct_folio_put(oct_folio_of(page));
}

/* The system's page of zeros, made by who needs it first. */
static int get_zero_page(struct oct_system *system, oct_phys_t *page)
{
	/* Acquire: pairs with the release below; the page is cleared. */
	oct_phys_t zero = oct_load(&system->zero_page, OCT_ACQ);
	struct oct_folio *folio;

	*page = zero;
	if (zero != OCT_NO_PAGE)
		return 0;
	folio = oct_folio_alloc();
	if (!folio)
		return -OCT_ENOMEM;
	oct_port_page_clear(folio->page, 0);
	*page = folio->page;
	if (!oct_cas(&system->zero_page, &zero, folio->page, OCT_ACQ_REL)) {
		oct_folio_put(folio); /* another was faster */
		*page = oct_load(&system->zero_page, OCT_ACQ);
	}
	return 0;
}

int oct_mm_init(struct oct_mm *mm, struct oct_system *system)
{
	int error = get_zero_page(system, &mm->zero_page);

	if (!error)
		error = oct_space_init(&mm->space, system);
	if (error)
		return error;
	mm->space.page_release = release_pages;
	mm->policy = 0;
	mm->large = false;
	mm->told = false;
	mm->notifiers = NULL;
	mm->stack_bytes = OCT_STACK_BYTES;
	oct_rwlock_init(&mm->lock);
	oct_vma_tree_init(&mm->areas);
	oct_kin_init(&mm->kin);
	mm->uffd_wakes = 0;
	return 0;
}

int oct_mm_set_policy(struct oct_mm *mm, unsigned policy)
{
	if (policy & ~(unsigned)(OCT_MM_NO_WRITE_EXEC | OCT_MM_TOP_DOWN | OCT_MM_LARGE_FOLIOS))
		return -OCT_EINVAL;
	oct_rwlock_write_lock(&mm->lock);
	mm->policy = policy;
	mm->large |= (policy & OCT_MM_LARGE_FOLIOS) != 0;
	oct_rwlock_write_unlock(&mm->lock);
	return 0;
}

/* Pages of all areas through ticket: outside of areas nothing is mapped. */
static void unmap_areas(struct oct_mm *mm, struct oct_ticket *ticket)
{
	const struct oct_vma *vma;

	for (vma = oct_vma_first(&mm->areas, 0); vma; vma = oct_vma_first(&mm->areas, vma->end))
		if (oct_table_unmap(&mm->space, vma->start, vma->end, true, ticket))
			oct_port_panic("unmapping refused an area");
}

void oct_mm_reset(struct oct_mm *mm)
{
	struct oct_announced announced;
	struct oct_ticket ticket;

	oct_rwlock_write_lock(&mm->lock);
	oct_announce(&announced, mm, OCT_USER_START, mm->space.last + 1);
	oct_walk_leave_objects(mm, OCT_USER_START, mm->space.last + 1);
	oct_walk_ticket(&ticket, mm);
	unmap_areas(mm, &ticket);
	oct_vma_clear(&mm->areas); /* before the tables: an object's reverse map leads to them */
	if (oct_table_trim(&mm->space, 0, mm->space.last + 1, &ticket))
		oct_port_panic("trimming refused a space");
	/* R4: before an address can be mapped again. */
	oct_ticket_complete(&ticket);
	oct_announce_end(&announced);
	oct_vma_trim(&mm->areas);
	oct_rwlock_write_unlock(&mm->lock);
}

void oct_mm_exit(struct oct_mm *mm)
{
	struct oct_ticket ticket;

	if (mm->told)
		oct_notifiers_leave(mm);
	oct_anon_remove(mm); /* its entries keep the references that nobody finds any more */
	/* R5: a dying space first leaves every CPU; then its flushes have no target. */
	oct_space_leave(&mm->space);
	oct_walk_leave_objects(mm, OCT_USER_START, mm->space.last + 1);
	oct_walk_ticket(&ticket, mm);
	unmap_areas(mm, &ticket);
	oct_ticket_complete(&ticket);
	oct_vma_clear(&mm->areas);
	oct_vma_trim(&mm->areas);
	oct_space_exit(&mm->space);
}

void oct_mm_switch(struct oct_system *system, struct oct_mm *mm)
{
	oct_space_switch(system, mm ? &mm->space : NULL);
}

/* ---- mmap ----------------------------------------------------------------------------------- */

uintptr_t oct_mm_gap(const struct oct_mm *mm, size_t bytes, unsigned flags)
{
	/* What grows down leaves room for its own guard, too. */
	size_t guard = flags & OCT_MAP_GROWSDOWN ? (size_t)OCT_STACK_GUARD_PAGES << OCT_PAGE_SHIFT : 0;
	uintptr_t low = OCT_USER_START, high = mm->space.last + 1, start;

	start = mm->policy & OCT_MM_TOP_DOWN ? oct_vma_gap_down(&mm->areas, low, high, bytes + guard)
	                                     : oct_vma_gap(&mm->areas, low, high, bytes + guard);
	return start ? start + guard : 0;
}

static bool policy_forbids(const struct oct_mm *mm, unsigned prot)
{
	return (mm->policy & OCT_MM_NO_WRITE_EXEC) && (prot & OCT_WRITE) && (prot & OCT_EXEC);
}

/* Where the new area goes: checks the request and chooses *start. */
static int choose_range(const struct oct_mm *mm, uintptr_t addr, size_t bytes, unsigned flags,
                        const struct oct_mapping *mapping, uintptr_t *start, uintptr_t *end)
{
	const struct oct_vma *vma;
	int error;

	if (addr == 0 && !(flags & (OCT_MAP_FIXED | OCT_MAP_FIXED_NOREPLACE))) {
		error = oct_mm_range(mm, OCT_USER_START, bytes, end);
		if (error)
			return error;
		bytes = *end - OCT_USER_START;
		*start = oct_mm_gap(mm, bytes, flags);
		*end = *start + bytes;
		return *start ? 0 : -OCT_ENOMEM;
	}
	*start = addr;
	error = oct_mm_range(mm, addr, bytes, end);
	if (error)
		return error;
	vma = oct_vma_first(&mm->areas, addr);
	if (vma && vma->start < *end &&
	    ((flags & (OCT_MAP_FIXED | OCT_MAP_FIXED_NOREPLACE)) != OCT_MAP_FIXED ||
	     ((flags & OCT_MAP_SHARED) && !mapping)))
		return -OCT_EEXIST;
	return 0;
}

/* Unmap what was populated of a range that never became an area. */
static void depopulate(struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	oct_walk_remove(mm, start, end);
}

/* Give every address of an unmapped range a cleared page that no user may touch yet: there is no area,
 * and it may come to nothing. Nothing is left behind on -OCT_ENOMEM. */
static int populate(struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	int error = oct_table_prepare(&mm->space, start, end);

	for (uintptr_t va = start; va < end && !error; va += OCT_PAGE_SIZE) {
		struct oct_folio *folio = oct_folio_alloc();
		struct oct_pte_guard guard;

		if (!folio) {
			error = -OCT_ENOMEM;
			break;
		}
		oct_store(&folio->flags, (uint32_t)OCT_FOLIO_ANON | OCT_FOLIO_SHARED, OCT_RLX);
		oct_port_page_clear(folio->page, 0);
		oct_pte_lock_at(&mm->space, va, &guard);
		oct_entry_install(&guard, guard.pte, va, oct_pte_make(folio->page, OCT_NONE, OCT_NORMAL));
		oct_pte_guard_unlock(NULL, &guard);
	}
	if (error)
		depopulate(mm, start, end);
	return error;
}

/* Rights for a populated page, so that it needs no fault; execution comes with one, which knows whether
 * instruction fetch must be told. */
static oct_pte_t grant_rights(oct_pte_t pte, unsigned long arg)
{
	if (!oct_pte_present(pte))
		return pte;
	pte = oct_pte_mkyoung(oct_pte_modify(pte, (unsigned)arg & ~(unsigned)OCT_EXEC));
	return arg & OCT_WRITE ? oct_pte_mk_soft_dirty(oct_pte_mkdirty(pte)) : pte;
}

int oct_mm_populate_shared(struct oct_mm *mm, uintptr_t start, uintptr_t end, unsigned prot)
{
	struct oct_ticket ticket;
	int error = populate(mm, start, end);

	if (error)
		return error;
	oct_ticket_init(&ticket, &mm->space);
	oct_walk_change(mm, start, end, grant_rights, prot, false, &ticket);
	oct_ticket_complete(&ticket); /* rights gained: nothing to flush */
	return 0;
}

static int map_locked(struct oct_mm *mm, uintptr_t addr, size_t bytes, unsigned prot, unsigned flags,
                      struct oct_mapping *mapping, uint64_t pgoff, uintptr_t *result)
{
	uintptr_t start, end;
	struct oct_vma *there;
	int error = choose_range(mm, addr, bytes, flags, mapping, &start, &end);

	if (error)
		return error;
	error = oct_vma_reserve(&mm->areas, 1 + oct_vma_cuts(&mm->areas, start, end));
	if (error)
		return error;
	there = oct_vma_first(&mm->areas, start);
	if ((flags & OCT_MAP_SHARED) && !mapping) {
		error = oct_mm_populate_shared(mm, start, end, prot);
		if (error)
			return error;
	} else if (there && there->start < end) {
		struct oct_announced announced;

		oct_vma_split(&mm->areas, start);
		oct_vma_split(&mm->areas, end);
		oct_announce(&announced, mm, start, end);
		oct_walk_remove(mm, start, end);
		oct_announce_end(&announced);
	}
	there = oct_vma_insert(&mm->areas, start, end, prot, flags & (OCT_MAP_SHARED | OCT_MAP_GROWSDOWN));
	if (mapping) {
		there->mapping = mapping;
		there->pgoff = pgoff;
		oct_rwlock_write_lock(&mapping->lock);
		oct_shown_insert(there, &mm->space);
		oct_rwlock_write_unlock(&mapping->lock);
	}
	oct_vma_merge(&mm->areas, start, end);
	*result = start;
	return 0;
}

enum {
	MAP_FLAGS =
	    OCT_MAP_FIXED | OCT_MAP_SHARED | OCT_MAP_FIXED_NOREPLACE | OCT_MAP_POPULATE | OCT_MAP_GROWSDOWN,
	SHARED_STACK = OCT_MAP_SHARED | OCT_MAP_GROWSDOWN,
};

int oct_walk_map(struct oct_mm *mm, uintptr_t addr, size_t bytes, unsigned prot, unsigned flags,
                 struct oct_mapping *mapping, uint64_t pgoff, uintptr_t *result)
{
	int error;

	if ((prot & ~(unsigned)OCT_PROT_MASK) || (flags & ~(unsigned)MAP_FLAGS) ||
	    (flags & SHARED_STACK) == SHARED_STACK)
		return -OCT_EINVAL;
	oct_rwlock_write_lock(&mm->lock);
	error = policy_forbids(mm, prot)
	            ? -OCT_EACCES
	            : map_locked(mm, addr, bytes, oct_mm_prot(prot), flags, mapping, pgoff, result);
	oct_vma_trim(&mm->areas);
	oct_rwlock_write_unlock(&mm->lock);
	/* What there is no memory for comes by faults. A shared area has its pages already. */
	if (!error && (flags & OCT_MAP_POPULATE) && (mapping || !(flags & OCT_MAP_SHARED)) && prot)
		(void)!oct_madvise(mm, *result, (*result + bytes + OCT_PAGE_SIZE - 1) & OCT_PAGE_MASK,
		                   prot & OCT_WRITE ? OCT_MADV_POPULATE_WRITE : OCT_MADV_POPULATE_READ);
	return error;
}

int oct_mmap(struct oct_mm *mm, uintptr_t addr, size_t bytes, unsigned prot, unsigned flags,
             uintptr_t *result)
{
	return oct_walk_map(mm, addr, bytes, prot, flags, NULL, 0, result);
}

/* ---- munmap --------------------------------------------------------------------------------- */

int oct_mm_unmap(struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	struct oct_vma *vma = oct_vma_first(&mm->areas, start);
	int error;

	if (!vma || vma->start >= end)
		return 0;
	/* Only a hole in the middle of one area makes an area more; otherwise a cut-off piece is
	 * trimmed in place and nothing can fail. */
	if (vma->start < start && vma->end > end) {
		error = oct_vma_reserve(&mm->areas, 1);
		if (error)
			return error;
		oct_vma_split(&mm->areas, end);
	}
	oct_walk_leave_objects(mm, start, end);
	if (vma->start < start) {
		oct_vma_resize(&mm->areas, vma, vma->start, start);
		vma = oct_vma_first(&mm->areas, start);
	}
	while (vma && vma->end <= end && vma->start < end)
		vma = oct_vma_first(&mm->areas, vma->end);
	if (vma && vma->start < end)
		oct_vma_resize(&mm->areas, vma, end, vma->end);
	oct_walk_remove(mm, start, end);
	return 0;
}

int oct_munmap(struct oct_mm *mm, uintptr_t addr, size_t bytes)
{
	struct oct_announced announced;
	uintptr_t end;
	int error = oct_mm_range(mm, addr, bytes, &end);

	if (error)
		return error;
	oct_rwlock_write_lock(&mm->lock);
	oct_announce(&announced, mm, addr, end);
	error = oct_mm_unmap(mm, addr, end);
	oct_announce_end(&announced);
	oct_vma_trim(&mm->areas);
	oct_rwlock_write_unlock(&mm->lock);
	return error;
}

/* ---- mprotect ------------------------------------------------------------------------------- */

/* Keep of the rights only those in arg. Rights gained come with the next fault: it knows whether
 * the page must be copied first, and whether instruction fetch must be told. */
static oct_pte_t keep_rights(oct_pte_t pte, unsigned long arg)
{
	unsigned have = oct_pte_prot(pte), keep = have & (unsigned)arg;

	return oct_pte_present(pte) && keep != have ? oct_pte_modify(pte, keep) : pte;
}

int oct_mm_covered(const struct oct_mm *mm, uintptr_t start, uintptr_t end, unsigned *had)
{
	uintptr_t covered = start;

	*had = 0;
	while (covered < end) {
		const struct oct_vma *vma = oct_vma_find(&mm->areas, covered);

		if (!vma)
			return -OCT_ENOMEM;
		*had |= vma->prot;
		covered = vma->end;
	}
	return 0;
}

static int protect_locked(struct oct_mm *mm, uintptr_t start, uintptr_t end, unsigned prot)
{
	struct oct_ticket ticket;
	unsigned had;
	int error = oct_mm_covered(mm, start, end, &had);

	if (error)
		return error;
	if (policy_forbids(mm, prot))
		return -OCT_EACCES;
	error = oct_vma_reserve(&mm->areas, oct_vma_cuts(&mm->areas, start, end));
	if (error)
		return error;
	oct_vma_split(&mm->areas, start);
	oct_vma_split(&mm->areas, end);
	for (uintptr_t va = start; va < end;) {
		struct oct_vma *vma = oct_vma_find(&mm->areas, va);

		vma->prot = prot;
		va = vma->end;
	}
	oct_vma_merge(&mm->areas, start, end);
	if (had & ~prot) {
		struct oct_announced announced;

		oct_announce(&announced, mm, start, end);
		oct_ticket_init(&ticket, &mm->space);
		oct_walk_change(mm, start, end, keep_rights, prot, true, &ticket);
		oct_ticket_complete(&ticket);
		oct_announce_end(&announced);
	}
	return 0;
}

int oct_mprotect(struct oct_mm *mm, uintptr_t addr, size_t bytes, unsigned prot)
{
	uintptr_t end;
	int error = oct_mm_range(mm, addr, bytes, &end);

	if (error || (prot & ~(unsigned)OCT_PROT_MASK))
		return -OCT_EINVAL;
	oct_rwlock_write_lock(&mm->lock);
	error = protect_locked(mm, addr, end, oct_mm_prot(prot));
	oct_vma_trim(&mm->areas);
	oct_rwlock_write_unlock(&mm->lock);
	return error;
}

/* ---- Single entries ------------------------------------------------------------------------- */

static int map_folio_locked(struct oct_mm *mm, uintptr_t va, struct oct_folio *folio, unsigned prot)
{
	const struct oct_vma *vma = oct_vma_find(&mm->areas, va);
	struct oct_pte_guard guard;
	oct_pte_t pte;
	bool again;
	int error;

	if (!vma || vma->mapping || (prot & ~vma->prot))
		return -OCT_EINVAL;
	do { /* a leaf may take the place of the table meanwhile, and go */
		error = oct_table_prepare(&mm->space, va, va + OCT_PAGE_SIZE);
		if (error)
			return error;
		oct_pte_lock_at(&mm->space, va, &guard);
		again = guard.level && oct_pte_none(guard.upper);
		if (again)
			oct_pte_guard_unlock(NULL, &guard);
	} while (again);
	if (oct_pte_none(oct_pte_get(&guard))) {
		pte = oct_pte_mkyoung(oct_pte_make(folio->page, prot, OCT_NORMAL));
		if (prot & OCT_WRITE)
			pte = oct_pte_mk_soft_dirty(oct_pte_mkdirty(pte));
		if (prot & OCT_EXEC)
			oct_port_icache_sync(folio->page, 0);
		oct_folio_get(folio);
		oct_entry_install(&guard, guard.pte, va, pte);
	} else {
		error = -OCT_EEXIST;
	}
	oct_pte_guard_unlock(NULL, &guard);
	return error;
}

int oct_mm_map_folio(struct oct_mm *mm, uintptr_t va, struct oct_folio *folio, unsigned prot)
{
	int error;

	if (!folio || (prot & ~(unsigned)OCT_PROT_MASK) || !oct_mm_range_ok(mm, va, va + OCT_PAGE_SIZE))
		return -OCT_EINVAL;
	oct_rwlock_read_lock(&mm->lock);
	error = map_folio_locked(mm, va, folio, oct_mm_prot(prot));
	oct_rwlock_read_unlock(&mm->lock);
	return error;
}

oct_pte_t *oct_pte_lock(struct oct_mm *mm, uintptr_t va)
{
	return oct_space_pte_lock_raw(&mm->space, va);
}

void oct_pte_unlock(struct oct_mm *mm, oct_pte_t *pte)
{
	oct_space_pte_unlock_raw(&mm->space, pte);
}
