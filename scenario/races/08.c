/* races/08: a batch of reclaim against mprotect and munmap. SPDX-License-Identifier: MIT
 *
 * Reclaim takes a page from its entry, drops the page-table lock, and flushes its batch later. Whoever takes
 * rights away meanwhile finds no page, has nothing to do and returns; and its own CPU still uses the old
 * right. */
#include "../reclaim.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	swap_setup(mm);
	raw_setup(mm);
}

static void raw_reclaim(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_xchg(pte, 0);
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
}

static void raw_protect(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	bool present = oct_pte_present(oc_entry_get(pte));

	if (present) {
		oc_entry_update(pte, oct_pte_wrprotect);
		raw_flush();
	}
	oct_pte_unlock(raw.mm, pte);
	if (!present)
		OC_ASSERT(OC_I4, oc_store32(raw.mm, RAW_VA, 7) != 0);
}

static void old(void)
{
	RAW_PARTS(raw_reclaim, raw_protect);
}

static void protect(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mprotect(swap_mm, SWAP_VA, OCT_PAGE_SIZE, OCT_READ) == 0);
	OC_ASSERT(OC_I4, oc_store32(swap_mm, SWAP_VA, 7) != 0);
}

static void unmap(void)
{
	uint32_t value;

	OC_ASSERT(OC_ASSERTION, oct_munmap(swap_mm, SWAP_VA, OCT_PAGE_SIZE) == 0);
	OC_ASSERT(OC_I4, oc_load32(swap_mm, SWAP_VA, &value) != 0);
}

static void forget(void)
{
	uint32_t value = SWAPPED;

	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(swap_mm, SWAP_VA, SWAP_VA + OCT_PAGE_SIZE) == 0);
	OC_ASSERT(OC_I4, oc_load32(swap_mm, SWAP_VA, &value) == 0 && value == 0);
}

static void now(void)
{
	RAW_PARTS(swap_reclaim, protect);
}

static void now_munmap(void)
{
	RAW_PARTS(swap_reclaim, unmap);
}

static void now_dontneed(void)
{
	RAW_PARTS(swap_reclaim, forget);
}

OC_SCENARIO(
        .setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
        .variants = {
            {.name = "old", .run = old, .expected = OC_VIOLATES(OC_I4)},
            {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"reclaim-own"}},
            {.name = "now-munmap", .run = now_munmap, .expected = OC_HOLDS, .cover = {"reclaim-own"}},
            {.name = "now-dontneed", .run = now_dontneed, .expected = OC_HOLDS, .cover = {"reclaim-own"}}})
