/* core/device-fault: two CPUs touch one page that is in memory of a device. SPDX-License-Identifier: MIT
 *
 * Both stores are in the page that comes back, once. unchecked: each reads the page and installs it without a
 * second look at the entry. pin: one of them pins the page. */
#include "../pin.h"
#include "../device.h"
#include "../raw-out.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	device_setup_there(mm);
	raw_setup_out(mm);
}

static void unchecked(void)
{
	raw_fault_unchecked(&device);
}

static void store(unsigned offset)
{
	OC_ASSERT(OC_ASSERTION, oc_store32(swap_mm, SWAP_VA + offset, 7) == 0);
	oc_reg(offset ? "other" : "one", 1);
}

static void now(void)
{
	store(oct_port_cpu_self() == 0 ? 0 : 4);
}

static void pin(void)
{
	if (oct_port_cpu_self() == 0)
		store(0);
	else
		OC_ASSERT(OC_ASSERTION, oct_gup(swap_mm, SWAP_VA, 1, OCT_WRITE, &pin_folio) == 1);
}

static void final(void)
{
	if (oc_reg_get("one")) {
		pin_final(swap_mm, SWAP_VA);
		OC_ASSERT(OC_I2, swap_word(swap_mm, SWAP_VA) == 7);
		OC_ASSERT(OC_I2, !oc_reg_get("other") || swap_word(swap_mm, SWAP_VA + 4) == 7);
		OC_ASSERT(OC_LEAK, oct_swap_used(&device) == 0);
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
                {.name = "pin", .run = pin, .expected = OC_HOLDS, .cover = {"swap-read", "swap-cached"}}})
