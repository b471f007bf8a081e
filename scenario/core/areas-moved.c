/* core/areas-moved: calls that take pages from areas, while an area goes. SPDX-License-Identifier: MIT
 *
 * The lock of the space, held for reading, keeps the area under the hands of who moves, merges, collapses,
 * scans or swaps out its pages: he finds it whole or gone. no-lock: who looks for the area has no lock. */
#include "../reclaim.h"
#include <octavo/collapse.h>
#include <octavo/merge.h>
#include <octavo/migrate.h>
#include <octavo/track.h>

enum { VA = 0x40000, END = VA + OCT_PAGE_SIZE, BLOCK_END = VA + OCT_FOLIO_BYTES };

static struct oct_mm *mm;
static struct oct_folio *fresh;

static void setup(void)
{
	uintptr_t at;

	mm = oc_mm();
	swap_setup(mm);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, VA, BLOCK_END - VA, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, VA, OCT_WRITE) == OCT_FAULT_DONE);
	fresh = oct_folio_alloc();
}

/* One unmaps, the other does fn. */
static void against_unmap(void (*fn)(void))
{
	if (oct_port_cpu_self() == 0)
		OC_ASSERT(OC_ASSERTION, oct_munmap(mm, VA, BLOCK_END - VA) == 0);
	else
		fn();
}

static void find(void)
{
	if (oct_vma_find(&mm->areas, VA))
		oc_cover("found");
}

static void migrate_page(void)
{
	int moved = oct_migrate_pages(mm, VA, END, &fresh, 1);

	OC_ASSERT(OC_ASSERTION, moved == 0 || moved == 1);
}

static void merge_page(void)
{
	int merged = oct_merge_pages(mm, VA, mm, SWAP_VA);

	OC_ASSERT(OC_ASSERTION, merged == 0 || merged == 1 || merged == -OCT_ENOENT || merged == -OCT_EAGAIN);
}

static void collapse_block(void)
{
	int error = oct_collapse(mm, VA, OCT_FOLIO_PAGES);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_EINVAL || error == -OCT_ENOENT);
}

static void scan_page(void)
{
	struct oct_scan scan = {.start = VA, .end = END, .flags = OCT_SCAN_PROTECT};

	OC_ASSERT(OC_ASSERTION, oct_scan_pages(mm, &scan) == 0);
}

static void page_out(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_pageout(mm, VA, END) == 0);
}

static void no_lock(void)
{
	against_unmap(find);
}

static void migrate(void)
{
	against_unmap(migrate_page);
}

static void merge(void)
{
	against_unmap(merge_page);
}

static void collapse(void)
{
	against_unmap(collapse_block);
}

static void scan(void)
{
	against_unmap(scan_page);
}

static void pageout(void)
{
	against_unmap(page_out);
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION,
	          !oct_vma_find(&mm->areas, VA) && oct_pte_none(oct_table_query(&mm->space, VA)));
	OC_ASSERT(OC_LEAK, oct_swap_used(&swap) == 0);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "no-lock", .run = no_lock, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "migrate", .run = migrate, .expected = OC_HOLDS, .cover = {"migrate-move"}},
                         {.name = "merge", .run = merge, .expected = OC_HOLDS},
                         {.name = "collapse", .run = collapse, .expected = OC_HOLDS, .cover = {"collapsed"}},
                         {.name = "scan", .run = scan, .expected = OC_HOLDS},
                         {.name = "pageout", .run = pageout, .expected = OC_HOLDS, .cover = {"reclaim-own"}}})
