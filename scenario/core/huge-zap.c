/* core/huge-zap: a leaf table becomes a leaf while a page of it is forgotten, unmapped or protected.
 * SPDX-License-Identifier: MIT
 *
 * What has gone when the call returns does not come back with the leaf (I4); the other pages stay (I2).
 * empty-meanwhile: K leaves nothing in the slot until the leaf is there, and Z believes that nothing is
 * mapped. */
#include "../huge.h"

static bool forgotten, unmapped, revoked;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	huge_setup(mm);
	huge_raw_setup(mm);
	OC_ASSERT(OC_ASSERTION, oc_store32(mm, RAW_VA, KEPT) == 0);
}

static void raw_collapse(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	if (oct_pte_none(oc_entry_get(pte))) {
		oct_pte_unlock(raw.mm, pte);
		return;
	}
	oc_entry_set(huge_slot, 0);
	huge_raw_flush(OC_ALL_LEVELS);
	huge_raw_copy();
	oc_entry_set(huge_slot, huge_leaf);
	oct_pte_unlock(raw.mm, pte);
}

static void raw_zap(void)
{
	uint32_t value = 0;
	oct_pte_t *pte;

	if (!oct_pte_none(oc_entry_get(huge_slot))) {
		pte = oct_pte_lock(raw.mm, RAW_VA);
		if (!pte)
			return; /* a leaf: not what is asked */
		oc_entry_set(pte, 0);
		raw_flush();
		oct_pte_unlock(raw.mm, pte);
	}
	oc_load32(raw.mm, RAW_VA, &value);
	OC_ASSERT(OC_I4, value == 0);
}

static void empty_meanwhile(void)
{
	RAW_PARTS(raw_collapse, raw_zap);
}

static void forget(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(huge_mm, HUGE_VA, huge_page(1)) == 0);
	forgotten = true;
	huge_look(HUGE_VA, 0);
}

static void dontneed(void)
{
	RAW_PARTS(huge_collapse, forget);
}

static void collapse_if_there(void)
{
	int error = oct_collapse_huge(huge_mm, HUGE_VA, OCT_HUGE_PAGES);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_EINVAL);
}

static void unmap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(huge_mm, HUGE_VA, OCT_PAGE_SIZE) == 0);
	unmapped = true;
	OC_ASSERT(OC_I4, oc_store32(huge_mm, HUGE_VA, WRITTEN) != 0);
}

static void munmap(void)
{
	RAW_PARTS(collapse_if_there, unmap);
}

static void revoke(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mprotect(huge_mm, HUGE_VA, OCT_HUGE_BYTES, OCT_READ) == 0);
	OC_ASSERT(OC_I4, oc_store32(huge_mm, HUGE_VA, WRITTEN) != 0);
	revoked = true;
}

static void mprotect(void)
{
	RAW_PARTS(huge_collapse, revoke);
}

static void final(void)
{
	huge_raw_restore();
	OC_ASSERT(OC_I4, !revoked || !oct_pte_write(oct_table_query(&huge_mm->space, HUGE_VA)));
	OC_ASSERT(OC_I2, unmapped || oc_peek32(huge_mm, HUGE_VA) == (forgotten ? 0 : KEPT));
	OC_ASSERT(OC_I2, oc_peek32(huge_mm, huge_page(1)) == KEPT);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "empty-meanwhile", .run = empty_meanwhile, .expected = OC_VIOLATES(OC_I4)},
                {.name = "now-dontneed",
                 .run = dontneed,
                 .expected = OC_HOLDS,
                 .cover = {"collapsed-huge", "leaf-split"}},
                {.name = "now-munmap", .run = munmap, .expected = OC_HOLDS, .cover = {"collapsed-huge"}},
                {.name = "now-mprotect", .run = mprotect, .expected = OC_HOLDS, .cover = {"collapsed-huge"}}})
