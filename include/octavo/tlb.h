/* tlb.h: the flush authority. SPDX-License-Identifier: MIT
 *
 * The only place that decides about TLB flushes. How it works, and why no flush is missing, stands
 * at the top of src/tlb/tlb.c. How to use it:
 *
 *	struct oct_ticket ticket;
 *	struct oct_pte_guard guard;
 *
 *	oct_ticket_init(&ticket, space);
 *	oct_pte_lock_at(space, va, &guard);                   // table.h
 *	verdict = oct_entry_change(&ticket, &guard, guard.pte, va, 0, &old);
 *	oct_ticket_free_page(&ticket, &guard, oct_pte_phys(old));
 *	oct_pte_guard_unlock(&ticket, &guard);                // draws the generation
 *	... more lock sections ...
 *	oct_ticket_complete(&ticket);                         // now nobody uses the old entries
 *
 * A ticket lives on the stack of one caller, is never shared, and must be completed. What a call
 * took away is revoked only when the ticket is complete: complete it before returning to whoever
 * relies on that (R4), and before giving up reverse map, map count or address range.
 *
 * Contexts, unless a function says otherwise: does not sleep; called with interrupts on (a flush
 * may wait for other CPUs, which may be waiting for this one), with or without page-table locks. */
#ifndef OCTAVO_TLB_H
#define OCTAVO_TLB_H

#include <octavo/pte.h>
#include <octavo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The system -------------------------------------------------------------------------------- */
/* Prepares system for CPUs 0 .. cpus-1 (1 .. OCT_MAX_CPUS). Allocates the root of idle
 * CPUs (two pages). -OCT_EINVAL, -OCT_ENOMEM: nothing allocated. Before any other CPU uses it. */
int oct_system_init(struct oct_system *system, unsigned cpus);

/* Gives back what init allocated. No space is left, no CPU runs the idle root. */
void oct_system_exit(struct oct_system *system);

/* Runs space (NULL: none) on this CPU from now on: takes an ASID, loads the root, calls
 * oct_port_root_changed. Call with preemption off; turns interrupts off for its duration, and may
 * be called with them off. space stays valid until the CPU has switched away from it.
 * TLB after: this CPU uses no translation of the former space, and none of the new one that was
 * revoked before. The memory accesses made through the former space are complete. */
void oct_space_switch(struct oct_system *system, struct oct_space *space);

/* This CPU goes on without user addresses (idle, a kernel thread) and keeps the root that it has loaded, so
 * that switching back to the same space costs nothing. Until the next oct_space_switch nothing here uses a
 * user address of the space. Contexts as oct_space_switch.
 * TLB after: this CPU may hold translations that flushes take away meanwhile, which do not wait for it
 * unless a table is freed; it drops them when it comes back, before it uses one. Where invalidations are
 * broadcast they reach it as any other. */
void oct_space_switch_lazy(struct oct_system *system);

/* What CPU cpu (< system->cpus) has counted so far. Any context; each count is right, all together are a
 * glance. All zero in the checker's build. */
struct oct_counters oct_counters_read(const struct oct_system *system, unsigned cpu);

/* Makes every CPU that runs space run none, for good, and every secondary MMU leave it: the space is
 * about to end. Nothing switches to it any more. Interrupts those CPUs and waits; sleeps where the
 * leave of a secondary does. After: nobody walks the space's tables. */
void oct_space_leave(struct oct_space *space);

/* The handler of oct_port_ipi: invalidates what this CPU's spaces wait for and acknowledges. Call in
 * interrupt context or with interrupts off; takes no lock, does not sleep, spurious calls harmless. */
void oct_tlb_interrupt(struct oct_system *system);

/* ---- Judging a change -------------------------------------------------------------------------- */
enum oct_flush {
	OCT_FLUSH_NONE,  /* nothing was present, rights gained, young or software bits only */
	OCT_FLUSH_AFTER, /* rights or dirty taken away, cleared, table unlinked; size, where OCT_BBM_LEVEL is 2 */
	OCT_BREAK_FIRST, /* page, size, memory type or contiguous bit of a valid entry changes */
};

/* What replacing old by new_pte in a table of level needs. Pure. That a table which takes the place of a leaf, or
 * makes place for one, translates every address as the leaf does is the caller's business. */
enum oct_flush oct_entry_judge(oct_pte_t old, oct_pte_t new_pte, unsigned level);

/* ---- A locked place in the tables -------------------------------------------------------------- */
/* Where a walk for va ended, locked (table.h makes it). Holds the page-table lock: short sections,
 * no sleeping. Two guards are held at once only in ascending order of va. */
struct oct_pte_guard {
	struct oct_space *space;
	struct oct_ptl *ptl;
	oct_pte_t *pte; /* the entry that maps va at level */
	uintptr_t va;
	unsigned level; /* 0: pte is in the leaf table. Above: *pte links no table: none, soft, or a large leaf */
	oct_pte_t upper; /* above: *pte as the walk found it, under the lock */
};

/* ---- Tickets ------------------------------------------------------------------------------------ */
/* An empty ticket for changes of space. */
void oct_ticket_init(struct oct_ticket *ticket, struct oct_space *space);

/* Replaces *entry by new_pte with one atomic exchange, under guard, and joins what the old value
 * demands to ticket. entry maps va at guard->level, in the guard's table.
 * Returns the verdict; *old receives the value that was replaced (never read it before instead:
 * hardware may set young and dirty until the exchange). On OCT_BREAK_FIRST the entry now is
 * oct_pte_broken(), and after oct_ticket_flush() new_pte must be stored with oct_entry_install().
 * Where the new rights derive from the old value use oct_entry_update.
 * An entry that already looks done (nothing present, nothing to store) may look so because of a
 * change that is not complete yet: then the ticket joins what the table waits for (R4).
 * An entry of a contiguous block is taken out of it: the others become entries of their own, which breaks the
 * block and flushes it here, under guard (R9); *old is what it would have been alone. */
OCT_MUST_USE enum oct_flush oct_entry_change(struct oct_ticket *ticket, struct oct_pte_guard *guard,
                                             oct_pte_t *entry, uintptr_t va, oct_pte_t new_pte,
                                             oct_pte_t *old);

/* Replaces *entry by change(*entry, arg) atomically (a change by hardware meanwhile is not lost).
 * change is pure, keeps page, type and size of present entries. A result equal to the old value
 * stores nothing. Otherwise as oct_entry_change; never OCT_BREAK_FIRST. */
OCT_MUST_USE enum oct_flush oct_entry_update(struct oct_ticket *ticket, struct oct_pte_guard *guard,
                                             oct_pte_t *entry, uintptr_t va,
                                             oct_pte_t (*change)(oct_pte_t pte, unsigned long arg),
                                             unsigned long arg, oct_pte_t *old);

/* Stores in *entry old, a present value (of a leaf or a link) that oct_entry_change exchanged for something
 * that is not, in this lock section, again: a change of mind. Young and dirty are what they were, and the
 * ticket may owe a flush that nothing needs any more. */
void oct_entry_put_back(struct oct_pte_guard *guard, oct_pte_t *entry, uintptr_t va, oct_pte_t old);

/* Changes all entries of a contiguous block to none, without taking it apart; entry is its first, under guard, and
 * maps va. Who takes pages off queues them after it. Returns the first entry as it was, as if in no block, young and
 * dirty if any was. */
oct_pte_t oct_block_clear(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_pte_t *entry,
                          uintptr_t va);

/* Stores a valid entry where none is (or a soft one): new_pte at va. If changes of this table are
 * still incomplete it completes them first, so two pages are never live at one address (I11).
 * Kernel entries are published to this CPU's walker; a user access that misses the new entry faults
 * once more, spuriously. */
void oct_entry_install(struct oct_pte_guard *guard, oct_pte_t *entry, uintptr_t va, oct_pte_t new_pte);

/* Joins what the guarded table still waits for to ticket (R4): for who finds an entry that already looks
 * done, or no table, and returns without a change. The two calls above do it by themselves. */
void oct_ticket_join(struct oct_ticket *ticket, struct oct_pte_guard *guard);

/* Ends the lock section as far as the ticket is concerned: draws the generation and stamps the
 * guard's table, if something changed. oct_pte_guard_unlock does it too. */
void oct_ticket_close(struct oct_ticket *ticket, struct oct_pte_guard *guard);

/* Closes and completes all changes of ticket without dropping the guard: what COW needs between
 * break and make. TLB after: nobody uses the replaced entries, and every access made through them
 * is done. Queued pages stay queued. */
void oct_ticket_flush(struct oct_ticket *ticket, struct oct_pte_guard *guard);

/* Queues a page that was mapped; released (space->page_release, else oct_port_page_free) when the
 * ticket completes. A full queue completes the ticket right here, under guard. guard may be NULL if
 * no change is pending. With ticket->runs pages that follow one another in an aligned block of
 * OCT_FOLIO_PAGES take one place, and one call of page_release. */
void oct_ticket_free_page(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_phys_t page);

/* The same for 2^order pages (order up to 31) that one leaf mapped: one call of page_release. */
void oct_ticket_free_pages(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_phys_t page,
                           unsigned order);

/* The same for an unlinked table of 2^order pages: also waits until walk caches are clean and
 * walkers that run with interrupts off are through. The space's owner is the only one. */
void oct_ticket_free_table(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_phys_t table,
                           unsigned order);

/* Completes the ticket: nobody uses an entry it replaced, all accesses made through them are done,
 * queued pages are released. The ticket is empty again and may be used further. Panics if a
 * change is pending whose guard was not closed. Completes nothing and costs nothing if empty.
 * Frees tables with an interrupt to every CPU when system->defer is not set. */
void oct_ticket_complete(struct oct_ticket *ticket);

/* ---- Reliance ----------------------------------------------------------------------------------- */
/* Call before relying on entries under guard being what every TLB sees: before a copy of the page,
 * or when an entry already looks as wanted (protected, clean, none). If changes of the table are
 * incomplete, completes them by itself, under the lock: no waiting for their owners.
 * Returns true if it had to. After: no TLB holds another value of the table's entries, until the
 * lock is dropped. Cover point "rely-behind". */
bool oct_tlb_rely(struct oct_pte_guard *guard);

/* The same where the caller can restart: if the table is behind, drops the guard, completes, and
 * returns -OCT_EAGAIN: lock again, look at the entry again. 0: as above, guard still held. */
OCT_MUST_USE int oct_tlb_rely_or_unlock(struct oct_pte_guard *guard);

/* What to compare after any time without the lock: equal entry and equal stamp mean that nothing
 * was taken away meanwhile (an entry made writable and protected again has another stamp). */
static inline uint32_t oct_pte_guard_stamp(const struct oct_pte_guard *guard)
{
	return guard->ptl->stamp;
}

/* All changes of space whose lock section ended before this call are complete on return. */
void oct_tlb_complete_all(struct oct_space *space);

/* Drops the translation of va from this CPU's TLB only, for an entry that turned out good (a
 * spurious fault) on architectures where a fault leaves the stale entry in place, and for an entry that
 * was just made valid where a TLB may keep invalid ones (OCT_FORMAT_CACHES_INVALID). all_levels:
 * a missing table may be what the TLB keeps. Call with preemption off or where migrating is harmless
 * (the fault just comes again). */
void oct_tlb_forget_local(struct oct_space *space, uintptr_t va, bool all_levels);

#ifdef __cplusplus
}
#endif
#endif
