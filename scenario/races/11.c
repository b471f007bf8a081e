/* races/11: a page is cleaned while a zap that made it dirty has not flushed. SPDX-License-Identifier: MIT
 *
 * The zap has cleared the entry and moved its dirty bit to the page. Write-back finds no entry, takes dirty
 * off and writes the page. A CPU still stores through the entry that it cached as dirty: no bit says so. */
#include "../file.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	file_setup(mm, OCT_WRITE);
	raw_forbid_faults(mm, FILE_VA); /* with faults: core/file-clean */
	file_raw_setup(mm);
}

static void zap_and_flush(void)
{
	raw_zap();
	raw_flush();
}

static void clean_what_is_mapped(void)
{
	oct_pte_t *pte;
	bool cleaned;

	raw_take_dirty();
	pte = oct_pte_lock(raw.mm, RAW_VA);
	cleaned = oct_pte_present(oc_entry_update(pte, raw_clean_entry));
	oct_pte_unlock(raw.mm, pte);
	if (cleaned)
		raw_flush();
	else
		oc_cover("nothing-mapped");
	raw_write();
}

static void old(void)
{
	RAW_PARTS(zap_and_flush, clean_what_is_mapped, raw_writer);
}

static void dontneed(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(file.mm, FILE_VA, FILE_VA + FILE_PAGE) == 0);
}

static void now(void)
{
	RAW_PARTS(dontneed, file_writeback, file_writer);
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
