/* contpte/clean: dirty is taken from one page of a block, and what was taken is recorded.
 * SPDX-License-Identifier: MIT
 *
 * Hardware has set it in any of the block's entries, or sets it there later. Cleaning the page's own entry in
 * place takes the wrong bit: the store to page 1 is on record as one to page 0, which is cleaned later for a
 * reason of its own, and is lost (I3). The core unfolds a block that is cleaned in part. */
#include "../contpte.h"

static bool other_dirty; /* of page 0: whoever asks for page 1 does not look at it */

static void own_entry(void)
{
	dirty |= oct_pte_dirty(oc_entry_update(block.entry + 1, oct_pte_mkclean));
	block_flush(0, BLOCK);
	other_dirty |= oct_pte_dirty(oc_entry_update(block.entry, oct_pte_mkclean));
	block_flush(0, BLOCK);
}

static void clean(unsigned page, bool *was)
{
	struct oct_pte_guard guard;
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, &block.mm->space);
	oct_pte_lock_at(&block.mm->space, BLOCK_VA + page * OCT_PAGE_SIZE, &guard);
	*was |= oct_clear_young_dirty_ptes(&ticket, &guard, 1, OCT_PTE_DIRTY) != 0;
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
}

static void now(void)
{
	clean(1, &dirty);
	clean(0, &other_dirty);
}

static void final(void)
{
	dirty |= oct_pte_dirty(oct_ptep_get_lockless(block.entry + 1, BLOCK_VA + OCT_PAGE_SIZE));
	contpte_final();
}

OC_SCENARIO(.setup = contpte_setup, .final = final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(contpte_writer)}, .cover = {"stored"},
            .variants = {{.name = "own-entry", .run = own_entry, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
