/* questions/A1: is copying accessed and dirty to all remaining entries of the block race-free?
 * SPDX-License-Identifier: MIT
 *
 * The first revision: when one entry is cleared, a first loop reads the entries that remain and a second
 * stores them with what was gathered. Hardware sets dirty between the two, and the second takes it away. As
 * posted the second loop stored nothing; and the form that was there before unfolds the block first. now: the
 * core clears the run in one call. */
#include "../contpte.h"

static void clear_and_copy(unsigned i)
{
	oct_pte_t found[BLOCK];
	bool gathered = take(i);

	for (unsigned j = i + 1; j < BLOCK; j++) {
		found[j] = oc_entry_get(block.entry + j);
		gathered |= oct_pte_dirty(found[j]);
	}
	for (unsigned j = i + 1; j < BLOCK; j++)
		oc_entry_set(block.entry + j, gathered ? set_dirty(found[j]) : found[j]);
}

static void first_revision(void)
{
	clear_and_copy(0);
	for (unsigned i = 1; i < BLOCK; i++)
		take(i);
	contpte_finish();
}

/* Unfolded: the block is broken, its dirty state gathered, and the entries come back one by one, alone. */
static void unfold_first(void)
{
	bool gathered = false;

	for (unsigned i = 0; i < BLOCK; i++)
		gathered |= oct_pte_dirty(oc_entry_xchg(block.entry + i, 0));
	block_flush(0, BLOCK);
	for (unsigned i = 0; i < BLOCK; i++)
		oc_entry_set(block.entry + i, gathered ? set_dirty(block.plain[i]) : block.plain[i]);
	for (unsigned i = 0; i < BLOCK; i++)
		take(i);
	contpte_finish();
}

static void now(void)
{
	contpte_core_clears(0, BLOCK, false);
}

OC_SCENARIO(.setup = contpte_setup, .final = contpte_final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(contpte_writer)}, .cover = {"stored"},
            .variants = {{.name = "copy-in-two-loops", .run = first_revision, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "unfold", .run = unfold_first, .expected = OC_HOLDS},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
