/* core/folio-split: a large folio is split while others give up parts of it. SPDX-License-Identifier: MIT
 *
 * FREE of one page splits the folio if nobody but the entries has references. A page whose entry is gone
 * may still be used by a CPU, until the flush of who took the entry away: he holds its reference that long,
 * so the split finds one more than there are entries, and leaves the folio alone. entries-only: a split that
 * asks the entries alone gives that page back. now-store: a store beside it. */
#include "../large-folio.h"

static oct_phys_t pages;
static bool stored, ran_naive;

static void setup(void)
{
	block_setup(oc_mm());
	pages = oc_folio(block_mm, BLOCK_VA)->page;
}

static void free_first(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise(block_mm, BLOCK_VA, block_page(1), OCT_MADV_FREE) == 0);
}

static void now(void)
{
	if (oct_port_cpu_self() == 0)
		free_first();
	else
		OC_ASSERT(OC_ASSERTION,
		          oct_madvise_dontneed(block_mm, block_page(1), block_page(BLOCK_PAGES)) == 0);
}

static void now_store(void)
{
	if (oct_port_cpu_self() == 0) {
		free_first();
	} else {
		stored = true;
		OC_ASSERT(OC_ASSERTION, oc_store32(block_mm, block_page(1), 7) == 0);
	}
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
	if (ran_naive)
		return;
	OC_ASSERT(OC_I2, !stored || oc_peek32(block_mm, block_page(1)) == 7);
	OC_ASSERT(OC_LEAK, oc_folio(block_mm, BLOCK_VA)->refcount == 1);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "entries-only", .run = entries_only, .expected = OC_VIOLATES(OC_I1)},
                {.name = "now-store", .run = now_store, .expected = OC_HOLDS, .cover = {"folio-split"}},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"folio-split"}}})
