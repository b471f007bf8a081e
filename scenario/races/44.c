/* races/44: a contiguous block hides the target's own bits from an SMMU. SPDX-License-Identifier: MIT
 *
 * A device stores through a block; its walker sets no bits and faults on a clean entry. The handler reads the
 * entry as the block says it: dirty, because a CPU has stored through a sibling. It finds nothing to do, and
 * the device faults again, for ever (I9). The core's call compares and sets the entries as they are. */
#include "../contpte.h"

enum { TURNS = 4 };

static bool gathered_dirty(void)
{
	bool any = false;

	for (unsigned i = 0; i < BLOCK; i++)
		any |= oct_pte_dirty(oc_entry_get(block.entry + i));
	return any;
}

static void by_the_block(void)
{
	if (!gathered_dirty())
		oc_entry_update(block.entry + 1, set_dirty_if_valid);
	else
		oc_cover("nothing-to-do");
}

static void by_the_core(void)
{
	struct oct_pte_guard guard;

	oct_pte_lock_at(&block.mm->space, BLOCK_VA + OCT_PAGE_SIZE, &guard);
	(void)oct_ptep_set_access_flags(&guard, OCT_PTE_YOUNG | OCT_PTE_DIRTY);
	oct_pte_guard_unlock(NULL, &guard);
}

/* The driver answers each fault, drops what the device kept, and lets it try again. */
static void device(void (*handle)(void))
{
	for (unsigned turn = 0; block_store(1, 8) != 0; turn++) {
		OC_ASSERT(OC_I9, turn < TURNS);
		oc_cover("faulted");
		handle();
		oct_secondary_invalidate(&block.mm->space, BLOCK_VA, BLOCK, OCT_LEAF);
	}
}

static void old(void)
{
	device(by_the_block);
}

static void now(void)
{
	device(by_the_core);
}

static void final(void)
{
	OC_ASSERT(OC_I3, gathered_dirty());
	block_clear();
}

OC_SCENARIO(.setup = contpte_setup, .final = final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_IOMMU(OC_VARIANT, OC_NO_AD), OC_CPU(contpte_writer)},
            .cover = {"faulted", "stored"},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I9)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
