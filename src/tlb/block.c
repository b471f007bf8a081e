/* block.c: contiguous blocks that change. SPDX-License-Identifier: MIT
 *
 * A TLB may hold a block as one entry, with the state of any of its entries, and hardware sets dirty in the
 * one that it read. So nothing is known of one entry alone, a sibling that still carries the bit may bring a
 * cleared address back, and a flush for one address must cover all (R9). Hence: where entries of a block get
 * other rights or leave it, all are made invalid, flushed, and stored anew with the gathered state, whatever
 * OCT_BBM_LEVEL is. State is gathered from the exchanges, so it is final: hardware sets none in an invalid
 * entry.
 *
 * What a block's entries need not agree in may change in place, entry by entry: young, dirty and bits of
 * software. A store meanwhile, through whichever entry, sets dirty in one that is clean already, or is made
 * through one that a TLB keeps as dirty and is over when the ticket is complete (M5).
 *
 * Where two sizes may be usable at once the flush could only be left out because arm64's hardware looks
 * whether the entry is still the one that it kept whenever it sets dirty: else a TLB that keeps the block as
 * clean sets it in an entry that is another page's by then (contpte/unfold-in-place). This file relies on no
 * such thing. */
#include "authority.h"

struct block {
	oct_pte_t *first;
	uintptr_t va;   /* of the first */
	oct_pte_t pte;  /* the first, in no block, with the state of all */
	uint32_t there; /* bit per entry that was part of it */
};

_Static_assert(OCT_CONT_SHIFT <= 5, "a bit per entry of a contiguous block");

#if OCT_TIER > 0
enum { BLOCKS_AT_ONCE = 8 }; /* broken with one flush */
#endif

static OCT_SELDOM void owe_block(struct oct_ticket *ticket, uintptr_t va)
{
	va &= ~(OCT_CONT_BYTES - 1);
	oct_owe_range(ticket, va, va + (OCT_CONT_BYTES - 1), 0, false);
}

/* Entry i of the block becomes stored, its state joins that of the others. */
static void take_entry(struct block *block, unsigned i, oct_pte_t stored)
{
	/* Relaxed: what is stored is not present, as in oct_entry_clear; block_put publishes. */
	oct_pte_t pte = oct_xchg(block->first + i, stored, OCT_RLX);

	if (oct_pte_cont(pte))
		pte = oct_pte_clear_cont(pte, 0);
	if (block->there == 0)
		block->pte = pte;
	block->pte = oct_pte_with_state(block->pte, pte);
	block->there |= (uint32_t)1 << i;
}

/* Replaces the entries of the block that entry, of va, lies in. */
static OCT_SELDOM void block_take(struct oct_ticket *ticket, oct_pte_t *entry, uintptr_t va, oct_pte_t stored,
                                  struct block *block)
{
	unsigned index = oct_table_index(va, 0) & (OCT_CONT_ENTRIES - 1);

	block->first = entry - index;
	block->va = (va & OCT_PAGE_MASK) - index * OCT_PAGE_SIZE;
	block->pte = 0;
	block->there = 0;
	for (unsigned i = 0; i < OCT_CONT_ENTRIES; i++)
		if (oct_in_block(oct_load(block->first + i, OCT_RLX), 0)) /* judged again by the exchange */
			take_entry(block, i, stored);
	owe_block(ticket, va);
}

/* Stores the entries again, the first as pte says; nobody uses what they were. */
static OCT_SELDOM void block_put(struct oct_pte_guard *guard, const struct block *block, oct_pte_t pte,
                                 bool whole)
{
	for (unsigned i = 0; i < OCT_CONT_ENTRIES; i++, pte = oct_pte_advance(pte, OCT_PAGE_SIZE))
		if (block->there >> i & 1)
			oct_entry_install(guard, block->first + i, block->va + i * OCT_PAGE_SIZE,
			                  whole ? oct_pte_mk_cont(pte) : pte);
}

OCT_SELDOM void oct_block_unfold(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_pte_t *entry,
                                 uintptr_t va, oct_pte_t *own)
{
	struct block block;

	OCT_COVER("block-unfold");
	OCT_COUNT_HERE(guard->space, unfolds);
	block_take(ticket, entry, va, oct_pte_broken(), &block);
	if (own != NULL) {
		*own = oct_pte_single(*own, 0, va);
		if (block.there != 0) {
			block.pte = oct_pte_with_state(block.pte, *own);
			*own = oct_pte_with_state(*own, block.pte);
		}
	}
	oct_ticket_flush(ticket, guard);
	block_put(guard, &block, block.pte, false);
}

OCT_SELDOM oct_pte_t oct_block_clear(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_pte_t *entry,
                                     uintptr_t va)
{
	struct block block;

	(void)guard;
	block_take(ticket, entry, va, 0, &block);
	return block.pte;
}

#if OCT_TIER > 0 /* T0 has to be small */
OCT_SELDOM void oct_block_fold(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_pte_t *first,
                               uintptr_t va)
{
	struct block block = {first, va, 0, 0};

	OCT_COVER("block-fold");
	OCT_COUNT_HERE(guard->space, folds);
	for (unsigned i = 0; i < OCT_CONT_ENTRIES; i++)
		take_entry(&block, i, oct_pte_broken());
	owe_block(ticket, va);
	oct_ticket_flush(ticket, guard);
	block_put(guard, &block, block.pte, true);
}

oct_pte_t oct_entry_update_state(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_pte_t *entry,
                                 uintptr_t va, oct_pte_t (*change)(oct_pte_t pte, unsigned long arg),
                                 unsigned long arg)
{
	oct_pte_t now = oct_load(entry, OCT_RLX); /* judged again by the exchange */
	oct_pte_t wanted;

	/* Under the lock only hardware interferes, which can set young once and dirty once. */
	do {
		wanted = change(now, arg);
		if (wanted == now)
			return now;
	} while (!oct_cas(entry, &now, wanted, OCT_ACQ_REL)); /* as in oct_entry_change */
	if (oct_entry_judge(now, wanted, guard->level) == OCT_FLUSH_NONE)
		return now;
	if (oct_in_block(now, guard->level))
		owe_block(ticket, va);
	else
		oct_owe_range(ticket, va, va + (OCT_PAGE_SIZE - 1), 0, false);
	return now;
}

/* The block at entry, of va, keeps its rights. */
static OCT_SELDOM void update_in_place(struct oct_ticket *ticket, struct oct_pte_guard *guard,
                                       oct_pte_t *entry, uintptr_t va,
                                       oct_pte_t (*change)(oct_pte_t pte, unsigned long arg),
                                       unsigned long arg)
{
	for (unsigned i = 0; i < OCT_CONT_ENTRIES; i++)
		(void)oct_entry_update_state(ticket, guard, entry + i, va + i * OCT_PAGE_SIZE, change, arg);
}

OCT_SELDOM size_t oct_blocks_update(struct oct_ticket *ticket, struct oct_pte_guard *guard, size_t pages,
                                    oct_pte_t (*change)(oct_pte_t pte, unsigned long arg), unsigned long arg,
                                    bool revoke)
{
	struct block broken[BLOCKS_AT_ONCE];
	unsigned count = 0;
	size_t done = 0;

	for (; count < BLOCKS_AT_ONCE && pages - done >= OCT_CONT_ENTRIES; done += OCT_CONT_ENTRIES) {
		oct_pte_t *entry = guard->pte + done;
		uintptr_t va = guard->va + done * OCT_PAGE_SIZE;
		oct_pte_t pte = oct_load(entry, OCT_RLX); /* judged again by the exchange */

		if (!oct_in_block(pte, 0))
			break;
		if (oct_pte_prot(change(pte, arg)) == oct_pte_prot(pte))
			update_in_place(ticket, guard, entry, va, change, arg);
		else
			block_take(ticket, entry, va, oct_pte_broken(), &broken[count++]);
	}
	if (count > 0)
		oct_ticket_flush(ticket, guard);
	else if (revoke)
		oct_ticket_join(ticket, guard);
	for (unsigned i = 0; i < count; i++)
		block_put(guard, &broken[i], change(broken[i].pte, arg), true);
	return done;
}
#endif
