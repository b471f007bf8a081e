/* contpte/fold: a block is folded while a page of it goes. SPDX-License-Identifier: MIT
 *
 * Whether all entries are there is asked under the page-table lock; a block with a hole stays single entries,
 * and what was unmapped does not come back (I4). unlooked: who does not ask stores the entry that went as
 * well. */
#include "../block.h"

static bool ran_naive;

static void setup(void)
{
	block_setup();
	block_count();
	for (unsigned i = 0; i < BLOCK; i++)
		oc_entry_set(block.entry + i, block.plain[i]);
}

static void unmap(unsigned first, unsigned pages)
{
	uintptr_t va = BLOCK_VA + first * OCT_PAGE_SIZE;

	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(block.mm, va, va + pages * OCT_PAGE_SIZE) == 0);
}

static void now(void)
{
	struct oct_ticket ticket;
	struct oct_pte_guard guard;

	if (oct_port_cpu_self() == 1) {
		unmap(1, 1);
		return;
	}
	oct_ticket_init(&ticket, &block.mm->space);
	oct_pte_lock_at(&block.mm->space, BLOCK_VA, &guard);
	oc_cover(oct_contpte_try_fold(&ticket, &guard) ? "folded" : "left");
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
}

static void unlooked(void)
{
	oct_pte_t *pte = oct_pte_lock(block.mm, BLOCK_VA);

	ran_naive = true;
	if (oct_port_cpu_self() == 1) {
		oc_entry_set(pte + 1, 0);
		block_flush(1, 1);
	} else {
		block_clear();
		block_flush(0, BLOCK);
		block_map();
	}
	oct_pte_unlock(block.mm, pte);
}

static void final(void)
{
	bool gone = oct_pte_none(oc_entry_get(block.entry + 1));

	if (ran_naive)
		block_clear();
	else
		unmap(0, BLOCK);
	OC_ASSERT(OC_I4, gone);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "unlooked", .run = unlooked, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"folded", "left"}}})
