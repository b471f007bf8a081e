/* core/uffd-truncate: a page that the object has is mapped, or one supplied, against the truncation that
 * takes it away. SPDX-License-Identifier: MIT
 *
 * broken: who maps it looks at the size, and makes the entry later; the truncation comes between, finds no
 * entry, and frees the page. Then a CPU stores to it. now: continue, of a shared area. now-copy: a page for a
 * shared area. now-private: one for a private area, which the object never had. */
#include "../file.h"
#include "../raw-truncate.h"

enum { SHARED_VA = 0x12000, PRIVATE_VA = 0x14000 };

static oct_phys_t source;

static void map_and_want(uintptr_t va, unsigned flags)
{
	uintptr_t at;

	if (va != FILE_VA)
		OC_ASSERT(OC_ASSERTION, oct_mmap_file(file.mm, va, FILE_PAGE, READ_WRITE,
		                                      OCT_MAP_FIXED | flags, &file.mapping, 1, &at) == 0);
	OC_ASSERT(OC_ASSERTION,
	          oct_uffd_register(file.mm, va, va + OCT_PAGE_SIZE, OCT_UFFD_MISSING | OCT_UFFD_MINOR) == 0);
}

/* The object has page 0 in memory, and not page 1. */
static void setup(void)
{
	struct oct_folio *folio;

	file_setup(oc_mm(), 0);
	OC_ASSERT(OC_ASSERTION, oct_mapping_get(&file.mapping, 0, &folio) == 0);
	oct_folio_put(folio);
	oct_mapping_truncate(&file.mapping, 2);
	map_and_want(FILE_VA, 0);
	map_and_want(SHARED_VA, OCT_MAP_SHARED);
	map_and_want(PRIVATE_VA, 0);
	raw_truncate_setup(file.mm);
	source = oct_folio_alloc()->page;
	oct_port_page_clear(source, 0);
}

static void broken(void)
{
	RAW_PARTS(raw_map_and_store, raw_truncate);
}

static void store(uintptr_t va, int supplied)
{
	OC_ASSERT(OC_ASSERTION, supplied == 1 || supplied == -OCT_EFAULT);
	oc_cover(supplied == 1 ? "supplied" : "gone");
	if (supplied == 1)
		oc_store32(file.mm, va, STORED);
}

static void truncate(void)
{
	oct_mapping_truncate(&file.mapping, 0);
}

static void proceed(void)
{
	store(FILE_VA, oct_uffd_continue(file.mm, FILE_VA, 1, 0));
}

static void copy(void)
{
	store(SHARED_VA, oct_uffd_copy(file.mm, SHARED_VA, 1, source, 0));
}

static void copy_private(void)
{
	store(PRIVATE_VA, oct_uffd_copy(file.mm, PRIVATE_VA, 1, source, 0));
}

static void now(void)
{
	RAW_PARTS(proceed, truncate);
}

static void now_copy(void)
{
	RAW_PARTS(copy, truncate);
}

static void now_private(void)
{
	RAW_PARTS(copy_private, truncate);
}

static bool is_mapped(uintptr_t va)
{
	const oct_pte_t *entry = oc_pte(file.mm, va);

	return entry && oct_pte_present(*entry);
}

static void final(void)
{
	if (!file.mapping.pages) { /* truncated */
		OC_ASSERT(OC_I4, file.mapping.cached == 0);
		OC_ASSERT(OC_I4, !is_mapped(FILE_VA) && !is_mapped(SHARED_VA) && !is_mapped(PRIVATE_VA));
	}
	raw_restore();
}

OC_SCENARIO(
        .setup = setup, .final = final, .arch = OC_ARCH_ALL,
        .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
        .variants = {
            {.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I1)},
            {.name = "now-copy", .run = now_copy, .expected = OC_HOLDS, .cover = {"supplied", "gone"}},
            {.name = "now-private", .run = now_private, .expected = OC_HOLDS, .cover = {"supplied", "gone"}},
            {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"supplied", "gone"}}})
