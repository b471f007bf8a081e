/* huge.h: a leaf table whose pages become one huge folio, mapped by a leaf. SPDX-License-Identifier: MIT
 *
 * The first two pages of the OCT_HUGE_BYTES at HUGE_VA are stored to, the others were never touched. Raw: the
 * table of RAW_VA, and a leaf of as many pages, of which the first is the copy of the one at RAW_VA. */
#ifndef SCENARIO_HUGE_H
#define SCENARIO_HUGE_H

#include "collapse.h"

enum { HUGE_VA = 0x40000, HUGE_END = HUGE_VA + OCT_HUGE_BYTES, HUGE_OTHER_VA = 0x50000 };

static struct oct_mm *huge_mm;
static struct oct_folio *huge_pin;
static bool huge_stored; /* WRITTEN, to the first page; did not fault for good */

static inline uintptr_t huge_page(unsigned i)
{
	return HUGE_VA + i * OCT_PAGE_SIZE;
}

static inline void huge_setup(struct oct_mm *mm)
{
	uintptr_t at;

	huge_mm = mm;
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, HUGE_VA, OCT_HUGE_BYTES, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	for (unsigned i = 0; i < 2; i++) {
		OC_ASSERT(OC_ASSERTION, oct_fault(mm, huge_page(i), OCT_WRITE) == OCT_FAULT_DONE);
		OC_ASSERT(OC_ASSERTION, oc_store32(mm, huge_page(i), KEPT) == 0);
	}
}

/* What no other actor can keep from happening. */
static inline void huge_make(struct oct_mm *mm)
{
	huge_setup(mm);
	OC_ASSERT(OC_ASSERTION, oct_collapse_huge(mm, HUGE_VA, OCT_HUGE_PAGES) == 0);
}

/* A second one, of one page and zeros. */
static inline void huge_make_other(struct oct_mm *mm)
{
	uintptr_t at;

	OC_ASSERT(OC_ASSERTION,
	          oct_mmap(mm, HUGE_OTHER_VA, OCT_HUGE_BYTES, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, HUGE_OTHER_VA, OCT_WRITE) == OCT_FAULT_DONE);
	OC_ASSERT(OC_ASSERTION, oct_collapse_huge(mm, HUGE_OTHER_VA, OCT_HUGE_PAGES) == 0);
}

static inline bool huge_is_leaf(struct oct_mm *mm, uintptr_t va)
{
	oct_pte_t *slot = oc_pte(mm, va, 1);

	return slot && oct_pte_is_leaf(oc_entry_get(slot), 1);
}

static inline void huge_collapse(void)
{
	int error = oct_collapse_huge(huge_mm, HUGE_VA, OCT_HUGE_PAGES);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_EBUSY || error == -OCT_ENOENT);
}

static inline void huge_store(void)
{
	huge_stored = oc_store32(huge_mm, HUGE_VA, WRITTEN) == 0;
}

static inline void huge_look(uintptr_t va, uint32_t expected)
{
	uint32_t value = 0;

	OC_ASSERT(OC_I2, oc_load32(huge_mm, va, &value) == 0 && value == expected);
}

/* A device stores to the page by its physical address, while it is pinned. */
static inline void huge_store_by_pin(void)
{
	if (oct_gup_fast(huge_mm, HUGE_VA, 1, OCT_WRITE, &huge_pin) != 1)
		return;
	oc_cover("pinned");
	oct_store((uint32_t *)oct_port_phys_to_virt(huge_pin->page), (uint32_t)WRITTEN, OCT_RLX);
	oct_unpin(huge_pin, true);
	huge_stored = true;
}

static inline void huge_final(void)
{
	OC_ASSERT(OC_I2, oc_peek32(huge_mm, HUGE_VA) == (huge_stored ? WRITTEN : KEPT));
	OC_ASSERT(OC_I2, oc_peek32(huge_mm, huge_page(1)) == KEPT);
}

/* ---- Raw ----------------------------------------------------------------------------------------- */

static oct_pte_t *huge_slot, huge_link, huge_leaf;

static inline void huge_raw_setup(struct oct_mm *mm)
{
	oct_phys_t pages = oct_port_page_alloc(OCT_HUGE_ORDER, OCT_USE_USER);

	raw_setup(mm);
	huge_slot = oc_pte(mm, RAW_VA, 1);
	huge_link = oc_entry_get(huge_slot);
	huge_leaf = oct_pte_mkdirty(oct_pte_mkyoung(oct_pte_make_leaf(pages, 1, READ_WRITE, OCT_NORMAL)));
}

static inline void huge_raw_copy(void)
{
	oct_port_page_copy(oct_pte_leaf_phys(huge_leaf, 1), oct_pte_phys(raw.writable), 0);
}

static inline void huge_raw_flush(unsigned levels)
{
	oc_dsb();
	oc_tlbi(raw.mm, RAW_VA, OCT_TABLE_ENTRIES, OC_BROADCAST, levels);
	oc_dsb();
}

/* A collapse that asks nobody but the lock of the table, and tells the CPUs. */
static inline void huge_raw_collapse(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_set(huge_slot, oct_pte_broken());
	huge_raw_flush(OC_ALL_LEVELS);
	huge_raw_copy();
	oc_entry_set(huge_slot, huge_leaf);
	oct_pte_unlock(raw.mm, pte);
}

/* Before the end: the link that the references belong to. */
static inline void huge_raw_restore(void)
{
	oc_entry_set(huge_slot, huge_link);
	raw_restore();
}

#endif
