/* core/swap-fork-stale: fork finds an entry that was taken for swap and not flushed yet.
 * SPDX-License-Identifier: MIT
 *
 * The child's entry stands for the page, so when fork has returned no CPU stores to it through what its TLB
 * holds. The area has no rights, so nothing but such a store succeeds. no-flush: the entry is copied, and
 * what took it away is not completed. */
#include "../reclaim.h"

static struct oct_mm *child;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	swap_setup(mm);
	raw_forbid_faults(mm, SWAP_VA);
	oc_entry_update(oc_pte(mm, SWAP_VA), oct_pte_mkyoung); /* any CPU may have cached it */
	child = oc_mm();
	OC_ASSERT(OC_ASSERTION, oct_table_prepare(&child->space, SWAP_VA, SWAP_VA + OCT_PAGE_SIZE) == 0);
}

static void store(void)
{
	OC_ASSERT(OC_I4, oc_store32(swap_mm, SWAP_VA, 7) != 0);
}

static void no_flush(void)
{
	if (oct_port_cpu_self() == 0) {
		oct_pte_t *pte = oct_pte_lock(swap_mm, SWAP_VA);

		oc_entry_update(pte, oct_pte_wrprotect);
		oct_pte_unlock(swap_mm, pte);
		store();
	}
}

static void fork_and_store(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, swap_mm) == 0);
	store();
}

static void now(void)
{
	RAW_PARTS(swap_reclaim, fork_and_store);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "no-flush", .run = no_flush, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"reclaim-own"}}})
