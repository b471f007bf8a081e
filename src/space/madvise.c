/* madvise.c: what is said of how a range will be used. SPDX-License-Identifier: MIT
 *
 * DONTNEED and FREE take pages or dirty bits away while faults run beside them (the lock of the space is held
 * for reading); both are complete when they return. Between, the stamp of each table says to everybody who
 * takes its lock that TLBs may still hold what the entries do not show any more (R3), so a copy, a second
 * DONTNEED or a reclaim of a clean page relies on it and invalidates by itself (R4; races 5 and 7).
 *
 * FREE and a store (I2, I3). A store makes the entry dirty, by hardware's atomic update or by a fault, unless
 * its CPU still holds the entry as dirty: such a store may come until the flush is complete, and is one that
 * was made before the call. The mark on the folio is set before its entry is cleaned, in one section of
 * the page-table lock; who reclaims looks at both under the same lock. */
#include <octavo/contpte.h>
#include "walk.h"
#include "../notify/notifier.h"
#include "../page/shown.h"

/* ---- DONTNEED ------------------------------------------------------------------------------- */

/* An area of [start, end) that is not of kind, or with other, that is. */
static bool any_area(const struct oct_mm *mm, uintptr_t start, uintptr_t end, enum oct_vma_kind kind,
                     bool other)
{
	const struct oct_vma *vma = oct_vma_first(&mm->areas, start);

	for (; vma && vma->start < end; vma = oct_vma_first(&mm->areas, vma->end))
		if ((oct_vma_kind(vma) == kind) != other)
			return true;
	return false;
}

int oct_madvise_dontneed(struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	int error = -OCT_EINVAL;

	if (!oct_mm_range_ok(mm, start, end))
		return error;
	oct_rwlock_read_lock(&mm->lock);
	if (!any_area(mm, start, end, OCT_VMA_SHARED, false)) {
		struct oct_announced announced;
		struct oct_ticket ticket;

		oct_announce(&announced, mm, start, end);
		/* Entries that are already empty are relied upon in there: the call that emptied
		 * them may not have flushed yet (races 5). */
		oct_walk_ticket(&ticket, mm);
		oct_walk_zap(mm, start, end, &ticket);
		error = 0;
		oct_ticket_complete(&ticket);
		oct_announce_end(&announced);
	}
	oct_rwlock_read_unlock(&mm->lock);
	return error;
}

/* ---- FREE ----------------------------------------------------------------------------------- */

static oct_pte_t make_free(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_present(pte) ? oct_pte_mkold(oct_pte_mkclean(pte)) : pte;
}

static void free_entry(struct oct_mm *mm, struct oct_pte_guard *guard, struct oct_ticket *ticket)
{
	oct_pte_t pte = oct_ptep_get(guard), old;
	struct oct_folio *folio;

	if (!oct_pte_present(pte) || oct_mm_is_zero(mm, pte))
		return;
	folio = oct_folio_of(oct_pte_phys(pte));
	if (!oct_folio_exclusive_at(folio, guard))
		return; /* the others want the contents */
	if (folio->order) { /* the advice is about this page alone */
		if (!oct_folio_split(folio, guard))
			return;
		folio = oct_folio_of(oct_pte_phys(pte));
	}
	/* Relaxed: read under the page-table lock of an entry that maps the folio. */
	oct_fetch_or(&folio->flags, (uint32_t)OCT_FOLIO_LAZYFREE, OCT_RLX);
	/* The verdict is the ticket's business: complete before the call returns. */
	(void)!oct_entry_update(ticket, guard, guard->pte, guard->va, make_free, 0, &old);
}

static void free_contents(struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	struct oct_ticket ticket;
	uintptr_t va = start;

	oct_ticket_init(&ticket, &mm->space);
	while (va >= start && va < end) { /* not past the top of addresses */
		struct oct_pte_guard guard;

		oct_pte_lock_page(&mm->space, va, &guard);
		va = oct_level_next(va, guard.level == 0 ? 1 : guard.level);
		if (guard.level == 0) {
			do {
				free_entry(mm, &guard, &ticket);
			} while (guard.va + OCT_PAGE_SIZE < end && oct_pte_guard_next(&guard));
		}
		oct_pte_guard_unlock(&ticket, &guard);
	}
	oct_ticket_complete(&ticket);
}

static int madvise_free(struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	int error = -OCT_EINVAL;

	oct_rwlock_read_lock(&mm->lock);
	if (!any_area(mm, start, end, OCT_VMA_ANON, true)) {
		struct oct_announced announced;

		oct_announce(&announced, mm, start, end);
		free_contents(mm, start, end);
		oct_announce_end(&announced);
		error = 0;
	}
	oct_rwlock_read_unlock(&mm->lock);
	return error;
}

/* ---- POPULATE ------------------------------------------------------------------------------- */

/* Why va has no page that grants access. */
static int refusal(struct oct_mm *mm, uintptr_t va)
{
	bool there;

	oct_rwlock_read_lock(&mm->lock);
	there = oct_vma_find(&mm->areas, va) != NULL;
	oct_rwlock_read_unlock(&mm->lock);
	return there ? -OCT_EACCES : -OCT_ENOMEM;
}

static int madvise_populate(struct oct_mm *mm, uintptr_t start, uintptr_t end, unsigned access)
{
	for (uintptr_t va = start; va < end; va += OCT_PAGE_SIZE) {
		int result;

		/* Somebody has the page in hand, or it came back from swap without what access needs. */
		do {
			result = oct_fault(mm, va, access);
		} while (result == OCT_FAULT_RETRY);
		if (result == OCT_FAULT_SIGNAL)
			return refusal(mm, va);
		if (result != OCT_FAULT_DONE)
			return result < 0 ? result : -OCT_EBUSY;
	}
	return 0;
}

/* ---- Flags of areas ------------------------------------------------------------------------- */

int oct_walk_set_flags(struct oct_mm *mm, uintptr_t start, uintptr_t end, unsigned clear, unsigned set)
{
	unsigned had;
	int error = oct_mm_covered(mm, start, end, &had);

	if (!error)
		error = oct_vma_reserve(&mm->areas, oct_vma_cuts(&mm->areas, start, end));
	if (error)
		return error;
	mm->large |= set == OCT_VMA_HUGE;
	oct_vma_split(&mm->areas, start);
	oct_vma_split(&mm->areas, end);
	for (uintptr_t va = start; va < end;) {
		struct oct_vma *vma = oct_vma_find(&mm->areas, va);

		oct_shown_begin(vma); /* who comes from its object looks at them */
		vma->flags = (vma->flags & ~clear) | set;
		oct_shown_end(vma);
		va = vma->end;
	}
	oct_vma_merge(&mm->areas, start, end);
	return 0;
}

int oct_walk_flags(struct oct_mm *mm, uintptr_t start, uintptr_t end, unsigned clear, unsigned set)
{
	int error;

	oct_rwlock_write_lock(&mm->lock);
	error = oct_walk_set_flags(mm, start, end, clear, set);
	oct_vma_trim(&mm->areas);
	oct_rwlock_write_unlock(&mm->lock);
	return error;
}

static int madvise_flags(struct oct_mm *mm, uintptr_t start, uintptr_t end, unsigned set)
{
	return oct_walk_flags(mm, start, end, OCT_VMA_HUGE | OCT_VMA_NOHUGE, set);
}

int oct_madvise(struct oct_mm *mm, uintptr_t start, uintptr_t end, enum oct_advice advice)
{
	if (!oct_mm_range_ok(mm, start, end))
		return -OCT_EINVAL;
	switch (advice) {
	case OCT_MADV_DONTNEED:
		return oct_madvise_dontneed(mm, start, end);
	case OCT_MADV_FREE:
		return madvise_free(mm, start, end);
	case OCT_MADV_POPULATE_READ:
		return madvise_populate(mm, start, end, OCT_READ);
	case OCT_MADV_POPULATE_WRITE:
		return madvise_populate(mm, start, end, OCT_WRITE);
	case OCT_MADV_HUGEPAGE:
		return madvise_flags(mm, start, end, OCT_VMA_HUGE);
	case OCT_MADV_NOHUGEPAGE:
		return madvise_flags(mm, start, end, OCT_VMA_NOHUGE);
	case OCT_MADV_NORMAL:
		return madvise_flags(mm, start, end, 0);
	}
	return -OCT_EINVAL;
}
