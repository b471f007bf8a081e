/* dirty/scan: a space is asked what was stored to, and the marks are taken. SPDX-License-Identifier: MIT
 *
 * two-calls: one call looks, another takes the marks off, as pagemap and clear_refs do; a store between them
 * is in no copy and marks nothing. soft-dirty, written: one call does both, per page in one step, with either
 * kind of mark. */
#include "scan.h"

static void two_calls(void)
{
	bool is_told = scan(OCT_PAGE_SOFT_DIRTY, 0);

	OC_ASSERT(OC_ASSERTION, oct_clear_refs(mm, VA, VA + OCT_PAGE_SIZE) == 0);
	copy_if(is_told);
}

static void soft_dirty(void)
{
	copy_if(scan(OCT_PAGE_SOFT_DIRTY, OCT_SCAN_CLEAR));
}

static void writer(void)
{
	oc_store32(mm, VA, 1); /* now this CPU may have it writable */
	stored = oc_store32(mm, VA, STORED) == 0;
}

OC_SCENARIO(.setup = scan_setup, .final = scan_final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer)}, .cover = {"told"},
            .variants = {{.name = "two-calls", .run = two_calls, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "soft-dirty",
                          .run = soft_dirty,
                          .expected = OC_HOLDS,
                          .cover = {"store-through-stale-entry"}},
                         {.name = "written",
                          .run = written,
                          .expected = OC_HOLDS,
                          .cover = {"store-through-stale-entry"}}})
