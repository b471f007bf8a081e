/* range.c: mapping, unmapping and protecting ranges. SPDX-License-Identifier: MIT
 *
 * Each call walks its range one locked leaf table at a time. Memory is needed for tables only, and
 * oct_table_prepare gets it before any entry changes. */
#include "table_internal.h"

/* How far the empty place that a walk ended at reaches: the address of the next place, or 0 past the
 * top of addresses. */
static uintptr_t after_guard(const struct oct_pte_guard *guard)
{
	return oct_level_next(guard->va, guard->level == 0 ? 1 : guard->level);
}

/* Address a comes before the range's end (0: the top of addresses), and the walk did not wrap. */
static bool before_end(uintptr_t a, uintptr_t start, uintptr_t end)
{
	return a >= start && a <= end - 1;
}

/* ---- Prepare ------------------------------------------------------------------------------------- */
/* One more table on the way to va. 0 when the leaf table is there. */
static int prepare_one(struct oct_space *space, uintptr_t va, bool *done)
{
	struct oct_pte_guard guard;
	oct_phys_t table;
	unsigned level = 0;

	/* Without locks: tables only come (they go with the range, which is the caller's), and the level is
	 * looked at again under the lock. */
	while (oct_table_find(space, va, level) == NULL)
		level++;
	*done = level == 0;
	if (*done)
		return 0;
	table = oct_table_alloc(level - 1); /* not under the lock: others need not wait for the clearing */
	if (table == OCT_NO_PAGE)
		return -OCT_ENOMEM;
	oct_pte_lock_at(space, va, &guard);
	if (guard.level == level) {
		oct_entry_install(&guard, guard.pte, va, oct_pte_make_table(table, level, space->kernel));
		table = OCT_NO_PAGE;
	}
	oct_pte_guard_unlock(NULL, &guard);
	if (table != OCT_NO_PAGE)
		oct_table_free(table, level - 1); /* another was faster; nobody ever saw this one */
	return 0;
}

int oct_table_prepare(struct oct_space *space, uintptr_t start, uintptr_t end)
{
	if (!oct_range_valid(space, start, end))
		return -OCT_EINVAL;
	for (uintptr_t va = start; before_end(va, start, end); va = oct_level_next(va, 1)) {
		bool done = false;

		while (!done) {
			int error = prepare_one(space, va, &done);

			if (error != 0)
				return error;
		}
	}
	return 0;
}

/* ---- Map ------------------------------------------------------------------------------------------ */
static bool range_empty(struct oct_space *space, uintptr_t start, uintptr_t end)
{
	struct oct_pte_guard guard;
	bool empty = true;

	for (uintptr_t va = start; empty && before_end(va, start, end); va = after_guard(&guard)) {
		oct_pte_lock_at(space, va, &guard);
		do {
			empty = oct_pte_none(oct_pte_get(&guard));
		} while (empty && oct_pte_guard_next(&guard) && before_end(guard.va, start, end));
		oct_pte_guard_unlock(NULL, &guard);
	}
	return empty;
}

static oct_pte_t ready_entry(oct_phys_t page, unsigned prot, enum oct_memory_type type)
{
	oct_pte_t pte = oct_pte_mkyoung(oct_pte_make(page, prot, type));

	return (prot & OCT_WRITE) ? oct_pte_mkdirty(pte) : pte;
}

static bool prot_valid(const struct oct_space *space, unsigned prot)
{
	return (prot & ~(unsigned)(OCT_PROT_MASK | OCT_KERNEL)) == 0 &&
	       ((prot & OCT_KERNEL) != 0) == space->kernel;
}

int oct_table_map(struct oct_space *space, uintptr_t va, oct_phys_t page, size_t pages, unsigned prot,
                  enum oct_memory_type type)
{
	uintptr_t start = va, end = va + (pages << OCT_PAGE_SHIFT);
	struct oct_pte_guard guard;
	int error;

	if (pages == 0 || pages > SIZE_MAX >> OCT_PAGE_SHIFT || !oct_range_valid(space, start, end) ||
	    !prot_valid(space, prot) || (unsigned)type > OCT_DEVICE ||
	    oct_pte_phys(oct_pte_make(page, prot, type)) != page ||
	    oct_pte_phys(oct_pte_make(page + ((pages - 1) << OCT_PAGE_SHIFT), prot, type)) !=
	        page + ((pages - 1) << OCT_PAGE_SHIFT))
		return -OCT_EINVAL;
	if (!range_empty(space, start, end))
		return -OCT_EEXIST;
	error = oct_table_prepare(space, start, end);
	if (error != 0)
		return error;
	for (; before_end(va, start, end); va = after_guard(&guard)) {
		oct_pte_lock_at(space, va, &guard);
		do {
			oct_phys_t frame = page + (guard.va - start);

			oct_entry_install(&guard, guard.pte, guard.va, ready_entry(frame, prot, type));
		} while (oct_pte_guard_next(&guard) && before_end(guard.va, start, end));
		oct_pte_guard_unlock(NULL, &guard);
	}
	return 0;
}

/* ---- Unmap and protect ------------------------------------------------------------------------------ */
static void unmap_one(struct oct_ticket *ticket, struct oct_pte_guard *guard, bool free_pages)
{
	oct_pte_t old;

	if (guard->level != 0 || oct_pte_none(oct_pte_get(guard))) {
		oct_ticket_join(ticket, guard); /* hardware changes no such entry */
		return;
	}
	/* The verdict is the ticket's business: pages are released when it is complete. */
	(void)!oct_entry_change(ticket, guard, guard->pte, guard->va, 0, &old);
	if (free_pages && oct_pte_present(old))
		oct_ticket_free_page(ticket, guard, oct_pte_phys(old));
	else if (!oct_pte_present(old) && guard->space->soft != NULL)
		guard->space->soft->release(guard->space, old);
}

int oct_table_unmap(struct oct_space *space, uintptr_t start, uintptr_t end, bool free_pages,
                    struct oct_ticket *ticket)
{
	struct oct_pte_guard guard;

	if (!oct_range_valid(space, start, end) || ticket->space != space)
		return -OCT_EINVAL;
	for (uintptr_t va = start; before_end(va, start, end); va = after_guard(&guard)) {
		oct_pte_lock_at(space, va, &guard);
		do {
			unmap_one(ticket, &guard, free_pages);
		} while (oct_pte_guard_next(&guard) && before_end(guard.va, start, end));
		oct_pte_guard_unlock(ticket, &guard);
	}
	return 0;
}

static oct_pte_t protect_entry(oct_pte_t pte, unsigned long prot)
{
	if (!oct_pte_present(pte))
		return pte;
	pte = oct_pte_modify(pte, (unsigned)prot);
	return oct_pte_write(pte) ? oct_pte_mkdirty(pte) : pte;
}

int oct_table_protect(struct oct_space *space, uintptr_t start, uintptr_t end, unsigned prot,
                      struct oct_ticket *ticket)
{
	struct oct_pte_guard guard;

	if (!oct_range_valid(space, start, end) || ticket->space != space || !prot_valid(space, prot))
		return -OCT_EINVAL;
	for (uintptr_t va = start; before_end(va, start, end); va = after_guard(&guard)) {
		oct_pte_lock_at(space, va, &guard);
		do {
			oct_pte_t old;

			if (guard.level != 0)
				oct_ticket_join(ticket, &guard);
			else /* the verdict is the ticket's business */
				(void)!oct_entry_update(ticket, &guard, guard.pte, guard.va, protect_entry,
				                        prot, &old);
		} while (oct_pte_guard_next(&guard) && before_end(guard.va, start, end));
		oct_pte_guard_unlock(ticket, &guard);
	}
	return 0;
}

/* ---- Trim -------------------------------------------------------------------------------------------- */
static bool table_empty(oct_phys_t table)
{
	for (unsigned i = 0; i < OCT_TABLE_ENTRIES; i++)
		if (!oct_pte_none(oct_load(oct_table_entries(table) + i, OCT_RLX))) /* the range is ours */
			return false;
	return true;
}

/* Unlinks the table of level - 1 under the slot for va, if it is empty. */
static void unlink_empty(struct oct_space *space, oct_phys_t table, unsigned level, uintptr_t va,
                         struct oct_ticket *ticket)
{
	struct oct_pte_guard guard;
	oct_pte_t link;

	oct_slot_lock(space, table, level, va, &guard);
	link = oct_pte_get(&guard);
	if (oct_pte_is_table(link, level) && table_empty(oct_pte_phys(link))) {
		/* The verdict is the ticket's: the table is released when it is complete. */
		(void)!oct_entry_change(ticket, &guard, guard.pte, va, 0, &link);
		oct_ticket_free_table(ticket, &guard, oct_pte_phys(link), oct_table_order(level - 1));
	}
	oct_pte_guard_unlock(ticket, &guard);
}

/* What a trim may unlink: tables that lie wholly in [low, last]. */
struct reach {
	uintptr_t low, last;
};

static void trim_below(struct oct_space *space, oct_phys_t table, unsigned level, uintptr_t start,
                       uintptr_t end, const struct reach *reach, struct oct_ticket *ticket)
{
	for (uintptr_t va = start; before_end(va, start, end); va = oct_level_next(va, level)) {
		/* Acquire: pairs with the release in oct_entry_install. */
		oct_pte_t link = oct_load(oct_table_entries(table) + oct_table_index(va, level), OCT_ACQ);
		uintptr_t first = va & ~(oct_level_bytes(level) - 1);
		uintptr_t last = oct_level_next(va, level) - 1;

		if (!oct_pte_is_table(link, level))
			continue;
		if (level > 1)
			trim_below(space, oct_pte_phys(link), level - 1, va, last < end - 1 ? last + 1 : end,
			           reach, ticket);
		if (first >= reach->low && last <= reach->last && !(space->kernel && level == OCT_LEVELS - 1))
			unlink_empty(space, table, level, va, ticket);
	}
}

int oct_table_trim(struct oct_space *space, uintptr_t start, uintptr_t end, struct oct_ticket *ticket)
{
	return oct_table_trim_around(space, start, end, start, end, ticket);
}

int oct_table_trim_around(struct oct_space *space, uintptr_t start, uintptr_t end, uintptr_t low,
                          uintptr_t high, struct oct_ticket *ticket)
{
	const struct reach reach = {low, high - 1};

	if (!oct_range_valid(space, start, end) || !oct_range_valid(space, low, high) || start < low ||
	    end - 1 > high - 1 || ticket->space != space)
		return -OCT_EINVAL;
	trim_below(space, space->root, OCT_LEVELS - 1, start, end, &reach, ticket);
	return 0;
}
