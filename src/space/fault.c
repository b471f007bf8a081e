/* fault.c: page faults: zero-fill, copy-on-write, userfault events. SPDX-License-Identifier: MIT
 *
 * Who owns what
 *   areas        the lock of the space, held for reading during a fault: they do not change.
 *   an entry     its page-table lock, with one exception: hardware sets young and dirty at any time,
 *                so an entry is only ever replaced by an atomic exchange that judges what came back.
 *   a page       every entry that maps it holds a reference. Under the page-table lock a count of
 *                one means: this entry's, and nobody can take another meanwhile (folio.h).
 *
 * States of a leaf entry, and what a fault does to it
 *   none            nothing yet: a cleared page is installed, or for a load the zero page (zero_fill); in an
 *                   area that wants to be asked (MISSING, userfault.h) it is an event
 *   marker          likewise, and what comes is write-protected for userfault, so a store is an event; or its
 *                   contents are lost: a signal
 *   soft            its meaning knows what to do (struct oct_soft: swap); broken: somebody has taken the
 *                   entry away for a moment: retry
 *   present         resolve() gives what the access lacks and the area allows: rights, young, dirty
 *   present, uffd   a store is an event, before anything else is looked at; in an area that wants none
 *                   (OCT_VMA_WP_ASYNC) it goes on, and the protection goes with it
 *   present, no write right, private area
 *                   a store reuses the page if it is exclusive, else copies it; the zero page, which
 *                   everybody maps and nobody counts, is never exclusive and needs no copying
 *
 * Why no store is lost when a page is copied (I2), and two pages are never usable at one address (I11).
 * The entry read under the lock has no write right, but a CPU may still hold an older value of it that
 * had one: whoever took the right away (clear_refs, userfault, fork, mprotect) may not have
 * completed its flush yet. It left its generation as the table's stamp, under the lock that is now
 * held (R3). Joining it to the fault's ticket (R4) says whether the table is behind.
 *   Not behind: no CPU can store to the page through this entry, every store made before is in it, and
 *   nobody can get a right back, because that needs the lock. The page is copied while others read it.
 *   Behind: the flush that is missing is needed before the copy. The change itself needs one too:
 *   another page at the same address breaks first, that is, the exchange leaves a soft entry and its
 *   flush must be complete before the new entry is stored. So the break goes first, its flush
 *   completes both, and the page is copied when nobody reaches it through this entry.
 * Either way one flush, and the lock is held from the look at the entry to the last store to it, so
 * nothing has to be compared again (races 13, 14; E1, E2). Faults of others on this table wait.
 *
 * Why the old page is not reused too early (I1). Its reference goes to the ticket, which gives it up
 * after completion.
 *
 * Why the fault ends (I9). Each turn either changes the entry towards what the access needs, or finds
 * it good and removes the stale translation of this CPU where the fault itself does not. */
#include "fault.h"
#include <octavo/contpte.h>
#include <octavo/mapping.h>
#include <octavo/pin.h>
#include "../notify/notifier.h"
#include "../tlb/authority.h"

/* What resolve() is told beside the rights of the area (OCT_PROT_MASK). */
enum {
	RESOLVE_STORE = 8,  /* the access is a store: dirty and soft-dirty */
	RESOLVE_WRITE = 16, /* the write right may be given */
};

/* A present entry that lets the access through. */
static oct_pte_t resolve(oct_pte_t pte, unsigned long arg)
{
	unsigned prot = (unsigned)arg & OCT_PROT_MASK;

	if (!oct_pte_present(pte))
		return pte;
	if (arg & RESOLVE_STORE)
		pte = oct_pte_clear_uffd_wp(pte); /* still there where it is no event */
	if (!oct_pte_write(pte) && !(arg & RESOLVE_WRITE))
		prot &= ~(unsigned)OCT_WRITE;
	if (prot & ~oct_pte_prot(pte))
		pte = oct_pte_modify(pte, prot | oct_pte_prot(pte));
	pte = oct_pte_mkyoung(pte);
	if (arg & RESOLVE_STORE) {
		if (!oct_pte_dirty(pte))
			pte = oct_pte_mkdirty(pte);
		pte = oct_pte_mk_soft_dirty(pte);
	}
	return pte;
}

/* The entry of a fresh page: the write right only with a store, so that soft-dirty means something. */
oct_pte_t oct_fault_entry(const struct oct_fault_state *fault, const struct oct_folio *folio)
{
	unsigned prot = fault->store ? fault->prot : fault->prot & ~(unsigned)OCT_WRITE;
	oct_pte_t pte = oct_pte_mkyoung(oct_pte_make(folio->page, prot, OCT_NORMAL));

	if (fault->protect)
		pte = oct_pte_mk_uffd_wp(pte);
	return fault->store ? oct_pte_mk_soft_dirty(oct_pte_mkdirty(pte)) : pte;
}

/* Store the entry of a fresh page whose contents are in place. What others cleared of this table and did
 * not complete yet is completed in there (I11). */
void oct_fault_install(struct oct_fault_state *fault, const struct oct_folio *folio, oct_pte_t pte)
{
	(void)folio; /* NULL for memory without */
	if (oct_pte_exec(pte))
		oct_port_icache_sync(oct_pte_phys(pte), 0);
	oct_entry_install(&fault->guard, fault->guard.pte, fault->va, pte);
	/* What faulted may be cached as invalid: without this the access would fault once more. */
	if (OCT_FORMAT_CACHES_INVALID)
		oct_tlb_forget_local(&fault->mm->space, fault->va, false);
}

/* ---- Large folios ----------------------------------------------------------------------------- */

/* A glance, for the fault that wants one page: large folios may be welcome. */
static bool large_wanted(const struct oct_fault_state *fault)
{
	return OCT_FOLIO_ORDER > 0 &&
	       ((fault->vma->flags & OCT_VMA_HUGE) | (fault->mm->policy & OCT_MM_LARGE_FOLIOS)) != 0;
}

/* Does the area have the block of the page, and does it not forbid it? */
static bool large_fits(const struct oct_fault_state *fault)
{
	const struct oct_vma *vma = fault->vma;
	uintptr_t first = fault->va & ~(OCT_FOLIO_BYTES - 1);

	return !(vma->flags & OCT_VMA_NOHUGE) && first >= vma->start && vma->end - first >= OCT_FOLIO_BYTES;
}

/* A store where nothing is: cleared pages for the whole block, if it is empty. All of its entries count as
 * stored to, so that no fault follows. false: one page will do, nothing was changed. */
static __attribute__((noinline)) bool fill_block(struct oct_fault_state *fault)
{
	struct oct_pte_guard first = fault->guard;
	struct oct_folio *folio;
	oct_pte_t pte;

	if (!large_fits(fault))
		return false;
	first.va = fault->va & ~(OCT_FOLIO_BYTES - 1);
	first.pte -= (fault->va - first.va) >> OCT_PAGE_SHIFT;
	for (unsigned i = 0; i < OCT_FOLIO_PAGES; i++)
		if (!oct_pte_none(oct_load(first.pte + i, OCT_RLX))) /* under the lock */
			return false;
	folio = oct_folio_alloc_pages(OCT_FOLIO_ORDER, OCT_FOLIO_PAGES);
	if (!folio)
		return false;
	OCT_COVER("fault-large");
	oct_anon_born(fault->mm, fault->vma, first.va, folio);
	oct_port_page_clear(folio->page, OCT_FOLIO_ORDER);
	pte = oct_fault_entry(fault, folio);
	if (oct_pte_exec(pte))
		oct_port_icache_sync(folio->page, OCT_FOLIO_ORDER);
	oct_set_ptes(NULL, &first, pte, OCT_FOLIO_PAGES);
	if (OCT_FORMAT_CACHES_INVALID) /* as in oct_fault_install */
		oct_tlb_forget_local(&fault->mm->space, fault->va, false);
	return true;
}

/* ---- Single pages ------------------------------------------------------------------------------- */

/* Allocating under the page-table lock: it does not sleep, and no second look is needed. */
static int zero_fill(struct oct_fault_state *fault)
{
	struct oct_folio *folio;

	OCT_COVER("zero-fill");
	if (fault->kind == OCT_VMA_ANON && !fault->store && !fault->unshare) {
		OCT_COVER("zero-page");
		folio = oct_port_folio_of(fault->mm->zero_page);
	} else {
		if (large_wanted(fault) && fill_block(fault))
			return OCT_FAULT_DONE;
		folio = oct_folio_alloc();
		if (!folio)
			return -OCT_ENOMEM;
		if (fault->kind == OCT_VMA_ANON)
			oct_anon_born(fault->mm, fault->vma, fault->va, folio);
		oct_port_page_clear(folio->page, 0);
	}
	oct_fault_install(fault, folio, oct_fault_entry(fault, folio));
	return OCT_FAULT_DONE;
}

/* Young and dirty are all that a and b may differ in. */
static bool same_but_state(oct_pte_t a, oct_pte_t b)
{
	return oct_pte_mkclean(oct_pte_mkold(a)) == oct_pte_mkclean(oct_pte_mkold(b));
}

/* Let the access through a present entry. */
int oct_fault_resolve(struct oct_fault_state *fault, oct_pte_t pte, bool give_write)
{
	unsigned long arg =
	    fault->prot | (fault->store ? RESOLVE_STORE : 0) | (give_write ? RESOLVE_WRITE : 0);
	oct_pte_t old = pte, wanted = resolve(pte, arg);
	bool spurious = wanted == pte;

	if (OCT_FORMAT_CONT && fault->block && same_but_state(pte, wanted)) {
		/* What all entries of the block say together is not what a walker reads in one (races 44). */
		OCT_COVER("fault-block");
		spurious = !oct_ptep_set_access_flags(
		    &fault->guard, fault->store ? OCT_PTE_YOUNG | OCT_PTE_DIRTY : OCT_PTE_YOUNG);
	} else if (spurious) {
		OCT_COVER("spurious-fault");
	} else {
		if ((fault->prot & OCT_EXEC) && !oct_pte_exec(pte))
			oct_port_icache_sync(oct_pte_leaf_phys(pte, fault->guard.level),
			                     fault->guard.level * OCT_TABLE_SHIFT);
		if (oct_entry_update(&fault->ticket, &fault->guard, fault->guard.pte, fault->va, resolve, arg,
		                     &old) != OCT_FLUSH_NONE)
			oct_port_panic("resolving a fault took something away");
	}
#if OCT_FORMAT_FAULT_KEEPS
	/* The value that faulted may still be cached on this CPU, unless it was old: then no TLB
	 * keeps it. Other CPUs drop theirs by a spurious fault of their own. A TLB that keeps invalid
	 * entries may have no reason in this one at all, but in a table that was missing. */
	if (OCT_FORMAT_CACHES_INVALID || oct_pte_young(old))
		oct_tlb_forget_local(&fault->mm->space, fault->va, OCT_FORMAT_CACHES_INVALID && spurious);
#endif
	return OCT_FAULT_DONE;
}

/* A page that changes its frame and not its contents. */
static oct_pte_t keep_software_bits(oct_pte_t entry, oct_pte_t of)
{
	if (oct_pte_soft_dirty(of))
		entry = oct_pte_mk_soft_dirty(entry);
	return oct_pte_uffd_wp(of) ? oct_pte_mk_uffd_wp(entry) : entry;
}

/* Put folio in the place of the page that is mapped: break, flush, make. Then the entry of the old page is
 * gone from every TLB. copy: its contents are copied. */
static void replace_page(struct oct_fault_state *fault, oct_phys_t old_page, const struct oct_folio *folio,
                         bool copy)
{
	oct_pte_t entry = oct_fault_entry(fault, folio), old;
	bool behind = false;

	if (fault->unshare) /* of the zero page, too */
		entry = keep_software_bits(entry, oct_pte_get(&fault->guard));
	if (copy) {
		oct_ticket_join(&fault->ticket, &fault->guard); /* R4 */
		behind = fault->ticket.newest != 0;
		if (fault->unshare)
			behind |= oct_pte_write(oct_pte_get(&fault->guard));
		if (!behind) {
			OCT_RELIED(fault->guard.pte, fault->va);
			oct_port_page_copy(folio->page, old_page, 0);
		}
	}
	if (oct_entry_change(&fault->ticket, &fault->guard, fault->guard.pte, fault->va, entry, &old) !=
	    OCT_BREAK_FIRST)
		oct_port_panic("another page at an address did not break first");
	oct_ticket_flush(&fault->ticket, &fault->guard);
	if (behind) {
		OCT_COVER("rely-behind");
		oct_port_page_copy(folio->page, old_page, 0); /* I2: not before the flush */
	}
	oct_fault_install(fault, folio, entry);
}

/* A store to a present private page without the write right, or one that is to be pinned. */
static int copy_or_reuse(struct oct_fault_state *fault, oct_pte_t pte)
{
	bool zero = oct_mm_is_zero(fault->mm, pte);
	struct oct_folio *folio;

	if (!zero && oct_folio_exclusive_at(oct_folio_of(oct_pte_phys(pte)), &fault->guard)) {
		OCT_COVER("cow-reuse");
		return oct_fault_resolve(fault, pte, fault->store);
	}
	folio = oct_folio_alloc();
	if (!folio)
		return -OCT_ENOMEM;
	oct_anon_born(fault->mm, fault->vma, fault->va, folio);
	if (zero) {
		OCT_COVER("cow-zero");
		oct_port_page_clear(folio->page, 0);
	} else {
		OCT_COVER("cow-copy");
	}
	replace_page(fault, oct_pte_phys(pte), folio, !zero);
	if (!zero)
		oct_ticket_free_page(&fault->ticket, &fault->guard, oct_pte_phys(pte));
	return OCT_FAULT_DONE;
}

/* No page is here: what should be, by the kind of the area. */
static int fill(struct oct_fault_state *fault)
{
	switch (fault->kind) {
	case OCT_VMA_ANON:
	case OCT_VMA_SHARED:
		return zero_fill(fault);
	case OCT_VMA_FILE: /* by its mapping */
		break;
	}
	return OCT_FAULT_SIGNAL;
}

int oct_fault_vacant(struct oct_fault_state *fault, oct_pte_t pte)
{
	fault->protect = false;
	if (oct_pte_marked(pte, OCT_MARKER_POISON))
		return OCT_FAULT_SIGNAL;
	if (!oct_pte_marked(pte, OCT_MARKER_UFFD_WP) || !oct_vma_has_uffd(fault->vma, OCT_UFFD_WP))
		return OCT_FAULT_DONE;
	OCT_COVER("fault-marker");
	fault->event = OCT_UFFD_WP;
	if (fault->store) /* a missing protection says that the page was stored to */
		return fault->vma->flags & OCT_VMA_WP_ASYNC ? OCT_FAULT_DONE : OCT_FAULT_EVENT;
	fault->protect = true;
	return OCT_FAULT_DONE;
}

static int fault_empty(struct oct_fault_state *fault, oct_pte_t pte)
{
	int result = oct_fault_vacant(fault, pte);

	if (result != OCT_FAULT_SIGNAL && oct_fault_event(fault, OCT_UFFD_MISSING))
		return OCT_FAULT_EVENT;
	return result == OCT_FAULT_DONE ? fill(fault) : result;
}

/* A soft entry: a page in swap, or somebody has the page in hand. */
int oct_fault_soft(struct oct_fault_state *fault, oct_pte_t pte)
{
	const struct oct_soft *soft = fault->mm->space.soft;

	if (soft && oct_pte_soft_kind(pte) != OCT_SOFT_BROKEN)
		return soft->fault(fault, pte);
	OCT_COVER("fault-retry");
	return OCT_FAULT_RETRY;
}

int oct_fault_present(struct oct_fault_state *fault, oct_pte_t pte)
{
	if (fault->unshare && !(fault->vma->flags & OCT_MAP_SHARED)) {
		OCT_COVER("unshare");
		return copy_or_reuse(fault, pte);
	}
	if (!fault->store)
		return oct_fault_resolve(fault, pte, false);
	if (oct_fault_stopped(fault, pte))
		return OCT_FAULT_EVENT;
	if (fault->kind == OCT_VMA_SHARED || oct_pte_write(pte))
		return oct_fault_resolve(fault, pte, true);
	return copy_or_reuse(fault, pte);
}

/* The leaf entry is locked: which of the states above is it? */
static int fault_locked(struct oct_fault_state *fault)
{
	oct_pte_t pte = oct_fault_get(fault);

	if (oct_pte_vacant(pte))
		return fault_empty(fault, pte);
	if (!oct_pte_present(pte))
		return oct_fault_soft(fault, pte);
	return oct_fault_present(fault, pte);
}

int oct_fault_lock(struct oct_fault_state *fault)
{
	struct oct_space *space = &fault->mm->space;

	oct_ticket_init(&fault->ticket, space);
	oct_pte_lock_at(space, fault->va, &fault->guard);
	/* An empty table of an object's area may be retracted before it is locked. */
	while (fault->guard.level) {
		int result;

		if (oct_pte_present(fault->guard.upper))
			return OCT_FAULT_LARGE;
		oct_pte_guard_unlock(NULL, &fault->guard);
		result = oct_table_prepare(space, fault->va, fault->va + OCT_PAGE_SIZE);
		if (result && result != -OCT_EEXIST) /* a large leaf, meanwhile */
			return result;
		oct_pte_lock_at(space, fault->va, &fault->guard);
	}
	return 0;
}

void oct_fault_unlock(struct oct_fault_state *fault)
{
	oct_pte_guard_unlock(&fault->ticket, &fault->guard);
	oct_ticket_complete(&fault->ticket);
}

/* May the large leaf pte give the access what it lacks, as one? */
static bool resolves_whole(struct oct_fault_state *fault, oct_pte_t pte)
{
	const struct oct_vma *vma = fault->vma;
	uintptr_t bytes = oct_level_bytes(fault->guard.level), first = fault->va & ~(bytes - 1);

	if (first < vma->start || vma->end - first < bytes || fault->unshare)
		return false; /* another area has a part of it; a pin is of one page */
	if (fault->store && oct_pte_uffd_wp(pte))
		return false; /* the protection goes for the page that is stored to, and says which that was
		               */
	if (!fault->store || oct_pte_write(pte))
		return true;
	/* An object wants to know which page is stored to. */
	return fault->kind == OCT_VMA_ANON &&
	       oct_folio_exclusive_at(oct_folio_of(oct_pte_leaf_phys(pte, fault->guard.level)),
	                              &fault->guard);
}

OCT_SELDOM bool oct_fault_large(struct oct_fault_state *fault, int *result)
{
	oct_pte_t pte;

	if (*result != OCT_FAULT_LARGE)
		return true;
	pte = oct_pte_get(&fault->guard);
	if (fault->store && oct_fault_stopped(fault, pte)) {
		fault->event = OCT_UFFD_WP;
		*result = OCT_FAULT_EVENT;
	} else if (resolves_whole(fault, pte)) {
		OCT_COVER("fault-leaf");
		fault->block = false;
		*result = oct_fault_resolve(fault, pte, fault->store);
	} else {
		oct_guard_fit(&fault->guard, fault->va, fault->va + OCT_PAGE_SIZE);
		return false;
	}
	oct_fault_unlock(fault);
	return true;
}

static int fault_in_area(struct oct_fault_state *fault)
{
	int result;

	if (fault->kind == OCT_VMA_FILE)
		return fault->vma->mapping->fault(fault);
	result = oct_fault_lock(fault);
	if (result && oct_fault_large(fault, &result))
		return result;
	result = fault_locked(fault);
	oct_fault_unlock(fault);
	return result;
}

/* ---- Stacks --------------------------------------------------------------------------------- */

/* May vma, the lowest area above va, reach down to it? */
static bool may_grow(const struct oct_mm *mm, const struct oct_vma *vma, uintptr_t va, unsigned access)
{
	const uintptr_t guard = (uintptr_t)OCT_STACK_GUARD_PAGES << OCT_PAGE_SHIFT;
	const struct oct_vma *below;

	if (!vma || !(vma->flags & OCT_MAP_GROWSDOWN) || !(vma->prot & access) || va < OCT_USER_START ||
	    vma->end - va > mm->stack_bytes)
		return false;
	/* An area whose end lies above the guard's lower end is vma itself or in the way. */
	below = oct_vma_first(&mm->areas, va > guard ? va - guard : 0);
	return below == vma;
}

/* Areas change only under the lock held for writing, so what was seen without it is looked at again:
 * another fault may have grown the area meanwhile, another call taken its place. false: nothing is at va. */
static bool grow_down(struct oct_mm *mm, uintptr_t va, unsigned access)
{
	struct oct_vma *vma;
	bool there;

	oct_rwlock_write_lock(&mm->lock);
	vma = oct_vma_first(&mm->areas, va);
	there = vma && vma->start <= va;
	if (!there && may_grow(mm, vma, va, access)) {
		OCT_COVER("grow-down");
		oct_vma_resize(&mm->areas, vma, va, vma->end);
		there = true;
	}
	oct_rwlock_write_unlock(&mm->lock);
	return there;
}

/* ---- The call -------------------------------------------------------------------------------- */

/* The fault if an area is there. *grow: none is, but the one above might reach down. *event: as in
 * oct_uffd_fault; may be NULL. */
static int fault_once(struct oct_mm *mm, uintptr_t addr, unsigned access, bool unshare, bool *grow,
                      struct oct_uffd_event *event)
{
	const struct oct_vma *vma;
	struct oct_fault_state fault;
	struct oct_announced announced;
	int result = OCT_FAULT_SIGNAL;

	*grow = false;
	oct_rwlock_read_lock(&mm->lock);
	vma = oct_vma_first(&mm->areas, addr);
	if (vma && vma->start > addr) {
		*grow = may_grow(mm, vma, addr & OCT_PAGE_MASK, access);
	} else if (vma && (vma->prot & access)) {
		fault.mm = mm;
		fault.vma = vma;
		fault.va = addr & OCT_PAGE_MASK;
		fault.prot = vma->prot;
		fault.kind = oct_vma_kind(vma);
		fault.store = access == OCT_WRITE;
		fault.unshare = unshare;
		fault.protect = false;
		fault.event = OCT_UFFD_WP;
		announced.first = NULL;
		if (fault.store || unshare) /* another page may come in the place of this one */
			oct_announce(&announced, mm, fault.va, fault.va + OCT_PAGE_SIZE);
		result = fault_in_area(&fault);
		oct_announce_end(&announced);
		if (event && result == OCT_FAULT_EVENT)
			*event = (struct oct_uffd_event){fault.va, fault.event, access};
	}
	oct_rwlock_read_unlock(&mm->lock);
	return result;
}

int oct_uffd_fault(struct oct_mm *mm, uintptr_t addr, unsigned access, struct oct_uffd_event *event)
{
	bool grow;
	int result;

	if (access != OCT_READ && access != OCT_WRITE && access != OCT_EXEC)
		return -OCT_EINVAL;
	do
		result = fault_once(mm, addr, access, false, &grow, event);
	while (grow && grow_down(mm, addr & OCT_PAGE_MASK, access));
	return result;
}

int oct_fault(struct oct_mm *mm, uintptr_t addr, unsigned access)
{
	return oct_uffd_fault(mm, addr, access, NULL);
}

int oct_fault_unshare(struct oct_mm *mm, uintptr_t addr)
{
	bool grow;

	return fault_once(mm, addr, OCT_READ, true, &grow, NULL);
}
