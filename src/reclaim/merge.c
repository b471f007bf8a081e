/* merge.c: equal pages that become one. SPDX-License-Identifier: MIT
 *
 * Three lock sections, none beside another:
 *   hold a, hold b   the write right is taken, and a reference; complete
 *   compare          without a lock
 *   replace b        the entry is broken, flushed, made again for the page of a
 *
 * Why the contents do not change while they are compared, and later (I2). The entry has no write right, and
 * no TLB has: the section's ticket is complete, and it joined what the table was waiting for, whatever the
 * entry looked like (R4). An entry that is neither writable nor dirty says nothing: its right may have gone
 * in a batch that is not flushed (races 7). Nobody gives the right back, because of the reference: a page
 * that somebody else holds is copied by who stores (folio.h). And nobody stores by the physical address: a
 * pin that came before the reference is seen by the read-modify-write that adds it, one that comes after
 * finds two references and is not given (I5; essay of pin.c).
 *
 * Why the second look suffices. While the reference is held the page cannot be freed and come again, so an
 * entry that maps it without the write right maps the contents that were compared. An entry that maps
 * anything else is somebody else's business: the call gives up.
 *
 * Why a store of b's space is not lost. Its entry is broken, and complete, before it shows the other page
 * (I11); since the comparison it had no write right. The page of b goes through the ticket (I1).
 *
 * What FREE said of the page of a ends: b wants the contents. The mark is set only by who finds the
 * page exclusive, so not as long as the reference is there; b's entry inherits it. */
#include <octavo/merge.h>
#include <octavo/contpte.h>
#include "../space/walk.h"
#include "../tlb/authority.h"
#include "entry.h"
#include "../notify/notifier.h"

struct side {
	struct oct_mm *mm;
	uintptr_t va;
	struct oct_folio *folio; /* with a reference; NULL: not held */
};

static oct_pte_t take_write(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_wrprotect(pte);
}

static oct_pte_t give_write(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_mkwrite(pte);
}

/* A reference of folio. false: it is pinned. */
static bool hold(struct oct_folio *folio)
{
	/* Relaxed: the locked entry has one, and orders it. A pin changes the same word (pin.c). */
	if (oct_fetch_add(&folio->refcount, 1u, OCT_RLX) < OCT_FOLIO_PIN / 2)
		return true;
	oct_folio_put(folio);
	return false;
}

/* The locked entry: its page is held and loses the write right. 0 or an error. */
static int hold_locked(struct side *side, struct oct_pte_guard *guard, struct oct_ticket *ticket)
{
	oct_pte_t pte = guard->level ? 0 : oct_ptep_get(guard), old;
	struct oct_folio *folio;

	if (guard->level && oct_pte_present(guard->upper))
		return -OCT_EBUSY; /* of a huge folio */
	if (!oct_pte_present(pte) || oct_mm_is_zero(side->mm, pte))
		return -OCT_ENOENT;
	folio = oct_folio_of(oct_pte_phys(pte));
	if (folio->mapping)
		return -OCT_ENOENT;
	if (folio->order)
		return -OCT_EBUSY;
	/* The ticket has the verdict. */
	(void)!oct_entry_update(ticket, guard, guard->pte, guard->va, take_write, 0, &old);
	if (hold(folio)) {
		side->folio = folio;
		return 0;
	}
	OCT_COVER("merge-pinned");
	if (oct_pte_write(old))
		(void)!oct_entry_update(ticket, guard, guard->pte, guard->va, give_write, 0, &old);
	return -OCT_EBUSY;
}

/* The lock of the space is held for reading. Complete. */
static int hold_page(struct side *side)
{
	const struct oct_vma *vma = oct_vma_find(&side->mm->areas, side->va);
	struct oct_pte_guard guard;
	struct oct_ticket ticket;
	int error;

	if (!vma || oct_vma_kind(vma) != OCT_VMA_ANON)
		return -OCT_ENOENT;
	oct_ticket_init(&ticket, &side->mm->space);
	oct_pte_lock_at(&side->mm->space, side->va, &guard);
	error = hold_locked(side, &guard, &ticket);
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
	return error;
}

/* The locked entry maps folio, which has the contents that were compared. */
static bool still_shows(const struct oct_pte_guard *guard, const struct oct_folio *folio)
{
	oct_pte_t pte = guard->level ? 0 : oct_pte_get(guard);

	return oct_pte_present(pte) && !oct_pte_write(pte) &&
	       oct_pte_frame(pte, guard->level, guard->va) == folio->page;
}

/* The entry of b gets the page of a; the reference of a is its. 1 or an error. */
static int replace(const struct side *b, struct oct_folio *folio)
{
	struct oct_pte_guard guard;
	struct oct_ticket ticket;
	int result = -OCT_EAGAIN;
	oct_pte_t old;

	oct_ticket_init(&ticket, &b->mm->space);
	oct_pte_lock_at(&b->mm->space, b->va, &guard);
	if (still_shows(&guard, b->folio)) {
		OCT_COVER("merged");
		/* The ticket has the verdict. */
		(void)!oct_entry_change(&ticket, &guard, guard.pte, b->va, oct_pte_broken(), &old);
		old = oct_pte_single(old, 0, b->va);
		oct_ticket_flush(&ticket, &guard);
		/* Relaxed: see above; the entry publishes it. */
		if (oct_load(&folio->flags, OCT_RLX) & OCT_FOLIO_LAZYFREE)
			oct_fetch_and(&folio->flags, ~(uint32_t)OCT_FOLIO_LAZYFREE, OCT_RLX);
		if (oct_pte_exec(old))
			oct_port_icache_sync(folio->page, 0);
		oct_entry_install(&guard, guard.pte, b->va, oct_pte_for_page(old, folio->page));
		oct_ticket_free_page(&ticket, &guard, b->folio->page);
		result = 1;
	}
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
	return result;
}

/* The locks of both spaces are held for reading. */
static int merge_sides(struct side *a, struct side *b)
{
	int result = hold_page(a);

	if (!a->folio)
		return result;
	result = hold_page(b);
	if (!b->folio) {
		oct_folio_put(a->folio);
		return result;
	}
	if (a->folio == b->folio)
		result = 1;
	else if (oct_port_page_same(a->folio->page, b->folio->page))
		result = replace(b, a->folio);
	else
		OCT_COVER("merge-differ");
	if (result != 1 || a->folio == b->folio)
		oct_folio_put(a->folio); /* else it is the entry's now */
	oct_folio_put(b->folio);
	return result;
}

static int merge(struct side *a, struct side *b)
{
	struct oct_announced at_a, at_b;
	int result;

	oct_announce(&at_a, a->mm, a->va, a->va + OCT_PAGE_SIZE);
	oct_announce(&at_b, b->mm, b->va, b->va + OCT_PAGE_SIZE);
	result = merge_sides(a, b);
	oct_announce_end(&at_b);
	oct_announce_end(&at_a);
	return result;
}

static bool address_ok(const struct oct_mm *mm, uintptr_t va)
{
	return va <= mm->space.last && oct_mm_range_ok(mm, va, va + OCT_PAGE_SIZE);
}

int oct_merge_pages(struct oct_mm *mm_a, uintptr_t va_a, struct oct_mm *mm_b, uintptr_t va_b)
{
	struct side a = {mm_a, va_a, NULL}, b = {mm_b, va_b, NULL};
	int result = -OCT_EAGAIN;

	if (!address_ok(mm_a, va_a) || !address_ok(mm_b, va_b) || (mm_a == mm_b && va_a == va_b))
		return -OCT_EINVAL;
	oct_rwlock_read_lock(&mm_a->lock);
	if (mm_a == mm_b) {
		result = merge(&a, &b);
	} else if (oct_rwlock_read_trylock(&mm_b->lock)) {
		result = merge(&a, &b);
		oct_rwlock_read_unlock(&mm_b->lock);
	}
	oct_rwlock_read_unlock(&mm_a->lock);
	return result;
}
