/* batch.c: whole leaf tables at once. SPDX-License-Identifier: MIT */
#include "table_internal.h"

#if OCT_TIER > 0 /* areas that move are above T0, which has to be small */

/* ---- Move ------------------------------------------------------------------------------------------- */
/* Locks slot, the entry of level 1 for va. */
static void lock_slot(struct oct_space *space, oct_pte_t *slot, uintptr_t va, struct oct_pte_guard *guard)
{
	char *table = (char *)((uintptr_t)slot & OCT_PAGE_MASK); /* its locks lie in the page behind */

	guard->space = space;
	guard->ptl = (struct oct_ptl *)(void *)(table + OCT_PAGE_SIZE) + oct_table_index(va, 1);
	guard->pte = slot;
	guard->va = va;
	guard->level = 1;
	oct_spin_lock(&guard->ptl->lock);
}

bool oct_table_move(struct oct_space *space, uintptr_t from, uintptr_t to, struct oct_ticket *ticket)
{
	const uintptr_t below = oct_level_bytes(1) - 1;
	oct_pte_t *old_slot = oct_table_find(space, from, 1), *new_slot = oct_table_find(space, to, 1);
	struct oct_pte_guard old, fresh;
	bool moved = false;
	oct_pte_t link;

	if (((from | to) & below) != 0 || from == to || ticket->space != space || old_slot == NULL ||
	    new_slot == NULL)
		return false;
	if (from < to) {
		lock_slot(space, old_slot, from, &old);
		lock_slot(space, new_slot, to, &fresh);
	} else {
		lock_slot(space, new_slot, to, &fresh);
		lock_slot(space, old_slot, from, &old);
	}
	if (oct_pte_present(oct_pte_get(&old)) && oct_pte_none(oct_pte_get(&fresh))) {
		/* The verdict is flush after, of all levels: a walk cache that still led from the old address
		 * to the table would show what is put into it later (R3, "mremap of a table page"). Its
		 * generation is newer than all that others' changes in the table wait for: they are complete
		 * with it. */
		(void)!oct_entry_change(ticket, &old, old.pte, from, 0, &link);
		oct_ticket_flush(ticket, &old);
		oct_entry_install(&fresh, fresh.pte, to, link);
		moved = true;
	}
	oct_pte_guard_unlock(NULL, &old);
	oct_pte_guard_unlock(NULL, &fresh);
	return moved;
}

/* Moves the entry at old to fresh. Hardware may set dirty until the exchange, so what comes back moves. */
static void move_entry(struct oct_ticket *ticket, struct oct_pte_guard *old, struct oct_pte_guard *fresh)
{
	oct_pte_t pte;

	if (oct_pte_none(oct_pte_get(old)))
		return; /* hardware changes no such entry */
	/* The verdict is the ticket's business: complete before either lock is dropped. */
	(void)!oct_entry_change(ticket, old, old->pte, old->va, 0, &pte);
	oct_entry_install(fresh, fresh->pte, fresh->va, pte);
}

bool oct_pte_lock_two(struct oct_space *space, uintptr_t from, uintptr_t to, struct oct_pte_guard *old,
                      struct oct_pte_guard *fresh)
{
	bool same = oct_level_next(from, 1) == oct_level_next(to, 1);

	if (from < to || same)
		oct_pte_lock_at(space, from, old);
	if (!same)
		oct_pte_lock_at(space, to, fresh);
	if (from > to && !same)
		oct_pte_lock_at(space, from, old);
	if (same) {
		*fresh = *old;
		fresh->va = to;
		if (!old->level)
			fresh->pte = old->pte - oct_table_index(from, 0) + oct_table_index(to, 0);
	}
	return same;
}

void oct_table_move_entries(struct oct_space *space, uintptr_t from, uintptr_t to, size_t pages,
                            struct oct_ticket *ticket)
{
	struct oct_pte_guard old, fresh;
	bool same = oct_pte_lock_two(space, from, to, &old, &fresh);

	if (old.level != 0 || fresh.level != 0)
		oct_port_panic("oct_table_move_entries: a leaf table is missing");
	oct_ticket_join(ticket, &old);
	while (pages-- > 0) {
		move_entry(ticket, &old, &fresh);
		if (pages > 0 && (!oct_pte_guard_next(&old) || !oct_pte_guard_next(&fresh)))
			oct_port_panic("oct_table_move_entries: the range leaves its tables");
	}
	/* Races 1: before either lock is dropped. Who takes one of them finds the page at its new address
	 * only, and may free it. */
	oct_ticket_flush(ticket, &old);
	if (!same)
		oct_pte_guard_unlock(NULL, &fresh);
	oct_pte_guard_unlock(NULL, &old);
}

#endif
