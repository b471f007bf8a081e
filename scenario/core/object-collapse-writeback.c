/* core/object-collapse-writeback: a page that was just stored to is collapsed and written back, at once.
 * SPDX-License-Identifier: MIT
 *
 * The store is in what is written, or what has the page in the end is dirty. Not on x86-64, where it has
 * some ten thousand executions. asked-first: K asks whether the
 * page is dirty, then takes its entry away and gives no thought to what hardware has recorded in it. */
#include "../object.h"

static uint32_t raw_dirty; /* of the page at RAW_VA */
static bool fresh_dirty;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	object_setup(mm, OCT_MAP_SHARED);
	raw_setup(mm);
	oc_entry_set(raw.entry, oct_pte_mkclean(raw.writable));
}

static void ask_first(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	fresh_dirty = oct_load(&raw_dirty, OCT_ACQ);
	oc_entry_xchg(pte, 0);
	raw_flush();
	raw_copy();
	oc_entry_set(pte, oct_pte_mkclean(oct_pte_wrprotect(raw.fresh)));
	oct_pte_unlock(raw.mm, pte);
}

static void asked_first(void)
{
	RAW_PARTS(ask_first, raw_writer);
}

static void store_and_write(void)
{
	object_store();
	OC_ASSERT(OC_ASSERTION, oct_mapping_writeback(&object.mapping, 0, 1) == 0);
}

static void now(void)
{
	RAW_PARTS(object_collapse, store_and_write);
}

static void final(void)
{
	OC_ASSERT(OC_I3, !raw.stored || fresh_dirty);
	raw_restore();
	object_kept();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "asked-first", .run = asked_first, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"collapsed", "left-alone", "page-written"}}})
