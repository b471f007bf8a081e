/* names.c: every name of octavo/linux.h is called and does what it says. SPDX-License-Identifier: MIT
 *
 * On one CPU: what races is the examples' to show. Run by `octavo check tests/linux/names.c`. */
#include <octavo/linux.h>

enum { VA = 0x10000 };

static struct vm_area_struct area, *vma = &area;
static struct mm_struct *mm;
static unsigned started, ended, invalidated, callbacks;

static int notify_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	(void)mn;
	started += range->start == VA && range->end == VA + PAGE_SIZE;
	return 0;
}

static void notify_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	(void)mn;
	(void)range;
	ended++;
}

static void notify_invalidate(struct mmu_notifier *mn, struct oct_mm *of, unsigned long start,
                              unsigned long end)
{
	(void)mn;
	invalidated += of == mm && start <= VA && end > VA;
}

static const struct mmu_notifier_ops ops = {notify_start, notify_end, notify_invalidate};
static struct mmu_notifier notifier = {&ops};

static void setup(void)
{
	mm = oc_mm();
	*vma = (struct vm_area_struct){.vm_mm = mm,
	                               .vm_start = VA,
	                               .vm_end = VA + PAGE_SIZE,
	                               .vm_page_prot = OCT_READ,
	                               .vm_flags = VM_READ};
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
	BUG_ON(mmu_notifier_register(&notifier, mm));
}

/* ---- Words -------------------------------------------------------------------------------------- */

static atomic_t counter = ATOMIC_INIT(1);
static unsigned long word = 1;
static int shared;
static spinlock_t some_lock;
static seqcount_t seq;
static struct rw_semaphore sem;
static int *pointer;

static void called_back(struct rcu_head *head)
{
	callbacks += head->func == called_back;
}

static void atomics(void)
{
	atomic_set(&counter, 2);
	atomic_inc(&counter);
	atomic_dec(&counter);
	atomic_add(3, &counter);
	BUG_ON(atomic_read(&counter) != 5);
	BUG_ON(atomic_add_return(1, &counter) != 6 || atomic_inc_return(&counter) != 7);
	BUG_ON(atomic_dec_return(&counter) != 6 || atomic_fetch_add(-5, &counter) != 6);
	BUG_ON(!atomic_dec_and_test(&counter) || atomic_inc_not_zero(&counter));
	BUG_ON(!atomic_add_unless(&counter, 4, 7) || atomic_read(&counter) != 4);
	BUG_ON(xchg(&word, 6ul) != 1 || cmpxchg(&word, 6ul, 4ul) != 6 || cmpxchg(&word, 1ul, 9ul) != 4);
	set_bit(0, &word);
	clear_bit(2, &word);
	BUG_ON(!test_bit(0, &word) || test_bit(2, &word) || test_and_set_bit(1, &word) ||
	       !test_and_set_bit(1, &word));
	WRITE_ONCE(shared, 3);
	while (READ_ONCE(shared) != 3)
		cpu_relax();
	smp_store_release(&shared, 4);
	BUG_ON(smp_load_acquire(&shared) != 4);
	smp_mb();
	smp_rmb();
	smp_wmb();
	smp_mb__before_atomic();
	smp_mb__after_atomic();
	barrier();
	cond_resched();
	WARN_ON_ONCE(unlikely(smp_processor_id()) || !likely(1));
	VM_WARN_ON(0);
	VM_BUG_ON(0);
}

static void locks(void)
{
	struct rcu_head head;
	unsigned long flags;
	unsigned start;

	spin_lock_init(&some_lock);
	spin_lock(&some_lock);
	BUG_ON(spin_trylock(&some_lock));
	spin_unlock(&some_lock);
	spin_lock_irqsave(&some_lock, flags);
	spin_unlock_irqrestore(&some_lock, flags);
	local_irq_disable();
	local_irq_enable();
	rcu_read_lock();
	rcu_read_lock();
	rcu_read_unlock();
	rcu_read_unlock();
	synchronize_rcu();
	call_rcu(&head, called_back);
	BUG_ON(callbacks != 1);
	rcu_assign_pointer(pointer, &shared);
	BUG_ON(rcu_dereference(pointer) != &shared);
	start = raw_seqcount_begin(&seq);
	BUG_ON(read_seqcount_retry(&seq, start));
	raw_write_seqcount_begin(&seq);
	BUG_ON(!read_seqcount_retry(&seq, start));
	raw_write_seqcount_end(&seq);
	BUG_ON(!read_seqcount_retry(&seq, start));
	raw_write_seqcount_begin(&linux_write_protect_seq);
	raw_write_seqcount_end(&linux_write_protect_seq);
	down_read(&sem);
	up_read(&sem);
	down_write(&sem);
	up_write(&sem);
	mmap_read_lock(mm);
	mmap_assert_locked(mm);
	mmap_read_unlock(mm);
	mmap_write_lock(mm);
	mmap_write_unlock(mm);
	tlb_remove_table_sync_one();
}

/* ---- Entries and pages ---------------------------------------------------------------------------- */

static void values(void)
{
	pte_t pte = pfn_pte(100, OCT_READ | OCT_WRITE);

	BUG_ON(pte_pfn(pte) != 100 || !pte_present(pte) || pte_none(pte) || !pte_none(__pte(0)) ||
	       !pte_write(pte));
	BUG_ON(pte_write(pte_wrprotect(pte)) || !pte_write(pte_mkwrite_novma(pte_wrprotect(pte))));
	BUG_ON(!pte_write(pte_mkwrite(pte_wrprotect(pte))));
	BUG_ON(!pte_dirty(pte_mkdirty(pte)) || pte_dirty(pte_mkclean(pte_mkdirty(pte))));
	BUG_ON(!pte_young(pte_mkyoung(pte)) || pte_young(pte_mkold(pte_mkyoung(pte))));
	BUG_ON(!pte_soft_dirty(pte_mksoft_dirty(pte)) ||
	       pte_soft_dirty(pte_clear_soft_dirty(pte_mksoft_dirty(pte))));
	BUG_ON(!pte_uffd_wp(pte_mkuffd_wp(pte)) || pte_uffd_wp(pte_clear_uffd_wp(pte_mkuffd_wp(pte))));
	BUG_ON(pte_write(pte_modify(pte, OCT_READ)) || !pte_same(pte, pte_val(pte)));
}

static void entries(void)
{
	pmd_t *pmd = pmd_off(mm, VA), of_pmd = pmdp_get(pmd);
	spinlock_t *ptl = pmd_lock(mm, pmd);
	pte_t *ptep, *map, pte;

	spin_unlock(ptl);
	BUG_ON(pmd_none(of_pmd) || !pmd_present(of_pmd) || pmd_bad(of_pmd) || pmd_leaf(of_pmd) ||
	       pmd_trans_huge(of_pmd));
	BUG_ON(!pmd_same(of_pmd, pmdp_get_lockless(pmd)) || pmd_val(of_pmd) != of_pmd);
	map = pte_offset_map(pmd, VA);
	ptep = pte_offset_map_lock(mm, pmd, VA, &ptl);
	BUG_ON(ptep != map || ptl != pte_lockptr(mm, pmd) || ptep != pte_offset_kernel(pmd, VA));
	pte_unmap(map);
	arch_enter_lazy_mmu_mode();
	pte = ptep_get_lockless(ptep);
	BUG_ON(!pte_same(pte, ptep_get(ptep)) || !pte_same(ptep_get_and_clear(mm, VA, ptep), pte));
	set_pte_at(mm, VA, ptep, pte);
	BUG_ON(!pte_same(ptep_get_and_clear_full(mm, VA, ptep, 0), pte) || !pte_none(ptep_get(ptep)));
	set_ptes(mm, VA, ptep, pfn_pte(pte_pfn(pte), OCT_READ | OCT_WRITE), 2);
	BUG_ON(pte_pfn(ptep_get(ptep + 1)) != pte_pfn(pte) + 1);
	wrprotect_ptes(mm, VA, ptep, 2);
	BUG_ON(pte_write(ptep_get(ptep + 1)));
	set_pte_at(mm, VA, ptep + 1, pte_mkdirty(pte_mkyoung(ptep_get(ptep + 1))));
	BUG_ON(!pte_dirty(get_and_clear_full_ptes(mm, VA, ptep, 2, 0)) || !pte_none(ptep_get(ptep + 1)));
	set_pte_at(mm, VA, ptep, pte);
	clear_full_ptes(mm, VA, ptep, 1, 1);
	set_pte_at(mm, VA, ptep, pte_mkyoung(pte));
	BUG_ON(!ptep_test_and_clear_young(vma, VA, ptep) || ptep_test_and_clear_young(vma, VA, ptep));
	set_pte_at(mm, VA, ptep, pte_mkyoung(pte));
	BUG_ON(!ptep_clear_flush_young(vma, VA, ptep) || ptep_clear_flush_young(vma, VA, ptep));
	ptep_set_wrprotect(mm, VA, ptep);
	BUG_ON(!ptep_set_access_flags(vma, VA, ptep, pte, 1) || ptep_set_access_flags(vma, VA, ptep, pte, 1));
	ptep_modify_prot_commit(vma, VA, ptep, pte, ptep_modify_prot_start(vma, VA, ptep));
	update_mmu_cache(vma, VA, ptep);
	BUG_ON(!pte_same(ptep_clear_flush(vma, VA, ptep), pte));
	set_pte_at(mm, VA, ptep, pte);
	BUG_ON(!pte_same(ptep_clear_flush_notify(vma, VA, ptep), pte) || invalidated != 1);
	set_pte_at(mm, VA, ptep, pte);
	pte_clear(mm, VA, ptep);
	set_pte_at(mm, VA, ptep, pte);
	arch_leave_lazy_mmu_mode();
	pte_unmap_unlock(ptep, ptl);
}

static void tables(void)
{
	pmd_t *pmd = pmd_off(mm, VA), old = pmdp_collapse_flush(vma, VA, pmd);
	pgtable_t table;

	BUG_ON(!pmd_none(pmdp_get(pmd)) || pte_offset_map(pmd, VA));
	pmd_populate(mm, pmd, pmd_pgtable(old));
	BUG_ON(pmdp_huge_get_and_clear(mm, VA, pmd) == 0);
	set_pmd_at(mm, VA, pmd, old);
	pmd_clear(pmd);
	set_pmd_at(mm, VA, pmd, old);
	table = pte_alloc_one(mm);
	pte_free(mm, table);
	table = pte_alloc_one(mm);
	pte_free_defer(mm, table);
}

static void pages(void)
{
	struct page *page = pte_page(ptep_get(oc_pte(mm, VA))),
	            *copy = (struct page *)(void *)oct_folio_alloc();
	struct folio *folio = page_folio(page);

	BUG_ON(linux_folio(oc_folio(mm, VA)) != folio || folio_page(folio, 0) != page ||
	       pfn_folio(page_to_pfn(page)) != folio);
	BUG_ON(vm_normal_page(vma, VA, mk_pte(page, OCT_READ)) != page ||
	       vm_normal_folio(vma, VA, mk_pte(page, OCT_READ)) != folio);
	copy_user_highpage(copy, page, VA, vma);
	put_page(copy);
	BUG_ON(folio_ref_count(folio) != 1 || page_count(page) != 1 || page_ref_count(page) != 1);
	get_page(page);
	folio_get(folio);
	BUG_ON(!folio_try_get(folio) || !get_page_unless_zero(page) || page_count(page) != 5 ||
	       folio_mapcount(folio) != page_mapcount(page));
	for (int i = 0; i < 4; i++)
		folio_put(folio);
	BUG_ON(try_grab_folio_fast(page, 1, FOLL_PIN) != folio || !page_maybe_dma_pinned(page));
	SetPageAnonExclusive(page);
	BUG_ON(gup_must_unshare(vma, FOLL_PIN, page) || page_try_share_anon_rmap(page) != -OCT_EBUSY);
	unpin_user_page(page);
	BUG_ON(!try_grab_page(page, FOLL_GET) || folio_maybe_dma_pinned(folio));
	gup_put_folio(folio, 1, FOLL_GET);
	BUG_ON(!try_grab_folio(page, 2, FOLL_GET));
	gup_put_folio(folio, 2, FOLL_GET);
	BUG_ON(!PageAnonExclusive(page) || folio_try_share_anon_rmap_pte(folio, page) ||
	       PageAnonExclusive(page));
	BUG_ON(!gup_must_unshare(vma, FOLL_PIN, page) || gup_must_unshare(vma, FOLL_GET, page));
	SetPageAnonExclusive(page);
	ClearPageAnonExclusive(page);
	SetPageDirty(page);
	BUG_ON(!PageDirty(page) || !folio_test_dirty(folio));
	folio_clear_dirty(folio);
	folio_set_dirty(folio);
	BUG_ON(pfn_to_page(page_to_pfn(page)) != page || !PageDirty(page));
	folio_clear_dirty(folio);
	folio_mark_dirty(folio);
	folio_clear_dirty(folio);
	set_page_dirty(page);
	folio_clear_dirty(folio);
	folio_mark_accessed(folio);
	folio_lock(folio);
	BUG_ON(folio_trylock(folio) || trylock_page(page));
	folio_unlock(folio);
	lock_page(page);
	unlock_page(page);
}

/* ---- Flushes ------------------------------------------------------------------------------------ */

static void flushes(void)
{
	struct page *one = (struct page *)(void *)oct_folio_alloc(),
	            *two = (struct page *)(void *)oct_folio_alloc();
	struct mmu_notifier_range range;
	struct mmu_gather tlb;

	flush_tlb_page(vma, VA);
	flush_tlb_range(vma, VA, VA + PAGE_SIZE);
	flush_tlb_mm(mm);
	flush_tlb_fix_spurious_fault(vma, VA, oc_pte(mm, VA));
	inc_tlb_flush_pending(mm);
	BUG_ON(!mm_tlb_flush_pending(mm) || mm_tlb_flush_nested(mm));
	tlb_gather_mmu_fullmm(&tlb, mm);
	BUG_ON(!mm_tlb_flush_nested(mm));
	tlb_remove_tlb_entry(&tlb, oc_pte(mm, VA), VA);
	tlb_flush_pmd_range(&tlb, VA, PAGE_SIZE);
	tlb_remove_page(&tlb, one);
	tlb_remove_page(&tlb, two); /* full: both are freed */
	BUG_ON(tlb.nr || tlb.end);
	tlb_finish_mmu(&tlb);
	dec_tlb_flush_pending(mm);
	tlb_gather_mmu(&tlb, mm);
	pte_free_tlb(&tlb, pte_alloc_one(mm), VA);
	tlb_flush_pte_range(&tlb, VA, PAGE_SIZE);
	BUG_ON(tlb.start != VA || tlb.end != VA + PAGE_SIZE || tlb.freed_tables);
	tlb_flush_mmu_tlbonly(&tlb);
	tlb_flush_mmu(&tlb);
	BUG_ON(__tlb_remove_page(&tlb, (struct page *)(void *)oct_folio_alloc()));
	tlb_finish_mmu(&tlb);
	BUG_ON(mm_tlb_flush_pending(mm));
	set_tlb_ubc_flush_pending(mm);
	flush_tlb_batched_pending(mm);
	try_to_unmap_flush();
	mmu_notifier_range_init(&range, MMU_NOTIFY_UNMAP, 0, mm, VA, VA + PAGE_SIZE);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_only_end(&range);
	mmu_notifier_arch_invalidate_secondary_tlbs(mm, VA, VA + 1);
	BUG_ON(started != 2 || ended != 2 || invalidated != 2);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT)},
            .variants = {{.name = "atomics", .run = atomics, .expected = OC_HOLDS},
                         {.name = "locks", .run = locks, .expected = OC_HOLDS},
                         {.name = "values", .run = values, .expected = OC_HOLDS},
                         {.name = "entries", .run = entries, .expected = OC_HOLDS},
                         {.name = "tables", .run = tables, .expected = OC_HOLDS},
                         {.name = "pages", .run = pages, .expected = OC_HOLDS},
                         {.name = "flushes", .run = flushes, .expected = OC_HOLDS}})
