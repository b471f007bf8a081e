/* core/folio-split-3: a large folio is split while a part of it goes that a third CPU stores to.
 * SPDX-License-Identifier: MIT
 *
 * The store comes through the entry, current or stale, or fails; the page is not given back before it is
 * over. entries-only: a split that asks the entries alone gives the page back under the store. */
#include "../large-folio.h"

static oct_phys_t pages;
static bool ran_naive;

static void setup(void)
{
	block_setup(oc_mm());
	pages = oc_folio(block_mm, BLOCK_VA)->page;
	raw_forbid_faults(block_mm, block_page(1));
}

static void store(void)
{
	oc_cover(oc_store32(block_mm, block_page(1), 7) == 0 ? "stored" : "refused");
}

static void now(void)
{
	if (oct_port_cpu_self() == 0)
		OC_ASSERT(OC_ASSERTION, oct_madvise(block_mm, BLOCK_VA, block_page(1), OCT_MADV_FREE) == 0);
	else
		OC_ASSERT(OC_ASSERTION,
		          oct_madvise_dontneed(block_mm, block_page(1), block_page(BLOCK_PAGES)) == 0);
}

static void entries_only(void)
{
	if (oct_port_cpu_self() == 1) {
		ran_naive = true;
		block_clear(1, 1);
		block_flush(1, 1);
	} else {
		oct_pte_t *pte = oct_pte_lock(block_mm, BLOCK_VA);

		if (oct_pte_none(oc_entry_get(pte + 1)))
			oct_port_page_free(pages + OCT_PAGE_SIZE, 0, OCT_USE_USER);
		oct_pte_unlock(block_mm, pte);
	}
}

static void final(void)
{
	OC_ASSERT(OC_LEAK, ran_naive || oc_folio(block_mm, BLOCK_VA)->refcount == 1);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(store)}, .cover = {"stored", "refused"},
            .variants = {{.name = "entries-only", .run = entries_only, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"folio-split"}}})
