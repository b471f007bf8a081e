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

/* ---- Prepare ------------------------------------------------------------------------------------- */
/* One more table on the way to va. *done: the table of level to is there. */
static OCT_SELDOM int prepare_one(struct oct_space *space, uintptr_t va, unsigned to, bool *done)
{
	struct oct_pte_guard guard;
	oct_phys_t table;
	unsigned level = to;
	bool large;

	/* Without locks: tables only come (they go with the range, which is the caller's), and the level is
	 * looked at again under the lock. */
	while (oct_table_find(space, va, level) == NULL)
		level++;
	*done = level == to;
	if (*done)
		return 0;
	table = oct_table_alloc(level - 1); /* not under the lock: others need not wait for the clearing */
	if (table == OCT_NO_PAGE)
		return -OCT_ENOMEM;
	oct_pte_lock_at(space, va, &guard);
	large = oct_guard_large(&guard);
	if (guard.level == level && !large) {
		oct_entry_install(&guard, guard.pte, va, oct_pte_make_table(table, level, space->kernel));
		table = OCT_NO_PAGE;
	}
	oct_pte_guard_unlock(NULL, &guard);
	if (table != OCT_NO_PAGE)
		oct_table_free(table, level - 1); /* another was faster; nobody ever saw this one */
	return large ? -OCT_EEXIST : 0;
}

static int prepare_to(struct oct_space *space, uintptr_t va, unsigned level)
{
	bool done = false;
	int error = 0;

	while (!done && error == 0)
		error = prepare_one(space, va, level, &done);
	return error;
}

int oct_table_prepare(struct oct_space *space, uintptr_t start, uintptr_t end)
{
	if (!oct_range_valid(space, start, end))
		return -OCT_EINVAL;
	for (uintptr_t va = start; oct_before_end(va, start, end); va = oct_level_next(va, 1)) {
		int error = prepare_to(space, va, 0);

		if (error != 0)
			return error;
	}
	return 0;
}

int oct_table_prepare_slot(struct oct_space *space, uintptr_t va)
{
	return prepare_to(space, va, 1);
}

/* ---- Map ------------------------------------------------------------------------------------------ */
static bool range_empty(struct oct_space *space, uintptr_t start, uintptr_t end)
{
	struct oct_pte_guard guard;
	bool empty = true;

	for (uintptr_t va = start; empty && oct_before_end(va, start, end); va = after_guard(&guard)) {
		oct_pte_lock_at(space, va, &guard);
		do {
			empty = oct_pte_none(oct_pte_get(&guard));
		} while (empty && oct_pte_guard_next(&guard) && oct_before_end(guard.va, start, end));
		oct_pte_guard_unlock(NULL, &guard);
	}
	return empty;
}

/* What is to be mapped: [start, end) to pages from page on. */
struct mapping {
	uintptr_t start, end;
	oct_phys_t page;
	unsigned prot; /* with OCT_LARGE, OCT_CONT */
	enum oct_memory_type type;
};

static oct_phys_t frame_of(const struct mapping *map, uintptr_t va)
{
	return map->page + (va - map->start);
}

static unsigned level_of(struct oct_space *space, const struct mapping *map, uintptr_t va)
{
	return oct_leaf_level(space, va, frame_of(map, va), map->end - va, map->prot);
}

static oct_pte_t ready_entry(const struct mapping *map, uintptr_t va, unsigned level)
{
	unsigned prot = map->prot & (OCT_PROT_MASK | OCT_KERNEL);
	oct_pte_t pte = oct_pte_mkyoung(oct_pte_make_leaf(frame_of(map, va), level, prot, map->type));

	return (prot & OCT_WRITE) ? oct_pte_mkdirty(pte) : pte;
}

/* The block of va is mapped whole, by a block of pages. */
static bool makes_block(const struct mapping *map, uintptr_t va)
{
	uintptr_t first = va & ~(OCT_CONT_BYTES - 1);

	return OCT_FORMAT_CONT && (map->prot & OCT_CONT) && first >= map->start &&
	       map->end - first >= OCT_CONT_BYTES && (frame_of(map, first) & (OCT_CONT_BYTES - 1)) == 0;
}

static bool prot_valid(const struct oct_space *space, unsigned prot, unsigned hints)
{
	return (prot & ~(OCT_PROT_MASK | OCT_KERNEL | hints)) == 0 &&
	       ((prot & OCT_KERNEL) != 0) == space->kernel;
}

/* The leaf of level 0 that maps page is the page's, with nothing else in its place. */
static bool page_valid(const struct mapping *map, oct_phys_t page)
{
	return oct_pte_phys(oct_pte_make(page, map->prot & OCT_PROT_MASK, map->type)) == page;
}

static OCT_SELDOM bool mapping_valid(const struct oct_space *space, const struct mapping *map, size_t pages)
{
	return pages != 0 && pages <= SIZE_MAX >> OCT_PAGE_SHIFT &&
	       oct_range_valid(space, map->start, map->end) &&
	       prot_valid(space, map->prot, OCT_LARGE | OCT_CONT) && (unsigned)map->type <= OCT_DEVICE &&
	       page_valid(map, map->page) &&
	       page_valid(map, map->page + ((oct_phys_t)(pages - 1) << OCT_PAGE_SHIFT));
}

/* Tables, and what large leaves deposit. */
static OCT_SELDOM int prepare_map(struct oct_space *space, const struct mapping *map)
{
	uintptr_t va, next;
	unsigned level;
	int error = 0;

	for (va = map->start; oct_before_end(va, map->start, map->end); va = next) {
		level = level_of(space, map, va);
		next = oct_level_next(va, level > 0 ? level : 1);
		error = prepare_to(space, va, level);
		if (error == 0)
			error = oct_deposit_add(space, level);
		if (error != 0)
			break;
	}
	for (uintptr_t end = va, at = map->start; error != 0 && at != end; at = next) {
		level = level_of(space, map, at);
		next = oct_level_next(at, level > 0 ? level : 1);
		oct_deposit_drop(space, level);
	}
	return error;
}

static void install_pages(struct oct_pte_guard *guard, const struct mapping *map)
{
	do {
		oct_pte_t pte = ready_entry(map, guard->va, 0);

		oct_entry_install(guard, guard->pte, guard->va,
		                  makes_block(map, guard->va) ? oct_pte_mk_cont(pte) : pte);
	} while (oct_pte_guard_next(guard) && oct_before_end(guard->va, map->start, map->end));
}

int oct_table_map(struct oct_space *space, uintptr_t va, oct_phys_t page, size_t pages, unsigned prot,
                  enum oct_memory_type type)
{
	const struct mapping map = {va, va + (pages << OCT_PAGE_SHIFT), page, prot, type};
	struct oct_pte_guard guard;
	int error;

	if (!mapping_valid(space, &map, pages))
		return -OCT_EINVAL;
	if (!range_empty(space, map.start, map.end))
		return -OCT_EEXIST;
	error = prepare_map(space, &map);
	if (error != 0)
		return error;
	for (; oct_before_end(va, map.start, map.end); va = after_guard(&guard)) {
		unsigned level = level_of(space, &map, va);

		oct_pte_lock_at(space, va, &guard);
		if (level > 0)
			oct_entry_install(&guard, guard.pte, va, ready_entry(&map, va, level));
		else
			install_pages(&guard, &map);
		oct_pte_guard_unlock(NULL, &guard);
	}
	return 0;
}

/* ---- Unmap and protect ------------------------------------------------------------------------------ */
/* Entries from the guarded one to the end of the range, as far as they lie in its leaf table. */
static OCT_SELDOM size_t entries_left(const struct oct_pte_guard *guard, uintptr_t end)
{
	size_t table = OCT_TABLE_ENTRIES - oct_table_index(guard->va, 0);
	size_t range = (end - guard->va) >> OCT_PAGE_SHIFT;

	return range < table ? range : table;
}

/* From the first to the last of entries. */
static void pass(struct oct_pte_guard *guard, size_t entries)
{
	guard->va += (entries - 1) * OCT_PAGE_SIZE;
	guard->pte += entries - 1;
}

static OCT_SELDOM void unmap_block(struct oct_ticket *ticket, struct oct_pte_guard *guard, bool free_pages)
{
	oct_phys_t page = oct_pte_phys(oct_block_clear(ticket, guard, guard->pte, guard->va));

	for (unsigned i = 0; free_pages && i < OCT_CONT_ENTRIES; i++)
		oct_ticket_free_page(ticket, guard, page + i * OCT_PAGE_SIZE);
	pass(guard, OCT_CONT_ENTRIES);
}

static OCT_SELDOM void unmap_large(struct oct_ticket *ticket, struct oct_pte_guard *guard, bool free_pages)
{
	oct_pte_t old;

	(void)!oct_entry_change(ticket, guard, guard->pte, guard->va, 0, &old); /* as below */
	oct_deposit_drop(guard->space, guard->level);
	if (free_pages)
		oct_ticket_free_pages(ticket, guard, oct_pte_leaf_phys(old, guard->level),
		                      guard->level * OCT_TABLE_SHIFT);
}

/* old: the guarded entry of a leaf table, else 0. */
static void unmap_one(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_pte_t old, uintptr_t end,
                      bool free_pages)
{
	if (oct_guard_large(guard)) {
		unmap_large(ticket, guard, free_pages);
		return;
	}
	if (oct_pte_none(old)) {
		oct_ticket_join(ticket, guard); /* hardware changes no such entry */
		return;
	}
	if (oct_begins_block(guard->va, old, entries_left(guard, end))) {
		unmap_block(ticket, guard, free_pages);
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
	int error;

	if (!oct_range_valid(space, start, end) || ticket->space != space)
		return -OCT_EINVAL;
	error = oct_split_ends(space, start, end, ticket);
	for (uintptr_t va = start; error == 0 && oct_before_end(va, start, end); va = after_guard(&guard)) {
		error = oct_guard_inside(space, va, start, end, ticket, &guard);
		if (error != 0)
			break;
		do {
			oct_pte_t pte = guard.level == 0 ? oct_pte_get(&guard) : 0;

			if (!oct_pte_present(pte) || oct_pte_cont(pte)) {
				unmap_one(ticket, &guard, pte, end, free_pages);
				continue;
			}
			pte = oct_entry_clear(ticket, &guard);
			if (free_pages)
				oct_ticket_free_page(ticket, &guard, oct_pte_phys(pte));
		} while (oct_guard_step(&guard, end - 1));
		oct_pte_guard_unlock(ticket, &guard);
	}
	return error;
}

static oct_pte_t protect_entry(oct_pte_t pte, unsigned long prot)
{
	if (!oct_pte_present(pte))
		return pte;
	pte = oct_pte_modify(pte, (unsigned)prot);
	return oct_pte_write(pte) ? oct_pte_mkdirty(pte) : pte;
}

#if OCT_TIER > 0 /* T0, which has to be small, takes the blocks apart that it protects */
/* The blocks that begin with the guarded entry and end before end. false: there is none. */
static OCT_SELDOM bool protect_blocks(struct oct_ticket *ticket, struct oct_pte_guard *guard, uintptr_t end,
                                      unsigned prot)
{
	size_t left = entries_left(guard, end);

	if (left < OCT_CONT_ENTRIES || !oct_begins_block(guard->va, oct_pte_get(guard), left))
		return false;
	pass(guard, oct_blocks_update(ticket, guard, left, protect_entry, prot, true));
	return true;
}
#endif

static void protect_one(struct oct_ticket *ticket, struct oct_pte_guard *guard, uintptr_t end, unsigned prot)
{
	oct_pte_t old;

	if (guard->level != 0 && !oct_guard_large(guard)) {
		oct_ticket_join(ticket, guard);
		return;
	}
#if OCT_TIER > 0
	if (OCT_FORMAT_CONT && guard->level == 0 && (guard->va & (OCT_CONT_BYTES - 1)) == 0 &&
	    protect_blocks(ticket, guard, end, prot))
		return;
#else
	(void)end;
#endif
	/* The verdict is the ticket's business. */
	(void)!oct_entry_update(ticket, guard, guard->pte, guard->va, protect_entry, prot, &old);
}

int oct_table_protect(struct oct_space *space, uintptr_t start, uintptr_t end, unsigned prot,
                      struct oct_ticket *ticket)
{
	struct oct_pte_guard guard;
	int error;

	if (!oct_range_valid(space, start, end) || ticket->space != space || !prot_valid(space, prot, 0))
		return -OCT_EINVAL;
	error = oct_split_ends(space, start, end, ticket);
	for (uintptr_t va = start; error == 0 && oct_before_end(va, start, end); va = after_guard(&guard)) {
		error = oct_guard_inside(space, va, start, end, ticket, &guard);
		if (error != 0)
			break;
		do {
			protect_one(ticket, &guard, end, prot);
		} while (oct_pte_guard_next(&guard) && oct_before_end(guard.va, start, end));
		oct_pte_guard_unlock(ticket, &guard);
	}
	return error;
}

/* ---- Trim -------------------------------------------------------------------------------------------- */
/* Each entry of what is unmapped is looked at here: quick, though only seldom calls lead here. */
__attribute__((hot, noinline)) static bool table_empty(const oct_pte_t *entries)
{
	for (unsigned i = 0; i < OCT_TABLE_ENTRIES; i++) {
		oct_pte_t pte = oct_load(entries + i, OCT_RLX); /* the range, or its lock, is ours */

		if (pte != 0 && !oct_pte_none(pte)) /* stray bits, or something */
			return false;
	}
	return true;
}

/* Unlinks the table of level - 1 under the slot for va, if it is empty. Did it? */
static bool unlink_empty(struct oct_space *space, oct_phys_t table, unsigned level, uintptr_t va,
                         struct oct_ticket *ticket)
{
	struct oct_pte_guard guard;
	oct_pte_t link;
	bool unlink;

	oct_slot_lock(space, table, level, va, &guard);
	link = oct_pte_get(&guard);
	unlink = oct_pte_is_table(link, level) && table_empty(oct_table_entries(oct_pte_phys(link)));
	if (unlink) {
		/* The verdict is the ticket's: the table is released when it is complete. */
		(void)!oct_entry_change(ticket, &guard, guard.pte, va, 0, &link);
		oct_ticket_free_table(ticket, &guard, oct_pte_phys(link), oct_table_order(level - 1));
	}
	oct_pte_guard_unlock(ticket, &guard);
	return unlink;
}

/* What a trim may unlink: tables that lie wholly in [low, last]. */
struct reach {
	uintptr_t low, last;
};

static OCT_SELDOM void trim_below(struct oct_space *space, oct_phys_t table, unsigned level, uintptr_t start,
                                  uintptr_t end, const struct reach *reach, struct oct_ticket *ticket)
{
	for (uintptr_t va = start; oct_before_end(va, start, end); va = oct_level_next(va, level)) {
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
			(void)!unlink_empty(space, table, level, va, ticket);
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

#if OCT_TIER > 0
bool oct_table_retract(struct oct_space *space, uintptr_t va, struct oct_ticket *ticket)
{
	oct_phys_t table = space->root;

	if (va < space->start || va > space->last || ticket->space != space)
		return false;
	for (unsigned level = OCT_LEVELS - 1; level > 1; level--) {
		/* Acquire: pairs with the release in oct_entry_install. */
		oct_pte_t link = oct_load(oct_table_entries(table) + oct_table_index(va, level), OCT_ACQ);

		if (!oct_pte_is_table(link, level))
			return false;
		table = oct_pte_phys(link);
	}
	return unlink_empty(space, table, 1, va & ~(oct_level_bytes(1) - 1), ticket);
}
#endif
