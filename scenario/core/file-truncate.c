/* core/file-truncate: a fault on a page of an object, against the truncation that takes the page away.
 * SPDX-License-Identifier: MIT
 *
 * broken: the fault looks at the size and maps the page later; the truncation comes between, finds no entry,
 * and frees the page. Then a CPU stores to it. */
#include "../file.h"

static uint32_t size = 1;
static oct_phys_t old_page;
static oct_pte_t old_entry;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();
	struct oct_folio *folio;

	file_setup(mm, 0);
	OC_ASSERT(OC_ASSERTION, oct_mapping_get(&file.mapping, 0, &folio) == 0); /* in the cache */
	oct_folio_put(folio);
	raw_setup(mm);
	old_page = oct_folio_alloc()->page;
	old_entry = oct_pte_mkdirty(oct_pte_mkyoung(oct_pte_make(old_page, READ_WRITE, OCT_NORMAL)));
	oc_entry_set(raw.entry, 0);
}

static void fault_and_store(void)
{
	if (oct_load(&size, OCT_ACQ)) {
		oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

		oc_entry_set(pte, old_entry);
		oct_pte_unlock(raw.mm, pte);
		raw_writer();
	}
}

static void truncate_raw(void)
{
	oct_pte_t *pte;

	oct_store(&size, 0, OCT_REL);
	pte = oct_pte_lock(raw.mm, RAW_VA);
	oc_entry_xchg(pte, 0);
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
	oct_port_page_free(old_page, 0, OCT_USE_USER);
}

static void broken(void)
{
	RAW_PARTS(fault_and_store, truncate_raw);
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
