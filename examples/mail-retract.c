/* mail-retract.c: an empty page table removed under a lockless walker, in the style of a mail.
 * SPDX-License-Identifier: MIT
 *
 * After a collapse of a file's pages, tables that map them elsewhere are empty and go. GUP-fast walks tables
 *with interrupts off and no lock. "old" frees the table after the flush: on x86-64 the flush is an interrupt,
 *which waits for the walker; where invalidations are broadcast nothing waits for it. "fixed" frees after a
 *grace period, "sync" after an interrupt of its own to every CPU.
 *
 *	octavo check examples/mail-retract.c */
#include <octavo/linux.h>

enum { VA = 0x10000 };

static struct vm_area_struct area, *vma = &area;

/* ---- As it could stand in a mail -------------------------------------------------------------- */

static pgtable_t retract(void)
{
	struct mm_struct *mm = vma->vm_mm;
	pmd_t *pmd = pmd_off(mm, VA);
	struct mmu_notifier_range range;
	spinlock_t *pml, *ptl;
	pmd_t pgt_pmd;

	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, mm, vma->vm_start, vma->vm_end);
	mmu_notifier_invalidate_range_start(&range);
	pml = pmd_lock(mm, pmd);
	ptl = pte_lockptr(mm, pmd);
	spin_lock(ptl);
	pgt_pmd = pmdp_collapse_flush(vma, VA, pmd);
	spin_unlock(ptl);
	spin_unlock(pml);
	mmu_notifier_invalidate_range_end(&range);
	return pmd_pgtable(pgt_pmd);
}

static void retract_old(void)
{
	pte_free(vma->vm_mm, retract());
}

static void retract_sync(void)
{
	pgtable_t table = retract();

	tlb_remove_table_sync_one();
	pte_free(vma->vm_mm, table);
}

static void retract_fixed(void)
{
	pte_free_defer(vma->vm_mm, retract());
}

static void gup_fast(void)
{
	unsigned long flags;
	pte_t *ptep;

	local_irq_save(flags);
	ptep = pte_offset_map(pmd_off(vma->vm_mm, VA), VA);
	if (ptep) {
		pte_t pte = ptep_get_lockless(ptep);

		VM_BUG_ON(!pte_none(pte));
		oc_cover("walked");
	}
	local_irq_restore(flags);
}

/* ---- The question ------------------------------------------------------------------------------ */

static void setup(void)
{
	*vma = (struct vm_area_struct){.vm_mm = oc_mm(), .vm_start = VA, .vm_end = VA + PAGE_SIZE};
	oc_map_anon(vma->vm_mm, VA, 1, OCT_READ);
	set_pte_at(vma->vm_mm, VA, oc_pte(vma->vm_mm, VA), __pte(0));
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(gup_fast)},
            .cover = {"walked"},
            .variants = {{.name = "old",
                          .run = retract_old,
                          .expected = OC_VIOLATES(OC_UAF),
                          .on = {{OC_X86_64, OC_HOLDS}}},
                         {.name = "sync", .run = retract_sync, .expected = OC_HOLDS},
                         {.name = "fixed", .run = retract_fixed, .expected = OC_HOLDS}})
