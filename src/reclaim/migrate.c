/* migrate.c: pages that move to other memory while they are mapped. SPDX-License-Identifier: MIT
 *
 * One lock section of a leaf table moves up to OCT_RECLAIM_PAGES pages:
 *   take    each entry is exchanged for a broken one. If the page turns out to have a further reference or a
 *           pin, the entry is stored again as the exchange returned it (oct_folio_alone)
 *   flush   once, for all that were taken
 *   move    contents are copied, and the entry of the copy is stored
 *
 * Why no store is lost (I2). A CPU stores through what its TLB has until the flush is complete, and that is
 * before the copy. Afterwards its access finds a broken entry, and faults until the new one is there.
 *
 * Why no dirty or young bit is lost (I3, I10; races 17, D1). The new entry has those of the value that the
 * exchange returned: hardware sets them until then, and finds no present entry later (M5). What an erratum
 * still sets in a broken entry (races 47) belongs to an access that faults and comes again: the new entry
 * is stored over it.
 *
 * Why no one is misled by an entry that is not there (I4; races 16, D5). The lock is held from the first
 * exchange to the last store, so nobody sees a broken entry whose flush is not complete. One flush for all
 * of them does as well as one each (D3): what relies on it, the copy, comes after it.
 *
 * Why a pinned page stays (I5; D2, D4). As in pin.c: the exchange, then a read-modify-write of the count.
 *
 * Why the old page is not reused too early (I1). Its reference goes through the ticket. */
#include <octavo/migrate.h>
#include <octavo/pin.h>
#include "../space/walk.h"
#include "../tlb/authority.h"
#include "entry.h"
#include "../notify/notifier.h"

struct taken {
	oct_pte_t *entry;
	uintptr_t va;
	oct_pte_t old;
};

struct migration {
	struct oct_mm *mm;
	struct oct_folio *const *fresh;
	unsigned left; /* of fresh */
	unsigned count;
	struct taken taken[OCT_RECLAIM_PAGES];
};

static void take(struct migration *migration, struct oct_pte_guard *guard, struct oct_ticket *ticket)
{
	struct taken *taken = &migration->taken[migration->count];

	if (!oct_mm_movable(migration->mm, oct_pte_get(guard)))
		return;
	taken->entry = guard->pte;
	taken->va = guard->va;
	/* The ticket has the verdict. */
	(void)!oct_entry_change(ticket, guard, guard->pte, guard->va, oct_pte_broken(), &taken->old);
	taken->old = oct_pte_single(taken->old, 0, guard->va);
	if (oct_folio_alone(oct_folio_of(oct_pte_phys(taken->old)), 1)) {
		migration->count++;
	} else {
		OCT_COVER("migrate-put-back");
		oct_entry_put_back(guard, guard->pte, guard->va, taken->old);
	}
}

/* Flushed: nobody uses the page by the old entry. */
static void move(const struct taken *taken, struct oct_pte_guard *guard, struct oct_folio *to)
{
	const struct oct_folio *from = oct_folio_of(oct_pte_phys(taken->old));

	to->lineage = from->lineage;
	to->index = from->index;
	/* Relaxed: nobody else knows the one, the page-table lock has the other; the new entry publishes. */
	oct_store(&to->flags, oct_load(&from->flags, OCT_RLX), OCT_RLX);
	oct_port_page_copy(to->page, from->page, 0);
	if (oct_pte_exec(taken->old))
		oct_port_icache_sync(to->page, 0);
	oct_entry_install(guard, taken->entry, taken->va, oct_pte_for_page(taken->old, to->page));
}

/* One lock section: entries of the leaf table of va, below end. Returns where to go on. */
static uintptr_t move_in_leaf(struct migration *migration, uintptr_t va, uintptr_t end)
{
	struct oct_pte_guard guard;
	struct oct_ticket ticket;

	oct_pte_lock_at(&migration->mm->space, va, &guard);
	if (guard.level) {
		oct_pte_guard_unlock(NULL, &guard);
		va = oct_level_next(va, guard.level);
		return va && va < end ? va : end;
	}
	oct_ticket_init(&ticket, &migration->mm->space);
	migration->count = 0;
	do {
		va = guard.va + OCT_PAGE_SIZE;
		take(migration, &guard, &ticket);
	} while (migration->count < OCT_RECLAIM_PAGES && migration->count < migration->left && va < end &&
	         oct_pte_guard_next(&guard));
	oct_ticket_flush(&ticket, &guard);
	for (unsigned i = 0; i < migration->count; i++) {
		OCT_COVER("migrate-move");
		move(&migration->taken[i], &guard, *migration->fresh++);
		oct_ticket_free_page(&ticket, &guard, oct_pte_phys(migration->taken[i].old));
	}
	migration->left -= migration->count;
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
	return va;
}

int oct_migrate_pages(struct oct_mm *mm, uintptr_t start, uintptr_t end, struct oct_folio *const *fresh,
                      unsigned count)
{
	struct migration migration = {.mm = mm, .fresh = fresh, .left = count};
	struct oct_announced announced;
	const struct oct_vma *vma;

	if (!oct_mm_range_ok(mm, start, end) || count > INT32_MAX)
		return -OCT_EINVAL;
	oct_rwlock_read_lock(&mm->lock);
	oct_announce(&announced, mm, start, end);
	for (vma = oct_vma_first(&mm->areas, start); vma && vma->start < end;
	     vma = oct_vma_first(&mm->areas, vma->end)) {
		uintptr_t va = vma->start > start ? vma->start : start;
		uintptr_t last = vma->end < end ? vma->end : end;

		if (oct_vma_kind(vma) != OCT_VMA_ANON)
			continue;
		while (va < last && migration.left)
			va = move_in_leaf(&migration, va, last);
	}
	oct_announce_end(&announced);
	oct_rwlock_read_unlock(&mm->lock);
	return (int)(count - migration.left);
}
