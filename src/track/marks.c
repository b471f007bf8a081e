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
#include "../notify/notifier.h"

static oct_pte_t clear_soft_dirty(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	if (oct_pte_soft_kind(pte) == OCT_SOFT_SWAP)
		return oct_pte_swap_bits(pte, OCT_SWAP_SOFT_DIRTY, false);
	return oct_pte_present(pte) ? oct_pte_clear_soft_dirty(oct_pte_wrprotect(pte)) : pte;
}

int oct_clear_refs(struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	struct oct_announced announced;
	struct oct_ticket ticket;

	if (!oct_mm_range_ok(mm, start, end))
		return -OCT_EINVAL;
	oct_rwlock_read_lock(&mm->lock);
	oct_announce(&announced, mm, start, end);
	oct_ticket_init(&ticket, &mm->space);
	oct_walk_change(mm, start, end, clear_soft_dirty, 0, true, &ticket);
	oct_ticket_complete(&ticket);
	oct_announce_end(&announced);
	oct_rwlock_read_unlock(&mm->lock);
	return 0;
}
