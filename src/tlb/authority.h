/* authority.h: what the files of the flush authority share. SPDX-License-Identifier: MIT */
#ifndef OCT_TLB_AUTHORITY_H
#define OCT_TLB_AUTHORITY_H

#include <octavo/mmu.h>
#include <octavo/tlb.h>

/* Of calls that are seldom made: small code rather than quick code. */
#ifdef __clang__
#define OCT_SELDOM __attribute__((cold, minsize, noinline))
#else
#define OCT_SELDOM __attribute__((cold, noinline))
#endif

/* Statistics: this CPU's alone, absent from the checker's build. */
#ifdef OCT_MODEL
#define OCT_COUNT(cpu, field)        ((void)(cpu))
#define OCT_COUNT_HERE(space, field) ((void)(space))
#else
#define OCT_COUNT(cpu, field)                                                                                \
	oct_store(&(cpu)->counters.field, oct_load(&(cpu)->counters.field, OCT_RLX) + 1, OCT_RLX)
#define OCT_COUNT_HERE(space, field) OCT_COUNT(&(space)->system->cpu[oct_cpu_number()], field)
#endif

/* This CPU, with interrupts off until oct_cpu_leave: nothing else runs on it meanwhile. */
#if OCT_TIER == 0
static inline unsigned long oct_cpu_enter(void)
{
	return 0;
}
static inline void oct_cpu_leave(unsigned long state)
{
	(void)state;
}
static inline unsigned oct_cpu_number(void)
{
	return 0;
}
#else
static inline unsigned long oct_cpu_enter(void)
{
	return oct_port_irq_save();
}
static inline void oct_cpu_leave(unsigned long state)
{
	oct_port_irq_restore(state);
}
static inline unsigned oct_cpu_number(void)
{
	return oct_port_cpu_self();
}
#endif

/* ---- Pages that are given back ------------------------------------------------------------------- */
/* Of contents or of tables, in debug builds (OCT_DEBUG_POISON) filled with a pattern: who still reaches one
 * sees neither what was there nor zeros. As an entry the pattern is present nowhere (its bit 0 is clear). */
static inline void oct_page_give_back(oct_phys_t page, unsigned order, enum oct_page_use use)
{
#ifdef OCT_DEBUG_POISON
	uint64_t *words = (uint64_t *)oct_port_phys_to_virt(page);

	for (size_t i = 0; i < (OCT_PAGE_SIZE << order) / sizeof(*words); i++)
		words[i] = OCT_POISON;
#endif
	oct_port_page_free(page, order, use);
}

/* ---- Spinning locks of one word ---------------------------------------------------------------- */
static inline void oct_spin_lock(uint32_t *lock)
{
#if OCT_TIER == 0
	(void)lock;
#else
	uint32_t open;

	/* Acquire: pairs with the release of oct_spin_unlock. */
	oct_await((open = 0, oct_cas(lock, &open, 1u, OCT_ACQ)));
#endif
}

static inline void oct_spin_unlock(uint32_t *lock)
{
#if OCT_TIER == 0
	(void)lock;
#else
	oct_store(lock, 0u, OCT_REL); /* pairs with the acquire of oct_spin_lock */
#endif
}

/* ---- ticket.c ------------------------------------------------------------------------------------ */
/* Leaves of level unit in [start, last] were changed, or tables unlinked: it will need a flush. last, because
 * the end may be 2^64. */
static inline void oct_owe_range(struct oct_ticket *ticket, uintptr_t start, uintptr_t last, unsigned unit,
                                 bool tables)
{
	if (!ticket->pending) {
		ticket->start = start;
		ticket->end = last + 1;
		ticket->unit = unit;
	} else {
		if (unit != ticket->unit)
			ticket->unit = 0;
		if (start < ticket->start)
			ticket->start = start;
		if (last > ticket->end - 1)
			ticket->end = last + 1;
	}
	ticket->pending = true;
	ticket->all_levels |= tables;
}

/* oct_entry_change to nothing of an entry that is present, in a leaf table, and no part of a block. */
static inline oct_pte_t oct_entry_clear(struct oct_ticket *ticket, struct oct_pte_guard *guard)
{
	/* Relaxed: nothing is followed from an empty entry; the lock orders what it was, and the draw at the
	 * end of the section releases that it is gone (F1). */
	oct_pte_t old = oct_xchg(guard->pte, 0, OCT_RLX);

	oct_owe_range(ticket, guard->va, guard->va + (OCT_PAGE_SIZE - 1), 0, false);
	return old;
}

/* Neighbours mostly differ in their page alone, so what change made of one says what it would make of the
 * next: the same bits differ. known: seen became wanted, with verdict flush. Of one lock section. */
struct oct_entry_run {
	oct_pte_t seen, wanted;
	enum oct_flush flush;
	bool known;
};

/* oct_entry_update of the guarded entry, which is in a leaf table; run starts with it. */
void oct_entry_update_first(struct oct_ticket *ticket, struct oct_pte_guard *guard,
                            oct_pte_t (*change)(oct_pte_t pte, unsigned long arg), unsigned long arg,
                            struct oct_entry_run *run);

/* The same for a neighbour, now as read, if it is like the one before. false: it is not, and nothing was
 * done. */
static inline bool oct_entry_update_next(struct oct_ticket *ticket, struct oct_pte_guard *guard,
                                         const struct oct_entry_run *run, oct_pte_t *now)
{
	const oct_pte_t page_bits =
	    oct_pte_make(~(oct_phys_t)0, OCT_NONE, OCT_NORMAL) ^ oct_pte_make(0, OCT_NONE, OCT_NORMAL);

	if (!run->known || ((*now ^ run->seen) & ~page_bits) != 0)
		return false;
	/* As in oct_entry_update. */
	if (run->seen != run->wanted &&
	    !oct_cas(guard->pte, now, *now ^ run->seen ^ run->wanted, OCT_ACQ_REL))
		return false;
	if (run->flush != OCT_FLUSH_NONE)
		oct_owe_range(ticket, guard->va, guard->va + (OCT_PAGE_SIZE - 1), 0, false);
	return true;
}

/* oct_entry_update of the pages entries from guard on, which moves to the last of them; all in its leaf
 * table. What is none stays. change does not look at the page of an entry. revoke: joins what the table still
 * waits for where an entry is none or needs no change (R4). */
void oct_entries_update(struct oct_ticket *ticket, struct oct_pte_guard *guard, size_t pages,
                        oct_pte_t (*change)(oct_pte_t pte, unsigned long arg), unsigned long arg,
                        bool revoke);

/* ---- block.c ------------------------------------------------------------------------------------- */
/* pte of level is a part of a contiguous block. */
static inline bool oct_in_block(oct_pte_t pte, unsigned level)
{
	return OCT_FORMAT_CONT && level == 0 && oct_pte_present(pte) && oct_pte_cont(pte);
}

/* pte, of va, is the first of a block of which pages pages reach to the end. */
static inline bool oct_begins_block(uintptr_t va, oct_pte_t pte, size_t pages)
{
	return oct_in_block(pte, 0) && (va & (OCT_CONT_BYTES - 1)) == 0 && pages >= OCT_CONT_ENTRIES;
}

/* pte, young and dirty if of is. */
static inline oct_pte_t oct_pte_with_state(oct_pte_t pte, oct_pte_t of)
{
	if (oct_pte_young(of))
		pte = oct_pte_mkyoung(pte);
	return oct_pte_dirty(of) ? oct_pte_mkdirty(pte) : pte;
}

/* A leaf entry of level 0 as the first of its block would be alone, without state: what the entries of a
 * block agree in. index: which of the block it is. */
static inline oct_pte_t oct_pte_block_form(oct_pte_t pte, unsigned index)
{
	pte = oct_pte_cont(pte) ? oct_pte_clear_cont(pte, 0)
	                        : pte - oct_pte_advance(0, (oct_phys_t)index << OCT_PAGE_SHIFT);
	return oct_pte_mkclean(oct_pte_mkold(pte));
}

/* Entry, of va, is or was a part of a block: those that are get entries of their own, flushed. own: what it
 * was, if it is no more; it and the others get each other's state, and it is returned as it would be alone.
 */
void oct_block_unfold(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_pte_t *entry, uintptr_t va,
                      oct_pte_t *own);

/* The entries of the block that begins at first, of va, which are present and in no block, become one block,
 * young and dirty if one is. Breaks, flushes, makes. */
void oct_block_fold(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_pte_t *first, uintptr_t va);

/* oct_entry_update of the blocks that lie one after the other in the pages entries from guard on, whose entry
 * begins one: they stay blocks. Rights change by breaking several of them, one flush, making them again;
 * state and software bits change in place. change does not look at the page. revoke: as oct_entries_update.
 * Returns how many entries that were; guard stays. */
size_t oct_blocks_update(struct oct_ticket *ticket, struct oct_pte_guard *guard, size_t pages,
                         oct_pte_t (*change)(oct_pte_t pte, unsigned long arg), unsigned long arg,
                         bool revoke);

/* oct_entry_update of *entry, which is present, where change leaves the rights: a part of a block stays one.
 * Returns what it was. */
oct_pte_t oct_entry_update_state(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_pte_t *entry,
                                 uintptr_t va, oct_pte_t (*change)(oct_pte_t pte, unsigned long arg),
                                 unsigned long arg);

/* ---- tlb.c --------------------------------------------------------------------------------------- */
/* All generations of space up to generation are complete on return. completed: what was read
 * (acquire) from space->completed, less than generation. */
void oct_tlb_complete(struct oct_space *space, uint64_t generation, uint64_t completed);

/* The generation that stamp names, given what was read from space->completed; not greater than
 * completed when nothing is open. */
static inline uint64_t oct_stamp_generation(uint32_t stamp, uint64_t completed)
{
	/* A stamp is the low half of a generation. Generations that are not complete are few, so a stamp
	 * of one of them is less than 2^31 ahead; an ancient one may look ahead and costs a flush. */
	int32_t ahead = (int32_t)(stamp - (uint32_t)completed);

	return stamp == 0 || ahead <= 0 ? 0 : completed + (uint64_t)ahead;
}

/* The newest generation that the guarded table waits for, 0 if none. *completed: what was read of
 * space->completed, unchanged if the table never waited for anything. */
uint64_t oct_tlb_behind(struct oct_pte_guard *guard, uint64_t *completed);

/* Every CPU has taken an interrupt that began after the call. */
void oct_grace_wait(struct oct_system *system);

/* ---- notify/secondary.c -------------------------------------------------------------------------- */
/* Each secondary MMU of space leaves it for good. Interrupts on. */
void oct_secondary_leave(struct oct_space *space);

/* ---- asid.c -------------------------------------------------------------------------------------- */
/* Interrupts off. A number for space, marked as loaded on this CPU, self; space->asid names it. *fresh: this
 * CPU entered a new epoch and must invalidate everything before it loads the root. */
uint16_t oct_asid_take(struct oct_system *system, struct oct_space *space, unsigned self, bool *fresh);

#endif
