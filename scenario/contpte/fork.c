/* contpte/fork: a block is shared with a child while another CPU of the parent stores.
 * SPDX-License-Identifier: MIT
 *
 * When the call is through, no store of the parent reaches a page that is the child's as well (I2). deferred:
 * the write right goes from the block, and the flush waits until later. */
#include "../contpte.h"

static struct oct_mm *child;
static uint32_t after;

static void setup(void)
{
	contpte_setup();
	child = oc_mm();
}

static uint32_t *word(void)
{
	return oct_port_phys_to_virt(block.pages + OCT_PAGE_SIZE);
}

static void deferred(void)
{
	for (unsigned i = 0; i < BLOCK; i++)
		dirty |= oct_pte_dirty(oc_entry_xchg(block.entry + i, 0));
	after = oct_load(word(), OCT_RLX); /* the child has the page */
	block_flush(0, BLOCK);
}

static void now(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, block.mm) == 0);
	after = oct_load(word(), OCT_RLX);
}

static void final(void)
{
	OC_ASSERT(OC_I2, oct_load(word(), OCT_RLX) == after);
	dirty |= oct_pte_dirty(oct_ptep_get_lockless(block.entry + 1, BLOCK_VA + OCT_PAGE_SIZE));
	OC_ASSERT(OC_I3, !stored || dirty);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(contpte_writer)}, .cover = {"stored"},
            .variants = {{.name = "deferred", .run = deferred, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"fork-blocks"}}})
