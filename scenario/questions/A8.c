/* questions/A8: one call per run of entries, partial blocks unfolded. SPDX-License-Identifier: MIT
 *
 * What was merged. The run covers the block in part, pages are given back, and the gather is full in the
 * middle. Entry by entry the flush comes while neighbours still carry the bit: they bring the cleared
 * addresses back, and the pages are used after they are free (I1). In one call the block is unfolded first,
 * the run cleared as a whole, and only then pages are queued, wherever the queue gets full. */
#include "../contpte.h"

static void give_back(unsigned i)
{
	oct_port_page_free(block.pages + i * OCT_PAGE_SIZE, 0, OCT_USE_USER);
}

static void full_inside(void)
{
	take(0);
	take(1);
	block_flush(0, 2); /* the gather is full */
	give_back(0);
	give_back(1);
	take(2);
	block_flush(2, 1);
	give_back(2);
	take(3);
	block_flush(3, 1);
}

static void front(void)
{
	contpte_core_clears(0, 3, true);
}

static void back(void)
{
	contpte_core_clears(1, 3, true);
}

static void whole(void)
{
	contpte_core_clears(0, BLOCK, true);
}

/* The page of another: its state is the block's, and stays with it. */
static void final(void)
{
	for (unsigned i = 0; i < BLOCK; i++)
		dirty |= oct_pte_dirty(oc_entry_get(block.entry + i));
	contpte_final();
}

OC_SCENARIO(.setup = contpte_setup, .final = final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(contpte_writer)}, .cover = {"stored"},
            .variants = {{.name = "gather-full-inside", .run = full_inside, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "now-front", .run = front, .expected = OC_HOLDS},
                         {.name = "now-back", .run = back, .expected = OC_HOLDS},
                         {.name = "now-whole", .run = whole, .expected = OC_HOLDS}})
