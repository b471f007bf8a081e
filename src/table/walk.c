/* walk.c: from an address to its locked entry. SPDX-License-Identifier: MIT
 *
 * A walk reads upper entries without locks (acquire: pairs with the release that linked the table) and
 * locks the slot where it ends. The slot's lock covers the slot, and at level 1 also the leaf
 * table below, so the read of the slot under the lock is the last word. Tables that a walk passes
 * stay: oct_table_trim has its range for itself. */
#include "table_internal.h"

void oct_pte_lock_at(struct oct_space *space, uintptr_t va, struct oct_pte_guard *guard)
{
	oct_phys_t table = space->root;
	unsigned level = OCT_LEVELS - 1;

	if (va < space->start || va > space->last)
		oct_port_panic("oct_pte_lock_at: the address is not in the space");
	for (;;) {
		oct_pte_t link;

		if (level > 1) {
			/* Acquire: pairs with the release in oct_entry_install. */
			link = oct_load(oct_table_entries(table) + oct_table_index(va, level), OCT_ACQ);
			if (oct_pte_is_table(link, level)) {
				table = oct_pte_phys(link);
				level--;
				continue;
			}
		}
		oct_slot_lock(space, table, level, va, guard);
		link = oct_load(guard->pte, OCT_RLX); /* the lock orders it */
		if (!oct_pte_is_table(link, level)) {
			guard->upper = link;
			return;
		}
		table = oct_pte_phys(link);
		level--;
		if (level == 0) {
			guard->pte = oct_table_entries(table) + oct_table_index(va, 0);
			guard->level = 0;
			return;
		}
		oct_spin_unlock(&guard->ptl->lock); /* linked meanwhile: go on below */
	}
}

bool oct_pte_guard_next(struct oct_pte_guard *guard)
{
	uintptr_t next = guard->va + OCT_PAGE_SIZE;

	if (guard->level != 0 || oct_table_index(next, 0) == 0)
		return false;
	guard->va = next;
	guard->pte++;
	return true;
}

void oct_pte_guard_unlock(struct oct_ticket *ticket, struct oct_pte_guard *guard)
{
	if (ticket != NULL)
		oct_ticket_close(ticket, guard);
	oct_spin_unlock(&guard->ptl->lock);
}

oct_pte_t *oct_table_find(struct oct_space *space, uintptr_t va, unsigned level)
{
	oct_phys_t table = space->root;

	if (va < space->start || va > space->last || level >= OCT_LEVELS)
		return NULL;
	for (unsigned at = OCT_LEVELS - 1; at > level; at--) {
		/* Acquire: pairs with the release in oct_entry_install. */
		oct_pte_t link = oct_load(oct_table_entries(table) + oct_table_index(va, at), OCT_ACQ);

		if (!oct_pte_is_table(link, at))
			return NULL;
		table = oct_pte_phys(link);
	}
	return oct_table_entries(table) + oct_table_index(va, level);
}

/* The entry where a walk for va ends, *level says at which level. Acquire: pairs with the release in
 * oct_entry_install; what was stored before the entry was is visible. */
static oct_pte_t glance(const struct oct_space *space, uintptr_t va, unsigned *level)
{
	oct_phys_t table = space->root;

	for (*level = OCT_LEVELS - 1;; --*level) {
		oct_pte_t pte = oct_load(oct_table_entries(table) + oct_table_index(va, *level), OCT_ACQ);

		if (!oct_pte_is_table(pte, *level))
			return pte;
		table = oct_pte_phys(pte);
	}
}

oct_pte_t oct_table_query(struct oct_space *space, uintptr_t va)
{
	unsigned level;
	oct_pte_t pte;

	if (va < space->start || va > space->last)
		return 0;
	pte = glance(space, va, &level);
	if (oct_pte_present(pte))
		return oct_pte_single(pte, level, va);
	return level == 0 ? pte : 0;
}

/* ---- Cursor ---------------------------------------------------------------------------------------- */
OCT_SELDOM int oct_cursor_init(struct oct_cursor *cursor, struct oct_space *space, uintptr_t start,
                               uintptr_t end)
{
	cursor->space = space;
	cursor->va = cursor->next = cursor->start = start;
	cursor->end = end;
	cursor->level = 0;
	cursor->pte = 0;
	cursor->done = !oct_range_valid(space, start, end);
	return cursor->done ? -OCT_EINVAL : 0;
}

bool oct_cursor_next(struct oct_cursor *cursor)
{
	while (!cursor->done) {
		cursor->va = cursor->next;
		cursor->pte = glance(cursor->space, cursor->va, &cursor->level);
		cursor->next = oct_level_next(cursor->va, cursor->level);
		cursor->va &= ~(oct_level_bytes(cursor->level) - 1);
		cursor->done = !oct_before_end(cursor->next, cursor->start, cursor->end);
		if (!oct_pte_none(cursor->pte))
			return true;
	}
	return false;
}

/* ---- Raw locking: the place is found again by the address of the leaf table --------------------- */
static uintptr_t leaf_page(const oct_pte_t *pte)
{
	return (uintptr_t)pte & OCT_PAGE_MASK;
}

oct_pte_t *oct_space_pte_lock_raw(struct oct_space *space, uintptr_t va)
{
	struct oct_cpu *cpu = &space->system->cpu[oct_cpu_number()];
	struct oct_pte_guard guard;

	oct_pte_lock_at(space, va, &guard);
	if (guard.level != 0) {
		oct_spin_unlock(&guard.ptl->lock);
		return NULL;
	}
	for (unsigned i = 0; i < sizeof(cpu->raw) / sizeof(cpu->raw[0]); i++) {
		if (cpu->raw[i].page != 0)
			continue;
		cpu->raw[i].page = leaf_page(guard.pte);
		cpu->raw[i].ptl = guard.ptl;
		return guard.pte;
	}
	oct_port_panic("oct_pte_lock: too many entries locked at once");
}

void oct_space_pte_unlock_raw(struct oct_space *space, oct_pte_t *pte)
{
	struct oct_cpu *cpu = &space->system->cpu[oct_cpu_number()];

	for (unsigned i = 0; i < sizeof(cpu->raw) / sizeof(cpu->raw[0]); i++) {
		if (cpu->raw[i].page != leaf_page(pte))
			continue;
		cpu->raw[i].page = 0;
		oct_spin_unlock(&cpu->raw[i].ptl->lock);
		return;
	}
	oct_port_panic("oct_pte_unlock: this CPU has not locked the entry");
}
