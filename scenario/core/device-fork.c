/* core/device-fork: fork finds a page that is on its way to a device. SPDX-License-Identifier: MIT
 *
 * Parent and child name one page of the device; each gets its contents back, and what the parent stores after
 * fork has returned does not reach the child. no-join: fork copies the entry and returns; the flush of who
 * took the page away is still to come. */
#include "../device.h"
#include "../raw-out.h"

static struct oct_mm *child;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	device_setup(mm);
	raw_setup(mm);
	child = oc_mm();
}

static void raw_migrate(void)
{
	raw_take_out(OCT_SWAP_DEVICE);
}

static void no_join(void)
{
	RAW_PARTS(raw_migrate, raw_fork_out);
}

static void fork_and_store(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, swap_mm) == 0);
	OC_ASSERT(OC_ASSERTION, oc_store32(swap_mm, SWAP_VA, 7) == 0);
}

static void now(void)
{
	RAW_PARTS(device_migrate, fork_and_store);
}

static void final(void)
{
	if (raw_is_out) {
		raw_restore();
		return;
	}
	OC_ASSERT(OC_I2, swap_word(swap_mm, SWAP_VA) == 7);
	OC_ASSERT(OC_I4, swap_word(child, SWAP_VA) == SWAPPED);
	OC_ASSERT(OC_LEAK, oct_swap_used(&device) == 0);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "no-join", .run = no_join, .expected = OC_VIOLATES(OC_I4)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"device-take", "swap-read"}}})
