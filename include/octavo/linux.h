/* linux.h: Linux's names over check.h, for code out of a mail. SPDX-License-Identifier: MIT
 *
 * Include it instead of check.h, paste, add a setup and OC_SCENARIO, run `octavo check my.c`.
 * docs/SCENARIOS.md works one example through. What differs from Linux:
 *   - a space is struct oct_mm; faults are handled by the core under mmap_lock for reading
 *   - page-table entries are entry events: no READ_ONCE on them, use ptep_get() and set_pte_at(); a pmd is
 *     an entry of level 1, and page tables end there
 *   - pte locks are those of the core, one for each leaf table; all upper tables share one, pmd_lock()
 *   - struct page and struct folio are the core's struct oct_folio: page_folio() and linux_folio() convert;
 *     folios have one page
 *   - tlb_flush_pending and write_protect_seq are one per scenario; the core's fault handler reads neither
 *   - value-returning atomics are ordered fully (a fence on either side), the others not at all,
 *     as Linux defines them; spinlocks acquire and release
 *   - a grace period takes and drops each CPU's reader lock, then waits for interrupts-off sections;
 *     call_rcu() waits for it, so it is not to be called in a reader or under a lock that readers take
 *   - what the scenario does not look at does nothing: update_mmu_cache(), cond_resched(),
 * arch_enter_lazy_mmu_mode() */
#ifndef OCTAVO_LINUX_H
#define OCTAVO_LINUX_H

#include <octavo/check.h>
#include <octavo/mm.h>

#define PAGE_SIZE  OCT_PAGE_SIZE
#define PAGE_MASK  OCT_PAGE_MASK
#define PAGE_SHIFT OCT_PAGE_SHIFT

/* ---- Barriers and atomics ------------------------------------------------------------------- */
#define READ_ONCE(x)            (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value)    ((void)(*(volatile __typeof__(x) *)&(x) = (value)))
#define smp_mb()                oct_fence(OCT_SC)
#define smp_rmb()               oct_fence(OCT_ACQ)
#define smp_wmb()               oct_fence(OCT_REL)
#define smp_mb__before_atomic() smp_mb()
#define smp_mb__after_atomic()  smp_mb()
#define smp_load_acquire(p)     oct_load((p), OCT_ACQ)
#define smp_store_release(p, v) oct_store((p), (v), OCT_REL)
#define barrier()               __asm__ volatile("" ::: "memory")
#define cpu_relax()             oct_port_relax()

typedef struct {
	int counter;
} atomic_t;

#define ATOMIC_INIT(value)                                                                                   \
	{                                                                                                    \
		(value)                                                                                      \
	}
#define atomic_read(v)       oct_load(&(v)->counter, OCT_RLX)
#define atomic_set(v, value) oct_store(&(v)->counter, (value), OCT_RLX)
#define atomic_inc(v)        ((void)oct_fetch_add(&(v)->counter, 1, OCT_RLX))
#define atomic_dec(v)        ((void)oct_fetch_sub(&(v)->counter, 1, OCT_RLX))
#define atomic_add(n, v)     ((void)oct_fetch_add(&(v)->counter, (n), OCT_RLX))

static inline int atomic_add_return(int n, atomic_t *v)
{
	int old;

	smp_mb(); /* fully ordered: both fences belong to the operation */
	old = oct_fetch_add(&v->counter, n, OCT_RLX);
	smp_mb();
	return old + n;
}
#define atomic_inc_return(v)   atomic_add_return(1, (v))
#define atomic_dec_return(v)   atomic_add_return(-1, (v))
#define atomic_dec_and_test(v) (atomic_add_return(-1, (v)) == 0)
#define atomic_fetch_add(n, v) (atomic_add_return((n), (v)) - (n))

static inline bool atomic_add_unless(atomic_t *v, int n, int unless)
{
	int old = oct_load(&v->counter, OCT_RLX);

	do {
		if (old == unless)
			return false;
		smp_mb(); /* both fences belong to the operation, if it stores */
	} while (!oct_cas(&v->counter, &old, old + n, OCT_RLX));
	smp_mb();
	return true;
}
#define atomic_inc_not_zero(v) atomic_add_unless((v), 1, 0)

/* Of words: fully ordered, as the value-returning atomics. A compare-and-swap that fails orders nothing. */
#define xchg(ptr, value)                                                                                     \
	__extension__({                                                                                      \
		__typeof__(*(ptr)) xchg_old;                                                                 \
                                                                                                             \
		smp_mb();                                                                                    \
		xchg_old = oct_xchg((ptr), (value), OCT_RLX);                                                \
		smp_mb();                                                                                    \
		xchg_old;                                                                                    \
	})
#define cmpxchg(ptr, old, value)                                                                             \
	__extension__({                                                                                      \
		__typeof__(*(ptr)) cmpxchg_old = (old);                                                      \
                                                                                                             \
		smp_mb();                                                                                    \
		if (oct_cas((ptr), &cmpxchg_old, (value), OCT_RLX))                                          \
			smp_mb();                                                                            \
		cmpxchg_old;                                                                                 \
	})
#define set_bit(nr, word)   ((void)oct_fetch_or((word), 1ul << (nr), OCT_RLX))
#define clear_bit(nr, word) ((void)oct_fetch_and((word), ~(1ul << (nr)), OCT_RLX))
#define test_bit(nr, word)  (oct_load((word), OCT_RLX) >> (nr)&1)

static inline bool test_and_set_bit(unsigned nr, unsigned long *word)
{
	unsigned long old;

	smp_mb(); /* fully ordered */
	old = oct_fetch_or(word, 1ul << nr, OCT_RLX);
	smp_mb();
	return old >> nr & 1;
}

#define likely(x)               (x)
#define unlikely(x)             (x)
#define BUG_ON(condition)       OC_ASSERT(OC_ASSERTION, !(condition))
#define VM_BUG_ON(condition)    BUG_ON(condition)
#define VM_WARN_ON(condition)   BUG_ON(condition)
#define WARN_ON_ONCE(condition) BUG_ON(condition)
#define cond_resched()          ((void)0)
#define smp_processor_id()      oct_port_cpu_self()

/* ---- Locks ---------------------------------------------------------------------------------- */
typedef struct {
	uint32_t locked;
} spinlock_t;

static inline bool spin_trylock(spinlock_t *lock)
{
	uint32_t free = 0;

	return oct_cas(&lock->locked, &free, 1u, OCT_ACQ); /* pairs with spin_unlock */
}
#define spin_lock_init(lock) oct_store(&(lock)->locked, 0u, OCT_RLX)
#define spin_lock(lock)      oct_await(spin_trylock(lock))
#define spin_unlock(lock)    oct_store(&(lock)->locked, 0u, OCT_REL) /* pairs with spin_trylock */

/* Another CPU's interrupts, and its own. */
#define local_irq_save(flags)               ((flags) = oct_port_irq_save())
#define local_irq_restore(flags)            oct_port_irq_restore(flags)
#define local_irq_disable()                 oc_irqs_off()
#define local_irq_enable()                  oc_irqs_on()
#define spin_lock_irqsave(lock, flags)      (local_irq_save(flags), spin_take(lock))
#define spin_unlock_irqrestore(lock, flags) (spin_unlock(lock), local_irq_restore(flags))

static inline void spin_take(spinlock_t *lock)
{
	spin_lock(lock);
}

/* Grace periods. A reader holds its CPU's lock: nobody else but a grace period ever takes it. */
static struct {
	spinlock_t reader;
	unsigned depth;
} linux_rcu[OCT_MAX_CPUS] __attribute__((unused));

static inline void rcu_read_lock(void)
{
	if (!linux_rcu[oct_port_cpu_self()].depth++)
		spin_lock(&linux_rcu[oct_port_cpu_self()].reader);
}

static inline void rcu_read_unlock(void)
{
	if (!--linux_rcu[oct_port_cpu_self()].depth)
		spin_unlock(&linux_rcu[oct_port_cpu_self()].reader);
}

static inline void linux_nothing(void *arg)
{
	(void)arg;
}

static inline void synchronize_rcu(void)
{
	for (unsigned cpu = 0; cpu < OCT_MAX_CPUS; cpu++) {
		spin_lock(&linux_rcu[cpu].reader);
		spin_unlock(&linux_rcu[cpu].reader);
	}
	oct_port_defer(linux_nothing, NULL); /* whoever has interrupts off is a reader too */
}

struct rcu_head {
	void (*func)(struct rcu_head *head);
};

static inline void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	head->func = func;
	synchronize_rcu();
	func(head);
}
#define rcu_dereference(p)       oct_load(&(p), OCT_ACQ)
#define rcu_assign_pointer(p, v) oct_store(&(p), (v), OCT_REL) /* pairs with rcu_dereference */

/* Sequence counts: the reader looks again, fenced as in Linux. */
typedef struct {
	unsigned sequence;
} seqcount_t;

static inline unsigned raw_seqcount_begin(seqcount_t *s)
{
	return oct_load(&s->sequence, OCT_ACQ) & ~1u; /* pairs with the fences of the writer */
}

static inline bool read_seqcount_retry(seqcount_t *s, unsigned start)
{
	smp_rmb(); /* pairs with the first fence of the writer */
	return oct_load(&s->sequence, OCT_RLX) != start;
}

static inline void raw_write_seqcount_begin(seqcount_t *s)
{
	oct_store(&s->sequence, oct_load(&s->sequence, OCT_RLX) + 1, OCT_RLX);
	smp_wmb();
}

static inline void raw_write_seqcount_end(seqcount_t *s)
{
	smp_wmb();
	oct_store(&s->sequence, oct_load(&s->sequence, OCT_RLX) + 1, OCT_RLX);
}

#define mm_struct              oct_mm
#define rw_semaphore           oct_rwlock
#define mmap_lock              lock
#define down_read(semaphore)   oct_rwlock_read_lock(semaphore)
#define up_read(semaphore)     oct_rwlock_read_unlock(semaphore)
#define down_write(semaphore)  oct_rwlock_write_lock(semaphore)
#define up_write(semaphore)    oct_rwlock_write_unlock(semaphore)
#define mmap_read_lock(mm)     down_read(&(mm)->lock)
#define mmap_read_unlock(mm)   up_read(&(mm)->lock)
#define mmap_write_lock(mm)    down_write(&(mm)->lock)
#define mmap_write_unlock(mm)  up_write(&(mm)->lock)
#define mmap_assert_locked(mm) ((void)(mm))

/* ---- Entries -------------------------------------------------------------------------------- */
typedef oct_pte_t pte_t;
typedef oct_pte_t pmd_t;

typedef unsigned long pgprot_t; /* OCT_READ, OCT_WRITE, OCT_EXEC */

struct vm_area_struct {
	struct oct_mm *vm_mm;
	unsigned long vm_start, vm_end;
	pgprot_t vm_page_prot;
	unsigned long vm_flags;
	void *anon_vma, *vm_private_data;
};
enum { VM_READ = 1, VM_WRITE = 2, VM_EXEC = 4, VM_SHARED = 8, VM_SOFTDIRTY = 16, VM_UFFD_WP = 32 };

#define pte_val(pte)              (pte)
#define __pte(value)              ((pte_t)(value))
#define pte_none(pte)             oct_pte_none(pte)
#define pte_present(pte)          oct_pte_present(pte)
#define pte_write(pte)            oct_pte_write(pte)
#define pte_dirty(pte)            oct_pte_dirty(pte)
#define pte_young(pte)            oct_pte_young(pte)
#define pte_soft_dirty(pte)       oct_pte_soft_dirty(pte)
#define pte_uffd_wp(pte)          oct_pte_uffd_wp(pte)
#define pte_wrprotect(pte)        oct_pte_wrprotect(pte)
#define pte_mkwrite(pte)          oct_pte_mkwrite(pte)
#define pte_mkclean(pte)          oct_pte_mkclean(pte)
#define pte_mkdirty(pte)          oct_pte_mkdirty(pte)
#define pte_mkold(pte)            oct_pte_mkold(pte)
#define pte_mkyoung(pte)          oct_pte_mkyoung(pte)
#define pte_mksoft_dirty(pte)     oct_pte_mk_soft_dirty(pte)
#define pte_clear_soft_dirty(pte) oct_pte_clear_soft_dirty(pte)
#define pte_mkuffd_wp(pte)        oct_pte_mk_uffd_wp(pte)
#define pte_clear_uffd_wp(pte)    oct_pte_clear_uffd_wp(pte)
#define pte_mkwrite_novma(pte)    oct_pte_mkwrite(pte)
#define pte_modify(pte, prot)     oct_pte_modify((pte), (unsigned)(prot))
#define pte_same(a, b)            ((a) == (b))
#define pte_pfn(pte)              ((unsigned long)(oct_pte_phys(pte) >> PAGE_SHIFT))
#define pfn_pte(pfn, prot)        oct_pte_make((oct_phys_t)(pfn) << PAGE_SHIFT, (unsigned)(prot), OCT_NORMAL)
#define pmd_val(pmd)              (pmd)
#define pmd_none(pmd)             oct_pte_none(pmd)
#define pmd_present(pmd)          oct_pte_present(pmd)
#define pmd_leaf(pmd)             (oct_pte_present(pmd) && !oct_pte_is_table((pmd), 1))
#define pmd_trans_huge(pmd)       pmd_leaf(pmd)
#define pmd_bad(pmd)              (oct_pte_present(pmd) && !oct_pte_is_table((pmd), 1))
#define pmd_same(a, b)            ((a) == (b))

/* ---- Pages ---------------------------------------------------------------------------------- */
/* The same memory as the core's: who has one kind of pointer has the others. */
struct page {
	struct oct_folio folio;
};
struct folio {
	struct page page;
};
#define linux_folio(f)               ((struct folio *)(void *)(f)) /* of a struct oct_folio * */
#define page_folio(p)                ((struct folio *)(void *)(p))
#define folio_page(f, n)             ((void)(n), &(f)->page)
#define folio_core(f)                (&(f)->page.folio)
#define pfn_to_page(pfn)             ((struct page *)(void *)oct_port_folio_of((oct_phys_t)(pfn) << PAGE_SHIFT))
#define page_to_pfn(p)               ((unsigned long)((p)->folio.page >> PAGE_SHIFT))
#define pte_page(pte)                pfn_to_page(pte_pfn(pte))
#define pfn_folio(pfn)               page_folio(pfn_to_page(pfn))
#define vm_normal_page(vma, a, pte)  ((void)(vma), (void)(a), pte_page(pte))
#define vm_normal_folio(vma, a, pte) page_folio(vm_normal_page(vma, a, pte))
#define mk_pte(p, prot)              pfn_pte(page_to_pfn(p), prot)
#define folio_get(f)                 oct_folio_get(folio_core(f))
#define folio_put(f)                 oct_folio_put(folio_core(f))
#define get_page(p)                  folio_get(page_folio(p))
#define put_page(p)                  folio_put(page_folio(p))
#define folio_ref_count(f)           ((int)oct_load(&folio_core(f)->refcount, OCT_RLX))
#define page_ref_count(p)            folio_ref_count(page_folio(p))
#define page_count(p)                page_ref_count(p)
#define folio_mapcount(f)            ((int)oct_load(&folio_core(f)->mapcount, OCT_RLX))
#define page_mapcount(p)             folio_mapcount(page_folio(p))
#define copy_user_highpage(to, from, va, vma)                                                                \
	((void)(va), (void)(vma), oct_port_page_copy((to)->folio.page, (from)->folio.page, 0))

/* More references unless there is none: then the page is being freed. Fully ordered if it stores. */
static inline bool linux_ref_add_unless_zero(struct oct_folio *folio, uint32_t refs)
{
	uint32_t old = oct_load(&folio->refcount, OCT_RLX);

	do {
		if (!old)
			return false;
		smp_mb();
	} while (!oct_cas(&folio->refcount, &old, old + refs, OCT_RLX));
	smp_mb();
	return true;
}
#define folio_try_get(f)        linux_ref_add_unless_zero(folio_core(f), 1)
#define get_page_unless_zero(p) folio_try_get(page_folio(p))

/* Pins are references that count for many. */
enum { FOLL_GET = 1, FOLL_PIN = 2, FOLL_WRITE = 4, GUP_PIN_COUNTING_BIAS = 1024 };

static inline struct folio *try_grab_folio_fast(struct page *page, int refs, unsigned flags)
{
	uint32_t n = (uint32_t)refs * (flags & FOLL_PIN ? GUP_PIN_COUNTING_BIAS : 1);

	return linux_ref_add_unless_zero(&page->folio, n) ? page_folio(page) : NULL;
}
#define try_grab_folio(p, refs, flags) try_grab_folio_fast((p), (refs), (flags))
#define try_grab_page(p, flags)        (try_grab_folio_fast((p), 1, (flags)) != NULL)

static inline void gup_put_folio(struct folio *folio, int refs, unsigned flags)
{
	uint32_t n = (uint32_t)refs * (flags & FOLL_PIN ? GUP_PIN_COUNTING_BIAS : 1);

	if (n > 1)
		oct_fetch_sub(&folio_core(folio)->refcount, n - 1, OCT_REL);
	folio_put(folio); /* a release and, for the last, an acquire */
}
#define unpin_user_page(p)        gup_put_folio(page_folio(p), 1, FOLL_PIN)
#define folio_maybe_dma_pinned(f) (folio_ref_count(f) >= GUP_PIN_COUNTING_BIAS)
#define page_maybe_dma_pinned(p)  folio_maybe_dma_pinned(page_folio(p))

/* Page flags: the core's, and two of their own in the same word. */
enum { LINUX_ANON_EXCLUSIVE = OCT_FOLIO_ANON_EXCLUSIVE, LINUX_LOCKED = 1 << 29, LINUX_REFERENCED = 1 << 28 };
#define linux_flag(f, bit)        ((oct_load(&folio_core(f)->flags, OCT_RLX) & (bit)) != 0)
#define linux_set(f, bit)         ((void)oct_fetch_or(&folio_core(f)->flags, (bit), OCT_RLX))
#define linux_clear(f, bit)       ((void)oct_fetch_and(&folio_core(f)->flags, ~(uint32_t)(bit), OCT_RLX))
#define folio_test_dirty(f)       linux_flag((f), OCT_FOLIO_DIRTY)
#define folio_mark_dirty(f)       linux_set((f), OCT_FOLIO_DIRTY)
#define folio_set_dirty(f)        linux_set((f), OCT_FOLIO_DIRTY)
#define folio_clear_dirty(f)      linux_clear((f), OCT_FOLIO_DIRTY)
#define folio_mark_accessed(f)    linux_set((f), LINUX_REFERENCED)
#define PageDirty(p)              folio_test_dirty(page_folio(p))
#define SetPageDirty(p)           folio_set_dirty(page_folio(p))
#define set_page_dirty(p)         folio_mark_dirty(page_folio(p))
#define PageAnonExclusive(p)      linux_flag(page_folio(p), LINUX_ANON_EXCLUSIVE)
#define SetPageAnonExclusive(p)   linux_set(page_folio(p), LINUX_ANON_EXCLUSIVE)
#define ClearPageAnonExclusive(p) linux_clear(page_folio(p), LINUX_ANON_EXCLUSIVE)
#define folio_trylock(f)          (!(oct_fetch_or(&folio_core(f)->flags, LINUX_LOCKED, OCT_ACQ) & LINUX_LOCKED))
#define folio_lock(f)             oct_await(linux_folio_lock(folio_core(f)))
#define folio_unlock(f)           ((void)oct_fetch_and(&folio_core(f)->flags, ~(uint32_t)LINUX_LOCKED, OCT_REL))
#define lock_page(p)              folio_lock(page_folio(p))
#define trylock_page(p)           folio_trylock(page_folio(p))
#define unlock_page(p)            folio_unlock(page_folio(p))

static inline bool linux_folio_lock(struct oct_folio *folio)
{
	uint32_t flags = oct_load(&folio->flags, OCT_RLX);

	/* pairs with the release of folio_unlock */
	return !(flags & LINUX_LOCKED) && oct_cas(&folio->flags, &flags, flags | LINUX_LOCKED, OCT_ACQ);
}

/* Exclusive no more, if nobody has it pinned. The entry is cleared already. */
static inline int linux_try_share(struct page *page)
{
	if (!PageAnonExclusive(page))
		return 0;
	smp_mb(); /* entry cleared | pins read; pairs with the pin's fence before it reads the entry again */
	if (page_maybe_dma_pinned(page))
		return -OCT_EBUSY;
	ClearPageAnonExclusive(page);
	smp_mb(); /* flag cleared | entry stored; pairs with the read fence of gup_must_unshare() */
	return 0;
}
#define folio_try_share_anon_rmap_pte(f, p) ((void)(f), linux_try_share(p))
#define page_try_share_anon_rmap(p)         linux_try_share(p)

static inline bool gup_must_unshare(struct vm_area_struct *vma, unsigned flags, struct page *page)
{
	(void)vma;
	if (!(flags & FOLL_PIN))
		return false;
	smp_rmb(); /* entry read again | flag read; pairs with the second fence of linux_try_share() */
	return !PageAnonExclusive(page);
}

/* ---- Single entries --------------------------------------------------------------------------- */
#define pmd_off(mm, addr)                       oc_pte_at((mm), (addr), 1)
#define ptep_get(ptep)                          oc_entry_get(ptep)
#define ptep_get_lockless(ptep)                 oc_entry_get(ptep)
#define pmdp_get(pmdp)                          oc_entry_get(pmdp)
#define pmdp_get_lockless(pmdp)                 oc_entry_get(pmdp)
#define set_pmd_at(mm, addr, pmdp, pmd)         set_pte_at(mm, addr, pmdp, pmd)
#define pmd_clear(pmdp)                         oc_entry_set((pmdp), 0)
#define pmdp_huge_get_and_clear(mm, addr, pmdp) ptep_get_and_clear(mm, addr, pmdp)
#define update_mmu_cache(vma, addr, ptep)       ((void)(vma), (void)(addr), (void)(ptep))
#define arch_enter_lazy_mmu_mode()              ((void)0)
#define arch_leave_lazy_mmu_mode()              ((void)0)
#define set_pte_at(mm, addr, ptep, pte)         ((void)(mm), (void)(addr), oc_entry_set((ptep), (pte)))
#define pte_clear(mm, addr, ptep)               set_pte_at(mm, addr, ptep, __pte(0))
#define ptep_get_and_clear(mm, addr, ptep)      ((void)(mm), (void)(addr), oc_entry_xchg((ptep), __pte(0)))
#define ptep_set_wrprotect(mm, addr, ptep)                                                                   \
	((void)(mm), (void)(addr), (void)oc_entry_update((ptep), oct_pte_wrprotect))
/* Between start and commit hardware finds nothing here, so no bit that it sets is lost. */
#define ptep_modify_prot_start(vma, addr, ptep) ptep_get_and_clear((vma)->vm_mm, addr, ptep)
#define ptep_modify_prot_commit(vma, addr, ptep, old, pte)                                                   \
	((void)(old), set_pte_at((vma)->vm_mm, addr, ptep, pte))

#define ptep_get_and_clear_full(mm, addr, ptep, full) ((void)(full), ptep_get_and_clear(mm, addr, ptep))

static inline void set_ptes(struct oct_mm *mm, unsigned long addr, pte_t *ptep, pte_t pte, unsigned nr)
{
	for (; nr--; ptep++, addr += PAGE_SIZE) {
		set_pte_at(mm, addr, ptep, pte);
		pte += (pte_t)(pfn_pte(1, OCT_READ) - pfn_pte(0, OCT_READ));
	}
}

static inline void wrprotect_ptes(struct oct_mm *mm, unsigned long addr, pte_t *ptep, unsigned nr)
{
	for (; nr--; ptep++, addr += PAGE_SIZE)
		ptep_set_wrprotect(mm, addr, ptep);
}

static inline void clear_full_ptes(struct oct_mm *mm, unsigned long addr, pte_t *ptep, unsigned nr, int full)
{
	for (; nr--; ptep++, addr += PAGE_SIZE)
		(void)ptep_get_and_clear_full(mm, addr, ptep, full);
}

/* The first entry, with accessed and dirty of all. */
static inline pte_t get_and_clear_full_ptes(struct oct_mm *mm, unsigned long addr, pte_t *ptep, unsigned nr,
                                            int full)
{
	pte_t first = ptep_get_and_clear_full(mm, addr, ptep, full);

	while (--nr) {
		pte_t next = ptep_get_and_clear_full(mm, addr += PAGE_SIZE, ++ptep, full);

		if (pte_dirty(next))
			first = pte_mkdirty(first);
		if (pte_young(next))
			first = pte_mkyoung(first);
	}
	return first;
}

static inline bool ptep_test_and_clear_young(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep)
{
	(void)vma;
	(void)addr;
	return pte_young(oc_entry_update(ptep, oct_pte_mkold));
}

/* ---- Tables and their locks --------------------------------------------------------------------- */
/* The lock of a leaf table stands beside the entry that links it. */
static inline spinlock_t *pte_lockptr(struct oct_mm *mm, pmd_t *pmd)
{
	(void)mm;
	return (spinlock_t *)(void *)((char *)pmd + PAGE_SIZE);
}

/* The entry of addr in the table that *pmd links now, NULL for none. No lock. */
static inline pte_t *pte_offset_map(pmd_t *pmd, unsigned long addr)
{
	pmd_t value = pmdp_get_lockless(pmd);

	if (!oct_pte_is_table(value, 1))
		return NULL;
	return (pte_t *)oct_port_phys_to_virt(oct_pte_phys(value)) + oct_table_index(addr, 0);
}
#define pte_offset_kernel(pmd, addr) pte_offset_map((pmd), (addr))
#define pte_unmap(pte)               ((void)(pte))

static inline pte_t *pte_offset_map_lock(struct oct_mm *mm, pmd_t *pmd, unsigned long addr, spinlock_t **ptlp)
{
	spinlock_t *ptl = pte_lockptr(mm, pmd);
	pte_t *pte;

	spin_lock(ptl);
	pte = pte_offset_map(pmd, addr);
	if (!pte)
		spin_unlock(ptl);
	*ptlp = ptl;
	return pte;
}

static inline void pte_unmap_unlock(pte_t *pte, spinlock_t *ptl)
{
	pte_unmap(pte);
	spin_unlock(ptl);
}

static spinlock_t linux_page_table_lock __attribute__((unused));

static inline spinlock_t *pmd_lock(struct oct_mm *mm, pmd_t *pmd)
{
	(void)mm;
	(void)pmd;
	spin_lock(&linux_page_table_lock);
	return &linux_page_table_lock;
}

/* A leaf table: the page that a pmd links. */
typedef oct_phys_t pgtable_t;
#define pmd_pgtable(pmd)              ((pgtable_t)oct_pte_phys(pmd))
#define pmd_populate(mm, pmdp, table) oc_entry_set((pmdp), oct_pte_make_table((table), 1, false))
#define pte_alloc_one(mm)             ((void)(mm), oct_port_page_alloc(0, OCT_USE_TABLE))
#define pte_free(mm, table)           ((void)(mm), oct_port_page_free((table), 0, OCT_USE_TABLE))

/* Freed after a grace period. */
static inline void pte_free_defer(struct oct_mm *mm, pgtable_t table)
{
	synchronize_rcu();
	pte_free(mm, table);
}

/* ---- Flushes -------------------------------------------------------------------------------- */
/* Entry stores before it are seen by every walk after it, on every CPU; walk caches included where
 * all levels are named. arm64: dsb, tlbi, dsb; x86-64: interrupts and waits for them. */
static inline void linux_flush(struct oct_mm *mm, unsigned long start, unsigned long pages, unsigned level)
{
	oc_dsb();
	oc_tlbi(mm, start, pages, OC_BROADCAST, level);
	oc_dsb();
}
#define flush_tlb_page(vma, addr) linux_flush((vma)->vm_mm, (addr)&PAGE_MASK, 1, OC_LEAF)
#define flush_tlb_range(vma, start, end)                                                                     \
	linux_flush((vma)->vm_mm, (start), ((end) - (start)) >> PAGE_SHIFT, OC_ALL_LEVELS)
#define flush_tlb_mm(mm) linux_flush((mm), 0, 0, OC_ALL_LEVELS)

/* A fault that finds the entry as it should be: this CPU's TLB may hold an older one. */
#define flush_tlb_fix_spurious_fault(vma, addr, ptep)                                                        \
	((void)(ptep), oc_tlbi((vma)->vm_mm, (addr)&PAGE_MASK, 1, OC_LOCAL, OC_LEAF), oc_dsb())

static inline pte_t ptep_clear_flush(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep)
{
	pte_t old = ptep_get_and_clear(vma->vm_mm, addr, ptep);

	flush_tlb_page(vma, addr);
	return old;
}

static inline bool ptep_clear_flush_young(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep)
{
	bool young = ptep_test_and_clear_young(vma, addr, ptep);

	if (young)
		flush_tlb_page(vma, addr);
	return young;
}

/* Rights gained, accessed or dirty: the page stays. */
static inline int ptep_set_access_flags(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep,
                                        pte_t entry, int dirty)
{
	bool changed = !pte_same(ptep_get(ptep), entry);

	(void)dirty;
	if (changed) {
		set_pte_at(vma->vm_mm, addr, ptep, entry);
		flush_tlb_fix_spurious_fault(vma, addr, ptep);
	}
	return changed;
}

static inline pmd_t pmdp_collapse_flush(struct vm_area_struct *vma, unsigned long addr, pmd_t *pmdp)
{
	pmd_t old = oc_entry_xchg(pmdp, 0);

	linux_flush(vma->vm_mm, addr & ~(OCT_TABLE_ENTRIES * PAGE_SIZE - 1), OCT_TABLE_ENTRIES,
	            OC_ALL_LEVELS);
	return old;
}

static atomic_t linux_tlb_flush_pending __attribute__((unused));
/* The page-table lock orders it against who looks under that lock; completion orders the drop. */
#define inc_tlb_flush_pending(mm) ((void)(mm), atomic_inc(&linux_tlb_flush_pending))
#define dec_tlb_flush_pending(mm) ((void)(mm), atomic_dec(&linux_tlb_flush_pending))
#define mm_tlb_flush_pending(mm)  ((void)(mm), atomic_read(&linux_tlb_flush_pending) > 0)
#define mm_tlb_flush_nested(mm)   ((void)(mm), atomic_read(&linux_tlb_flush_pending) > 1)

static seqcount_t linux_write_protect_seq __attribute__((unused)); /* mm->write_protect_seq */

/* ---- Gathers ---------------------------------------------------------------------------------- */
/* A gather flushes what was added to it, and nothing if nothing was; pages wait in it until then. It is full
 * after two, so that a small scenario sees one that fills up. */
enum { MMU_GATHER_PAGES = 2 };

struct mmu_gather {
	struct oct_mm *mm;
	unsigned long start, end;
	bool fullmm, freed_tables;
	unsigned nr;
	struct page *pages[MMU_GATHER_PAGES];
};

static inline void linux_gather_reset(struct mmu_gather *tlb)
{
	tlb->start = ~0ul;
	tlb->end = 0;
	tlb->freed_tables = false;
}

static inline void tlb_gather_mmu(struct mmu_gather *tlb, struct oct_mm *mm)
{
	tlb->mm = mm;
	tlb->fullmm = false;
	tlb->nr = 0;
	linux_gather_reset(tlb);
	inc_tlb_flush_pending(mm);
}

static inline void tlb_gather_mmu_fullmm(struct mmu_gather *tlb, struct oct_mm *mm)
{
	tlb_gather_mmu(tlb, mm);
	tlb->fullmm = true;
}

static inline void tlb_flush_pte_range(struct mmu_gather *tlb, unsigned long addr, unsigned long size)
{
	if (addr < tlb->start)
		tlb->start = addr;
	if (addr + size > tlb->end)
		tlb->end = addr + size;
}
#define tlb_flush_pmd_range(tlb, addr, size)  tlb_flush_pte_range(tlb, addr, size)
#define tlb_remove_tlb_entry(tlb, ptep, addr) ((void)(ptep), tlb_flush_pte_range((tlb), (addr), PAGE_SIZE))

static inline void tlb_flush_mmu_tlbonly(struct mmu_gather *tlb)
{
	if (!tlb->end)
		return;
	if (tlb->fullmm)
		flush_tlb_mm(tlb->mm);
	else
		linux_flush(tlb->mm, tlb->start, (tlb->end - tlb->start) >> PAGE_SHIFT,
		            tlb->freed_tables ? OC_ALL_LEVELS : OC_LEAF);
	linux_gather_reset(tlb);
}

static inline void tlb_flush_mmu(struct mmu_gather *tlb)
{
	tlb_flush_mmu_tlbonly(tlb);
	while (tlb->nr)
		put_page(tlb->pages[--tlb->nr]);
}

/* True: it is full, the caller flushes. */
static inline bool __tlb_remove_page(struct mmu_gather *tlb, struct page *page)
{
	tlb->pages[tlb->nr++] = page;
	return tlb->nr == MMU_GATHER_PAGES;
}

static inline void tlb_remove_page(struct mmu_gather *tlb, struct page *page)
{
	if (__tlb_remove_page(tlb, page))
		tlb_flush_mmu(tlb);
}

/* A table that is linked no more: flushed with its walk caches, freed after a grace period. */
static inline void pte_free_tlb(struct mmu_gather *tlb, pgtable_t table, unsigned long addr)
{
	tlb_flush_pte_range(tlb, addr, PAGE_SIZE);
	tlb->freed_tables = true;
	tlb_flush_mmu_tlbonly(tlb);
	pte_free_defer(tlb->mm, table);
}

static inline void tlb_finish_mmu(struct mmu_gather *tlb)
{
	if (mm_tlb_flush_nested(tlb->mm)) { /* another's entries may look done to us */
		tlb->fullmm = tlb->freed_tables = true;
		tlb_flush_pte_range(tlb, 0, PAGE_SIZE);
	}
	tlb_flush_mmu(tlb);
	dec_tlb_flush_pending(tlb->mm);
}

/* ---- Batched unmap ------------------------------------------------------------------------------ */
/* Reclaim clears entries, leaves the flush for later, and says so; one batch for each CPU. */
static struct {
	struct oct_mm *mm;
} linux_ubc[OCT_MAX_CPUS] __attribute__((unused));
static atomic_t linux_tlb_flush_batched __attribute__((unused));

static inline void set_tlb_ubc_flush_pending(struct oct_mm *mm)
{
	linux_ubc[oct_port_cpu_self()].mm = mm;
	atomic_set(&linux_tlb_flush_batched, 1);
}

static inline void try_to_unmap_flush(void)
{
	struct oct_mm *mm = linux_ubc[oct_port_cpu_self()].mm;

	if (mm)
		flush_tlb_mm(mm);
	linux_ubc[oct_port_cpu_self()].mm = NULL;
}

/* Under the page-table lock, before relying on an entry that looks done. */
static inline void flush_tlb_batched_pending(struct oct_mm *mm)
{
	if (!atomic_read(&linux_tlb_flush_batched))
		return;
	flush_tlb_mm(mm);
	atomic_set(&linux_tlb_flush_batched, 0);
}

/* ---- Notifiers ------------------------------------------------------------------------------------ */
/* A secondary MMU says what to call; the scenario registers it in setup. */
struct mmu_notifier_range {
	struct oct_mm *mm;
	unsigned long start, end;
	unsigned event, flags;
};
struct mmu_notifier;
struct mmu_notifier_ops {
	int (*invalidate_range_start)(struct mmu_notifier *mn, const struct mmu_notifier_range *range);
	void (*invalidate_range_end)(struct mmu_notifier *mn, const struct mmu_notifier_range *range);
	void (*arch_invalidate_secondary_tlbs)(struct mmu_notifier *mn, struct oct_mm *mm,
	                                       unsigned long start, unsigned long end);
};
struct mmu_notifier {
	const struct mmu_notifier_ops *ops;
};
static struct mmu_notifier *linux_notifier __attribute__((unused)); /* one for each scenario */
enum { MMU_NOTIFY_UNMAP, MMU_NOTIFY_CLEAR, MMU_NOTIFY_PROTECTION_VMA, MMU_NOTIFY_SOFT_DIRTY };

#define mmu_notifier_register(mn, mm) ((void)(mm), linux_notifier = (mn), 0)

static inline void mmu_notifier_range_init(struct mmu_notifier_range *range, unsigned event, unsigned flags,
                                           struct oct_mm *mm, unsigned long start, unsigned long end)
{
	range->mm = mm;
	range->start = start;
	range->end = end;
	range->event = event;
	range->flags = flags;
}

static inline void mmu_notifier_invalidate_range_start(struct mmu_notifier_range *range)
{
	if (linux_notifier && linux_notifier->ops->invalidate_range_start)
		linux_notifier->ops->invalidate_range_start(linux_notifier, range);
}

static inline void mmu_notifier_arch_invalidate_secondary_tlbs(struct oct_mm *mm, unsigned long start,
                                                               unsigned long end)
{
	if (linux_notifier && linux_notifier->ops->arch_invalidate_secondary_tlbs)
		linux_notifier->ops->arch_invalidate_secondary_tlbs(linux_notifier, mm, start, end);
}

static inline void mmu_notifier_invalidate_range_only_end(struct mmu_notifier_range *range)
{
	if (linux_notifier && linux_notifier->ops->invalidate_range_end)
		linux_notifier->ops->invalidate_range_end(linux_notifier, range);
}

static inline void mmu_notifier_invalidate_range_end(struct mmu_notifier_range *range)
{
	mmu_notifier_arch_invalidate_secondary_tlbs(range->mm, range->start, range->end);
	mmu_notifier_invalidate_range_only_end(range);
}

static inline pte_t ptep_clear_flush_notify(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep)
{
	pte_t old = ptep_clear_flush(vma, addr, ptep);

	mmu_notifier_arch_invalidate_secondary_tlbs(vma->vm_mm, addr & PAGE_MASK,
	                                            (addr & PAGE_MASK) + PAGE_SIZE);
	return old;
}

/* ---- Interrupts to every CPU that walks tables without locks ----------------------------------------- */
static inline void linux_no_work(void)
{
}

static inline void tlb_remove_table_sync_one(void)
{
	unsigned cpus = oct_port_current()->space.system->cpus;

	for (unsigned cpu = 0; cpu < cpus; cpu++)
		if (cpu != oct_port_cpu_self())
			oc_ipi(cpu, linux_no_work);
}

#endif
