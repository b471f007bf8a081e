/* core/device-store: a page goes to a device while a CPU stores to it. SPDX-License-Identifier: MIT
 *
 * The store is in what comes back, or in the page that did not go. copy-first: it is copied before the flush,
 * and the CPU stores through what it still holds. stale-dirty: whether it was stored to is read before the
 * exchange (races 17). fails: the copy fails, and the page stays where it was. */
#include "../migrate.h"
#include "../device.h"

static bool is_raw, fails;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	device_setup(mm);
	raw_setup(mm);
	make_clean(raw.entry);
}

static void store(void)
{
	OC_ASSERT(OC_ASSERTION, oc_store32(swap_mm, SWAP_VA, 7) == 0);
}

static void raw_copy_first(void)
{
	is_raw = true;
	raw_write_first();
}

static void copy_first(void)
{
	RAW_PARTS(raw_copy_first, raw_writer);
}

static void raw_stale(void)
{
	is_raw = true;
	raw_collect(false);
}

static void stale_dirty(void)
{
	RAW_PARTS(raw_stale, raw_writer);
}

static void now(void)
{
	RAW_PARTS(device_migrate, store);
}

/* The device does not take it: nothing is copied. */
static void migrate_in_vain(void)
{
	struct oct_migrate_vma migrate;

	fails = true;
	if (oct_migrate_vma_setup(&migrate, swap_mm, SWAP_VA, SWAP_VA + OCT_PAGE_SIZE) == 1) {
		oc_cover("in-vain");
		OC_ASSERT(OC_ASSERTION, oct_migrate_vma_finalize(&migrate) == 0);
	}
}

static void in_vain(void)
{
	RAW_PARTS(migrate_in_vain, store);
}

static void final(void)
{
	if (is_raw) {
		raw_collect_final();
		if (oct_pte_present(oc_entry_get(raw.entry)))
			raw_final();
		raw_restore();
	} else {
		OC_ASSERT(OC_I2, swap_word(swap_mm, SWAP_VA) == 7);
		OC_ASSERT(OC_I3, oct_pte_dirty(oc_entry_get(oc_pte(swap_mm, SWAP_VA))));
		OC_ASSERT(OC_LEAK, !fails || oct_swap_used(&device) == 0);
	}
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "copy-first", .run = copy_first, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "stale-dirty", .run = stale_dirty, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"device-take", "swap-read", "store-through-stale-entry"}},
                         {.name = "in-vain",
                          .run = in_vain,
                          .expected = OC_HOLDS,
                          .cover = {"in-vain", "swap-cached"}}})
