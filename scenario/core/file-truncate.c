/* core/file-truncate: a fault on a page of an object, against the truncation that takes the page away.
 * SPDX-License-Identifier: MIT
 *
 * broken: the fault looks at the size and maps the page later; the truncation comes between, finds no entry,
 * and frees the page. Then a CPU stores to it. */
#include "../file.h"
#include "../raw-truncate.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();
	struct oct_folio *folio;

	file_setup(mm, 0);
	OC_ASSERT(OC_ASSERTION, oct_mapping_get(&file.mapping, 0, &folio) == 0); /* in the cache */
	oct_folio_put(folio);
	raw_truncate_setup(mm);
}

static void broken(void)
{
	RAW_PARTS(raw_map_and_store, raw_truncate);
}

static void truncate(void)
{
	oct_mapping_truncate(&file.mapping, 0);
}

static void now(void)
{
	RAW_PARTS(file_writer, truncate);
}

static void final(void)
{
	if (!file.mapping.pages) { /* truncated */
		OC_ASSERT(OC_I4, file.mapping.cached == 0);
		OC_ASSERT(OC_I4, !oct_pte_present(oc_entry_get(oc_pte(file.mm, FILE_VA))));
	}
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"file-map"}}})
