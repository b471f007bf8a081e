/* dirty/two-scans: two scans of a page at once, and a store. SPDX-License-Identifier: MIT
 *
 * Either one is told of a store, not none; who finds the page protected by the other joins its flush (R4).
 * Not on x86-64: it holds there too, but its 41,197 executions take long. look-first: whether the page was
 * stored to is looked at without its lock, and the mark taken by another call if it was not. */
#include "scan.h"

static void store_once(void)
{
	stored = oc_store32(mm, VA, STORED) == 0;
}

static void look_first(void)
{
	bool is_told = !oct_pte_uffd_wp(oc_entry_get(oc_pte(mm, VA)));

	OC_ASSERT(OC_ASSERTION, oct_uffd_writeprotect(mm, VA, VA + OCT_PAGE_SIZE, true) == 0);
	copy_if(is_told);
}

OC_SCENARIO(.setup = scan_setup, .final = scan_final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(store_once), OC_THREAD(OC_VARIANT)}, .cover = {"told"},
            .variants = {{.name = "look-first", .run = look_first, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "now", .run = written, .expected = OC_HOLDS}})
