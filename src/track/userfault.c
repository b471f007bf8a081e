/* userfault.c: userfault: modes of areas, write-protection, who waits. SPDX-License-Identifier: MIT
 *
 * WHO OWNS WHAT
 *   modes        of an area: the lock of the space
 *   protection   of a page: a bit of its entry or swap entry, or a marker where nothing is mapped; under the
 *                page-table lock
 *   uffd_wakes   counts wakes; who sleeps has read it before he looked at what he waits for
 *
 * Write-protection takes the write right while faults run beside it and flushes once, at the end: the essay
 * of marks.c holds for it as well (I2, I4). Protecting what is not mapped is a change from none to a marker:
 * nothing to flush, but what others emptied and did not flush yet may still be stored to, so the ticket joins
 * it (R4).
 *
 * Why no store to a page that comes late is missed. The marker is there before the call returns, and a fault
 * that fills the entry looks at it under the same lock: either the fault came first, and the walk found a
 * present entry, or it found the marker. One walk does both: of two, the page would come in between.
 *
 * Why nobody sleeps for ever (I9). The word is read before the entry, the object and the area are looked at,
 * and changed by oct_uffd_wake after they were changed: who did not see the change did not see the wake
 * either, and its sleep ends at once. The order is that of the locks under which all of that is looked at and
 * changed: those of the space, of the mapping, of the page table. */
#include "../space/walk.h"
#include "../tlb/authority.h"
#include <octavo/mapping.h>
#include <octavo/swap.h>
#include <octavo/userfault.h>
#include "../notify/notifier.h"

/* ---- Write-protection --------------------------------------------------------------------------- */

static oct_pte_t protect_entry(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	if (oct_pte_soft_kind(pte) == OCT_SOFT_SWAP)
		return oct_pte_swap_bits(pte, OCT_SWAP_UFFD_WP, true);
	return oct_pte_present(pte) ? oct_pte_mk_uffd_wp(pte) : pte;
}

/* The write right does not come back here: the next store decides between copy and reuse. */
static oct_pte_t unprotect_entry(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	if (oct_pte_soft_kind(pte) == OCT_SOFT_SWAP)
		return oct_pte_swap_bits(pte, OCT_SWAP_UFFD_WP, false);
	if (oct_pte_marked(pte, OCT_MARKER_UFFD_WP))
		return oct_pte_marked(pte, OCT_MARKER_POISON)
		           ? oct_pte_mksoft(OCT_SOFT_MARKER, OCT_MARKER_POISON)
		           : 0;
	return oct_pte_present(pte) ? oct_pte_clear_uffd_wp(pte) : pte;
}

/* Nothing is mapped at the guarded entry: a marker that it is protected. */
static void mark_entry(struct oct_pte_guard *guard, oct_pte_t pte, struct oct_ticket *ticket)
{
	uint64_t bits = oct_pte_soft_value(pte) | OCT_MARKER_UFFD_WP;

	/* The verdict is the ticket's, which joins what the table waits for. */
	(void)!oct_entry_change(ticket, guard, guard->pte, guard->va, oct_pte_mksoft(OCT_SOFT_MARKER, bits),
	                        &pte);
}

/* The entries of the guarded leaf table below end. Runs of those that are there are changed as such: blocks
 * stay blocks. */
static void protect_leaf(struct oct_pte_guard *guard, uintptr_t end, struct oct_ticket *ticket)
{
	do {
		oct_pte_t pte = oct_pte_get(guard); /* hardware changes no vacant entry, and makes none */
		size_t run = 0, left = (end - guard->va) >> OCT_PAGE_SHIFT;

		while (!oct_pte_vacant(pte) && ++run < left &&
		       oct_table_index(guard->va + run * OCT_PAGE_SIZE, 0) != 0)
			pte = oct_load(guard->pte + run, OCT_RLX); /* as oct_pte_get */
		if (run)
			oct_entries_update(ticket, guard, run, protect_entry, 0, true);
		else
			mark_entry(guard, pte, ticket);
	} while (guard->va + OCT_PAGE_SIZE < end && oct_pte_guard_next(guard));
}

/* [start, end) of an area whose absent pages are protected too. Tables that were prepared may go again where
 * the area shows an object. 0 or -OCT_ENOMEM. */
static int protect_marked(struct oct_mm *mm, uintptr_t start, uintptr_t end, struct oct_ticket *ticket)
{
	uintptr_t va = start;

	while (va < end) {
		struct oct_pte_guard guard;
		uintptr_t next = oct_level_next(va, 1);

		oct_pte_lock_at(&mm->space, va, &guard);
		if (guard.level)
			oct_guard_fit(&guard, start, end);
		if (guard.level == 0) {
			protect_leaf(&guard, next - 1 < end - 1 ? next : end, ticket);
		} else if (oct_pte_present(guard.upper)) {
			oct_pte_t old;

			next = oct_level_next(va, guard.level);
			(void)!oct_entry_update(ticket, &guard, guard.pte, va, protect_entry, 0,
			                        &old); /* as above */
		} else {
			next = va;
		}
		oct_pte_guard_unlock(ticket, &guard);
		if (next == va && oct_table_prepare(&mm->space, va, va + OCT_PAGE_SIZE) == -OCT_ENOMEM)
			return -OCT_ENOMEM;
		if (next < va) /* past the top of addresses */
			break;
		va = next;
	}
	return 0;
}

/* The lowest area from start on, below end, with the mode WP. */
static const struct oct_vma *next_marked(const struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	const struct oct_vma *vma = oct_vma_first(&mm->areas, start);

	while (vma && vma->start < end && !oct_vma_has_uffd(vma, OCT_UFFD_WP))
		vma = oct_vma_first(&mm->areas, vma->end);
	return vma && vma->start < end ? vma : NULL;
}

/* The part of vma in [*start, *end). */
static void clip(const struct oct_vma *vma, uintptr_t *start, uintptr_t *end)
{
	if (vma->start > *start)
		*start = vma->start;
	if (vma->end < *end)
		*end = vma->end;
}

static int prepare_marked(struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	const struct oct_vma *vma = next_marked(mm, start, end);

	for (; vma; vma = next_marked(mm, vma->end, end)) {
		uintptr_t low = start, high = end, next;

		clip(vma, &low, &high);
		/* One by one: a large leaf is as good as a table, and is no reason to stop. */
		for (uintptr_t va = low; va >= low && va < high; va = next) {
			next = oct_level_next(va, 1);
			if (oct_table_prepare(&mm->space, va, va + OCT_PAGE_SIZE) == -OCT_ENOMEM)
				return -OCT_ENOMEM;
		}
	}
	return 0;
}

static int protect_range(struct oct_mm *mm, uintptr_t start, uintptr_t end, struct oct_ticket *ticket)
{
	int error = prepare_marked(mm, start, end);

	while (start < end && !error) {
		const struct oct_vma *vma = next_marked(mm, start, end);
		uintptr_t low = vma ? start : end, high = end;

		if (vma)
			clip(vma, &low, &high);
		if (start < low)
			oct_walk_change(mm, start, low, protect_entry, 0, true, ticket);
		if (vma)
			error = protect_marked(mm, low, high, ticket);
		start = high;
	}
	return error;
}

int oct_uffd_writeprotect(struct oct_mm *mm, uintptr_t start, uintptr_t end, bool enable)
{
	struct oct_announced announced;
	struct oct_ticket ticket;
	int error = 0;

	if (!oct_mm_range_ok(mm, start, end))
		return -OCT_EINVAL;
	oct_rwlock_read_lock(&mm->lock);
	oct_announce(&announced, mm, start, end);
	oct_ticket_init(&ticket, &mm->space);
	if (enable)
		error = protect_range(mm, start, end, &ticket);
	else
		oct_walk_change(mm, start, end, unprotect_entry, 0, false, &ticket);
	oct_ticket_complete(&ticket);
	oct_announce_end(&announced);
	oct_rwlock_read_unlock(&mm->lock);
	return error;
}

/* ---- Modes -------------------------------------------------------------------------------------- */

int oct_uffd_async(struct oct_mm *mm, uintptr_t start, uintptr_t end, bool enable)
{
	if (!oct_mm_range_ok(mm, start, end))
		return -OCT_EINVAL;
	return oct_walk_flags(mm, start, end, OCT_VMA_WP_ASYNC, enable ? OCT_VMA_WP_ASYNC : 0);
}

/* Can pages of the area be missing, or be there and not mapped? */
static bool may_have(const struct oct_vma *vma, unsigned modes)
{
	const struct oct_mapping *mapping = vma->mapping;

	if (mapping && (mapping->flags & OCT_MAPPING_PFN))
		return !(modes & (OCT_UFFD_MISSING | OCT_UFFD_MINOR));
	if (oct_vma_kind(vma) == OCT_VMA_SHARED)
		return !(modes & (OCT_UFFD_MISSING | OCT_UFFD_MINOR));
	return mapping || !(modes & OCT_UFFD_MINOR);
}

static int register_locked(struct oct_mm *mm, uintptr_t start, uintptr_t end, unsigned modes)
{
	const struct oct_vma *vma = oct_vma_first(&mm->areas, start);
	unsigned had = 0;
	int error;

	for (; vma && vma->start < end; vma = oct_vma_first(&mm->areas, vma->end)) {
		if (!may_have(vma, modes))
			return -OCT_EINVAL;
		had |= vma->flags;
	}
	error = oct_walk_set_flags(mm, start, end, OCT_VMA_UFFD, modes * OCT_VMA_UFFD_MISSING);
	if (!error && (had & OCT_VMA_UFFD_WP) && !(modes & OCT_UFFD_WP)) {
		struct oct_ticket ticket;

		oct_ticket_init(&ticket, &mm->space);
		oct_walk_change(mm, start, end, unprotect_entry, 0, false, &ticket);
		oct_ticket_complete(&ticket);
	}
	return error;
}

int oct_uffd_register(struct oct_mm *mm, uintptr_t start, uintptr_t end, unsigned modes)
{
	int error;

	if (!oct_mm_range_ok(mm, start, end) || (modes & ~(unsigned)OCT_UFFD_MODES))
		return -OCT_EINVAL;
	oct_rwlock_write_lock(&mm->lock);
	error = register_locked(mm, start, end, modes);
	oct_vma_trim(&mm->areas);
	oct_rwlock_write_unlock(&mm->lock);
	if (!error)
		oct_uffd_wake(mm);
	return error;
}

/* ---- Events ------------------------------------------------------------------------------------- */

/* Would a store through pte, of vma, be an event? */
static bool stops_store(const struct oct_vma *vma, oct_pte_t pte)
{
	if (vma->flags & OCT_VMA_WP_ASYNC)
		return false;
	if (oct_pte_present(pte))
		return oct_pte_uffd_wp(pte);
	if (oct_pte_marked(pte, OCT_MARKER_UFFD_WP))
		return oct_vma_has_uffd(vma, OCT_UFFD_WP);
	return oct_pte_soft_kind(pte) == OCT_SOFT_SWAP && (oct_pte_soft_value(pte) & OCT_SWAP_UFFD_WP);
}

/* Would an access where nothing is mapped be one? */
static bool stops_vacant(const struct oct_vma *vma, uintptr_t va)
{
	unsigned mode = OCT_UFFD_MISSING;

	if (!oct_vma_has_uffd(vma, OCT_UFFD_MISSING | OCT_UFFD_MINOR))
		return false;
	if (vma->mapping)
		mode = vma->mapping->event(vma->mapping, vma->pgoff + ((va - vma->start) >> OCT_PAGE_SHIFT));
	return oct_vma_has_uffd(vma, mode);
}

/* Would an access to the page at va be an event? The lock of the space is held. */
static bool is_event(struct oct_mm *mm, uintptr_t va, unsigned access)
{
	const struct oct_vma *vma = oct_vma_find(&mm->areas, va);
	struct oct_pte_guard guard;
	oct_pte_t pte;

	if (!vma)
		return false;
	oct_pte_lock_at(&mm->space, va, &guard); /* its lock keeps the table, which may be retracted */
	pte = guard.level ? guard.upper : oct_pte_get(&guard);
	oct_pte_guard_unlock(NULL, &guard);
	if (oct_pte_marked(pte, OCT_MARKER_POISON))
		return false; /* a signal */
	if (oct_pte_vacant(pte) && stops_vacant(vma, va))
		return true;
	return access == OCT_WRITE && stops_store(vma, pte);
}

void oct_uffd_wait(struct oct_mm *mm, uintptr_t addr, unsigned access)
{
	/* Relaxed, and before anything is looked at. What is looked at lies under locks that whoever changes
	 * it holds; if he came later than the look, his wake came later still and is not what was read here.
	 */
	uint32_t wakes = oct_load(&mm->uffd_wakes, OCT_RLX);
	bool sleep;

	oct_rwlock_read_lock(&mm->lock);
	sleep = is_event(mm, addr & OCT_PAGE_MASK, access);
	oct_rwlock_read_unlock(&mm->lock);
	if (sleep)
		oct_port_wait(&mm->uffd_wakes, wakes);
}

void oct_uffd_wake(struct oct_mm *mm)
{
	/* Relaxed: the locks under which something was changed before order it (oct_uffd_wait). */
	oct_fetch_add(&mm->uffd_wakes, 1, OCT_RLX);
	oct_port_wake(&mm->uffd_wakes, ~0u);
}
