/* core/device-munmap: a page is unmapped, or forgotten, while it is on its way to a device.
 * SPDX-License-Identifier: MIT
 *
 * It is gone for good, and the device has its memory back. blind: who moves the page stores its new entry
 * without a look at what is there by then. */
#include "../device.h"

static bool is_raw;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	device_setup(mm);
	raw_setup(mm);
	raw_forbid_faults(mm, RAW_VA);
}

static void raw_move(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	oct_pte_t before = oc_entry_xchg(pte, oct_pte_broken());

	is_raw = true;
	raw_flush();
	oct_pte_unlock(raw.mm, pte);
	if (!oct_pte_present(before))
		return;
	raw_copy();
	pte = oct_pte_lock(raw.mm, RAW_VA);
	oc_entry_set(pte, raw.fresh);
	oct_pte_unlock(raw.mm, pte);
}

static void raw_unmap(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	uint32_t value;

	oc_entry_xchg(pte, 0);
	raw_flush();
	oct_pte_unlock(raw.mm, pte);
	OC_ASSERT(OC_I4, oc_load32(raw.mm, RAW_VA, &value) != 0);
}

static void blind(void)
{
	RAW_PARTS(raw_move, raw_unmap);
}

static void unmap(void)
{
	uint32_t value;

	OC_ASSERT(OC_ASSERTION, oct_munmap(swap_mm, SWAP_VA, OCT_PAGE_SIZE) == 0);
	OC_ASSERT(OC_I4, oc_load32(swap_mm, SWAP_VA, &value) != 0);
}

static void forget(void)
{
	uint32_t value = SWAPPED;

	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(swap_mm, SWAP_VA, SWAP_VA + OCT_PAGE_SIZE) == 0);
	OC_ASSERT(OC_I4, oc_load32(swap_mm, SWAP_VA, &value) == 0 && value == 0);
}

static void now(void)
{
	RAW_PARTS(device_migrate, unmap);
}

static void now_dontneed(void)
{
	RAW_PARTS(device_migrate, forget);
}

static void final(void)
{
	if (is_raw)
		raw_restore();
	else
		OC_ASSERT(OC_LEAK, oct_swap_used(&device) == 0);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "blind", .run = blind, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"device-take"}},
                         {.name = "now-dontneed",
                          .run = now_dontneed,
                          .expected = OC_HOLDS,
                          .cover = {"device-take"}}})
