/* core/huge-uffd: a leaf table becomes a leaf while a userfault's handler supplies a page of it, or protects
 * one. SPDX-License-Identifier: MIT
 *
 * A page that is missing is the handler's to supply, as long as the area wants to be asked: a collapse gives
 * it no zeros (I2). What is protected when the call returns is an event when it is stored to (I4). unasked: K
 * looks for pages only. late: K makes a leaf with the rights that it read before U took one away. */
#include "../huge.h"

enum { HOLE = HUGE_VA + (OCT_HUGE_PAGES - 1) * 0x1000, SUPPLIED = 9, RAW_HOLE = RAW_VA + 0x1000 };

static struct oct_folio *source;
static bool supplied, protected;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	huge_setup(mm);
	for (unsigned i = 2; i + 1 < OCT_HUGE_PAGES; i++)
		OC_ASSERT(OC_ASSERTION, oct_fault(mm, huge_page(i), OCT_WRITE) == OCT_FAULT_DONE);
	OC_ASSERT(OC_ASSERTION, oct_uffd_register(mm, HUGE_VA, HUGE_END, OCT_UFFD_MISSING) == 0);
	source = oct_folio_alloc();
	*(uint32_t *)oct_port_phys_to_virt(source->page) = SUPPLIED;
	huge_raw_setup(mm);
}

static void supply_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_HOLE);

	OC_ASSERT(OC_I2, pte != NULL); /* else it exists already, and is not what the handler has */
	oct_pte_unlock(raw.mm, pte);
}

static void unasked(void)
{
	RAW_PARTS(huge_raw_collapse, supply_raw); /* the page that the table lacks is zeros in the leaf */
}

/* The entry is read before the lock is taken. */
static void collapse_late(void)
{
	oct_pte_t *pte;
	bool write = oct_pte_write(oc_entry_get(raw.entry));

	pte = oct_pte_lock(raw.mm, RAW_VA);
	oc_entry_set(huge_slot, oct_pte_broken());
	huge_raw_flush(OC_ALL_LEVELS);
	huge_raw_copy();
	oc_entry_set(huge_slot, write ? huge_leaf : oct_pte_wrprotect(huge_leaf));
	oct_pte_unlock(raw.mm, pte);
}

static void protect_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	if (!pte)
		return; /* a leaf: not what is asked */
	oc_entry_update(pte, oct_pte_wrprotect);
	raw_flush();
	oct_pte_unlock(raw.mm, pte);
	OC_ASSERT(OC_I4, oc_store32(raw.mm, RAW_VA, WRITTEN) != 0);
}

static void late(void)
{
	RAW_PARTS(collapse_late, protect_raw);
}

static void supply(void)
{
	int result = oct_uffd_copy(huge_mm, HOLE, 1, source->page, 0);

	OC_ASSERT(OC_I2, result == 1);
	supplied = true;
	huge_look(HOLE, SUPPLIED);
}

static void now_supply(void)
{
	RAW_PARTS(huge_collapse, supply);
}

static void protect(void)
{
	OC_ASSERT(OC_ASSERTION, oct_uffd_writeprotect(huge_mm, HUGE_VA, huge_page(1), true) == 0);
	protected = true;
	OC_ASSERT(OC_I4, oc_store32(huge_mm, HUGE_VA, WRITTEN) != 0);
}

static void collapse_all(void)
{
	int error = oct_collapse_huge(huge_mm, HUGE_VA, 0);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_EBUSY || error == -OCT_ENOENT);
}

static void now_protect(void)
{
	RAW_PARTS(collapse_all, protect);
}

static void final(void)
{
	huge_raw_restore();
	OC_ASSERT(OC_I2, !supplied || oc_peek32(huge_mm, HOLE) == SUPPLIED);
	OC_ASSERT(OC_I4, !protected || oct_pte_uffd_wp(oct_table_query(&huge_mm->space, HUGE_VA)));
	OC_ASSERT(OC_I2, oc_peek32(huge_mm, HUGE_VA) == KEPT);
	oct_folio_put(source);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "unasked", .run = unasked, .expected = OC_VIOLATES(OC_I2)},
                {.name = "late", .run = late, .expected = OC_VIOLATES(OC_I4)},
                {.name = "now-supply", .run = now_supply, .expected = OC_HOLDS, .cover = {"collapsed-huge"}},
                {.name = "now-protect", .run = now_protect, .expected = OC_HOLDS}})
