/* dirty/large: a large leaf whose stores are watched for. SPDX-License-Identifier: MIT
 *
 * Memory of a device is shown by one large leaf. To protect all of it changes the leaf; a scan that may tell
 * one page splits it, and the others stay as they are. When the call has returned nobody stores to what it
 * has protected. no-flush: the leaf is changed and the flush left out. */
#include "../raw.h"
#include <octavo/mapping.h>
#include <octavo/track.h>

enum { VA = 0x80000, PAGES = OCT_TABLE_ENTRIES, END = VA + PAGES * 0x1000, STORED = 7 };

static struct oct_mm *mm;
static struct oct_mapping memory;
static uint32_t *word; /* of the first page */
static uint32_t after;

static void setup(void)
{
	oct_phys_t page = oct_port_page_alloc(OCT_TABLE_SHIFT, OCT_USE_USER);
	uintptr_t at;

	mm = oc_mm();
	word = oct_port_phys_to_virt(page);
	OC_ASSERT(OC_ASSERTION, oct_mapping_init_pfn(&memory, &memory, page, PAGES, OCT_NORMAL, 0) == 0);
	/* Who faults is refused. */
	OC_ASSERT(OC_ASSERTION, oct_mmap_file(mm, VA, END - VA, OCT_READ, OCT_MAP_FIXED | OCT_MAP_SHARED,
	                                      &memory, 0, &at) == 0);
	OC_ASSERT(OC_ASSERTION,
	          oct_table_map(&mm->space, VA, page, PAGES, READ_WRITE | OCT_LARGE, OCT_NORMAL) == 0);
}

static void store(void)
{
	oc_cover(oc_store32(mm, VA, STORED) == 0 ? "stored" : "refused");
}

static void no_flush(void)
{
	oc_entry_update(oc_pte(mm, VA, 1), oct_pte_wrprotect);
	after = oct_load(word, OCT_RLX);
}

static void protect(void)
{
	struct oct_track_result result;

	OC_ASSERT(OC_ASSERTION, oct_wp_shared_mapping_range(&memory, 0, PAGES, &result) == 0);
	OC_ASSERT(OC_ASSERTION, !result.huge);
	after = oct_load(word, OCT_RLX);
}

static void scan(void)
{
	struct oct_scan s = {.start = VA, .end = END, .flags = OCT_SCAN_PROTECT, .most_pages = 1};

	OC_ASSERT(OC_ASSERTION, oct_scan_pages(mm, &s) == 0);
	OC_ASSERT(OC_ASSERTION, s.pages == 1 && s.next == VA + OCT_PAGE_SIZE);
	OC_ASSERT(OC_ASSERTION, !oct_pte_uffd_wp(oct_table_query(&mm->space, VA + OCT_PAGE_SIZE)));
	after = oct_load(word, OCT_RLX);
}

static void final(void)
{
	OC_ASSERT(OC_I4, *word == after);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(store)}, .cover = {"stored"},
            .variants = {{.name = "no-flush", .run = no_flush, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "protect", .run = protect, .expected = OC_HOLDS, .cover = {"refused"}},
                         {.name = "scan", .run = scan, .expected = OC_HOLDS, .cover = {"refused"}}})
