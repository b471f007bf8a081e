/* core/object-collapse-truncate: an object becomes smaller while its pages become one folio.
 * SPDX-License-Identifier: MIT
 *
 * No page past the end is mapped or in memory, and what is left has its contents. size-first: K looks at the
 * size, and copies pages that a truncation has freed since. */
#include "../object.h"

static uint32_t size = 1;
static oct_phys_t old_page;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	object_setup(mm, OCT_MAP_SHARED);
	raw_setup(mm);
	old_page = oct_folio_alloc()->page;
}

static void collapse_raw(void)
{
	if (oct_load(&size, OCT_ACQ)) {
		oct_port_page_copy(oct_pte_phys(raw.fresh), old_page, 0);
		raw_writer(); /* the model has contents where there are user accesses */
	}
}

static void truncate_raw(void)
{
	oct_store(&size, 0, OCT_REL);
	oct_port_page_free(old_page, 0, OCT_USE_USER);
}

static void size_first(void)
{
	RAW_PARTS(collapse_raw, truncate_raw);
}

static void truncate_to(uint64_t pages)
{
	oct_mapping_truncate(&object.mapping, pages);
	OC_ASSERT(OC_I4, object.mapping.cached == pages);
}

static void cut(void)
{
	truncate_to(2);
	object_look();
}

static void empty(void)
{
	uint32_t value;

	truncate_to(0);
	OC_ASSERT(OC_I4, oc_load32(object.mm, OBJECT_VA, &value) != 0);
}

static void now_part(void)
{
	RAW_PARTS(object_collapse, cut);
}

static void now_all(void)
{
	RAW_PARTS(object_collapse, empty);
}

static void final(void)
{
	oct_pte_t pte = oct_table_query(&object.mm->space, OBJECT_VA);

	OC_ASSERT(OC_I4, object.mapping.pages || !oct_pte_present(pte));
	raw_restore();
	if (object.mapping.pages)
		object_kept();
}

OC_SCENARIO(
        .setup = setup, .final = final, .arch = OC_ARCH_ALL,
        .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
        .variants = {
            {.name = "size-first", .run = size_first, .expected = OC_VIOLATES(OC_UAF)},
            {.name = "now-part", .run = now_part, .expected = OC_HOLDS, .cover = {"collapsed", "left-alone"}},
            {.name = "now-all", .run = now_all, .expected = OC_HOLDS, .cover = {"collapsed", "left-alone"}}})
