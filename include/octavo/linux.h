/* linux.h: Linux's names over check.h, for pseudo-code out of a mail. SPDX-License-Identifier: MIT
 *
 * Include it instead of check.h, paste, add a setup and OC_SCENARIO, run `octavo check my.c`.
 * docs/SCENARIOS.md works one example through. What differs from Linux:
 *   - a space is struct oct_mm; faults are handled by the core under mmap_lock for reading
 *   - ptl is opaque: take it with pte_offset_map_lock(), drop it with pte_unmap_unlock()
 *   - tlb_flush_pending is one counter per scenario; the core's fault handler does not read it
 *   - value-returning atomics are ordered fully (a fence on either side), the others not at all,
 *     as Linux defines them; spinlocks acquire and release
 *   - page-table entries are entry events: no READ_ONCE on them, use ptep_get() and set_pte_at() */
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

#define mm_struct             oct_mm
#define mmap_lock             lock
#define down_read(semaphore)  oct_rwlock_read_lock(semaphore)
#define up_read(semaphore)    oct_rwlock_read_unlock(semaphore)
#define down_write(semaphore) oct_rwlock_write_lock(semaphore)
#define up_write(semaphore)   oct_rwlock_write_unlock(semaphore)
#define mmap_read_lock(mm)    down_read(&(mm)->lock)
#define mmap_read_unlock(mm)  up_read(&(mm)->lock)
#define mmap_write_lock(mm)   down_write(&(mm)->lock)
#define mmap_write_unlock(mm) up_write(&(mm)->lock)

/* ---- Entries -------------------------------------------------------------------------------- */
typedef oct_pte_t pte_t;
typedef oct_pte_t pmd_t;

struct vm_area_struct {
	struct oct_mm *vm_mm;
	unsigned long vm_start, vm_end;
};

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

#define pmd_off(mm, addr)                  oc_pte_at((mm), (addr), 1)
#define ptep_get(ptep)                     oc_entry_get(ptep)
#define set_pte_at(mm, addr, ptep, pte)    ((void)(mm), (void)(addr), oc_entry_set((ptep), (pte)))
#define pte_clear(mm, addr, ptep)          set_pte_at(mm, addr, ptep, __pte(0))
#define ptep_get_and_clear(mm, addr, ptep) ((void)(mm), (void)(addr), oc_entry_xchg((ptep), __pte(0)))
#define ptep_set_wrprotect(mm, addr, ptep)                                                                   \
	((void)(mm), (void)(addr), (void)oc_entry_update((ptep), oct_pte_wrprotect))
/* Between start and commit hardware finds nothing here, so no bit that it sets is lost. */
#define ptep_modify_prot_start(vma, addr, ptep) ptep_get_and_clear((vma)->vm_mm, addr, ptep)
#define ptep_modify_prot_commit(vma, addr, ptep, old, pte)                                                   \
	((void)(old), set_pte_at((vma)->vm_mm, addr, ptep, pte))

/* The entry of addr with its table locked; the opaque ptl remembers the space. */
static inline pte_t *pte_offset_map_lock(struct oct_mm *mm, pmd_t *pmd, unsigned long addr, spinlock_t **ptlp)
{
	(void)pmd;
	*ptlp = (spinlock_t *)(void *)mm;
	return oct_pte_lock(mm, addr);
}

static inline void pte_unmap_unlock(pte_t *pte, spinlock_t *ptl)
{
	oct_pte_unlock((struct oct_mm *)(void *)ptl, pte);
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

static inline pte_t ptep_clear_flush(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep)
{
	pte_t old = ptep_get_and_clear(vma->vm_mm, addr, ptep);

	flush_tlb_page(vma, addr);
	return old;
}

static atomic_t linux_tlb_flush_pending __attribute__((unused));
#define inc_tlb_flush_pending(mm) ((void)(mm), atomic_inc(&linux_tlb_flush_pending))
#define dec_tlb_flush_pending(mm) ((void)(mm), atomic_dec(&linux_tlb_flush_pending))
#define mm_tlb_flush_pending(mm)  ((void)(mm), atomic_read(&linux_tlb_flush_pending) > 0)
#define mm_tlb_flush_nested(mm)   ((void)(mm), atomic_read(&linux_tlb_flush_pending) > 1)

/* A gather flushes what was added to it, and nothing if nothing was. */
struct mmu_gather {
	struct oct_mm *mm;
	unsigned long start, end;
};

static inline void tlb_gather_mmu(struct mmu_gather *tlb, struct oct_mm *mm)
{
	tlb->mm = mm;
	tlb->start = ~0ul;
	tlb->end = 0;
	inc_tlb_flush_pending(mm);
}

static inline void tlb_remove_tlb_entry(struct mmu_gather *tlb, pte_t *ptep, unsigned long addr)
{
	(void)ptep;
	if (addr < tlb->start)
		tlb->start = addr;
	if (addr + PAGE_SIZE > tlb->end)
		tlb->end = addr + PAGE_SIZE;
}

static inline void tlb_finish_mmu(struct mmu_gather *tlb)
{
	if (mm_tlb_flush_nested(tlb->mm))
		flush_tlb_mm(tlb->mm);
	else if (tlb->end)
		linux_flush(tlb->mm, tlb->start, (tlb->end - tlb->start) >> PAGE_SHIFT, OC_ALL_LEVELS);
	dec_tlb_flush_pending(tlb->mm);
}

#endif
