/* dirty/tracker-others: others take dirty away while an object is tracked by clean-and-record.
 * SPDX-License-Identifier: MIT
 *
 * forgets: a zap moves dirty to the page and tells nobody who records; for the recorder, who looks at
 * entries, the store was never made. written, unmapped: the core's write-back and zap note the page in the
 * section in which they take dirty away. Not on x86-64: they hold there too, but their 7,057 and 9,529
 * executions take seconds. */
#include "tracker.h"

static void raw_recorder(void)
{
	raw_clean_and_record();
	raw_flush();
	raw_consume();
}

static void zap_untold(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_xchg(pte, 0);
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
}

static void cleaning(void)
{
	tracker_start(OCT_TRACK_CLEAN_RECORD);
	tracker_scan();
}

static void store_once(void)
{
	tracker_await();
	file_writer();
}

static void writeback(void)
{
	tracker_await();
	file_writeback();
}

static void unmap(void)
{
	tracker_await();
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(file.mm, FILE_VA, FILE_VA + FILE_PAGE) == 0);
}

static void forgets(void)
{
	RAW_PARTS(raw_recorder, raw_writer, zap_untold);
}

static void written(void)
{
	RAW_PARTS(cleaning, store_once, writeback);
}

static void unmapped(void)
{
	RAW_PARTS(cleaning, store_once, unmap);
}

static void final(void)
{
	tracker_final();
	raw_dirty_final();
}

OC_SCENARIO(.setup = tracker_setup, .final = final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_THREAD(OC_VARIANT)}, .cover = {"consumed"},
            .variants = {{.name = "forgets", .run = forgets, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "written", .run = written, .expected = OC_HOLDS, .cover = {"page-written"}},
                         {.name = "unmapped", .run = unmapped, .expected = OC_HOLDS, .cover = {"zap-dirty"}}})
