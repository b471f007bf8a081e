/* core/object-leaf-mremap: an area moves while the leaf that shows its object becomes a table.
 * SPDX-License-Identifier: MIT
 *
 * K truncates the object in the middle of its huge folio. V looks, without a lock, what is to be moved, and
 * makes the tables that this needs. glance: to V there is something if it sees a table, or else a leaf; it
 * saw the leaf first and the table then, or the broken entry between, and what K has made has no place to go,
 * a panic of the core. */
#include "../object.h"

enum { OBJECT_TO = 0x80000 };

static bool moved;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	object_setup(mm, OCT_MAP_SHARED);
	OC_ASSERT(OC_ASSERTION, oct_collapse_mapping(&object.mapping, 0, 0) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, OBJECT_VA, OCT_READ) == OCT_FAULT_DONE);
}

static void cut(void)
{
	oct_mapping_truncate(&object.mapping, 2);
}

static void glance_raw(void)
{
	oct_pte_t *slot = oc_pte(object.mm, OBJECT_VA, 1);
	bool there = oct_pte_is_table(oc_entry_get(slot), 1) || oct_pte_is_leaf(oc_entry_get(slot), 1);
	struct oct_pte_guard guard;

	oct_pte_lock_at(&object.mm->space, OBJECT_VA, &guard);
	OC_ASSERT(OC_ASSERTION, there);
	oct_pte_guard_unlock(NULL, &guard);
}

static void glance(void)
{
	RAW_PARTS(cut, glance_raw);
}

static void move(void)
{
	uintptr_t at;

	OC_ASSERT(OC_ASSERTION,
	          oct_mremap(object.mm, OBJECT_VA, OBJECT_END - OBJECT_VA, OBJECT_END - OBJECT_VA,
	                     OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, OBJECT_TO, &at) == 0);
	moved = true;
}

static void now(void)
{
	RAW_PARTS(cut, move);
}

/* What is left of the object is where the area is, and nothing else. */
static void final(void)
{
	uintptr_t va = moved ? OBJECT_TO : OBJECT_VA;

	OC_ASSERT(OC_I2, oct_pte_present(oct_table_query(&object.mm->space, va + OCT_PAGE_SIZE)));
	OC_ASSERT(OC_I4, oct_pte_none(oct_table_query(&object.mm->space, va + 2 * OCT_PAGE_SIZE)));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "glance", .run = glance, .expected = OC_VIOLATES(OC_ASSERTION)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"leaf-split"}}})
