/* move.c: userfault: a page moves from one address to another. SPDX-License-Identifier: MIT
 *
 * As mremap moves entries (mremap.c), but beside faults: the lock of the space is held for reading, so what
 * keeps others away is the two page-table locks, taken in the order of addresses.
 *
 *   look    the new place is vacant; the old one maps a page that has one reference, its entry's
 *   take    the old entry is exchanged for none. The count is compared once more, by a read-modify-write: a
 *           pin without locks that came before is seen and the entry put back as it was; one that comes later
 *           finds the entry gone (I5; src/reclaim/pin.c)
 *   flush   nobody uses the page by its old address any more
 *   make    the value that the exchange returned is stored at the new place, with the young and dirty that
 *           hardware had recorded until then (I3, I10); later it finds no entry there to record in
 *
 * Why no store is lost, and none appears from the past (I2, I4). A CPU that has the old entry cached stores
 * into the page until the flush is complete. Nobody sees the page at its new address before: whoever faults
 * there waits for its page-table lock, and walkers find it vacant. Afterwards an access by the old address
 * faults. With the flush after the locks the page could be freed by its new address while the old one still
 * reaches it (I1, as races 1; core/uffd-move-zap).
 *
 * Why fork and reclaim do not meet it half-way. Fork holds the lock of the space for writing. Reclaim and
 * migration decide under the page-table lock of the entry by the same count; who looks for a page's entries
 * holds a reference, so the page is not alone and stays. Where it is found from now on (index) is written
 * while nobody else can look. */
#include "fault.h"
#include <octavo/pin.h>
#include "../table/table_internal.h"
#include "../notify/notifier.h"

enum { AGAIN = 1, SWAPPED, MOVED }; /* beside errors */

struct move {
	struct oct_mm *mm;
	uintptr_t to, from;
	unsigned flags;
	const struct oct_vma *area; /* of to */
	struct oct_pte_guard fresh, old;
	struct oct_ticket ticket;
};

/* Is it a page that may move? 0, with single pages made of a large folio; or why not. */
static int may_take(const struct move *move, oct_pte_t pte)
{
	struct oct_folio *folio = oct_folio_of(oct_pte_phys(pte));

	if (oct_mm_is_zero(move->mm, pte))
		return 0;
	if (folio->order) {
		if (!oct_folio_exclusive_at(folio, &move->old))
			return -OCT_EBUSY;
		if (!oct_folio_split(folio, &move->old))
			return AGAIN; /* pinned for a moment */
		folio = oct_folio_of(oct_pte_phys(pte));
	}
	return !folio->mapping && oct_folio_exclusive(folio) ? 0 : -OCT_EBUSY;
}

/* Takes the entry away, and its page from everybody who has it cached. 0, or -OCT_EBUSY: it is as it was. */
static int take(struct move *move, oct_pte_t *pte)
{
	struct oct_pte_guard *old = &move->old;

	/* The verdict is the ticket's. */
	(void)!oct_entry_change(&move->ticket, old, old->pte, old->va, 0, pte);
	if (!oct_mm_is_zero(move->mm, *pte) && !oct_folio_alone(oct_folio_of(oct_pte_phys(*pte)), 1)) {
		OCT_COVER("move-put-back");
		oct_entry_put_back(old, old->pte, old->va, *pte);
		return -OCT_EBUSY;
	}
	oct_ticket_flush(&move->ticket, old);
	return 0;
}

static void make(struct move *move, oct_pte_t pte, bool protect)
{
	struct oct_pte_guard *fresh = &move->fresh;

	if (!oct_mm_is_zero(move->mm, pte))
		oct_anon_born(move->mm, move->area, move->to, oct_folio_of(oct_pte_phys(pte)));
	pte = oct_pte_mk_soft_dirty(oct_pte_clear_uffd_wp(pte)); /* what this address shows has changed */
	oct_entry_install(fresh, fresh->pte, move->to, protect ? oct_pte_mk_uffd_wp(pte) : pte);
}

/* Both places are locked. */
static int move_entry(struct move *move)
{
	oct_pte_t there = move->fresh.level ? move->fresh.upper : oct_pte_get(&move->fresh);
	oct_pte_t pte = move->old.level ? move->old.upper : oct_ptep_get(&move->old);
	bool protect = (move->flags & OCT_UFFD_PROTECTED) || (oct_pte_marked(there, OCT_MARKER_UFFD_WP) &&
	                                                      oct_vma_has_uffd(move->area, OCT_UFFD_WP));
	int error;

	if (!oct_pte_vacant(there))
		return oct_pte_soft_kind(there) == OCT_SOFT_BROKEN ? -OCT_EAGAIN : -OCT_EEXIST;
	if (oct_pte_vacant(pte))
		return move->flags & OCT_UFFD_ALLOW_HOLES ? MOVED : -OCT_ENOENT;
	if (!oct_pte_present(pte))
		return oct_pte_soft_kind(pte) == OCT_SOFT_BROKEN ? -OCT_EAGAIN : SWAPPED;
	if (move->fresh.level)
		return AGAIN;
	if (move->old.level) { /* a part of a large leaf: a page of its own */
		oct_guard_fit(&move->old, move->from, move->from + OCT_PAGE_SIZE);
		pte = oct_ptep_get(&move->old);
	}
	error = may_take(move, pte);
	if (!error)
		error = take(move, &pte);
	if (error)
		return error;
	OCT_COVER("move-page");
	make(move, pte, protect);
	return MOVED;
}

/* May pages of from go to to? */
static int check_areas(struct move *move)
{
	const struct oct_vma *from = oct_vma_find(&move->mm->areas, move->from);
	const struct oct_vma *to = oct_vma_find(&move->mm->areas, move->to);

	if (!from || !to || !oct_vma_has_uffd(to, OCT_UFFD_MODES))
		return -OCT_ENOENT;
	if (oct_vma_kind(from) != OCT_VMA_ANON || oct_vma_kind(to) != OCT_VMA_ANON ||
	    from->prot != to->prot ||
	    ((move->flags & OCT_UFFD_PROTECTED) && !oct_vma_has_uffd(to, OCT_UFFD_WP)))
		return -OCT_EINVAL;
	move->area = to;
	return 0;
}

/* The lock of the space is held. */
static int move_locked(struct move *move)
{
	struct oct_space *space = &move->mm->space;
	int result = check_areas(move);
	bool same;

	if (!result)
		result = oct_table_prepare(space, move->to, move->to + OCT_PAGE_SIZE);
	if (result)
		return result;
	oct_ticket_init(&move->ticket, space);
	same = oct_pte_lock_two(space, move->from, move->to, &move->old, &move->fresh);
	result = move_entry(move);
	if (!same)
		oct_pte_guard_unlock(NULL, &move->fresh);
	oct_pte_guard_unlock(&move->ticket, &move->old);
	oct_ticket_complete(&move->ticket); /* of what was put back */
	return result;
}

/* The page at from comes back from swap. 0: look again. */
static int swap_in(struct oct_mm *mm, uintptr_t from)
{
	int result = oct_fault(mm, from, OCT_READ);

	if (result < 0)
		return result;
	return result == OCT_FAULT_DONE || result == OCT_FAULT_RETRY ? 0 : -OCT_EBUSY;
}

static int move_page(struct move *move)
{
	struct oct_announced announced;
	int result;

	do {
		oct_rwlock_read_lock(&move->mm->lock);
		oct_announce(&announced, move->mm, move->from, move->from + OCT_PAGE_SIZE);
		result = move_locked(move);
		oct_announce_end(&announced);
		oct_rwlock_read_unlock(&move->mm->lock);
		if (result == SWAPPED) {
			OCT_COVER("move-swapped");
			result = swap_in(move->mm, move->from);
			if (!result)
				result = AGAIN;
		}
	} while (result == AGAIN);
	return result == MOVED ? 0 : result;
}

int oct_uffd_move(struct oct_mm *mm, uintptr_t to, uintptr_t from, size_t pages, unsigned flags)
{
	size_t bytes = pages << OCT_PAGE_SHIFT;

	if (!oct_uffd_range_ok(mm, to, pages) || !oct_uffd_range_ok(mm, from, pages) ||
	    (to < from + bytes && from < to + bytes) ||
	    (flags & ~(unsigned)(OCT_UFFD_PROTECTED | OCT_UFFD_ALLOW_HOLES)))
		return -OCT_EINVAL;
	for (size_t n = 0; n < pages; n++) {
		struct move move = {.mm = mm,
		                    .to = to + (n << OCT_PAGE_SHIFT),
		                    .from = from + (n << OCT_PAGE_SHIFT),
		                    .flags = flags};
		int error = move_page(&move);

		if (error)
			return n ? (int)n : error;
	}
	return (int)pages;
}
