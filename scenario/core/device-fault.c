/* core/device-fault: two CPUs touch one page that is in memory of a device. SPDX-License-Identifier: MIT
 *
 * Both stores are in the page that comes back, once. unchecked: each reads the page and installs it without a
 * second look at the entry. pin: one of them pins the page. */
#include "../pin.h"
#include "../device.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	device_setup_there(mm);
	raw_setup(mm);
	raw_forbid_faults(mm, RAW_VA);
	oc_entry_set(raw.entry, 0);
}

static void unchecked(void)
{
	bool first = oct_port_cpu_self() == 0;
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	bool absent = oct_pte_none(oc_entry_get(pte));

	oct_pte_unlock(raw.mm, pte);
	if (absent) {
		oct_phys_t page = oct_pte_phys(first ? raw.fresh : raw.writable);

		oct_port_page_read(&device, 0, page);
		pte = oct_pte_lock(raw.mm, RAW_VA);
		oc_entry_set(pte, first ? raw.fresh : raw.writable);
		oct_pte_unlock(raw.mm, pte);
	}
	if (oc_store32(raw.mm, RAW_VA + (first ? 0 : 4), 7) == 0)
		oc_reg(first ? "first" : "second", 1);
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
		OC_ASSERT(OC_I2, !oc_reg_get("first") || oc_peek32(raw.mm, RAW_VA) == 7);
		OC_ASSERT(OC_I2, !oc_reg_get("second") || oc_peek32(raw.mm, RAW_VA + 4) == 7);
		raw_restore();
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
