/* core/object-leaf: one leaf shows a huge folio of an object while others store to it, or take it away.
 * SPDX-License-Identifier: MIT
 *
 * The object has one huge folio, which nobody maps yet; a load maps all of it by one leaf, without the write
 * right, and a store makes a table of that. no-second-look: the fault has seen that no table is there, and
 * stores its leaf over one that another has made since, which is lost. */
#include "../object.h"

enum { RAW_LEAF = RAW_VA + 0x40000 };

static oct_pte_t *slot;
static oct_pte_t leaf;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();
	struct oct_folio *folio;
	uintptr_t at;

	object_setup(mm, OCT_MAP_SHARED);
	OC_ASSERT(OC_ASSERTION, oct_collapse_mapping(&object.mapping, 0, 0) == 0);
	raw_setup(mm);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, RAW_LEAF, OCT_PAGE_SIZE, OCT_NONE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_table_prepare_slot(&mm->space, RAW_LEAF) == 0);
	slot = oc_pte(mm, RAW_LEAF, 1);
	folio = oct_folio_alloc_pages(OCT_HUGE_ORDER, OCT_HUGE_PAGES);
	leaf = oct_pte_mkyoung(oct_pte_make_leaf(folio->page, 1, OCT_READ, OCT_NORMAL));
}

static void map_raw(void)
{
	struct oct_pte_guard guard;

	if (!oct_pte_none(oc_entry_get(slot)))
		return;
	oct_pte_lock_at(&raw.mm->space, RAW_LEAF, &guard);
	oc_entry_set(slot, leaf);
	oct_pte_guard_unlock(NULL, &guard);
}

static void store_raw(void)
{
	struct oct_pte_guard guard;

	if (oct_table_prepare(&raw.mm->space, RAW_LEAF, RAW_LEAF + OCT_PAGE_SIZE))
		return; /* the leaf is there */
	oct_pte_lock_at(&raw.mm->space, RAW_LEAF, &guard);
	if (!guard.level)
		oc_entry_set(guard.pte, raw.fresh);
	oct_pte_guard_unlock(NULL, &guard);
	raw.stored = oc_store32(raw.mm, RAW_LEAF, WRITTEN) == 0;
}

static void no_second_look(void)
{
	RAW_PARTS(map_raw, store_raw);
}

static void store(void)
{
	RAW_PARTS(object_look, object_store);
}

static void look_too(void)
{
	RAW_PARTS(object_look, object_look);
}

static void write_back(void)
{
	object_store();
	OC_ASSERT(OC_ASSERTION, oct_mapping_writeback(&object.mapping, 0, OBJECT_PAGES) == 0);
}

static void written(void)
{
	RAW_PARTS(object_look, write_back);
}

static void cut(void)
{
	uint32_t value;

	oct_mapping_truncate(&object.mapping, 2);
	OC_ASSERT(OC_I4, oc_load32(object.mm, OBJECT_KEPT + OCT_PAGE_SIZE, &value) != 0);
}

static void truncated(void)
{
	RAW_PARTS(object_look, cut);
}

static void evict(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mapping_evict(&object.mapping, 3) == 0);
}

static void evicted(void)
{
	RAW_PARTS(object_look, evict);
}

static void retract(void)
{
	OC_ASSERT(OC_ASSERTION, oct_retract_page_tables(&object.mapping, 0, OBJECT_PAGES) >= 0);
	object_look();
}

static void retracted(void)
{
	RAW_PARTS(object_look, retract);
}

static void final(void)
{
	OC_ASSERT(OC_I2, !raw.stored || oc_peek32(raw.mm, RAW_LEAF) == WRITTEN);
	if (!oct_pte_is_table(oc_entry_get(slot), 1))
		oc_entry_set(slot, 0);
	raw_restore();
	object_kept();
}

#define HELD(n, fn, ...)                                                                                     \
	{                                                                                                    \
		.name = (n), .run = (fn), .expected = OC_HOLDS, .cover = { "file-leaf", __VA_ARGS__ }        \
	}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "no-second-look",
                          .run = no_second_look,
                          .expected = OC_VIOLATES(OC_I11),
                          .on = {{OC_X86_64, OC_VIOLATES(OC_LEAK)}}},
                         HELD("now-store", store, "leaf-split"),
                         HELD("now-load", look_too),
                         HELD("now-writeback", written, "leaf-split"),
                         HELD("now-truncate", truncated, "leaf-split"),
                         HELD("now-evict", evicted, "zap-leaf"),
                         HELD("now-retract", retracted)})
