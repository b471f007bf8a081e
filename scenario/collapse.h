/* collapse.h: a block of single pages that becomes one large folio. SPDX-License-Identifier: MIT
 *
 * The first two pages of the block at COLLAPSE_VA are stored to, the others were never touched. */
#ifndef SCENARIO_COLLAPSE_H
#define SCENARIO_COLLAPSE_H

#include "pin.h"
#include <octavo/collapse.h>

enum { COLLAPSE_VA = 0x10000, COLLAPSE_END = COLLAPSE_VA + OCT_FOLIO_BYTES, KEPT = 5, WRITTEN = 7 };

static struct oct_mm *collapse_mm;
static struct oct_folio *collapse_pin;
static bool collapse_stored; /* WRITTEN, to the first page; did not fault for good */

static inline void collapse_setup(struct oct_mm *mm)
{
	uintptr_t at;

	collapse_mm = mm;
	OC_ASSERT(OC_ASSERTION,
	          oct_mmap(mm, COLLAPSE_VA, OCT_FOLIO_BYTES, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	for (uintptr_t va = COLLAPSE_VA; va < COLLAPSE_VA + 2 * OCT_PAGE_SIZE; va += OCT_PAGE_SIZE) {
		OC_ASSERT(OC_ASSERTION, oct_fault(mm, va, OCT_WRITE) == OCT_FAULT_DONE);
		OC_ASSERT(OC_ASSERTION, oc_store32(mm, va, KEPT) == 0);
	}
}

static inline void collapse(void)
{
	int error = oct_collapse(collapse_mm, COLLAPSE_VA, 2);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_EBUSY || error == -OCT_ENOENT);
}

static inline void collapse_store(void)
{
	collapse_stored = oc_store32(collapse_mm, COLLAPSE_VA, WRITTEN) == 0;
}

/* A device stores to the page by its physical address, while it is pinned. */
static inline void collapse_store_by_pin(void)
{
	if (oct_gup_fast(collapse_mm, COLLAPSE_VA, 1, OCT_WRITE, &collapse_pin) != 1)
		return;
	oc_cover("pinned");
	oct_store((uint32_t *)oct_port_phys_to_virt(collapse_pin->page), (uint32_t)WRITTEN, OCT_RLX);
	oct_unpin(collapse_pin, true);
	collapse_stored = true;
}

static inline void collapse_final(void)
{
	OC_ASSERT(OC_I2, oc_peek32(collapse_mm, COLLAPSE_VA) == (collapse_stored ? WRITTEN : KEPT));
	OC_ASSERT(OC_I2, oc_peek32(collapse_mm, COLLAPSE_VA + OCT_PAGE_SIZE) == KEPT);
}

#endif
