/* core/file-clean: DONTNEED, write-back and a store that may fault the page in again, at once.
 * SPDX-License-Identifier: MIT
 *
 * As races/11 where the page may come back: the store goes through the stale entry, or finds none and makes
 * the page dirty again. Not on x86-64: it holds there too, but its 48,179 executions take 14 seconds.
 * broken: write-back takes dirty off last, after what a fault may have set meanwhile. */
#include "../file.h"

static struct oct_folio *cached;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	file_setup(mm, OCT_WRITE);
	cached = oc_folio(mm, FILE_VA);
}

static void dontneed(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(file.mm, FILE_VA, FILE_VA + FILE_PAGE) == 0);
}

static void clean_then_take_dirty(void)
{
	oct_pte_t *pte = oct_pte_lock(file.mm, FILE_VA);

	oc_entry_update(pte, raw_clean_entry);
	oct_pte_unlock(file.mm, pte);
	oc_dsb();
	oc_tlbi(file.mm, FILE_VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
	oct_port_page_write(&file.object, 0, cached->page);
	oct_fetch_and(&cached->flags, ~(uint32_t)OCT_FOLIO_DIRTY, OCT_ACQ);
}

static void broken(void)
{
	RAW_PARTS(dontneed, clean_then_take_dirty, file_writer);
}

static void now(void)
{
	RAW_PARTS(dontneed, file_writeback, file_writer);
}

OC_SCENARIO(.setup = setup, .final = file_final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"page-written", "zap-dirty", "store-through-stale-entry", "file-map"}}})
