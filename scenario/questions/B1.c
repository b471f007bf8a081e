/* questions/B1: dirty is cleaned in memory, the TLB still has it, the flush comes later. Is anything lost?
 * SPDX-License-Identifier: MIT
 *
 * A CPU that cached the entry as dirty stores without touching it. before-flush: the page is taken out of the
 * bitmap and copied before the flush; a store after the copy is nowhere. after-flush: whoever takes the page
 * out sees it. now: the core adds the page when the flush is complete, so that a consumer may run beside it
 * (now-beside). */
#include "../dirty.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	file_setup(mm, OCT_WRITE);
	raw_setup(mm);
	dirty_setup();
}

static void consume_then_flush(void)
{
	raw_clean_and_record();
	raw_consume();
	raw_flush();
}

static void flush_then_consume(void)
{
	raw_clean_and_record();
	raw_flush();
	raw_consume();
}

static void before_flush(void)
{
	RAW_PARTS(consume_then_flush, raw_writer, nobody);
}

static void after_flush(void)
{
	RAW_PARTS(flush_then_consume, raw_writer, nobody);
}

static void now(void)
{
	RAW_PARTS(dirty_record_and_consume, file_writer, nobody);
}

static void now_beside(void)
{
	RAW_PARTS(dirty_record, file_writer, dirty_consume);
}

static void final(void)
{
	dirty_final();
	raw_dirty_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .cover = {"consumed", "store-through-stale-entry"},
            .variants = {{.name = "before-flush", .run = before_flush, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "after-flush", .run = after_flush, .expected = OC_HOLDS},
                         {.name = "now", .run = now, .expected = OC_HOLDS},
                         {.name = "now-beside", .run = now_beside, .expected = OC_HOLDS}})
