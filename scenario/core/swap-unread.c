/* core/swap-unread: pages in swap that can no longer be read. SPDX-License-Identifier: MIT
 *
 * Two CPUs fault on one page, in one space or in two; each fault says that the page could not be read, and
 * what they counted of the slot they give back. unlocked: the counts change without the lock of the area. */
#include "../reclaim.h"

static struct oct_mm *mm, *child;

static void setup(void)
{
	mm = oc_mm();
	child = oc_mm();
	swap_setup_out(mm);
	OC_ASSERT(OC_ASSERTION, oct_fork(child, mm) == 0);
	swap.object = NULL;
}

static void unlocked(void)
{
	swap.slot[0].count++;
}

static void fault(struct oct_mm *in)
{
	OC_ASSERT(OC_ASSERTION, oct_fault(in, SWAP_VA, OCT_READ) == -OCT_EIO);
}

static void now(void)
{
	fault(mm);
}

static void now_forked(void)
{
	fault(oct_port_cpu_self() == 0 ? mm : child);
}

static void final(void)
{
	OC_ASSERT(OC_LEAK, oct_swap_used(&swap) == 1 && swap.slot[0].count == 2);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "unlocked", .run = unlocked, .expected = OC_VIOLATES(OC_RACE)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"swap-read"}},
                {.name = "now-forked", .run = now_forked, .expected = OC_HOLDS, .cover = {"swap-read"}}})
