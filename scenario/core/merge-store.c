/* core/merge-store: equal pages are merged while a CPU stores to one. SPDX-License-Identifier: MIT
 *
 * The store is seen by its own address alone: the pages differ, or it is made in a copy. compare-first: they
 * are compared before the flush is complete, and a CPU stores through what it holds. no-reference: nothing
 * keeps a store from getting its right back between the comparison and the merge. into-other: it is the page
 * of the other address that stays. */
#include "../merge.h"

static void raw_compare_first(void)
{
	bool same;

	raw_wrprotect();
	same = raw_same();
	raw_flush();
	if (same)
		raw_share();
}

static void compare_first(void)
{
	RAW_PARTS(raw_compare_first, raw_writer);
}

static void raw_no_reference(void)
{
	bool same;

	raw_wrprotect();
	raw_flush();
	same = raw_same();
	if (same)
		raw_share();
}

/* A store to a page that seems to be its space's alone. */
static void raw_reuse(void)
{
	raw_allow();
	raw_writer();
}

static void no_reference(void)
{
	RAW_PARTS(raw_no_reference, raw_reuse);
}

static void now(void)
{
	RAW_PARTS(merge_pages, merge_writer);
}

static void into_other(void)
{
	RAW_PARTS(merge_pages_into_other, merge_writer);
}

OC_SCENARIO(.setup = merge_setup, .final = merge_final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "compare-first", .run = compare_first, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "no-reference", .run = no_reference, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"merged", "merge-differ", "cow-copy", "store-through-stale-entry"}},
                         {.name = "into-other",
                          .run = into_other,
                          .expected = OC_HOLDS,
                          .cover = {"merged", "merge-differ", "cow-copy", "store-through-stale-entry"}}})
