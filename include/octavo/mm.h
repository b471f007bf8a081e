/* mm.h: address spaces. SPDX-License-Identifier: MIT
 *
 * An address space is a struct oct_mm that the caller owns: tables and flush state (its first
 * member), a lock, and areas. Grouped by what is operated on: the space, ranges of it, one
 * address, one entry.
 *
 * Unless a function says otherwise: it may sleep (it takes the lock of the space), is called with
 * interrupts on and no page-table lock held; addresses and sizes are in bytes; a range is
 * half-open, page-aligned, not empty, and lies inside [OCT_USER_START, space.last + 1), else
 * -OCT_EINVAL and nothing has changed. "Complete" below means: when the call has returned no CPU
 * uses an old right any more, not through a TLB, not through a walk cache (I4). */
#ifndef OCTAVO_MM_H
#define OCTAVO_MM_H

#include <octavo/types.h>
#include <octavo/pte.h>
#include <octavo/table.h>
#include <octavo/tlb.h>
#include <octavo/lock.h>
#include <octavo/vma.h>
#include <octavo/folio.h>
#include <octavo/anon.h>

#ifdef __cplusplus
extern "C" {
#endif

struct oct_mm {
	struct oct_space space;    /* first: tables, generations, who runs it; src/table and src/tlb */
	struct oct_rwlock lock;    /* 1 in docs/LOCKING.md */
	struct oct_vma_tree areas; /* guarded by lock */
	unsigned policy;           /* enum oct_mm_policy, guarded by lock */
	bool large;                /* large folios were welcome somewhere, guarded by lock */
	bool told;                 /* there are notifiers, guarded by lock */
	size_t stack_bytes;        /* guarded by lock: how large an area that grows down may get */
	oct_phys_t zero_page;      /* the system's, for ever */
	struct oct_kin kin;        /* where its private pages are found again */
	uint32_t uffd_wakes;       /* atomic: calls of oct_uffd_wake (userfault.h) */
	/* Atomic; who hears of changes before they are made (notify.h). */
	struct oct_notifier *notifiers;
};

/* What the host wants of a space (oct_mm_set_policy). */
enum oct_mm_policy {
	OCT_MM_NO_WRITE_EXEC = 1, /* W^X: mmap and mprotect that ask for both get -OCT_EACCES */
	OCT_MM_TOP_DOWN = 2,      /* mmap and mremap choose the highest gap instead of the lowest */
	OCT_MM_LARGE_FOLIOS = 4,  /* large folios are welcome in every area that does not say NOHUGEPAGE */
};

/* The first page is never mapped: a null pointer faults. */
#define OCT_USER_START OCT_PAGE_SIZE

/* ---- A space -------------------------------------------------------------------------------- */

/* An empty space that no CPU runs, policy 0, stack_bytes OCT_STACK_BYTES. system: initialised, outlives
 * the space; the first space makes its zero page. Does not sleep.
 * 0; -OCT_ENOMEM when the root table or the zero page cannot be had: nothing to undo. */
int oct_mm_init(struct oct_mm *mm, struct oct_system *system);

/* The end of a space: every CPU that runs it leaves it first (oct_space_leave), then pages, tables and
 * areas are given back, pages through a ticket (R5). Cannot fail, allocates nothing. The caller
 * guarantees that no other call on mm runs or comes. On return mm is dead memory. */
void oct_mm_exit(struct oct_mm *mm);

/* The end of a program, as before another one is loaded: no area, no page and no table below the root is
 * left, the space can be used at once, and CPUs that run it go on. Policy and stack_bytes stay. Complete.
 * Cannot fail, allocates nothing. */
void oct_mm_reset(struct oct_mm *mm);

/* Change the policy of mm to policy, 0 or enum oct_mm_policy or-ed. Areas that are there stay as they
 * are. 0; -OCT_EINVAL. */
int oct_mm_set_policy(struct oct_mm *mm, unsigned policy);

/* Run mm (NULL: no space, kernel half only) on this CPU from now on. Preemption off; interrupts may
 * be on or off; does not sleep, takes no lock of the space. */
void oct_mm_switch(struct oct_system *system, struct oct_mm *mm);

/* Make child, which oct_mm_init made and nobody else knows, a copy of parent: the same areas; private
 * pages shared and write-protected in both until one of them writes; shared pages shared. Userfault
 * modes and write-protection are the parent's alone: the child has none. Policy and stack_bytes are copied.
 * Write rights taken in the parent are complete (R4: else a sibling thread could store into the shared page
 * after fork). 0; -OCT_ENOMEM: the child is as before, the parent has lost nothing (some of its pages may be
 * write-protected until the next store to each); -OCT_EINVAL: the child is not empty or is parent,
 * or is in a registry of pages (anon.h) that the parent is not in. It is in the parent's afterwards. */
int oct_fork(struct oct_mm *child, struct oct_mm *parent);

/* ---- Ranges of a space ---------------------------------------------------------------------- */

/* New anonymous memory, zero-filled. addr: where; 0: in a gap, the lowest or by policy the highest. bytes:
 * rounded up to pages, not 0. prot: OCT_READ | OCT_WRITE | OCT_EXEC or 0. flags: enum oct_map_flag (vma.h).
 * Joins equal neighbours. On success *result is the address. What OCT_MAP_FIXED replaces is unmapped as
 * oct_munmap does it: complete.
 * OCT_MAP_POPULATE takes the lock a second time, for reading: another call may come between, and then
 * only what is still mapped gets pages. Memory that does not suffice for it is no error: the rest comes by
 * faults.
 * 0; -OCT_EINVAL: bad address, size, protection or flags; -OCT_EACCES: the policy forbids prot; -OCT_EEXIST:
 * something is mapped there and OCT_MAP_FIXED is not given; -OCT_ENOMEM: no memory or no gap. On error
 * nothing has changed. */
int oct_mmap(struct oct_mm *mm, uintptr_t addr, size_t bytes, unsigned prot, unsigned flags,
             uintptr_t *result);

/* Remove [addr, addr + bytes) (rounded up to pages); holes are no error. Complete: the range can
 * be mapped again at once. Pages and emptied tables go through the ticket.
 * 0; -OCT_EINVAL; -OCT_ENOMEM only where an area is cut in its middle: nothing has changed. */
int oct_munmap(struct oct_mm *mm, uintptr_t addr, size_t bytes);

/* Give [addr, addr + bytes) (rounded up to pages) the protection prot. Rights taken away are complete;
 * rights gained may cost each page one fault. 0; -OCT_EINVAL; -OCT_EACCES: the policy forbids prot;
 * -OCT_ENOMEM: a part of the range is not mapped, or an area is cut and there is no memory: nothing has
 * changed then. */
int oct_mprotect(struct oct_mm *mm, uintptr_t addr, size_t bytes, unsigned prot);

enum oct_mremap_flag {
	OCT_MREMAP_MAYMOVE = 1, /* where it cannot grow in place, to a gap as oct_mmap chooses it */
	OCT_MREMAP_FIXED = 2,   /* to new_addr, in place of whatever is there; needs MAYMOVE */
};

/* Make the mapping [addr, addr + bytes) new_bytes long (both rounded up to pages, not 0), elsewhere if it
 * must or shall be (OCT_MREMAP_FIXED: at new_addr). It lies in one area; it may be a part of it. Entries
 * move, pages are never copied: contents, rights, dirty, soft-dirty and userfault write-protection go
 * along. Tables that the move covers whole move whole. What is cut off, replaced or left
 * behind is complete, and no address shows a page of both its old and its new place to any call that could
 * free it: each lock section flushes what it moved before it drops either page-table lock (races 1,
 * CVE-2018-18281; what a table that moves leaves in walk caches is gone before the table is linked again).
 * The new part of a grown mapping is zeros; of a shared one it is populated at once.
 * On success *result is the address. 0; -OCT_EINVAL: bad address, size or flags, or old and new ranges
 * overlap with OCT_MREMAP_FIXED, or what grows is shared and would replace something; -OCT_EFAULT: not one area;
 * -OCT_ENOMEM: it cannot grow there and MAYMOVE is not given, no gap, or no memory. On error nothing has
 * changed. */
int oct_mremap(struct oct_mm *mm, uintptr_t addr, size_t bytes, size_t new_bytes, unsigned flags,
               uintptr_t new_addr, uintptr_t *result);

/* Forget the contents of [start, end): the next access finds zeros. Private areas only; holes are
 * no error. Complete, also for entries that another call has cleared but not yet flushed
 * (races 5). Takes the lock for reading: runs beside faults. 0; -OCT_EINVAL, also for a shared area. */
int oct_madvise_dontneed(struct oct_mm *mm, uintptr_t start, uintptr_t end);

enum oct_advice {
	OCT_MADV_DONTNEED,       /* oct_madvise_dontneed */
	OCT_MADV_FREE,           /* the contents are not needed until the next store to each page */
	OCT_MADV_POPULATE_READ,  /* make every page present, as if it was read */
	OCT_MADV_POPULATE_WRITE, /* as if it was written, with what it contains */
	OCT_MADV_HUGEPAGE,       /* large folios are welcome here */
	OCT_MADV_NOHUGEPAGE,     /* they are not */
	OCT_MADV_NORMAL,         /* neither: as the area was made */
};

/* Say how [start, end) will be used: advice.
 * FREE: from now until the next store to a page, a load finds its contents or zeros, whichever suits who
 * reclaims memory: entries become clean, complete on return, and folios that no other entry maps are marked
 * OCT_FOLIO_LAZYFREE. A store, before or after it is reclaimed, ends that for its page. Private anonymous
 * areas only, else -OCT_EINVAL; holes are no error. Takes the lock for reading. POPULATE: one fault after
 * another, each with the lock for reading, so a call that unmaps may come between: -OCT_ENOMEM where nothing
 * is mapped or no page is to be had, -OCT_EACCES where the area does not grant the access, -OCT_EBUSY where
 * it is a userfault event; what came before it stays. HUGEPAGE, NOHUGEPAGE, NORMAL: a flag of the areas
 * (OCT_VMA_HUGE, OCT_VMA_NOHUGE). Take the lock for writing. -OCT_ENOMEM: a part is not mapped, or an area is
 * cut and there is no memory: nothing has changed. 0; -OCT_EINVAL. */
int oct_madvise(struct oct_mm *mm, uintptr_t start, uintptr_t end, enum oct_advice advice);

/* Start to watch [start, end) for stores: clears soft-dirty of present pages and write-protects them,
 * so that a store sets it again. Complete: a store after the return is seen. Takes the lock for
 * reading. Source: what a checkpoint tool asks of clear_refs. 0; -OCT_EINVAL. */
int oct_clear_refs(struct oct_mm *mm, uintptr_t start, uintptr_t end);

/* Map an existing page at va, page-aligned, inside an area that shows no object, and not mapped yet,
 * and take a reference of folio for the entry. prot: not more than the area's. The entry is young, and
 * dirty if writable: a private page that has other references is mapped so all the same (the caller
 * says it may be).
 * 0; -OCT_EINVAL; -OCT_EEXIST: a page is mapped there; -OCT_ENOMEM: no table. Nothing changed then. */
int oct_mm_map_folio(struct oct_mm *mm, uintptr_t va, struct oct_folio *folio, unsigned prot);

/* ---- One address: faults -------------------------------------------------------------------- */

enum oct_fault_result {
	OCT_FAULT_DONE,   /* the access can be made again and will find its translation */
	OCT_FAULT_RETRY,  /* the entry is in the hands of somebody else for a moment: access again */
	OCT_FAULT_EVENT,  /* for the userfault handler (userfault.h): nothing has changed */
	OCT_FAULT_SIGNAL, /* no area there, or its protection forbids the access */
};

/* The access access (one of OCT_READ, OCT_WRITE, OCT_EXEC) to addr (any byte) faulted on this CPU.
 * Fills with zeros, copies on write or reuses, sets young and dirty where the hardware does not, and
 * drops the stale entry of this CPU where the fault did not (R1). Where large folios are welcome a store to
 * private anonymous memory fills its whole block of OCT_FOLIO_PAGES, as if each page of it was stored to, if
 * the block lies in the area, is empty, and there is memory for it. A load from private memory that has no
 * page yet maps the zero page, which no entry counts and nobody frees; the first store gets a page of its
 * own. Below an area that grows down the area is made to reach addr, if it stays within stack_bytes and
 * leaves OCT_STACK_GUARD_PAGES to the area below. Takes the lock for reading; to grow, for writing. An enum
 * oct_fault_result; or -OCT_ENOMEM, or -OCT_EIO where contents could not be read: nothing has changed. */
int oct_fault(struct oct_mm *mm, uintptr_t addr, unsigned access);

/* ---- One entry ------------------------------------------------------------------------------ */

/* The leaf entry of va with its page-table lock held, NULL (nothing locked) if there is no leaf
 * table. For inspection, scenarios and tests: a change through this pointer carries no ticket.
 * The caller keeps the space's areas stable (its lock, or nobody unmaps). Does not sleep. oct_pte_unlock
 * takes the pte that oct_pte_lock returned, on the same CPU. */
oct_pte_t *oct_pte_lock(struct oct_mm *mm, uintptr_t va);
void oct_pte_unlock(struct oct_mm *mm, oct_pte_t *pte);

#ifdef __cplusplus
}
#endif
#endif
