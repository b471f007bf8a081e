/* races/07: equal pages are merged over a stale TLB entry. SPDX-License-Identifier: MIT
 *
 * W's CPU holds a writable, dirty entry. FREE takes dirty, clear_refs takes the write right, and both leave
 * their flushes to a batch. The merge finds an entry that is neither, so there is nothing to flush; it
 * compares, and W's store changes the page that another address shows by then. counter: it asks whether a
 * flush is pending. now: whoever takes the right away leaves his generation with the table, and the merge
 * joins it. */
#include "../merge.h"

static oct_pte_t clean(oct_pte_t pte)
{
	return oct_pte_mkclean(pte);
}

static void change(oct_pte_t (*how)(oct_pte_t))
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_update(pte, how);
	oct_pte_unlock(raw.mm, pte);
}

static void raw_free_and_clear_refs(void)
{
	raw_raise_pending();
	change(clean);
	change(oct_pte_wrprotect);
	raw_flush();
	raw_drop_pending();
}

static void raw_merge(bool honour)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	oct_pte_t before = oc_entry_get(pte);
	bool same;

	if (oct_pte_write(before) || oct_pte_dirty(before) || (honour && raw_is_pending())) {
		oc_entry_update(pte, oct_pte_wrprotect);
		raw_flush();
	} else {
		oc_cover("raw-no-flush");
	}
	same = raw_same();
	oct_pte_unlock(raw.mm, pte);
	if (same)
		raw_share();
}

static void merge_at_once(void)
{
	raw_merge(false);
}

static void merge_by_counter(void)
{
	raw_merge(true);
}

static void old(void)
{
	RAW_PARTS(raw_free_and_clear_refs, merge_at_once, raw_writer);
}

static void counter(void)
{
	RAW_PARTS(raw_free_and_clear_refs, merge_by_counter, raw_writer);
}

static void free_contents(void)
{
	OC_ASSERT(OC_ASSERTION,
	          oct_madvise(merge_mm, MERGE_VA, MERGE_VA + OCT_PAGE_SIZE, OCT_MADV_FREE) == 0);
}

static void clear_refs(void)
{
	OC_ASSERT(OC_ASSERTION, oct_clear_refs(merge_mm, MERGE_VA, MERGE_VA + OCT_PAGE_SIZE) == 0);
}

static void free_and_clear_refs(void)
{
	free_contents();
	clear_refs();
}

static void now(void)
{
	RAW_PARTS(clear_refs, merge_pages_into_other, merge_writer);
}

static void now_free(void)
{
	RAW_PARTS(free_contents, merge_pages_into_other, merge_writer);
}

static void both(void)
{
	RAW_PARTS(free_and_clear_refs, merge_pages_into_other, merge_writer);
}

OC_SCENARIO(.setup = merge_setup, .final = merge_final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "old", .run = old, .expected = OC_VIOLATES(OC_I2)},
                {.name = "counter",
                 .run = counter,
                 .expected = OC_HOLDS,
                 .cover = {"raw-no-flush", "raw-shared"}},
                {.name = "now",
                 .run = now,
                 .expected = OC_HOLDS,
                 .cover = {"merged", "merge-differ", "store-through-stale-entry"}},
                {.name = "now-free",
                 .run = now_free,
                 .expected = OC_HOLDS,
                 .cover = {"merged", "merge-differ", "store-through-stale-entry"}},
                {.name = "both", .run = both, .expected = OC_BOUNDED(2), .on = {{OC_RISCV64, OC_HOLDS}}}})
