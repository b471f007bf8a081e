/* core/mremap-table: a leaf table moves whole; a walk cache keeps the way to it. SPDX-License-Identifier: MIT
 *
 * Once the call has returned, what is stored by the new address is not seen by the old one. A flush of
 * leaves alone leaves the way. */
#include "../raw.h"

enum {
	FROM = 0x10000,
	TO = 0x18000,
	BYTES = OCT_TABLE_ENTRIES * OCT_PAGE_SIZE,
	NEXT = OCT_PAGE_SIZE,
	SEEN = 5
};

static struct oct_mm *mm;

static void setup(void)
{
	uintptr_t where;

	mm = oc_mm();
	oct_mmap(mm, FROM, BYTES, READ_WRITE, 0, &where);
	oct_fault(mm, FROM + NEXT, OCT_WRITE);
}

static void leaf_only(void)
{
	oct_pte_t link;

	oct_rwlock_write_lock(&mm->lock);
	oct_vma_resize(&mm->areas, oct_vma_find(&mm->areas, FROM), TO, TO + BYTES);
	link = oc_entry_xchg(oc_pte(mm, FROM, 1), 0);
	oc_dsb();
	oc_tlbi(mm, FROM, OCT_TABLE_ENTRIES, OC_BROADCAST, OC_LEAF);
	oc_dsb();
	oc_entry_set(oc_pte(mm, TO, 1), link);
	oct_rwlock_write_unlock(&mm->lock);
	oc_store32(mm, TO + NEXT, SEEN);
}

static void now(void)
{
	uintptr_t where;

	OC_ASSERT(OC_ASSERTION,
	          oct_mremap(mm, FROM, BYTES, BYTES, OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, TO, &where) == 0);
	oc_store32(mm, TO + NEXT, SEEN);
}

static void reader(void)
{
	uint32_t value = 0;

	oc_load32(mm, FROM + NEXT, &value);
	OC_ASSERT(OC_I4, value != SEEN);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .variants = {{.name = "leaf-only", .run = leaf_only, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"mremap-table"}}})
