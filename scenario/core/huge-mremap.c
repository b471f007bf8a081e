/* core/huge-mremap: a leaf moves, or a leaf table becomes one, while it is stored to or moves.
 * SPDX-License-Identifier: MIT
 *
 * What is found at the new address when the call has returned does not change by the old one any more (I4),
 * and a store that succeeded is there (I2). late: the leaf is at its new place before the old address is
 * flushed. */
#include "../huge.h"

enum { TO_VA = 0x80000, OTHER_VA = 0x50000 };

static oct_pte_t *slot, *other;
static uint32_t seen;
static bool moved, moved_raw;

static void setup(void)
{
	uintptr_t at;

	huge_make(oc_mm());
	OC_ASSERT(OC_ASSERTION,
	          oct_mmap(huge_mm, OTHER_VA, OCT_HUGE_BYTES, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(huge_mm, OTHER_VA, OCT_WRITE) == OCT_FAULT_DONE);
	OC_ASSERT(OC_ASSERTION, oct_table_prepare_slot(&huge_mm->space, TO_VA) == 0);
	slot = oc_pte(huge_mm, HUGE_VA, 1);
	other = oc_pte(huge_mm, TO_VA, 1);
}

static void move_raw(void)
{
	struct oct_pte_guard guard;

	oct_pte_lock_at(&huge_mm->space, HUGE_VA, &guard);
	oc_entry_set(other, oc_entry_xchg(slot, 0));
	moved_raw = true;
	oct_pte_guard_unlock(NULL, &guard);
	oc_load32(huge_mm, TO_VA, &seen);
	oc_dsb();
	oc_tlbi(huge_mm, HUGE_VA, OCT_HUGE_PAGES, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

static void late(void)
{
	RAW_PARTS(move_raw, huge_store);
}

static void move(void)
{
	uintptr_t at;

	OC_ASSERT(OC_ASSERTION, oct_mremap(huge_mm, HUGE_VA, OCT_HUGE_BYTES, OCT_HUGE_BYTES,
	                                   OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, TO_VA, &at) == 0);
	moved = true;
	OC_ASSERT(OC_I2, oc_load32(huge_mm, TO_VA, &seen) == 0);
}

static void now(void)
{
	RAW_PARTS(move, huge_store);
}

static void collapse_other(void)
{
	int error = oct_collapse_huge(huge_mm, OTHER_VA, OCT_HUGE_PAGES);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_EINVAL);
}

static void move_other(void)
{
	uintptr_t at;

	OC_ASSERT(OC_ASSERTION, oct_mremap(huge_mm, OTHER_VA, OCT_HUGE_BYTES, OCT_HUGE_BYTES,
	                                   OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, TO_VA, &at) == 0);
	OC_ASSERT(OC_I2, oct_pte_present(oct_table_query(&huge_mm->space, TO_VA)));
	OC_ASSERT(OC_I4, oc_store32(huge_mm, OTHER_VA, WRITTEN) != 0);
}

static void now_collapse(void)
{
	RAW_PARTS(collapse_other, move_other);
}

static void final(void)
{
	if (moved_raw) {
		OC_ASSERT(OC_I4, oc_peek32(huge_mm, TO_VA) == seen);
		oc_entry_set(slot, oc_entry_xchg(other, 0));
	} else if (moved) {
		OC_ASSERT(OC_I2, oc_peek32(huge_mm, TO_VA) == seen && seen == (huge_stored ? WRITTEN : KEPT));
		OC_ASSERT(OC_I2, huge_is_leaf(huge_mm, TO_VA));
	} else {
		huge_final();
	}
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "late", .run = late, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"mremap-table"}},
                         {.name = "now-collapse",
                          .run = now_collapse,
                          .expected = OC_HOLDS,
                          .cover = {"collapsed-huge"}}})
