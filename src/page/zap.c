/* zap.c: clearing entries of areas that show an object. SPDX-License-Identifier: MIT
 *
 * Why no store is lost (I3). The exchange gives back what hardware had recorded until then; a dirty value
 * makes the folio dirty in the same lock section. Write-back of the page takes dirty off the folio first and
 * then takes the lock of each entry: either it comes later here, and finds the table behind, so that it
 * completes the flush that is missing before it writes the page; or it came earlier, and the folio stays
 * dirty (mapping.c). A CPU that still stores through what it cached does so before that completion. */
#include <octavo/contpte.h>
#include <octavo/swap.h>
#include "../table/table_internal.h"
#include "shown.h"
#include "../notify/notifier.h"

void oct_folio_dirty_locked(struct oct_folio *folio)
{
	/* Relaxed: who takes the flag off takes the page-table lock afterwards; if he had done it before
	 * this section, it would be seen. */
	if (!(oct_load(&folio->flags, OCT_RLX) & OCT_FOLIO_DIRTY))
		oct_fetch_or(&folio->flags, (uint32_t)OCT_FOLIO_DIRTY, OCT_RLX);
}

/* The pages entries from va on, of which the first was old, are gone. */
static void release_pages(const struct oct_vma *vma, struct oct_pte_guard *guard, uintptr_t va, oct_pte_t old,
                          size_t pages, struct oct_ticket *ticket)
{
	bool folios = !(vma->mapping->flags & OCT_MAPPING_PFN);
	bool dirty = oct_pte_dirty(old);

	for (oct_phys_t page = oct_pte_phys(old); pages > 0;
	     pages--, page += OCT_PAGE_SIZE, va += OCT_PAGE_SIZE) {
		struct oct_folio *folio = folios ? oct_folio_of(page) : NULL;

		if (dirty && (!folio || folio->mapping)) /* memory without: nothing but a tracker asks */
			oct_shown_note(vma->mapping, oct_shown_index(vma, va));
		if (!folio)
			continue;
		if (folio->mapping && dirty) {
			OCT_COVER("zap-dirty");
			oct_folio_dirty_locked(folio);
		}
		oct_ticket_free_page(ticket, guard, page);
	}
}

/* The guarded large leaf: all of its pages, which are of one folio or of memory without. */
static OCT_SELDOM void zap_leaf(const struct oct_vma *vma, struct oct_pte_guard *guard,
                                struct oct_ticket *ticket)
{
	uintptr_t bytes = oct_level_bytes(guard->level);
	struct oct_folio *folio = NULL;
	oct_phys_t page;
	oct_pte_t old;

	OCT_COVER("zap-leaf");
	/* The verdict is the ticket's business. */
	(void)!oct_entry_change(ticket, guard, guard->pte, guard->va, 0, &old);
	oct_deposit_drop(guard->space, guard->level);
	page = oct_pte_leaf_phys(old, guard->level);
	if (!(vma->mapping->flags & OCT_MAPPING_PFN))
		folio = oct_folio_of(page);
	if (oct_pte_dirty(old) && (!folio || folio->mapping))
		for (uintptr_t at = 0; at < bytes; at += OCT_PAGE_SIZE)
			oct_shown_note(vma->mapping, oct_shown_index(vma, guard->va + at));
	if (!folio)
		return;
	if (folio->mapping && oct_pte_dirty(old))
		oct_folio_dirty_locked(folio);
	oct_ticket_free_pages(ticket, guard, page, guard->level * OCT_TABLE_SHIFT);
}

/* What stays of the entry old that the object takes away: its userfault write-protection, where absent pages
 * have one. */
static oct_pte_t remains(const struct oct_vma *vma, oct_pte_t old)
{
	bool guarded;

	if (!oct_vma_has_uffd(vma, OCT_UFFD_WP))
		return oct_pte_marked(old, OCT_MARKER_POISON) ? old : 0;
	if (oct_pte_present(old))
		guarded = oct_pte_uffd_wp(old);
	else if (oct_pte_soft_kind(old) == OCT_SOFT_SWAP)
		guarded = oct_pte_soft_value(old) & OCT_SWAP_UFFD_WP;
	else
		return old;
	return guarded ? oct_pte_mksoft(OCT_SOFT_MARKER, OCT_MARKER_UFFD_WP) : 0;
}

/* Does the locked entry of va map a page of an object? Of the area's, then: the one that it shows there. */
static bool is_cached(oct_pte_t pte, uintptr_t va)
{
	return oct_pte_present(pte) && oct_folio_of(oct_pte_frame(pte, 0, va))->mapping;
}

/* The guarded entry, below end; all of a contiguous block that begins with it: then guard goes to its last.
 */
static void zap_entry(const struct oct_vma *vma, struct oct_pte_guard *guard, uintptr_t end,
                      enum oct_zap what, struct oct_ticket *ticket)
{
	oct_pte_t old = 0, left;

	if (guard->level == 0)
		old = oct_pte_get(guard);
	left = what == OCT_ZAP_ALL ? 0 : remains(vma, old); /* of bits that hardware does not change */
	if (oct_pte_none(old) || left == old) {
		oct_ticket_join(ticket, guard); /* R4: who emptied it may not have flushed yet */
		return;
	}
	if (what == OCT_ZAP_CACHED && !is_cached(old, guard->va))
		return;
	if (what != OCT_ZAP_CACHED && !left &&
	    oct_begins_block(guard->va, old, (end - guard->va) >> OCT_PAGE_SHIFT)) {
		old = oct_get_and_clear_full_ptes(ticket, guard, OCT_CONT_ENTRIES);
		release_pages(vma, guard, guard->va, old, OCT_CONT_ENTRIES, ticket);
		guard->va += OCT_CONT_BYTES - OCT_PAGE_SIZE;
		guard->pte += OCT_CONT_ENTRIES - 1;
		return;
	}
	/* The verdict is the ticket's business. */
	(void)!oct_entry_change(ticket, guard, guard->pte, guard->va, left, &old);
	if (oct_pte_soft_kind(old) && oct_pte_soft_kind(old) != OCT_SOFT_BROKEN && guard->space->soft)
		guard->space->soft->release(guard->space, old);
	if (oct_pte_present(old))
		release_pages(vma, guard, guard->va, old, 1, ticket);
}

/* Has each page of a large leaf something of its own that stays? */
static bool pages_alone(const struct oct_vma *vma, enum oct_zap what)
{
	return what != OCT_ZAP_ALL && oct_vma_has_uffd(vma, OCT_UFFD_WP);
}

void oct_zap_area(struct oct_space *space, const struct oct_vma *vma, uintptr_t start, uintptr_t end,
                  enum oct_zap what, struct oct_ticket *ticket)
{
	for (uintptr_t va = start; va < end;) {
		struct oct_pte_guard guard;
		uintptr_t next;

		oct_pte_lock_at(space, va, &guard);
		if (guard.level && pages_alone(vma, what))
			oct_guard_fit(&guard, va, va + OCT_PAGE_SIZE);
		else if (guard.level)
			oct_guard_fit(&guard, start, end);
		do {
			if (guard.level && oct_pte_present(guard.upper))
				zap_leaf(vma, &guard, ticket);
			else
				zap_entry(vma, &guard, end, what, ticket);
			next = oct_level_next(guard.va, guard.level);
		} while (next < end && oct_pte_guard_next(&guard));
		oct_pte_guard_unlock(ticket, &guard);
		if (next <= va) /* past the top of addresses */
			break;
		va = next;
	}
}

void oct_zap_shown(struct oct_mapping *mapping, uint64_t first, uint64_t last, enum oct_zap what)
{
	struct oct_vma *vma = NULL;

	while ((vma = oct_shown_next(mapping, first, last, vma))) {
		uintptr_t start = oct_shown_address(vma, first > vma->pgoff ? first : vma->pgoff);
		uintptr_t end =
		    last < oct_shown_last(vma) ? oct_shown_address(vma, last) + OCT_PAGE_SIZE : vma->end;
		struct oct_announced announced;
		struct oct_ticket ticket;

		oct_announce_shown(&announced, vma, start, end);
		oct_ticket_init(&ticket, vma->space);
		oct_zap_area(vma->space, vma, start, end, what, &ticket);
		oct_ticket_complete(&ticket);
		oct_announce_end(&announced);
	}
}
