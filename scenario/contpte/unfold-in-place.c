/* contpte/unfold-in-place: a block is taken apart on CPUs that bear two sizes at once.
 * SPDX-License-Identifier: MIT
 *
 * Break-before-make level 2: nothing has to be invalid in between. May the flush be left out as well? A TLB
 * that keeps the block, clean, stores to page 1, and hardware would set dirty in the entry that it had read:
 * another page's, now. It does not: who sets dirty has to see that what the TLB kept is not stale, and takes
 * what is in memory where it is (Arm ARM DDI 0487, D8.5.2.1, SGJBL and YZSVV; MODEL.md, section 6). So
 * not-flushed holds by that rule alone. The core does not rely on it: it breaks first, and has the state from
 * the exchanges. */
#include "../contpte.h"

static oct_pte_t single(oct_pte_t pte)
{
	return pte & ~((oct_pte_t)1 << 52); /* arm64 */
}

static void apart(bool flush)
{
	bool gathered = false;

	for (unsigned i = 0; i < BLOCK; i++)
		gathered |= oct_pte_dirty(oc_entry_update(block.entry + i, single));
	if (flush) {
		block_flush(0, BLOCK);
		for (unsigned i = 0; i < BLOCK; i++)
			gathered |= oct_pte_dirty(oc_entry_get(block.entry + i));
	}
	for (unsigned i = 0; gathered && i < BLOCK; i++)
		oc_entry_update(block.entry + i, set_dirty_if_valid);
	take(1);
	block_flush(1, 1);
}

static void not_flushed(void)
{
	apart(false);
}

static void flushed(void)
{
	apart(true);
}

static void now(void)
{
	contpte_core_clears(1, 1, false);
}

OC_SCENARIO(.setup = contpte_setup, .final = contpte_final, .arch = OC_ARM64, .knobs = {.bbm = 2},
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(contpte_writer)}, .cover = {"stored"},
            .variants = {{.name = "not-flushed", .run = not_flushed, .expected = OC_HOLDS},
                         {.name = "flushed", .run = flushed, .expected = OC_HOLDS},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
