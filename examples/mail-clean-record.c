/* mail-clean-record.c: dirty bits harvested into a bitmap, in the style of a mail. SPDX-License-Identifier:
 *MIT
 *
 * A driver looks which pages of a shared mapping were written: it cleans the entries and sets a bit for each
 *that was dirty. A TLB may still hold the dirty entry, and a store through it touches no entry. So the bitmap
 *must not be consumed before the flush. "old" consumes first; "plain" write-protects by load and store and
 *loses a bit that hardware sets between; "fixed" is right in both.
 *
 *	octavo check examples/mail-clean-record.c */
#include <octavo/linux.h>

enum { VA = 0x10000 };

static struct vm_area_struct area, *vma = &area;
static unsigned long bitmap;
static uint32_t saved;

/* ---- As it could stand in a mail -------------------------------------------------------------- */

static void clean_record_pte(pte_t *pte, unsigned long addr)
{
	pte_t ptent = ptep_get(pte);

	if (pte_dirty(ptent)) {
		pte_t old_pte = ptep_modify_prot_start(vma, addr, pte);

		ptent = pte_mkclean(old_pte);
		ptep_modify_prot_commit(vma, addr, pte, old_pte, ptent);
		set_bit(0, &bitmap);
	}
}

static void wrprotect_by_load_and_store(pte_t *pte, unsigned long addr)
{
	pte_t ptent = ptep_get(pte);

	if (pte_dirty(ptent))
		set_bit(0, &bitmap);
	set_pte_at(vma->vm_mm, addr, pte, pte_mkclean(pte_wrprotect(ptent)));
}

static void walk(void (*entry)(pte_t *pte, unsigned long addr))
{
	struct mmu_notifier_range range;
	spinlock_t *ptl;
	pte_t *pte;

	mmu_notifier_range_init(&range, MMU_NOTIFY_PROTECTION_VMA, 0, vma->vm_mm, vma->vm_start, vma->vm_end);
	mmu_notifier_invalidate_range_start(&range);
	pte = pte_offset_map_lock(vma->vm_mm, pmd_off(vma->vm_mm, VA), VA, &ptl);
	entry(pte, VA);
	pte_unmap_unlock(pte, ptl);
	mmu_notifier_invalidate_range_end(&range);
}

/* What the driver does with a bit: the page goes where its contents are kept. */
static void consume(void)
{
	if (test_bit(0, &bitmap))
		saved = oc_peek32(vma->vm_mm, VA);
}

static void old(void)
{
	walk(clean_record_pte);
	consume();
	flush_tlb_range(vma, vma->vm_start, vma->vm_end);
}

static void plain(void)
{
	walk(wrprotect_by_load_and_store);
	flush_tlb_range(vma, vma->vm_start, vma->vm_end);
	consume();
}

static void fixed(void)
{
	walk(clean_record_pte);
	flush_tlb_range(vma, vma->vm_start, vma->vm_end);
	consume();
}

/* ---- The question ------------------------------------------------------------------------------ */

static bool stored;

static void setup(void)
{
	*vma = (struct vm_area_struct){.vm_mm = oc_mm(), .vm_start = VA, .vm_end = VA + PAGE_SIZE};
	oc_map_anon(vma->vm_mm, VA, 1, OCT_READ | OCT_WRITE);
	set_pte_at(vma->vm_mm, VA, oc_pte(vma->vm_mm, VA), pte_mkclean(ptep_get(oc_pte(vma->vm_mm, VA))));
}

static void writer(void)
{
	stored = !oc_store32(vma->vm_mm, VA, 5) && !oc_store32(vma->vm_mm, VA, 7);
	oc_cover("stored");
}

/* Saved, or dirty for the next round. */
static void final(void)
{
	OC_ASSERT(OC_I3, !stored || saved == 7 || pte_dirty(ptep_get(oc_pte(vma->vm_mm, VA))));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer)}, .cover = {"stored"},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "plain", .run = plain, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "fixed", .run = fixed, .expected = OC_HOLDS}})
