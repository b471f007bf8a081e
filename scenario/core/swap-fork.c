/* core/swap-fork: fork finds a page that is on its way to swap, or on its way back. SPDX-License-Identifier:
 * MIT
 *
 * The child gets what the entry stands for, and what the parent stores after fork has returned does not reach
 * it. no-join: fork copies the entry and returns; the flush of who took the page away is still to come, and
 * the parent's CPU stores into what is the child's page too. */
#include "../reclaim.h"
#include "../raw-out.h"

static struct oct_mm *child;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	swap_setup(mm);
	raw_setup(mm);
	child = oc_mm();
}

static void raw_reclaim(void)
{
	raw_take_out(0);
}

static void no_join(void)
{
	RAW_PARTS(raw_reclaim, raw_fork_out);
}

static void fork_and_store(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, swap_mm) == 0);
	OC_ASSERT(OC_ASSERTION, oc_store32(swap_mm, SWAP_VA, 7) == 0);
}

static void now(void)
{
	RAW_PARTS(swap_reclaim, fork_and_store);
}

static void final(void)
{
	if (raw_is_out) {
		raw_restore();
		return;
	}
	OC_ASSERT(OC_I2, swap_word(swap_mm, SWAP_VA) == 7);
	OC_ASSERT(OC_I4, swap_word(child, SWAP_VA) == SWAPPED);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "no-join", .run = no_join, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"reclaim-own"}}})
