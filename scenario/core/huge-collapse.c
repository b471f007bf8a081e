/* core/huge-collapse: a leaf table becomes a leaf while somebody stores, faults or collapses too.
 * SPDX-License-Identifier: MIT
 *
 * What is stored is in the page that is mapped in the end, and a page that nobody stored to keeps its
 * contents (I2). copied-first: K copies, then takes the table out and flushes. */
#include "../huge.h"

enum { EMPTY = HUGE_VA + 3 * OCT_PAGE_SIZE };

static bool stored_empty;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	huge_setup(mm);
	huge_raw_setup(mm);
}

static void copy_first(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	huge_raw_copy();
	oc_entry_set(huge_slot, 0);
	huge_raw_flush(OC_ALL_LEVELS);
	oc_entry_set(huge_slot, huge_leaf);
	oct_pte_unlock(raw.mm, pte);
}

static void copied_first(void)
{
	RAW_PARTS(copy_first, raw_writer);
}

static void store(void)
{
	RAW_PARTS(huge_collapse, huge_store);
}

static void fill_empty(void)
{
	stored_empty = oc_store32(huge_mm, EMPTY, WRITTEN) == 0;
}

static void fault(void)
{
	RAW_PARTS(huge_collapse, fill_empty);
}

static void collapse_and_look(void)
{
	huge_collapse();
	huge_look(HUGE_VA, KEPT);
}

static void collapse_too(void)
{
	RAW_PARTS(huge_collapse, collapse_and_look);
}

static void collapse_block(void)
{
	int error = oct_collapse(huge_mm, HUGE_VA, OCT_FOLIO_PAGES);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_EBUSY);
	huge_look(HUGE_VA, KEPT);
}

static void block_too(void)
{
	RAW_PARTS(huge_collapse, collapse_block);
}

static void final(void)
{
	OC_ASSERT(OC_I2, !raw.stored || oc_peek32(raw.mm, RAW_VA) == WRITTEN);
	huge_raw_restore();
	OC_ASSERT(OC_I2, oc_peek32(huge_mm, EMPTY) == (stored_empty ? WRITTEN : 0));
	huge_final();
}

#define HELD(n, fn)                                                                                          \
	{                                                                                                    \
		.name = (n), .run = (fn), .expected = OC_HOLDS, .cover = { "collapsed-huge" }                \
	}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "copied-first", .run = copied_first, .expected = OC_VIOLATES(OC_I2)},
                         HELD("now-store", store),
                         HELD("now-fault", fault),
                         HELD("now-collapse", collapse_too),
                         HELD("now-block", block_too)})
