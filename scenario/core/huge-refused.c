/* core/huge-refused: blocks that are left as they are. SPDX-License-Identifier: MIT
 *
 * A huge leaf is no block to be collapsed, small or large, nor is a page of it merged; where no table is
 * there is nothing to collapse; and where a handler supplies missing pages (userfault) a table with a missing
 * one is left to it. A store to the leaf goes on beside. taken: the leaf is taken for a link, and what it
 * shows is lost. */
#include "../huge.h"
#include <octavo/merge.h>

enum { NEVER = HUGE_END, HANDLED = NEVER + OCT_HUGE_BYTES };

static struct oct_mm *mm;

static void map(uintptr_t va)
{
	uintptr_t at;

	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, va, OCT_HUGE_BYTES, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
}

static void setup(void)
{
	mm = oc_mm();
	huge_make(mm);
	map(NEVER);
	map(HANDLED);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, HANDLED, OCT_WRITE) == OCT_FAULT_DONE);
	OC_ASSERT(OC_ASSERTION,
	          oct_uffd_register(mm, HANDLED, HANDLED + OCT_HUGE_BYTES, OCT_UFFD_MISSING) == 0);
}

static void take(void)
{
	oct_pte_t *slot = oc_pte(mm, HUGE_VA, 1);

	if (oct_pte_present(oc_entry_get(slot)))
		oc_entry_set(slot, 0);
	huge_look(huge_page(1), KEPT);
}

static void nothing(void)
{
}

static void collapse_leaf(void)
{
	OC_ASSERT(OC_ASSERTION, oct_collapse_huge(mm, HUGE_VA, OCT_HUGE_PAGES) == -OCT_EBUSY);
	OC_ASSERT(OC_ASSERTION, oct_collapse(mm, HUGE_VA, OCT_FOLIO_PAGES) == -OCT_EBUSY);
}

static void collapse_handled(void)
{
	OC_ASSERT(OC_ASSERTION, oct_collapse_huge(mm, HANDLED, OCT_HUGE_PAGES) == -OCT_ENOENT);
	huge_store();
}

static void collapse_never(void)
{
	OC_ASSERT(OC_ASSERTION, oct_collapse_huge(mm, NEVER, OCT_HUGE_PAGES) == -OCT_ENOENT);
	OC_ASSERT(OC_ASSERTION, oct_collapse(mm, NEVER, OCT_FOLIO_PAGES) == -OCT_ENOENT);
	OC_ASSERT(OC_ASSERTION, oct_merge_pages(mm, HUGE_VA, mm, HANDLED) == -OCT_EBUSY);
}

static void taken(void)
{
	RAW_PARTS(take, huge_store, nothing);
}

static void now(void)
{
	RAW_PARTS(collapse_leaf, collapse_handled, collapse_never);
}

static void final(void)
{
	OC_ASSERT(OC_I2, huge_is_leaf(mm, HUGE_VA));
	huge_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "taken",
                          .run = taken,
                          .expected = OC_VIOLATES(OC_I11),
                          .on = {{OC_X86_64, OC_VIOLATES(OC_I2)}}},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
