/* core/swap-fault: two CPUs touch one page that is in swap. SPDX-License-Identifier: MIT
 *
 * In one space both stores are in the page that is there in the end. Two spaces of a fork that fault at the
 * same time do not see each other's stores, and none is lost. unchecked: each CPU reads the page and installs
 * it without a second look at the entry. */
#include "../reclaim.h"
#include "../raw-out.h"

static struct oct_mm *child;
static bool apart; /* the second CPU's store is the child's */

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	swap_setup_out(mm);
	raw_setup_out(mm);
	child = oc_mm();
	OC_ASSERT(OC_ASSERTION, oct_fork(child, mm) == 0);
}

static void unchecked(void)
{
	raw_fault_unchecked(&swap);
}

static void now(void)
{
	bool first = oct_port_cpu_self() == 0;

	OC_ASSERT(OC_ASSERTION, oc_store32(swap_mm, SWAP_VA + (first ? 0 : 4), 7) == 0);
	oc_reg(first ? "one" : "other", 1);
}

static void now_forked(void)
{
	bool first = oct_port_cpu_self() == 0;

	if (first)
		apart = true;
	OC_ASSERT(OC_ASSERTION, oc_store32(first ? swap_mm : child, SWAP_VA + (first ? 0 : 4), 7) == 0);
}

static void final(void)
{
	if (apart) {
		OC_ASSERT(OC_I2, swap_word(swap_mm, SWAP_VA) == 7 && swap_word(swap_mm, SWAP_VA + 4) == 0);
		OC_ASSERT(OC_I2, swap_word(child, SWAP_VA) == SWAPPED && swap_word(child, SWAP_VA + 4) == 7);
		OC_ASSERT(OC_LEAK, oct_swap_used(&swap) == 0);
	} else if (oc_reg_get("one")) {
		OC_ASSERT(OC_I2, swap_word(swap_mm, SWAP_VA) == 7 && swap_word(swap_mm, SWAP_VA + 4) == 7);
	} else {
		raw_fault_final();
	}
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "unchecked",
                 .run = unchecked,
                 .expected = OC_VIOLATES(OC_I11),
                 .on = {{OC_X86_64, OC_VIOLATES(OC_I2)}}},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"swap-read", "swap-cached"}},
                {.name = "now-forked",
                 .run = now_forked,
                 .expected = OC_HOLDS,
                 .cover = {"swap-read", "swap-cached"}}})
