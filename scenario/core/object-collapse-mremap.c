/* core/object-collapse-mremap: an area that shows an object moves while the pages become one folio.
 * SPDX-License-Identifier: MIT
 *
 * The entries are found where they are. old-address: K has looked up where the page is mapped, and takes it
 * from there when it has moved on, and gives it back. */
#include "../object.h"

/* Not aligned as tables are, so entries move one by one. */
enum { OBJECT_TO = OBJECT_VA + 0x21000, RAW_NEXT = RAW_VA + 0x1000 };

static oct_phys_t moving;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	object_setup(mm, OCT_MAP_SHARED);
	raw_setup(mm);
	moving = oct_folio_alloc()->page;
	oc_entry_set(raw.entry,
	             oct_pte_mkdirty(oct_pte_mkyoung(oct_pte_make(moving, READ_WRITE, OCT_NORMAL))));
}

static void collapse_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_xchg(pte, 0);
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
	oct_port_page_free(moving, 0, OCT_USE_USER);
}

/* To the neighbour of the place it had, in one table. */
static void move_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	oct_pte_t old = oc_entry_xchg(pte, 0);
	uint32_t value;

	raw_flush();
	oc_entry_set(oc_pte(raw.mm, RAW_NEXT), old);
	oct_pte_unlock(raw.mm, pte);
	if (old)
		oc_load32(raw.mm, RAW_NEXT, &value);
}

static void old_address(void)
{
	RAW_PARTS(collapse_raw, move_raw);
}

static void move(void)
{
	uintptr_t at;

	OC_ASSERT(OC_ASSERTION,
	          oct_mremap(object.mm, OBJECT_VA, OBJECT_END - OBJECT_VA, OBJECT_END - OBJECT_VA,
	                     OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, OBJECT_TO, &at) == 0);
	object.stored = oc_store32(object.mm, OBJECT_TO, WRITTEN) == 0;
	object.used[oct_port_cpu_self()] = true;
}

static void now(void)
{
	RAW_PARTS(object_collapse, move);
}

static void final(void)
{
	raw_restore();
	oc_entry_set(oc_pte(raw.mm, RAW_NEXT), 0);
	object_kept();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "old-address", .run = old_address, .expected = OC_VIOLATES(OC_I1)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"collapsed", "file-mkwrite"}}})
