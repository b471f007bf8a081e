/* dirty/words: what is recorded lies in two words of the bitmap. SPDX-License-Identifier: MIT
 *
 * The recorded range begins in the middle of a word, so its last page is a bit of the next one. Whoever takes
 * the page out there sees what was stored before it was recorded. no-order: the bit is set without order. A
 * scan that has no room to tell a page does not take its mark. */
#include "../dirty.h"

enum { LAST = 64, BITS = 128, FAR = 0x20000 };

static struct oct_mm *mm;
static uint64_t words[BITS / 64];
static struct oct_dirty_bitmap bitmap;
static uint32_t *word; /* of the page */
static uint32_t copy;  /* of it */

static void setup(void)
{
	uintptr_t at;

	mm = oc_mm();
	oct_mapping_init(&file.mapping, &file.object, LAST + 1, 0);
	OC_ASSERT(OC_ASSERTION, oct_mmap_file(mm, FILE_VA, FILE_PAGE, READ_WRITE,
	                                      OCT_MAP_FIXED | OCT_MAP_SHARED, &file.mapping, LAST, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, FILE_VA, OCT_WRITE) == OCT_FAULT_DONE);
	word = oct_port_phys_to_virt(oc_folio(mm, FILE_VA)->page);
	oct_dirty_init(&bitmap, words, 0, BITS);
	oc_map_anon(mm, FAR, 3, READ_WRITE);
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, FAR + OCT_PAGE_SIZE, OCT_PAGE_SIZE) == 0);
}

static void store(void)
{
	OC_ASSERT(OC_ASSERTION, oc_store32(mm, FILE_VA, STORED) == 0);
	file.stored = true;
}

static void record_no_order(void)
{
	store();
	oc_entry_update(oc_pte(mm, FILE_VA), raw_mkclean);
	oct_fetch_or(&words[LAST / 64], 1, OCT_RLX);
}

static void record(void)
{
	struct oct_track_result result;

	OC_ASSERT(OC_ASSERTION,
	          oct_clean_record_shared_mapping_range(&file.mapping, 1, LAST, &bitmap, &result) == 0);
	OC_ASSERT(OC_ASSERTION, !result.entries || (result.start == LAST && result.end == LAST + 1));
}

static void take(void)
{
	uint64_t from = LAST, to;

	if (oct_dirty_take(&bitmap, &from, LAST + 1, &to)) {
		copy = oct_load(word, OCT_RLX);
		oc_cover("taken");
	}
}

static void record_and_take(void)
{
	record();
	take();
}

static void no_order(void)
{
	RAW_PARTS(record_no_order, take, nobody);
}

static void now(void)
{
	RAW_PARTS(record, record_and_take, store);
}

/* Room for one range, and there are two. */
static void scan(void)
{
	struct oct_page_range range;
	struct oct_scan s = {.start = FAR,
	                     .end = FAR + 3 * OCT_PAGE_SIZE,
	                     .flags = OCT_SCAN_PROTECT,
	                     .ranges = &range,
	                     .capacity = 1};

	OC_ASSERT(OC_ASSERTION, oct_scan_pages(mm, &s) == 0);
	OC_ASSERT(OC_ASSERTION, s.filled == 1 && s.next == FAR + 2 * OCT_PAGE_SIZE);
	OC_ASSERT(OC_I3, !oct_pte_uffd_wp(oct_table_query(&mm->space, FAR + 2 * OCT_PAGE_SIZE)));
}

static void store_far(void)
{
	OC_ASSERT(OC_ASSERTION, oc_store32(mm, FAR + 2 * OCT_PAGE_SIZE, STORED) == 0);
}

static void now_no_room(void)
{
	RAW_PARTS(scan, nobody, store_far);
}

static void final(void)
{
	OC_ASSERT(OC_I3, !file.stored || copy == STORED || words[LAST / 64] ||
	                     oct_pte_dirty(oc_entry_get(oc_pte(mm, FILE_VA))));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "no-order", .run = no_order, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"taken"}},
                         {.name = "now-no-room", .run = now_no_room, .expected = OC_HOLDS}})
