/* large-folio.h: a block of pages that are one folio, through the core's public calls.
 * SPDX-License-Identifier: MIT */
#ifndef SCENARIO_LARGE_FOLIO_H
#define SCENARIO_LARGE_FOLIO_H

#include "raw.h"

enum { BLOCK_VA = 0x10000, BLOCK_PAGES = OCT_FOLIO_PAGES, SPARE_VA = 0x40000 };

static struct oct_mm *block_mm;

static inline uintptr_t block_page(unsigned page)
{
	return BLOCK_VA + page * OCT_PAGE_SIZE;
}

/* An area of one block that welcomes large folios; its leaf table is there, nothing else. */
static inline void block_setup_empty(struct oct_mm *mm)
{
	uintptr_t at;

	block_mm = mm;
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, BLOCK_VA, OCT_FOLIO_BYTES, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION,
	          oct_madvise(mm, BLOCK_VA, BLOCK_VA + OCT_FOLIO_BYTES, OCT_MADV_HUGEPAGE) == 0);
	OC_ASSERT(OC_ASSERTION, oct_table_prepare(&mm->space, BLOCK_VA, BLOCK_VA + OCT_FOLIO_BYTES) == 0);
	oc_map_anon(mm, SPARE_VA, BLOCK_PAGES, READ_WRITE);
}

/* The same, filled; any CPU may have cached its entries. */
static inline void block_setup(struct oct_mm *mm)
{
	block_setup_empty(mm);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, BLOCK_VA, OCT_WRITE) == OCT_FAULT_DONE);
	OC_ASSERT(OC_ASSERTION, oc_folio(mm, BLOCK_VA)->order == OCT_FOLIO_ORDER);
}

/* Clears the entries of count pages from first on, raw, under their lock. */
static inline void block_clear(unsigned first, unsigned count)
{
	oct_pte_t *pte = oct_pte_lock(block_mm, block_page(first));

	for (unsigned i = 0; i < count; i++)
		oc_entry_set(pte + i, 0);
	oct_pte_unlock(block_mm, pte);
}

static inline void block_flush(unsigned first, unsigned count)
{
	oc_dsb();
	oc_tlbi(block_mm, block_page(first), count, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

#endif
