/* questions/B5: memory without folios, such as a driver's. SPDX-License-Identifier: MIT
 *
 * Nothing but the entry and the bitmap says that it is dirty. before-flush: as B1's; here no page is left
 * that could be found dirty later. alone: the bitmap suffices. events: its owner, who is asked before it
 * becomes writable, hears of the first store. (What is unmapped is told to a tracker: dirty/tracker.) */
#include "../dirty.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();
	struct oct_folio *memory = oct_folio_alloc();
	uintptr_t at;

	file.mm = mm;
	OC_ASSERT(OC_ASSERTION, oct_mapping_init_pfn(&file.mapping, &file.object, memory->page, 1, OCT_NORMAL,
	                                             OCT_MAPPING_EVENTS) == 0);
	OC_ASSERT(OC_ASSERTION, oct_mmap_file(mm, FILE_VA, FILE_PAGE, READ_WRITE,
	                                      OCT_MAP_FIXED | OCT_MAP_SHARED, &file.mapping, 0, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, FILE_VA, OCT_WRITE) == OCT_FAULT_DONE);
	raw_setup(mm);
	dirty_setup();
}

static void consume_then_flush(void)
{
	raw_clean_and_record();
	raw_consume();
	raw_flush();
}

static void before_flush(void)
{
	RAW_PARTS(consume_then_flush, raw_writer);
}

static void alone(void)
{
	RAW_PARTS(dirty_record_and_consume, file_writer);
}

static void protect_record_and_consume(void)
{
	struct oct_track_result result;

	OC_ASSERT(OC_ASSERTION, oct_wp_shared_mapping_range(&file.mapping, 0, 1, &result) == 0);
	dirty_record_and_consume();
}

static void events(void)
{
	RAW_PARTS(protect_record_and_consume, file_writer);
}

static void final(void)
{
	OC_ASSERT(OC_I3, !file.stored || dirty.copy == STORED || dirty_is_known());
	raw_dirty_final();
	oct_folio_put(oct_port_folio_of(file.mapping.first));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)}, .cover = {"consumed"},
            .variants = {
                {.name = "before-flush", .run = before_flush, .expected = OC_VIOLATES(OC_I3)},
                {.name = "alone", .run = alone, .expected = OC_HOLDS, .cover = {"store-through-stale-entry"}},
                {.name = "events",
                 .run = events,
                 .expected = OC_HOLDS,
                 .cover = {"store-through-stale-entry", "pfn-mkwrite"}}})
