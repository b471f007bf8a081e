/* contpte.h: tearing down a contiguous block entry by entry. SPDX-License-Identifier: MIT
 *
 * One CPU clears the entries of a block, from the first to the last, as a zap does that is given one entry
 * at a time. Another stores through the block: hardware may record that in any entry that still carries the
 * bit. What a call returns as dirty goes to the folio: when all entries are gone and the flush is complete, a
 * store that was made is on record (I3). The algorithms differ in what they do with the other entries when
 * one is cleared. Source: the mails on ptep_get_and_clear_full(), November 2023. */
#ifndef SCENARIO_CONTPTE_H
#define SCENARIO_CONTPTE_H

#include "block.h"

static bool stored, dirty;

static inline void contpte_setup(void)
{
	block_setup();
	block_count();
	block_map();
}

static inline void contpte_writer(void)
{
	stored = block_store(1, 7) == 0;
	if (stored)
		oc_cover("stored");
}

static inline oct_pte_t set_dirty(oct_pte_t pte)
{
#ifdef OCT_ARCH_RISCV64
	return pte | (oct_pte_t)1 << 7;
#else
	return pte & ~((oct_pte_t)1 << 7); /* not read-only any more */
#endif
}

/* As atomically as the exchange: only a valid entry is made dirty. */
static inline oct_pte_t set_dirty_if_valid(oct_pte_t pte)
{
	return oct_pte_present(pte) ? set_dirty(pte) : pte;
}

/* Clear entry i, keep what it says. */
static inline bool take(unsigned i)
{
	bool was = oct_pte_dirty(oc_entry_xchg(block.entry + i, 0));

	dirty |= was;
	return was;
}

static inline void contpte_finish(void)
{
	block_flush(0, BLOCK);
}

/* One section of the core: the run of pages entries from first on. give_back: the pages too; more than a
 * ticket holds, so it completes in between. */
static inline void contpte_core_clears(unsigned first, unsigned pages, bool give_back)
{
	struct oct_pte_guard guard;
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, &block.mm->space);
	oct_pte_lock_at(&block.mm->space, BLOCK_VA + first * OCT_PAGE_SIZE, &guard);
	dirty |= oct_pte_dirty(oct_get_and_clear_full_ptes(&ticket, &guard, pages));
	for (unsigned i = first; give_back && i < first + pages; i++)
		oct_ticket_free_page(&ticket, &guard, block.pages + i * OCT_PAGE_SIZE);
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
}

static inline void contpte_final(void)
{
	OC_ASSERT(OC_I3, !stored || dirty);
	block_clear();
}

#endif
