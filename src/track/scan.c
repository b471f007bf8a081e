/* scan.c: what was stored to in a space, looked at and taken in one step. SPDX-License-Identifier: MIT
 *
 * A page is looked at and its mark taken in one page-table section. What a page's categories are made of,
 * software's bits and presence, changes under that lock only; hardware sets young and dirty meanwhile, which
 * the exchange keeps. So of two calls at the same time one tells a page. A store that the table no longer
 * permits may still come through a stale entry until the ticket is complete, which it is on return: it is in
 * the contents of the page that was told (I4). A page that another call has protected but not flushed yet is
 * not told here, and its table is joined (R4): on return no CPU stores to it unseen either. */
#include "../space/walk.h"
#include <octavo/swap.h>
#include <octavo/track.h>
#include "../notify/notifier.h"

enum { ALL_CATEGORIES = 2 * OCT_PAGE_HUGE - 1, ALL_FLAGS = OCT_SCAN_PROTECT | OCT_SCAN_CLEAR };

static oct_pte_t take_mark(oct_pte_t pte, unsigned long flags)
{
	if (oct_pte_soft_kind(pte) == OCT_SOFT_SWAP) {
		if (flags & OCT_SCAN_CLEAR)
			pte = oct_pte_swap_bits(pte, OCT_SWAP_SOFT_DIRTY, false);
		return flags & OCT_SCAN_PROTECT ? oct_pte_swap_bits(pte, OCT_SWAP_UFFD_WP, true) : pte;
	}
	if (!oct_pte_present(pte))
		return pte;
	if (flags & OCT_SCAN_CLEAR)
		pte = oct_pte_clear_soft_dirty(oct_pte_wrprotect(pte));
	return flags & OCT_SCAN_PROTECT ? oct_pte_mk_uffd_wp(pte) : pte;
}

static unsigned categories(const struct oct_mm *mm, const struct oct_vma *vma, oct_pte_t pte, unsigned level)
{
	unsigned result = vma->mapping ? OCT_PAGE_OBJECT : 0;

	if (oct_pte_soft_kind(pte) == OCT_SOFT_SWAP) {
		uint64_t value = oct_pte_soft_value(pte);

		result |= OCT_PAGE_SWAPPED | (value & OCT_SWAP_SOFT_DIRTY ? OCT_PAGE_SOFT_DIRTY : 0);
		return result | (value & OCT_SWAP_UFFD_WP ? 0 : OCT_PAGE_WRITTEN);
	}
	if (!oct_pte_present(pte))
		return result;
	result |= OCT_PAGE_PRESENT | (oct_pte_soft_dirty(pte) ? OCT_PAGE_SOFT_DIRTY : 0) |
	          (level > 0 ? OCT_PAGE_HUGE : 0);
	if (oct_mm_is_zero(mm, pte))
		return result | OCT_PAGE_ZERO;
	return result | (oct_pte_uffd_wp(pte) ? 0 : OCT_PAGE_WRITTEN);
}

static bool matches(const struct oct_scan *scan, unsigned is)
{
	is ^= scan->inverted;
	return (is & scan->required) == scan->required && (!scan->any || (is & scan->any));
}

/* How many of the pages pages from va on, all with categories is, can be told. */
static size_t tell(struct oct_scan *scan, uintptr_t va, size_t pages, unsigned is)
{
	struct oct_page_range *last = scan->filled ? &scan->ranges[scan->filled - 1] : NULL;

	is &= scan->returned;
	if (scan->most_pages && pages > scan->most_pages - scan->pages)
		pages = scan->most_pages - scan->pages;
	if (!pages)
		return 0;
	if (scan->capacity && last && last->end == va && last->categories == is) {
		last->end += pages << OCT_PAGE_SHIFT;
	} else if (scan->capacity) {
		if (scan->filled == scan->capacity)
			return 0;
		scan->ranges[scan->filled++] =
		    (struct oct_page_range){va, va + (pages << OCT_PAGE_SHIFT), is};
	}
	scan->pages += pages;
	return pages;
}

/* What the guarded place says of [guard->va, end): it is a leaf entry, a large leaf, or a missing table.
 * Returns the first address that was not looked at: guard->va if it could not be told, or has to be split
 * before
 * (*split). */
static uintptr_t look(struct oct_mm *mm, const struct oct_vma *vma, struct oct_scan *scan, uintptr_t end,
                      struct oct_pte_guard *guard, struct oct_ticket *ticket, uintptr_t *split)
{
	oct_pte_t pte = guard->level ? guard->upper : oct_pte_get(guard), old;
	uintptr_t va = guard->va, next = oct_level_next(va, guard->level);
	unsigned is = categories(mm, vma, pte, guard->level);
	size_t pages, told;

	if (next <= va || next > end)
		next = end;
	if (!matches(scan, is)) {
		if (scan->flags)
			oct_ticket_join(ticket, guard); /* R4 */
		return next;
	}
	pages = (next - va) >> OCT_PAGE_SHIFT;
	if (scan->flags && guard->level && oct_pte_present(pte) &&
	    (next - va != oct_level_bytes(guard->level) ||
	     (scan->most_pages && scan->most_pages - scan->pages < pages))) {
		/* The page at va is told alone, or the leaf as far as it is in the range. */
		*split = next - va < oct_level_bytes(guard->level) &&
		                 (va & (oct_level_bytes(guard->level) - 1)) == 0
		             ? next
		             : va;
		if ((*split & (oct_level_bytes(guard->level) - 1)) == 0)
			*split = va + OCT_PAGE_SIZE;
		return va;
	}
	told = tell(scan, va, pages, is);
	if (told && scan->flags && (!guard->level || oct_pte_present(pte)))
		/* The verdict is the ticket's business. */
		(void)!oct_entry_update(ticket, guard, guard->pte, va, take_mark, scan->flags, &old);
	else if (told && scan->flags)
		oct_ticket_join(ticket, guard);
	return va + (told << OCT_PAGE_SHIFT);
}

static bool enough(const struct oct_scan *scan)
{
	return scan->most_pages && scan->pages >= scan->most_pages;
}

/* [va, end), a part of vma. The first address that was not looked at. */
static uintptr_t scan_area(struct oct_mm *mm, const struct oct_vma *vma, struct oct_scan *scan, uintptr_t va,
                           uintptr_t end, struct oct_ticket *ticket)
{
	while (va < end) {
		uintptr_t split = 0, next;
		struct oct_pte_guard guard;

		oct_pte_lock_at(&mm->space, va, &guard);
		do {
			va = guard.va;
			next = look(mm, vma, scan, end, &guard, ticket, &split);
		} while (next > va && next < end && !enough(scan) && oct_pte_guard_next(&guard));
		oct_pte_guard_unlock(ticket, &guard);
		/* Tables for it were put by when the leaf was made. */
		if (split && oct_table_split(&mm->space, split, ticket))
			oct_port_panic("a large leaf of a user space could not be split");
		if ((next <= va && !split) || enough(scan))
			return next;
		va = next;
	}
	return end;
}

int oct_scan_pages(struct oct_mm *mm, struct oct_scan *scan)
{
	unsigned asked = scan->inverted | scan->required | scan->any | scan->returned;
	struct oct_announced announced;
	struct oct_ticket ticket;

	if (!oct_mm_range_ok(mm, scan->start, scan->end) || (scan->flags & ~(unsigned)ALL_FLAGS) ||
	    (asked & ~(unsigned)ALL_CATEGORIES) || (scan->capacity && !scan->ranges))
		return -OCT_EINVAL;
	scan->filled = scan->pages = 0;
	oct_rwlock_read_lock(&mm->lock);
	announced.first = NULL;
	if (scan->flags) /* else it looks only */
		oct_announce(&announced, mm, scan->start, scan->end);
	oct_ticket_init(&ticket, &mm->space);
	for (scan->next = scan->start; scan->next < scan->end;) {
		const struct oct_vma *vma = oct_vma_first(&mm->areas, scan->next);
		uintptr_t va, end;

		if (!vma || vma->start >= scan->end) {
			scan->next = scan->end;
			break;
		}
		va = vma->start > scan->next ? vma->start : scan->next;
		end = vma->end < scan->end ? vma->end : scan->end;
		scan->next = scan_area(mm, vma, scan, va, end, &ticket);
		if (scan->next < end)
			break;
	}
	oct_ticket_complete(&ticket);
	oct_announce_end(&announced);
	oct_rwlock_read_unlock(&mm->lock);
	return 0;
}
