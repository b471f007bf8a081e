/* races/10: a page is written while a CPU stores to it through an entry that it cached as dirty.
 * SPDX-License-Identifier: MIT
 *
 * The entry was cleaned and the flush put off until after the I/O. The store comes after the page was
 * written, touches no entry, and nothing says that the page is dirty. */
#include "../file.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	file_setup(mm, OCT_WRITE);
	file_raw_setup(mm);
}

static void write_then_flush(void)
{
	oct_pte_t *pte;

	raw_take_dirty();
	pte = oct_pte_lock(raw.mm, RAW_VA);
	oc_entry_update(pte, raw_clean_entry);
	oct_pte_unlock(raw.mm, pte);
	raw_write();
	raw_flush();
}

static void old(void)
{
	RAW_PARTS(write_then_flush, raw_writer);
}

static void now(void)
{
	RAW_PARTS(file_writeback, file_writer);
}

static void final(void)
{
	file_final();
	raw_file_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"page-written", "store-through-stale-entry", "file-mkwrite"}}})
