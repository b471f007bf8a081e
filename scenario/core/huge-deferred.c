/* core/huge-deferred: a huge folio that is mapped in part is split while others use or give up pages of it.
 * SPDX-License-Identifier: MIT
 *
 * What no entry maps goes back, and a page that is used stays what it is (I2). A page whose entry has just
 * gone may still be used by a CPU until the flush of who took the entry away: he holds its reference that
 * long, so the split finds one more than there are entries, and leaves the folio alone (I1). entries-only: a
 * split that asks the entries alone gives that page back. */
#include "../huge.h"

static oct_phys_t pages;
static bool ran_naive, stored;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	oct_reclaim_init(&reclaim, NULL);
	OC_ASSERT(OC_ASSERTION, oct_reclaim_add(&reclaim, mm) == 0);
	huge_make(mm);
	pages = oc_folio(mm, HUGE_VA)->page;
	huge_make_other(mm);
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, HUGE_VA, huge_page(1)) == 0);
}

static void split(void)
{
	OC_ASSERT(OC_ASSERTION, oct_reclaim(&reclaim, 1) >= 0);
}

static void forget(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(huge_mm, huge_page(2), huge_page(3)) == 0);
}

/* The clock at one page, which stays: there is no swap. */
static void split_by_clock(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_pageout(huge_mm, huge_page(1), huge_page(2)) == 0);
}

static void now(void)
{
	RAW_PARTS(split_by_clock, forget);
}

static void store(void)
{
	stored = oc_store32(huge_mm, huge_page(1), WRITTEN) == 0;
}

static void now_store(void)
{
	RAW_PARTS(split, store);
}

/* Another leaf is split, and remembered, meanwhile. */
static void forget_other(void)
{
	OC_ASSERT(OC_ASSERTION,
	          oct_madvise_dontneed(huge_mm, HUGE_OTHER_VA, HUGE_OTHER_VA + OCT_PAGE_SIZE) == 0);
}

static void now_other(void)
{
	RAW_PARTS(split, forget_other);
}

static void split_naive(void)
{
	oct_pte_t *pte = oct_pte_lock(huge_mm, huge_page(2));

	ran_naive = true;
	if (oct_pte_none(oc_entry_get(pte)))
		oct_port_page_free(pages + 2 * OCT_PAGE_SIZE, 0, OCT_USE_USER);
	oct_pte_unlock(huge_mm, pte);
}

static void forget_naive(void)
{
	oct_pte_t *pte = oct_pte_lock(huge_mm, huge_page(2));

	oc_entry_set(pte, 0);
	oct_pte_unlock(huge_mm, pte);
	oc_dsb();
	oc_tlbi(huge_mm, huge_page(2), 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

static void entries_only(void)
{
	RAW_PARTS(split_naive, forget_naive);
}

static void final(void)
{
	if (ran_naive)
		return;
	OC_ASSERT(OC_I2, oc_peek32(huge_mm, huge_page(1)) == (stored ? WRITTEN : KEPT));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "entries-only", .run = entries_only, .expected = OC_VIOLATES(OC_I1)},
                {.name = "now-store", .run = now_store, .expected = OC_HOLDS, .cover = {"split-deferred"}},
                {.name = "now-other",
                 .run = now_other,
                 .expected = OC_HOLDS,
                 .cover = {"split-deferred", "leaf-split"}},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"split-deferred"}}})
