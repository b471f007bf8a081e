/* core/fork-registered: reclaim comes to a child while it is made. SPDX-License-Identifier: MIT
 *
 * A child that is in a registry is found by reclaim before its areas are complete; the child's lock keeps it
 * out. unlocked: who looks at the areas without it looks at what changes. */
#include "../reclaim.h"

static struct oct_mm *child;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	child = oc_mm();
	swap_setup(mm);
	OC_ASSERT(OC_ASSERTION, oct_reclaim_add(&reclaim, child) == 0);
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, SWAP_VA, SWAP_VA + OCT_PAGE_SIZE) == 0);
}

static void fork(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, swap_mm) == 0);
}

static void look(void)
{
	if (oct_vma_find(&child->areas, SWAP_VA))
		oc_cover("found");
}

static void unlocked(void)
{
	RAW_PARTS(look, fork);
}

static void now(void)
{
	RAW_PARTS(swap_reclaim, fork);
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, oct_vma_find(&child->areas, SWAP_VA));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "unlocked", .run = unlocked, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
