/* mail-migrate-device.c: a dirty bit on the way to a device, in the style of a mail. SPDX-License-Identifier:
 *MIT
 *
 * To move pages to a device, the driver clears the entries of a range. It read each entry first, and then
 *cleared it. What hardware sets between the two stands only in the value that the clearing returns: with the
 * copy read before, the page looks clean and reclaim drops what was stored. "fixed" uses the value
 * returned.
 *
 *	octavo check examples/mail-migrate-device.c */
#include <octavo/linux.h>

enum { VA = 0x10000 };

static struct vm_area_struct area, *vma = &area;

/* ---- As it could stand in a mail -------------------------------------------------------------- */

static void collect(bool returned_value)
{
	unsigned long addr = vma->vm_start;
	spinlock_t *ptl;
	pte_t *ptep = pte_offset_map_lock(vma->vm_mm, pmd_off(vma->vm_mm, addr), addr, &ptl);
	pte_t pte = ptep_get(ptep);

	if (pte_present(pte)) {
		struct page *page = vm_normal_page(vma, addr, pte);
		pte_t cleared = ptep_get_and_clear(vma->vm_mm, addr, ptep);

		if (pte_dirty(returned_value ? cleared : pte))
			folio_mark_dirty(page_folio(page));
		flush_tlb_range(vma, addr, addr + PAGE_SIZE);
	}
	pte_unmap_unlock(ptep, ptl);
}

static void collect_old(void)
{
	collect(false);
}

static void collect_fixed(void)
{
	collect(true);
}

/* ---- The question ------------------------------------------------------------------------------ */

static bool stored;
static struct folio *folio;

/* Mapped writable and clean, in an area without rights: who comes after the clearing is refused. */
static void setup(void)
{
	struct mm_struct *mm = oc_mm();
	pte_t pte;

	*vma = (struct vm_area_struct){.vm_mm = mm, .vm_start = VA, .vm_end = VA + PAGE_SIZE};
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
	folio = linux_folio(oc_folio(mm, VA));
	pte = pte_mkclean(ptep_get(oc_pte(mm, VA)));
	BUG_ON(oct_mprotect(mm, VA, PAGE_SIZE, OCT_NONE));
	set_pte_at(mm, VA, oc_pte(mm, VA), pte);
	folio_clear_dirty(folio);
}

static void writer(void)
{
	stored = !oc_store32(vma->vm_mm, VA, 7);
	if (stored)
		oc_cover("stored");
}

static void final(void)
{
	OC_ASSERT(OC_I3, !stored || folio_test_dirty(folio));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer)}, .cover = {"stored"},
            .variants = {{.name = "old", .run = collect_old, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "fixed", .run = collect_fixed, .expected = OC_HOLDS}})
