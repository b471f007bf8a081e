/* races/12: an area leaves the reverse map of its object before its flush. SPDX-License-Identifier: MIT
 *
 * Page cleaning honours flushes that are missing, but asks the areas that it finds: the one that is being
 * unmapped is not among them any more. The page is written, and a CPU still stores to it. */
#include "../file.h"

static uint32_t raw_mapped = 1; /* the area is in the reverse map */

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	file_setup(mm, OCT_WRITE);
	file_raw_setup(mm);
}

static void unmap_raw(void)
{
	raw_raise_pending();
	raw_zap();
	oct_store(&raw_mapped, 0, OCT_REL); /* out of the reverse map */
	raw_flush();
	raw_drop_pending();
}

static void clean_raw(void)
{
	raw_take_dirty();
	if (oct_load(&raw_mapped, OCT_ACQ)) {
		oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

		if (oct_pte_present(oc_entry_update(pte, raw_clean_entry)) || raw_is_pending())
			raw_flush();
		oct_pte_unlock(raw.mm, pte);
	}
	raw_write();
}

static void old(void)
{
	RAW_PARTS(unmap_raw, clean_raw, raw_writer);
}

static void munmap_file(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(file.mm, FILE_VA, FILE_PAGE) == 0);
}

static void now(void)
{
	RAW_PARTS(munmap_file, file_writeback, file_writer);
}

static void final(void)
{
	file_final();
	raw_file_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"page-written", "zap-dirty", "store-through-stale-entry"}}})
