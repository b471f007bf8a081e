/* marks.c: who stored to a page: soft-dirty and userfault write-protect. SPDX-License-Identifier: MIT
 *
 * Both take the write right away from entries while faults run beside them (the lock of the space is
 * held for reading only), and both flush once, at the end of the range. In between an entry looks
 * protected while a CPU can still store through what it cached. That is safe because the table's stamp
 * says so to everybody who takes its lock: a copy-on-write relies and invalidates by itself (R4),
 * so it does not lose that CPU's store (races 13 and 14, I2). And it is over when the
 * call returns (I4). A page that is in swap keeps its two bits in its swap entry. Entries that another call
 * protected but has not flushed yet are relied upon, so "already protected" is never taken on trust. */
#include "../space/walk.h"
#include <octavo/swap.h>
#include <octavo/track.h>

static oct_pte_t clear_soft_dirty(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	if (oct_pte_soft_kind(pte) == OCT_SOFT_SWAP)
		return oct_pte_swap_bits(pte, OCT_SWAP_SOFT_DIRTY, false);
	return oct_pte_present(pte) ? oct_pte_clear_soft_dirty(oct_pte_wrprotect(pte)) : pte;
}

static oct_pte_t protect_userfault(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	if (oct_pte_soft_kind(pte) == OCT_SOFT_SWAP)
		return oct_pte_swap_bits(pte, OCT_SWAP_UFFD_WP, true);
	return oct_pte_present(pte) ? oct_pte_mk_uffd_wp(pte) : pte;
}

/* The write right does not come back here: the next store decides between copy and reuse. */
static oct_pte_t unprotect_userfault(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	if (oct_pte_soft_kind(pte) == OCT_SOFT_SWAP)
		return oct_pte_swap_bits(pte, OCT_SWAP_UFFD_WP, false);
	return oct_pte_present(pte) ? oct_pte_clear_uffd_wp(pte) : pte;
}

static int change_complete(struct oct_mm *mm, uintptr_t start, uintptr_t end,
                           oct_pte_t (*change)(oct_pte_t pte, unsigned long arg), bool revoke)
{
	struct oct_ticket ticket;

	if (!oct_mm_range_ok(mm, start, end))
		return -OCT_EINVAL;
	oct_rwlock_read_lock(&mm->lock);
	oct_ticket_init(&ticket, &mm->space);
	oct_walk_change(mm, start, end, change, 0, revoke, &ticket);
	oct_ticket_complete(&ticket);
	oct_rwlock_read_unlock(&mm->lock);
	return 0;
}

int oct_clear_refs(struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	return change_complete(mm, start, end, clear_soft_dirty, true);
}

int oct_uffd_writeprotect(struct oct_mm *mm, uintptr_t start, uintptr_t end, bool enable)
{
	return enable ? change_complete(mm, start, end, protect_userfault, true)
	              : change_complete(mm, start, end, unprotect_userfault, false);
}

/* ---- Events ------------------------------------------------------------------------------------ */

int oct_uffd_async(struct oct_mm *mm, uintptr_t start, uintptr_t end, bool enable)
{
	if (!oct_mm_range_ok(mm, start, end))
		return -OCT_EINVAL;
	return oct_walk_flags(mm, start, end, OCT_VMA_WP_ASYNC, enable ? OCT_VMA_WP_ASYNC : 0);
}

/* A glance at the entry of va: would a store be an event? */
static bool stopped(struct oct_mm *mm, uintptr_t va)
{
	const struct oct_vma *vma = oct_vma_find(&mm->areas, va);
	struct oct_pte_guard guard;
	oct_pte_t pte;

	if (!vma || (vma->flags & OCT_VMA_WP_ASYNC))
		return false;
	oct_pte_lock_at(&mm->space, va, &guard); /* the lock keeps its table, which may be retracted */
	pte = guard.level ? 0 : oct_pte_get(&guard);
	oct_pte_guard_unlock(NULL, &guard);
	return oct_pte_present(pte)
	           ? oct_pte_uffd_wp(pte)
	           : oct_pte_soft_kind(pte) == OCT_SOFT_SWAP && (oct_pte_soft_value(pte) & OCT_SWAP_UFFD_WP);
}

void oct_uffd_wait(struct oct_mm *mm, uintptr_t addr)
{
	/* Acquire, before the entry is looked at: pairs with the release in oct_uffd_wake. If that call is
	 * seen, the entry is found as it was left before; if not, the word differs from what is slept on. */
	uint32_t wakes = oct_load(&mm->uffd_wakes, OCT_ACQ);
	bool sleep;

	oct_rwlock_read_lock(&mm->lock);
	sleep = stopped(mm, addr & OCT_PAGE_MASK);
	oct_rwlock_read_unlock(&mm->lock);
	if (sleep)
		oct_port_wait(&mm->uffd_wakes, wakes);
}

void oct_uffd_wake(struct oct_mm *mm)
{
	/* Release: pairs with the acquire in oct_uffd_wait. */
	oct_fetch_add(&mm->uffd_wakes, 1, OCT_REL);
	oct_port_wake(&mm->uffd_wakes, ~0u);
}
