/* contpte/wrprotect: the write right is taken from a whole block in use. SPDX-License-Identifier: MIT
 *
 * Entry by entry, in place, with the flush after the last: until then entries of the block disagree, and a
 * TLB may have made one of two that differ (I6). Linux does it and relies on what CPUs do with such a pair;
 * the core breaks the block, several with one flush, and makes it again. When the call is through nobody
 * stores (I4), and a store made before is on record (I3). */
#include "../contpte.h"

static uint32_t after;

static void look_after(void)
{
	after = oct_load((uint32_t *)oct_port_phys_to_virt(block.pages + OCT_PAGE_SIZE), OCT_RLX);
}

static void in_place(void)
{
	for (unsigned i = 0; i < BLOCK; i++)
		oc_entry_update(block.entry + i, oct_pte_wrprotect);
	block_flush(0, BLOCK);
	look_after();
}

static void now(void)
{
	struct oct_pte_guard guard;
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, &block.mm->space);
	oct_pte_lock_at(&block.mm->space, BLOCK_VA, &guard);
	oct_wrprotect_ptes(&ticket, &guard, BLOCK);
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
	look_after();
}

static void final(void)
{
	OC_ASSERT(OC_I4,
	          oct_load((uint32_t *)oct_port_phys_to_virt(block.pages + OCT_PAGE_SIZE), OCT_RLX) == after);
	for (unsigned i = 0; i < BLOCK; i++)
		OC_ASSERT(OC_ASSERTION, oct_pte_cont(oc_entry_get(block.entry + i)));
	OC_ASSERT(OC_I3,
	          !stored || oct_pte_dirty(oct_ptep_get_lockless(block.entry + 1, BLOCK_VA + OCT_PAGE_SIZE)));
	block_clear();
}

OC_SCENARIO(.setup = contpte_setup, .final = final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(contpte_writer)}, .cover = {"stored"},
            .variants = {{.name = "in-place", .run = in_place, .expected = OC_VIOLATES(OC_I6)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
