/* races/02: munmap against truncation of a driver's memory (CVE-2022-39188). SPDX-License-Identifier: MIT
 *
 * munmap has cleared the entry, taken the area out of the object's tree, and flushes later. The driver finds
 * no area that maps its page and frees it. A CPU still stores to it. */
#include "../file.h"

static struct oct_mm *mm;
static struct oct_mapping memory;
static oct_phys_t page, old_page;
static bool stored;
static uint32_t raw_mapped = 1; /* the area is in the reverse map */

static void setup(void)
{
	struct oct_folio *folio;
	uintptr_t at;

	mm = oc_mm();
	folio = oct_folio_alloc();
	page = folio->page;
	OC_ASSERT(OC_ASSERTION, oct_mapping_init_pfn(&memory, NULL, page, 1, OCT_NORMAL, 0) == 0);
	OC_ASSERT(OC_ASSERTION, oct_mmap_file(mm, FILE_VA, FILE_PAGE, READ_WRITE,
	                                      OCT_MAP_FIXED | OCT_MAP_SHARED, &memory, 0, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, FILE_VA, OCT_WRITE) == OCT_FAULT_DONE);
	oc_map_anon(mm, RAW_VA, 1, READ_WRITE);
	raw.mm = mm;
	old_page = oct_pte_phys(oc_entry_get(oc_pte(mm, RAW_VA)));
	raw_forbid_faults(mm, RAW_VA);
}

static void writer(void)
{
	stored = oc_store32(mm, FILE_VA, 7) == 0;
}

static void old_writer(void)
{
	oc_store32(mm, RAW_VA, 7);
}

static void clear_entry(void)
{
	oct_pte_t *pte = oct_pte_lock(mm, RAW_VA);

	oc_entry_xchg(pte, 0);
	oct_pte_unlock(mm, pte);
}

static void unmap_raw(void)
{
	clear_entry();
	oct_store(&raw_mapped, 0, OCT_REL);
	raw_flush();
}

static void driver_raw(void)
{
	if (oct_load(&raw_mapped, OCT_ACQ)) {
		clear_entry();
		raw_flush();
	}
	oct_port_page_free(old_page, 0, OCT_USE_USER);
}

static void old(void)
{
	RAW_PARTS(unmap_raw, driver_raw, old_writer);
}

static void unmap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, FILE_VA, FILE_PAGE) == 0);
}

static void driver(void)
{
	oct_mapping_truncate(&memory, 0);
	oct_port_page_free(page, 0, OCT_USE_USER);
}

static void now(void)
{
	RAW_PARTS(unmap, driver, writer);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "old", .run = old, .expected = OC_VIOLATES(OC_I1)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"store-through-stale-entry"}}})
