/* leaf.c: large leaves: their size changed, and the tables kept for that. SPDX-License-Identifier: MIT
 *
 * THE DEPOSIT. In a user space every large leaf has put by the tables that it would take to split it down to
 * level 0: one of the level below, and what the leaves in that would have put by. The tables are
 * interchangeable, so the space keeps lists; a leaf that is made adds to them, one that is unmapped takes
 * from them, a split uses what its leaf put by, a merge makes up for it. What is in a list was never linked,
 * or not since a walker could reach it, and is freed at once.
 *
 * WHY A CHANGE OF SIZE LOSES NOTHING. A split (I2, I3, I10): where both sizes may not be usable at once, the
 * leaf is made invalid, flushed, and the state that the exchange brought back goes to all leaves below. Where
 * they may (OCT_BBM_LEVEL 2), the table is filled from the leaf's state and takes its place by a
 * compare-and-swap, which fails if hardware has set a bit meanwhile. Stale TLB entries of the large leaf
 * translate as the new ones do until one of these changes, and the flush of that covers them: an
 * invalidation drops what translates its address, whatever its size. A merge always breaks: hardware could
 * set bits in the table's entries until the flush is complete; they are gathered after it. */
#include "table_internal.h"

/* ---- The deposit -------------------------------------------------------------------------------- */
static unsigned deposit_kind(unsigned level)
{
	return level > 0; /* as oct_table_order */
}

/* A table of level. */
static OCT_SELDOM void deposit_put(struct oct_space *space, oct_phys_t table, unsigned level)
{
	oct_phys_t *list = &space->deposit[deposit_kind(level)];

	oct_spin_lock(&space->deposit_lock);
	*(oct_phys_t *)oct_port_phys_to_virt(table) = *list;
	*list = table;
	oct_spin_unlock(&space->deposit_lock);
}

#if OCT_TIER > 0
/* The leaf of level 1 at va becomes a table. The deposit's lock is held. */
static void note_split(struct oct_space *space, uintptr_t va)
{
	uint32_t count = space->splits;

	va &= ~(oct_level_bytes(1) - 1);
	for (uint32_t i = 0; i < count; i++)
		if (space->split_at[i] == va)
			return;
	if (count == OCT_SPLIT_LEAVES) {
		space->split_next = (space->split_next + 1) % OCT_SPLIT_LEAVES;
		space->split_at[space->split_next] = va;
		return;
	}
	space->split_at[count] = va;
	/* Relaxed: a hint; what it says is looked at under the lock. */
	oct_store(&space->splits, count + 1, OCT_RLX);
}

bool oct_split_noted(struct oct_space *space, uint32_t at, uintptr_t *va)
{
	bool there;

	oct_spin_lock(&space->deposit_lock);
	there = at < space->splits;
	if (there)
		*va = space->split_at[at];
	oct_spin_unlock(&space->deposit_lock);
	return there;
}

void oct_split_forget(struct oct_space *space, uintptr_t va)
{
	oct_spin_lock(&space->deposit_lock);
	for (uint32_t i = 0, count = space->splits; i < count; i++)
		if (space->split_at[i] == va) {
			space->split_at[i] = space->split_at[count - 1];
			oct_store(&space->splits, count - 1, OCT_RLX); /* as above */
			break;
		}
	oct_spin_unlock(&space->deposit_lock);
}
#endif

/* OCT_NO_PAGE: none is left. split: what it is for; NULL: to be dropped. */
static OCT_SELDOM oct_phys_t deposit_get(struct oct_space *space, unsigned level,
                                         const struct oct_pte_guard *split)
{
	oct_phys_t *list = &space->deposit[deposit_kind(level)], table;

	oct_spin_lock(&space->deposit_lock);
	table = *list;
	if (table != OCT_NO_PAGE)
		*list = *(oct_phys_t *)oct_port_phys_to_virt(table);
#if OCT_TIER > 0
	if (split != NULL && level == 0 && !space->kernel)
		note_split(space, split->va);
#else
	(void)split;
#endif
	oct_spin_unlock(&space->deposit_lock);
	return table;
}

static int deposit_add_table(struct oct_space *space, unsigned level)
{
	oct_phys_t table = oct_port_page_alloc(oct_table_order(level), OCT_USE_TABLE);

	if (table == OCT_NO_PAGE)
		return -OCT_ENOMEM;
	deposit_put(space, table, level);
	return 0;
}

static void deposit_drop_table(struct oct_space *space, unsigned level)
{
	oct_phys_t table = deposit_get(space, level, NULL);

	if (table != OCT_NO_PAGE)
		oct_table_free(table, level);
}

/* How many tables of kind a leaf of level puts by: those of all levels below it. */
static size_t deposit_size(unsigned level, unsigned kind)
{
	size_t tables = 0, at = 1;

	while (level-- > 0) {
		if (deposit_kind(level) == kind)
			tables += at;
		at *= OCT_TABLE_ENTRIES;
	}
	return tables;
}

OCT_SELDOM int oct_deposit_add(struct oct_space *space, unsigned level)
{
	for (unsigned kind = 0; kind < 2 && !space->kernel; kind++) {
		for (size_t made = 0; made < deposit_size(level, kind); made++) {
			if (deposit_add_table(space, kind) == 0)
				continue;
			while (made-- > 0)
				deposit_drop_table(space, kind);
			for (size_t i = deposit_size(level, 0); kind > 0 && i > 0; i--)
				deposit_drop_table(space, 0);
			return -OCT_ENOMEM;
		}
	}
	return 0;
}

OCT_SELDOM void oct_deposit_drop(struct oct_space *space, unsigned level)
{
	for (unsigned kind = 0; kind < 2 && !space->kernel; kind++)
		for (size_t i = deposit_size(level, kind); i > 0; i--)
			deposit_drop_table(space, kind);
}

OCT_SELDOM void oct_deposit_exit(struct oct_space *space)
{
	for (unsigned kind = 0; kind < 2; kind++)
		while (space->deposit[kind] != OCT_NO_PAGE)
			deposit_drop_table(space, kind);
}

/* ---- Choosing a size ----------------------------------------------------------------------------- */
/* Slots of the kernel's root never change. */
static unsigned highest_leaf(const struct oct_space *space)
{
	unsigned most = OCT_LEVELS - 1 - space->kernel;

	return most < OCT_LEAF_MAX ? most : OCT_LEAF_MAX;
}

unsigned oct_leaf_level(struct oct_space *space, uintptr_t va, oct_phys_t page, uintptr_t bytes,
                        unsigned prot)
{
	for (unsigned level = (prot & OCT_LARGE) ? highest_leaf(space) : 0; level > 0; level--) {
		uintptr_t size = oct_level_bytes(level);
		oct_pte_t *slot;

		if (((va | page) & (size - 1)) != 0 || bytes < size)
			continue;
		slot = oct_table_find(space, va, level);
		if (slot == NULL || !oct_pte_is_table(oct_load(slot, OCT_RLX), level)) /* the range is ours */
			return level;
	}
	return 0;
}

/* ---- Split --------------------------------------------------------------------------------------- */
struct split {
	oct_phys_t table;
	unsigned level; /* of the leaf */
	bool kernel;
};

/* The leaf becomes a link to the table, which translates as it does. The table is nobody's yet, so a second
 * attempt may fill it again. */
static OCT_SELDOM oct_pte_t split_entry(oct_pte_t pte, unsigned long arg)
{
	const struct split *split = (const struct split *)(uintptr_t)arg;
	oct_pte_t *entries = oct_table_entries(split->table);
	unsigned below = split->level - 1;

	pte = oct_pte_resize(pte, split->level, below);
	for (unsigned i = 0; i < OCT_TABLE_ENTRIES; i++) {
		oct_store(entries + i, pte, OCT_RLX); /* published with the link */
		pte = oct_pte_advance(pte, oct_level_bytes(below));
	}
	return oct_pte_make_table(split->table, split->level, split->kernel);
}

/* The guarded large leaf becomes a table. Who has another part of it may have come first, so the lock is not
 * dropped between the look at the leaf and the change. -OCT_ENOMEM. */
static OCT_SELDOM int split_leaf(struct oct_pte_guard *guard, uintptr_t va, struct oct_ticket *ticket)
{
	struct oct_space *space = guard->space;
	struct split split = {OCT_NO_PAGE, guard->level, space->kernel};
	unsigned long arg = (unsigned long)(uintptr_t)&split;
	oct_pte_t old, link;

	split.table = deposit_get(space, split.level - 1, guard);
	if (split.table == OCT_NO_PAGE)
		split.table = oct_port_page_alloc(oct_table_order(split.level - 1), OCT_USE_TABLE);
	if (split.table == OCT_NO_PAGE)
		return -OCT_ENOMEM;
	oct_port_page_clear(split.table, oct_table_order(split.level - 1)); /* locks, unused slots */
	OCT_COVER("leaf-split");
	link = oct_pte_make_table(split.table, split.level, split.kernel);
	if (oct_entry_judge(guard->upper, link, split.level) == OCT_BREAK_FIRST) {
		(void)!oct_entry_change(ticket, guard, guard->pte, va, oct_pte_broken(), &old);
		oct_ticket_flush(ticket, guard);
		oct_entry_install(guard, guard->pte, va, split_entry(old, arg));
	} else {
		(void)!oct_entry_update(ticket, guard, guard->pte, va, split_entry, arg, &old);
		oct_mmu_publish();
	}
	return 0;
}

OCT_SELDOM int oct_table_split(struct oct_space *space, uintptr_t va, struct oct_ticket *ticket)
{
	bool inside = true;
	int error = 0;

	if ((va & ~OCT_PAGE_MASK) != 0 || va < space->start || va > space->last || ticket->space != space)
		return -OCT_EINVAL;
	while (inside && error == 0) {
		struct oct_pte_guard guard;

		oct_pte_lock_at(space, va, &guard);
		inside = oct_guard_large(&guard) && (va & (oct_level_bytes(guard.level) - 1)) != 0;
		if (inside)
			error = split_leaf(&guard, va, ticket);
		oct_pte_guard_unlock(ticket, &guard);
	}
	return error;
}

int oct_guard_inside(struct oct_space *space, uintptr_t va, uintptr_t start, uintptr_t end,
                     struct oct_ticket *ticket, struct oct_pte_guard *guard)
{
	for (;;) {
		uintptr_t first, last;
		int error;

		oct_pte_lock_at(space, va, guard);
		if (!oct_guard_large(guard))
			return 0;
		first = va & ~(oct_level_bytes(guard->level) - 1);
		last = first + (oct_level_bytes(guard->level) - 1);
		if (first >= start && last <= end - 1)
			return 0;
		oct_pte_guard_unlock(NULL, guard);
		error = oct_table_split(space, first < start ? start : end, ticket);
		if (error != 0)
			return error;
	}
}

#if OCT_TIER > 0
OCT_SELDOM void oct_guard_fit(struct oct_pte_guard *guard, uintptr_t start, uintptr_t end)
{
	while (oct_guard_large(guard)) {
		uintptr_t first = guard->va & ~(oct_level_bytes(guard->level) - 1);
		struct oct_ticket ticket;

		if (first >= start && first + (oct_level_bytes(guard->level) - 1) <= end - 1)
			return;
		oct_ticket_init(&ticket, guard->space);
		if (split_leaf(guard, guard->va, &ticket) != 0)
			oct_port_panic("oct_guard_fit: no table was put by for a large leaf");
		oct_ticket_flush(&ticket, guard);
		if (guard->level == 1) { /* one lock has the slot and the leaf table */
			guard->pte = oct_table_entries(oct_pte_phys(oct_pte_get(guard))) +
			             oct_table_index(guard->va, 0);
			guard->level = 0;
			return;
		}
		oct_pte_guard_unlock(NULL, guard);
		oct_pte_lock_at(guard->space, guard->va, guard);
	}
}
#endif

OCT_SELDOM int oct_split_ends(struct oct_space *space, uintptr_t start, uintptr_t end,
                              struct oct_ticket *ticket)
{
	int error = 0;

	if (space->kernel)
		error = oct_table_split(space, start, ticket);
	if (space->kernel && error == 0 && end - 1 != space->last)
		error = oct_table_split(space, end, ticket);
	return error;
}

/* ---- Merge --------------------------------------------------------------------------------------- */
/* The slot of level for va, locked. false, nothing locked: no table has it. */
static bool lock_slot(struct oct_space *space, uintptr_t va, unsigned level, struct oct_pte_guard *guard)
{
	oct_phys_t table = space->root;

	for (unsigned at = OCT_LEVELS - 1; at > level; at--) {
		/* Acquire: pairs with the release in oct_entry_install. */
		oct_pte_t link = oct_load(oct_table_entries(table) + oct_table_index(va, at), OCT_ACQ);

		if (!oct_pte_is_table(link, at))
			return false;
		table = oct_pte_phys(link);
	}
	oct_slot_lock(space, table, level, va, guard);
	return true;
}

/* What must agree: entry i of a table of level, as entry 0 would be, without state. */
static oct_pte_t as_first(oct_pte_t pte, unsigned level, unsigned i)
{
	if (level == 0 && oct_pte_cont(pte))
		pte = oct_pte_clear_cont(pte, i & (OCT_CONT_ENTRIES - 1));
	return oct_pte_mkclean(oct_pte_mkold(pte)) -
	       oct_pte_advance(0, (oct_phys_t)i << oct_level_shift(level));
}

/* Do the entries of a table of level make one leaf? */
static OCT_SELDOM bool mergeable(oct_phys_t table, unsigned level)
{
	oct_pte_t *entries = oct_table_entries(table);
	oct_pte_t first = oct_load(entries, OCT_RLX); /* the range is ours, but for bits that hardware sets */

	if (!oct_pte_is_leaf(first, level))
		return false;
	first = as_first(first, level, 0);
	for (unsigned i = 0; i < OCT_TABLE_ENTRIES; i++) {
		oct_pte_t pte = oct_load(entries + i, OCT_RLX);

		if (!oct_pte_is_leaf(pte, level) || as_first(pte, level, i) != first)
			return false;
	}
	return (oct_pte_leaf_phys(first, level) & (oct_level_bytes(level + 1) - 1)) == 0;
}

/* The leaf of level + 1 for a mergeable table of level that nobody walks any more. */
static OCT_SELDOM oct_pte_t merged(oct_phys_t table, unsigned level)
{
	oct_pte_t *entries = oct_table_entries(table);
	oct_pte_t leaf = as_first(oct_load(entries, OCT_RLX), level, 0);

	for (unsigned i = 0; i < OCT_TABLE_ENTRIES; i++) {
		oct_pte_t pte = oct_load(entries + i, OCT_RLX);

		if (oct_pte_young(pte))
			leaf = oct_pte_mkyoung(leaf);
		if (oct_pte_dirty(pte))
			leaf = oct_pte_mkdirty(leaf);
	}
	return oct_pte_resize(leaf, level, level + 1);
}

/* The table under the guarded slot. */
static OCT_SELDOM void merge_table(struct oct_pte_guard *guard, oct_pte_t link, struct oct_ticket *ticket)
{
	oct_phys_t table = oct_pte_phys(link);
	unsigned below = guard->level - 1;

	(void)!oct_entry_change(ticket, guard, guard->pte, guard->va, oct_pte_broken(), &link);
	oct_ticket_flush(ticket, guard);
	oct_entry_install(guard, guard->pte, guard->va, merged(table, below));
	oct_ticket_free_table(ticket, guard, table, oct_table_order(below));
}

OCT_SELDOM int oct_table_merge(struct oct_space *space, uintptr_t va, unsigned level,
                               struct oct_ticket *ticket)
{
	struct oct_pte_guard guard;
	oct_pte_t link;
	bool good;

	if (va < space->start || va > space->last || ticket->space != space || level < 1 ||
	    level > highest_leaf(space))
		return -OCT_EINVAL;
	if (!space->kernel && deposit_add_table(space, level - 1) != 0)
		return -OCT_ENOMEM;
	if (lock_slot(space, va & ~(oct_level_bytes(level) - 1), level, &guard)) {
		link = oct_pte_get(&guard);
		good = oct_pte_is_table(link, level) && mergeable(oct_pte_phys(link), level - 1);
		if (good)
			merge_table(&guard, link, ticket);
		oct_pte_guard_unlock(ticket, &guard);
		if (good)
			return 0;
	}
	if (!space->kernel)
		deposit_drop_table(space, level - 1);
	return -OCT_ENOENT;
}
