/* core/retract-collapse: a collapse of an object retracts the table that another retraction takes out, or a
 * third fills or walks. Three that take the lock of the object are not exhausted: now-fault has a bound.
 * SPDX-License-Identifier: MIT
 *
 * looked-before: both have read the upper entry before they take its lock, and each gives back the table that
 * it saw. */
#include "../object.h"

static oct_pte_t *slot;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();
	uintptr_t at;

	object_setup(mm, OCT_MAP_SHARED);
	object_forget(); /* the table is empty */
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, RAW_VA, OCT_PAGE_SIZE, OCT_NONE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_table_prepare(&mm->space, RAW_VA, RAW_VA + OCT_PAGE_SIZE) == 0);
	slot = oc_pte(mm, RAW_VA, 1);
}

static void retract_raw(void)
{
	oct_pte_t link = oc_entry_get(slot);
	struct oct_pte_guard guard;

	if (!oct_pte_is_table(link, 1))
		return;
	oct_pte_lock_at(&object.mm->space, RAW_VA, &guard);
	oc_entry_xchg(slot, 0);
	oct_pte_guard_unlock(NULL, &guard);
	oc_dsb();
	oc_tlbi(object.mm, RAW_VA, OCT_TABLE_ENTRIES, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	oct_port_page_free(oct_pte_phys(link), 0, OCT_USE_TABLE);
}

static void nothing(void)
{
}

static void looked_before(void)
{
	RAW_PARTS(retract_raw, retract_raw, nothing);
}

static void retract(void)
{
	OC_ASSERT(OC_ASSERTION, oct_retract_page_tables(&object.mapping, 0, OBJECT_PAGES) >= 0);
}

static void two(void)
{
	RAW_PARTS(object_collapse, retract, nothing);
}

static void fault(void)
{
	RAW_PARTS(object_collapse, retract, object_look);
}

/* What lies in the cache of an object it leaves to oct_gup, but it walks the tables all the same. */
static void walk(void)
{
	struct oct_folio *page;

	OC_ASSERT(OC_ASSERTION, oct_gup_fast(object.mm, OBJECT_VA, 1, OCT_READ, &page) == 0);
}

static void gup_fast(void)
{
	RAW_PARTS(object_collapse, retract, walk);
}

#define HELD(n, fn)                                                                                          \
	{                                                                                                    \
		.name = (n), .run = (fn), .expected = OC_HOLDS, .cover = { "collapsed", "retracted" }        \
	}

OC_SCENARIO(.setup = setup, .final = object_kept, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "looked-before", .run = looked_before, .expected = OC_VIOLATES(OC_UAF)},
                         HELD("now-retract", two),
                         {.name = "now-fault", .run = fault, .expected = OC_BOUNDED(12)},
                         HELD("now-gup-fast", gup_fast)})
