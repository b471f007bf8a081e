/* table.h: the page tables of a space. SPDX-License-Identifier: MIT
 *
 * Grouped by what is operated on: a space, a locked entry, a range, one table.
 *
 * A space covers [start, last]. Tables above the leaves take two pages: the entries, then one
 * struct oct_ptl per slot. The lock of a slot of a level-1 table covers the slot and the leaf
 * table under it. Leaf tables take one page.
 *
 * Who calls at the same time: page-table locks make single entries safe. The calls on ranges below
 * expect that the caller keeps others away from the same range (T2 does with its lock; a host of
 * T1 with its own); calls on disjoint ranges may run at the same time, also in one leaf table, except
 * that oct_table_trim needs its whole range for itself.
 * Contexts as in tlb.h: no sleeping, interrupts on.
 *
 * Leaves: a leaf of level 1 or 2 maps what a table below its slot would map. Calls on a range that begins or
 * ends inside one split it first, into leaves of the level below. The tables for that are deposited when a
 * large leaf is made in a user space, so there a split cannot fail; in the kernel's space, whose large leaves
 * seldom go, it allocates. Contiguous blocks (pte.h) are taken apart by whoever changes a part of one.
 *
 * Prepare and commit: memory is needed for tables only. oct_table_prepare() makes them, invisible to
 * users; after it nothing in the range can fail for want of memory. */
#ifndef OCTAVO_TABLE_H
#define OCTAVO_TABLE_H

#include <octavo/pte.h>
#include <octavo/tlb.h>
#include <octavo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- A space ------------------------------------------------------------------------------------ */
/* An empty user space: allocates the root. Its addresses are [0, 2^OCT_FORMAT_USER_BITS), page 0
 * included. -OCT_ENOMEM: nothing allocated. */
int oct_space_init(struct oct_space *space, struct oct_system *system);

/* The kernel's space for addresses [start, last + 1) of the upper half, page aligned (last is the
 * last byte, so that the top of addresses can be named). At most one a system, made before user
 * spaces. Links the tables below the root at once: formats with one root copy the root's entries
 * into every user space, so they never change. On formats with two roots the host loads
 * space->root itself. -OCT_EINVAL, -OCT_EBUSY (there is one), -OCT_ENOMEM. */
int oct_kernel_space_init(struct oct_space *space, struct oct_system *system, uintptr_t start,
                          uintptr_t last);

/* Gives back all tables. No CPU runs the space any more and none will (a CPU that runs it is a
 * panic), no other call on it runs. Frames still mapped are not released: unmap them first, through
 * a ticket. Does not fail. May interrupt every CPU once, or use system->defer. */
void oct_space_exit(struct oct_space *space);

/* ---- A locked entry ----------------------------------------------------------------------------- */
/* Locks the place where the walk for va ends: the leaf entry, or the lowest slot that links no
 * table (it may hold a large leaf). Always succeeds for an address of the space (panics otherwise). */
void oct_pte_lock_at(struct oct_space *space, uintptr_t va, struct oct_pte_guard *guard);

/* The guarded place is in [start, end); a large leaf there that reaches out of the range becomes a table,
 * flushed, with the lock held, and the guard stands at the entry of guard->va in it. For spaces with a
 * deposit (not the kernel's), so it cannot fail; costs nothing where no large leaf is. From T1 on. */
void oct_guard_fit(struct oct_pte_guard *guard, uintptr_t start, uintptr_t end);

/* As oct_pte_lock_at, for va of space, but guard never stands at a large leaf: who has to do with single
 * pages splits on touch. guard->level is 0, or nothing is mapped there. From T1 on. */
static inline void oct_pte_lock_page(struct oct_space *space, uintptr_t va, struct oct_pte_guard *guard)
{
	oct_pte_lock_at(space, va, guard);
	if (guard->level != 0)
		oct_guard_fit(guard, va, va + OCT_PAGE_SIZE);
}

/* The next entry of the locked leaf table: moves the guard to va + one page if the same lock covers
 * it. false: it does not (or guard->level is not 0), unlock and lock again. */
bool oct_pte_guard_next(struct oct_pte_guard *guard);

/* Ends the section; with a ticket whose changes are pending draws their generation first. ticket
 * may be NULL where nothing was changed through one. */
void oct_pte_guard_unlock(struct oct_ticket *ticket, struct oct_pte_guard *guard);

/* Load the guarded entry. Relaxed: the lock orders software, and hardware only sets bits. */
static inline oct_pte_t oct_pte_get(const struct oct_pte_guard *guard)
{
	return oct_load(guard->pte, OCT_RLX); /* the value is judged again by the exchange */
}

/* Raw form, no ticket: the locked leaf entry of va, or NULL (nothing locked) if no leaf table is
 * there. At most four at once on a CPU, unlocked on the same CPU, preemption off. */
oct_pte_t *oct_space_pte_lock_raw(struct oct_space *space, uintptr_t va);
void oct_space_pte_unlock_raw(struct oct_space *space, oct_pte_t *pte);

/* The entry for va at level without any lock, NULL if its table is missing. Reads each level once. */
oct_pte_t *oct_table_find(struct oct_space *space, uintptr_t va, unsigned level);

/* ---- A range ------------------------------------------------------------------------------------- */
/* start, end page aligned, start < end, inside the space: else -OCT_EINVAL and nothing changed. An end
 * past the top of addresses is written as 0. */

/* Makes every leaf table that [start, end) needs. -OCT_ENOMEM: what was made stays, empty, and serves the
 * next call or goes with oct_table_trim; no user sees a difference. -OCT_EEXIST: a large leaf is there. */
int oct_table_prepare(struct oct_space *space, uintptr_t start, uintptr_t end);

/* Makes the tables above the leaf table of va, which lies in space, not that one: what oct_table_move needs.
 * 0; -OCT_ENOMEM, -OCT_EEXIST as above. */
int oct_table_prepare_slot(struct oct_space *space, uintptr_t va);

/* Maps pages pages of physical memory of type from page at va. prot: enum oct_prot, OCT_KERNEL exactly in
 * the kernel's space; with OCT_LARGE it uses the largest leaves, up to OCT_LEAF_MAX, for which no table is
 * in the way, with OCT_CONT contiguous blocks. Entries are young and, if writable, dirty: no fault is
 * needed to use them. Executable pages: the caller has made the instructions visible to fetches before.
 * -OCT_EINVAL, -OCT_EEXIST (some entry is not none), -OCT_ENOMEM: no entry changed.
 * TLB after: an access sees the new entries, or faults once more where the architecture may keep an
 * invalid one. */
int oct_table_map(struct oct_space *space, uintptr_t va, oct_phys_t page, size_t pages, unsigned prot,
                  enum oct_memory_type type);

/* Clears every entry of [start, end), soft ones too. free_pages: the pages are queued on ticket, those of a
 * large leaf together. Revoked when ticket completes. -OCT_EINVAL; -OCT_ENOMEM where a large leaf of the
 * kernel's space lies across start or end: nothing is changed but maybe the size of leaves. */
int oct_table_unmap(struct oct_space *space, uintptr_t start, uintptr_t end, bool free_pages,
                    struct oct_ticket *ticket);

/* Gives every present entry of [start, end) the rights prot; others stay. A writable entry is made
 * dirty in the same step, as oct_table_map does. Revoked when ticket completes, also what an
 * earlier call began: entries that already look protected are relied upon. Rights that are gained owe no
 * flush: an access may fault once more, in the kernel's space too, where the host's handler has to answer it
 * (oct_tlb_forget_local). Returns as oct_table_unmap. */
int oct_table_protect(struct oct_space *space, uintptr_t start, uintptr_t end, unsigned prot,
                      struct oct_ticket *ticket);

/* Splits until no large leaf has va inside: one begins there, or another entry. va page aligned. The change of
 * size is under way until ticket completes; rights, pages and state stay, and an access meanwhile finds
 * its translation or (OCT_BBM_LEVEL below 2) faults once more. Needs the leaf for itself. -OCT_EINVAL;
 * -OCT_ENOMEM (kernel's space only): the leaves that are there stay. */
int oct_table_split(struct oct_space *space, uintptr_t va, struct oct_ticket *ticket);

/* Replaces the table under the slot of level (1 .. OCT_LEAF_MAX) for va by one leaf, if its entries are all
 * leaves that map consecutive, aligned pages with the same rights, type and software bits. The leaf is young
 * and dirty if one of them is. Breaks first; the table goes through ticket. Needs the leaf for itself.
 * -OCT_EINVAL; -OCT_ENOENT: no such table; -OCT_ENOMEM: no table for the deposit. Nothing changed then. */
int oct_table_merge(struct oct_space *space, uintptr_t va, unsigned level, struct oct_ticket *ticket);

/* Unlinks and frees, through ticket, the tables that lie wholly in [start, end) and hold no entry. In
 * the kernel's space the tables under the root stay. Needs the range for itself. Only -OCT_EINVAL. */
int oct_table_trim(struct oct_space *space, uintptr_t start, uintptr_t end, struct oct_ticket *ticket);

/* The same for tables on the way to [start, end) only, which lie wholly in [low, high), a range
 * around it: after a part of a larger hole was unmapped. Costs what [start, end) costs, however large
 * the hole is. Needs [low, high) for itself. Only -OCT_EINVAL. */
int oct_table_trim_around(struct oct_space *space, uintptr_t start, uintptr_t end, uintptr_t low,
                          uintptr_t high, struct oct_ticket *ticket);

/* ---- One leaf table (from T1 on): others use the range meanwhile ---------------------------------- */
/* Unlinks the leaf table for va if none of its entries is anything but none, and frees it through ticket. true: it
 * did. Whoever locks an entry of it by oct_pte_lock_at at the same time finds the table, and it stays, if he makes an
 * entry; or finds the slot without one. So only where all who use the range know that: else they need it for
 * themselves, as for oct_table_trim, and what lies above leaf tables stays in any case. */
bool oct_table_retract(struct oct_space *space, uintptr_t va, struct oct_ticket *ticket);

/* ---- Moving (from T1 on): the caller keeps others away from both ranges --------------------------- */
/* The leaf table for from, aligned to what a leaf table maps, goes to to, with all its entries; or the leaf
 * of level 1 that is in its place. true: it did; nobody uses it by the old address any more, not through a
 * walk cache either. false: there is none (at from), or something is there (at to), or no table above:
 * nothing changed. Interrupts on; ticket may owe more. */
bool oct_table_move(struct oct_space *space, uintptr_t from, uintptr_t to, struct oct_ticket *ticket);

/* The entries of pages pages from from go to the same number of empty entries from to; soft ones as well.
 * Each of the ranges lies in one leaf table, which is there (a panic if not). After: nobody uses them by the old
 * addresses; both page-table locks were held until then. */
void oct_table_move_entries(struct oct_space *space, uintptr_t from, uintptr_t to, size_t pages,
                            struct oct_ticket *ticket);

/* What is mapped at va: the entry, 0 for none; of a large leaf or a contiguous block the entry that the page
 * of va would have alone. A glance: may be old when it returns. Leaf tables must stay: interrupts off (R5),
 * or nobody trims, merges, collapses or retracts there. */
oct_pte_t oct_table_query(struct oct_space *space, uintptr_t va);

/* ---- A cursor ------------------------------------------------------------------------------------ */
/* Goes through the entries of [start, end) that are not none and link no table, in order, without a lock:
 *
 *	oct_cursor_init(&cursor, space, start, end);
 *	while (oct_cursor_next(&cursor))
 *		... cursor.va, cursor.level, cursor.pte ...
 *
 * Each is a glance. Tables must stay: nobody trims, merges or retracts in the range meanwhile. What is empty costs a
 * step per slot of the lowest table on the way. */
struct oct_cursor {
	struct oct_space *space;
	uintptr_t va;    /* the first address that pte maps; may lie before start */
	unsigned level;  /* of its table */
	oct_pte_t pte;   /* as it was read */
	uintptr_t next;  /* where to go on */
	uintptr_t start; /* of the range */
	uintptr_t end;
	bool done;
};

/* -OCT_EINVAL: as for the calls on ranges; the cursor is at its end. */
int oct_cursor_init(struct oct_cursor *cursor, struct oct_space *space, uintptr_t start, uintptr_t end);
/* false: there are no more. */
bool oct_cursor_next(struct oct_cursor *cursor);

/* ---- For people ------------------------------------------------------------------------------------ */
/* Writes what the tables of space map to oct_port_log: two lines of heading, then a line for each run of
 * entries that follow one another at one level with the same bits, whatever their pages are:
 *
 *	START-END  level  size  pages (of 4 KiB)  rwxugydspc  type
 *
 * END is the first address behind it (0: the top of addresses). A bit that is not set is a dash: read, write,
 * exec, user, global, young, dirty, soft-dirty, userfault write-protected, contiguous. type: that of
 * the memory, or soft and what kind of soft entry. As a cursor it takes no lock, each entry is a glance, and tables
 * must stay meanwhile. Changes nothing, the TLB neither; needs no memory and some 500 bytes of stack. Not in T0's
 * list of sources: add src/table/dump.c. */
void oct_table_dump(struct oct_space *space);

#ifdef __cplusplus
}
#endif
#endif
