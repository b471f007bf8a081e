/* core/evict-private: a page of an object is evicted, of which a space has a copy. SPDX-License-Identifier:
 * MIT
 *
 * The copy is the space's own and stays with what is stored to it. whatever-is-there: the eviction clears
 * what the area shows at the page's place. */
#include "../file.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();
	struct oct_folio *folio;
	uintptr_t at;

	file.mm = mm;
	oct_mapping_init(&file.mapping, &file.object, 1, 0);
	OC_ASSERT(OC_ASSERTION, oct_mmap_file(mm, FILE_VA, FILE_PAGE, READ_WRITE, OCT_MAP_FIXED,
	                                      &file.mapping, 0, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, FILE_VA, OCT_WRITE) == OCT_FAULT_DONE);
	OC_ASSERT(OC_ASSERTION, oct_mapping_get(&file.mapping, 0, &folio) == 0);
	oct_folio_put(folio);
	raw_setup(mm);
}

static void evict_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_set(pte, 0);
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
}

static void store_raw(void)
{
	raw_writer();
	OC_ASSERT(OC_I2, raw.stored);
}

static void evict(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mapping_evict(&file.mapping, 0) == 0);
	OC_ASSERT(OC_ASSERTION, file.mapping.cached == 0);
}

static void whatever_is_there(void)
{
	RAW_PARTS(evict_raw, store_raw);
}

static void now(void)
{
	RAW_PARTS(evict, file_writer);
}

static void final(void)
{
	raw_restore();
	OC_ASSERT(OC_I2, !file.stored || oc_peek32(file.mm, FILE_VA) == STORED);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "whatever-is-there", .run = whatever_is_there, .expected = OC_VIOLATES(OC_I2)},
                {.name = "now", .run = now, .expected = OC_HOLDS}})
