/* table_internal.h: how tables lie in memory. SPDX-License-Identifier: MIT
 *
 * A leaf table is one page of entries. A table above is two: entries, then a struct oct_ptl per
 * slot. With tables smaller than a page the rest of each page is unused. */
#ifndef OCT_TABLE_INTERNAL_H
#define OCT_TABLE_INTERNAL_H

#include <octavo/mmu.h>
#include <octavo/table.h>
#include "../tlb/authority.h"

_Static_assert(OCT_LEVELS >= 2, "the root is never a leaf table");
_Static_assert(OCT_TABLE_ENTRIES * sizeof(struct oct_ptl) <= (1u << OCT_PAGE_SHIFT), "locks fit a page");

static inline unsigned oct_table_order(unsigned level)
{
	return level == 0 ? 0 : 1;
}

static inline oct_pte_t *oct_table_entries(oct_phys_t table)
{
	return (oct_pte_t *)oct_port_phys_to_virt(table);
}

/* The lock of slot index of a table above the leaves. */
static inline struct oct_ptl *oct_table_ptl(oct_phys_t table, unsigned index)
{
	return (struct oct_ptl *)(void *)((char *)oct_port_phys_to_virt(table) + OCT_PAGE_SIZE) + index;
}

/* A cleared table of level, OCT_NO_PAGE when there is no memory. */
static inline oct_phys_t oct_table_alloc(unsigned level)
{
	oct_phys_t table = oct_port_page_alloc(oct_table_order(level), OCT_USE_TABLE);

	if (table != OCT_NO_PAGE)
		oct_port_page_clear(table, oct_table_order(level));
	return table;
}

/* A table that nothing links or walks. */
static inline void oct_table_free(oct_phys_t table, unsigned level)
{
	oct_page_give_back(table, oct_table_order(level), OCT_USE_TABLE);
}

/* Locks the slot that holds the entry for va in table, at level >= 1. */
static inline void oct_slot_lock(struct oct_space *space, oct_phys_t table, unsigned level, uintptr_t va,
                                 struct oct_pte_guard *guard)
{
	unsigned index = oct_table_index(va, level);

	guard->space = space;
	guard->ptl = oct_table_ptl(table, index);
	guard->pte = oct_table_entries(table) + index;
	guard->va = va;
	guard->level = level;
	guard->upper = 0;
	oct_spin_lock(&guard->ptl->lock);
}

/* [start, end) is page aligned, not empty, and lies in the space. */
static inline bool oct_range_valid(const struct oct_space *space, uintptr_t start, uintptr_t end)
{
	uintptr_t last = end - 1; /* end 0: the top of addresses */

	return ((start | end) & ~OCT_PAGE_MASK) == 0 && start <= last && start >= space->start &&
	       last <= space->last;
}

/* Address a comes before the end of [start, end), and what led to it did not wrap. */
static inline bool oct_before_end(uintptr_t a, uintptr_t start, uintptr_t end)
{
	return a >= start && a <= end - 1;
}

/* The walk for the guard ended at a large leaf. */
static inline bool oct_guard_large(const struct oct_pte_guard *guard)
{
	return guard->level > 0 && oct_pte_present(guard->upper);
}

/* oct_pte_guard_next, and the next entry does not lie behind last. */
static inline bool oct_guard_step(struct oct_pte_guard *guard, uintptr_t last)
{
	uintptr_t next = guard->va + OCT_PAGE_SIZE;

	if (guard->level != 0 || oct_table_index(next, 0) == 0 || next > last)
		return false;
	guard->va = next;
	guard->pte++;
	return true;
}

/* ---- leaf.c ---------------------------------------------------------------------------------------- */
/* The tables for a leaf of level to be split into. -OCT_ENOMEM: nothing was added. */
int oct_deposit_add(struct oct_space *space, unsigned level);
/* A leaf of level is no more. */
void oct_deposit_drop(struct oct_space *space, unsigned level);
#if OCT_TIER > 0
/* The at-th of the places where a leaf of level 1 became a table, as far as the space remembers. false: there
 * are not so many. Any page-table lock may be held. */
bool oct_split_noted(struct oct_space *space, uint32_t at, uintptr_t *va);
/* That place need not be looked at again. */
void oct_split_forget(struct oct_space *space, uintptr_t va);
#endif
/* Nobody uses the space any more. */
void oct_deposit_exit(struct oct_space *space);

/* The level of the leaf that oct_table_map makes for va, if bytes are left from there. */
unsigned oct_leaf_level(struct oct_space *space, uintptr_t va, oct_phys_t page, uintptr_t bytes,
                        unsigned prot);

/* Locks the place of va as oct_pte_lock_at does; a large leaf there that reaches out of [start, end) is split
 * before. -OCT_ENOMEM: nothing locked; where there is a deposit or oct_split_ends came first it cannot be. */
int oct_guard_inside(struct oct_space *space, uintptr_t va, uintptr_t start, uintptr_t end,
                     struct oct_ticket *ticket, struct oct_pte_guard *guard);
/* Where there is no deposit: no large leaf lies across start or end afterwards. -OCT_ENOMEM. */
int oct_split_ends(struct oct_space *space, uintptr_t start, uintptr_t end, struct oct_ticket *ticket);

/* ---- batch.c -------------------------------------------------------------------------------------- */
/* Locks the places of from and to, which are different pages, in the order of addresses, as oct_pte_lock_at does.
 * The leaf table of to was there, and tables above stay: so both do not end at one slot, unless one leaf table
 * has both. true: it has, fresh is locked with old and not to be unlocked. */
bool oct_pte_lock_two(struct oct_space *space, uintptr_t from, uintptr_t to, struct oct_pte_guard *old,
                      struct oct_pte_guard *fresh);

/* ---- space.c ---------------------------------------------------------------------------------------- */
/* table, of level, is linked by no entry that a walker could use: frees it with all below. first and
 * count: which of its slots. */
void oct_table_free_tree(oct_phys_t table, unsigned level, unsigned first, unsigned count);

#endif
