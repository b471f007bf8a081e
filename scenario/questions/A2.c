/* questions/A2: why not copy accessed and dirty to just one adjacent entry? SPDX-License-Identifier: MIT
 *
 * By load and store it loses what hardware sets between the two, as the copy to all does. By one atomic
 * operation nothing is lost: the neighbour is dirty, or the value that its own clearing returns is. The last
 * entry has no neighbour, and needs none: what it says is returned. */
#include "../contpte.h"

/* Accessed or dirty, whatever of them there is. */
static void load_and_store(void)
{
	for (unsigned i = 0; i + 1 < BLOCK; i++) {
		bool was = take(i);
		oct_pte_t next = oc_entry_get(block.entry + i + 1);

		oc_entry_set(block.entry + i + 1, was ? set_dirty(next) : next);
	}
	take(BLOCK - 1);
	contpte_finish();
}

static void atomic_or(void)
{
	for (unsigned i = 0; i < BLOCK; i++) {
		if (!take(i) || i + 1 == BLOCK)
			continue;
		oc_cover("copied");
		oc_entry_update(block.entry + i + 1, set_dirty_if_valid);
	}
	contpte_finish();
}

static void now(void)
{
	contpte_core_clears(0, BLOCK, false);
}

OC_SCENARIO(.setup = contpte_setup, .final = contpte_final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(contpte_writer)}, .cover = {"stored"},
            .variants = {{.name = "load-and-store", .run = load_and_store, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "atomic-or", .run = atomic_or, .expected = OC_HOLDS, .cover = {"copied"}},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
