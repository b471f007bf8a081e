/* questions/A3: clear one entry, leave the neighbours folded: is the block misprogrammed?
 * SPDX-License-Identifier: MIT
 *
 * The second revision, for an address space that dies: each entry is cleared by itself and says what it
 * has; the others are left as they are. An invalid entry beside valid ones is no disagreement (I6), hardware
 * may go on by way of the others, and nothing is lost as long as pages outlive the flush (I1, I3). But who
 * reads the block as one, accessed and dirty gathered over its entries, sees dirty go from set to clear
 * between two calls (I10). now: the core clears a run of entries in one call, and nobody looks in between;
 * pages are given back in the same section.
 */
#include "../contpte.h"

static void each(void)
{
	for (unsigned i = 0; i < BLOCK; i++)
		take(i);
	contpte_finish();
}

/* As one entry of the block is read: dirty if any of it is. */
static bool block_is_dirty(void)
{
	bool any = false;

	for (unsigned i = 0; i < BLOCK; i++)
		any |= oct_pte_dirty(oc_entry_get(block.entry + i));
	return any;
}

static void each_and_look(void)
{
	bool before = block_is_dirty();

	take(0);
	if (oct_pte_present(oc_entry_get(block.entry + 1)) && before) {
		oc_cover("dirty-before");
		OC_ASSERT(OC_I10, block_is_dirty());
	}
	for (unsigned i = 1; i < BLOCK; i++)
		take(i);
	contpte_finish();
}

static void now_and_look(void)
{
	bool before = block_is_dirty();

	if (before)
		oc_cover("dirty-before");
	contpte_core_clears(0, BLOCK, false);
	OC_ASSERT(OC_I10, !before || dirty);
}

static void now_freed(void)
{
	contpte_core_clears(0, BLOCK, true);
}

static void free_before(void)
{
	for (unsigned i = 0; i < BLOCK; i++)
		take(i);
	block_flush(0, 1); /* of one entry, as if the others had nothing to do with it */
	oct_port_page_free(block.pages + OCT_PAGE_SIZE, 0, OCT_USE_USER);
}

OC_SCENARIO(.setup = contpte_setup, .final = contpte_final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(contpte_writer)}, .cover = {"stored"},
            .variants = {
                {.name = "each", .run = each, .expected = OC_HOLDS},
                {.name = "each-looked-at", .run = each_and_look, .expected = OC_VIOLATES(OC_I10)},
                {.name = "freed-too-early", .run = free_before, .expected = OC_VIOLATES(OC_I1)},
                {.name = "now", .run = now_and_look, .expected = OC_HOLDS, .cover = {"dirty-before"}},
                {.name = "now-freed", .run = now_freed, .expected = OC_HOLDS}})
