/* mail-clear-refs.c: clear_refs in the style of a mail. SPDX-License-Identifier: MIT
 *
 * To watch for stores, clear_refs write-protects every entry. As it stood in 2020 it did so with
 * the mmap lock held for reading and left the flush to a gather. The gather was made for
 * unmapping: it flushes what was added to it, and nothing was. A CPU that cached the
 * writable entry keeps storing through it, while a fault on another CPU finds the entry
 * read-only and copies the page: the store is lost. "fixed" keeps faults out until a flush of
 * its own has completed.
 *
 *	octavo check examples/mail-clear-refs.c */
#include <octavo/linux.h>

enum { VA = 0x10000 };

static struct vm_area_struct area, *vma = &area;

/* ---- As it could stand in a mail -------------------------------------------------------------- */

static void clear_soft_dirty(struct vm_area_struct *v, unsigned long addr, pte_t *pte)
{
	pte_t ptent = ptep_get(pte);

	if (pte_present(ptent)) {
		pte_t old_pte = ptep_modify_prot_start(v, addr, pte);

		ptent = pte_wrprotect(old_pte);
		ptent = pte_clear_soft_dirty(ptent);
		ptep_modify_prot_commit(v, addr, pte, old_pte, ptent);
	}
}

static void clear_refs_range(struct vm_area_struct *v)
{
	spinlock_t *ptl;

	for (unsigned long addr = v->vm_start; addr < v->vm_end; addr += PAGE_SIZE) {
		pte_t *pte = pte_offset_map_lock(v->vm_mm, pmd_off(v->vm_mm, addr), addr, &ptl);

		clear_soft_dirty(v, addr, pte);
		pte_unmap_unlock(pte, ptl);
	}
}

static void clear_refs_old(void)
{
	struct mm_struct *mm = vma->vm_mm;
	struct mmu_gather tlb;

	mmap_read_lock(mm);
	tlb_gather_mmu(&tlb, mm);
	clear_refs_range(vma);
	tlb_finish_mmu(&tlb);
	mmap_read_unlock(mm);
}

static void clear_refs_fixed(void)
{
	struct mm_struct *mm = vma->vm_mm;

	mmap_write_lock(mm);
	clear_refs_range(vma);
	flush_tlb_range(vma, vma->vm_start, vma->vm_end);
	mmap_write_unlock(mm);
}

/* ---- The question ------------------------------------------------------------------------------ */

static bool stored_first, stored_second;

static void setup(void)
{
	*vma = (struct vm_area_struct){.vm_mm = oc_mm(), .vm_start = VA, .vm_end = VA + PAGE_SIZE};
	oc_map_anon(vma->vm_mm, VA, 1, OCT_READ | OCT_WRITE);
	oct_folio_get(oc_folio(vma->vm_mm, VA)); /* somebody's reference: a write fault must copy */
}

static void writer(void)
{
	stored_first = !oc_store32(vma->vm_mm, VA, 7);
}

static void copier(void)
{
	stored_second = !oc_store32(vma->vm_mm, VA + 4, 1);
}

static void final(void)
{
	OC_ASSERT(OC_I2, !stored_first || oc_peek32(vma->vm_mm, VA) == 7);
	OC_ASSERT(OC_I2, !stored_second || oc_peek32(vma->vm_mm, VA + 4) == 1);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(copier), OC_CPU(writer)},
            .variants = {
                {.name = "old", .run = clear_refs_old, .expected = OC_VIOLATES(OC_I2)},
                {.name = "fixed", .run = clear_refs_fixed, .expected = OC_HOLDS, .cover = {"cow-copy"}}})
