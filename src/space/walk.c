/* walk.c: ranges of an address space, table by table. SPDX-License-Identifier: MIT
 *
 * A walk is a row of lock sections, one per leaf table. Each section ends with one generation for all
 * that it changed (R2); the ticket joins the sections and is completed by the caller, once. */
#include "../tlb/authority.h"
#include "walk.h"
#include "../page/shown.h"

bool oct_mm_range_ok(const struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	return ((start | end) & ~OCT_PAGE_MASK) == 0 && start >= OCT_USER_START && start < end &&
	       end - 1 <= mm->space.last;
}

int oct_mm_range(const struct oct_mm *mm, uintptr_t addr, size_t bytes, uintptr_t *end)
{
	if (bytes == 0 || bytes > mm->space.last || addr > mm->space.last)
		return -OCT_EINVAL;
	*end = (addr + bytes + OCT_PAGE_SIZE - 1) & OCT_PAGE_MASK;
	return oct_mm_range_ok(mm, addr, *end) ? 0 : -OCT_EINVAL;
}

/* One lock section: the entries of the guarded leaf table that lie in [guard->va, end). Returns the
 * first address behind it. */
static uintptr_t change_leaf(struct oct_pte_guard *guard, uintptr_t end,
                             oct_pte_t (*change)(oct_pte_t pte, unsigned long arg), unsigned long arg,
                             bool revoke, struct oct_ticket *ticket)
{
	uintptr_t next = oct_level_next(guard->va, 1);

	if (next <= guard->va || next > end)
		next = end;
	oct_entries_update(ticket, guard, (next - guard->va) >> OCT_PAGE_SHIFT, change, arg, revoke);
	return next;
}

/* The same where the walk for the guard ended above the leaf tables: at a large leaf that lies in the range,
 * or where nothing is. */
static OCT_SELDOM uintptr_t change_upper(struct oct_pte_guard *guard,
                                         oct_pte_t (*change)(oct_pte_t pte, unsigned long arg),
                                         unsigned long arg, bool revoke, struct oct_ticket *ticket)
{
	oct_pte_t old;

	if (oct_pte_present(guard->upper))
		/* The verdict is the ticket's; what looks done joins it too. */
		(void)!oct_entry_update(ticket, guard, guard->pte, guard->va, change, arg, &old);
	else if (revoke)
		oct_ticket_join(ticket, guard); /* R4: the table, or a leaf, may just have gone */
	return oct_level_next(guard->va, guard->level);
}

void oct_walk_change(struct oct_mm *mm, uintptr_t start, uintptr_t end,
                     oct_pte_t (*change)(oct_pte_t pte, unsigned long arg), unsigned long arg, bool revoke,
                     struct oct_ticket *ticket)
{
	uintptr_t va = start;

	while (va < end) {
		struct oct_pte_guard guard;
		uintptr_t next;

		oct_pte_lock_at(&mm->space, va, &guard);
		if (guard.level)
			oct_guard_fit(&guard, start, end);
		if (guard.level)
			next = change_upper(&guard, change, arg, revoke, ticket);
		else
			next = change_leaf(&guard, end, change, arg, revoke, ticket);
		oct_pte_guard_unlock(ticket, &guard);
		if (next <= va) /* past the top of addresses */
			break;
		va = next;
	}
}

/* The lowest area with end > addr that shows an object and begins below end, or NULL. */
static struct oct_vma *next_shown(const struct oct_mm *mm, uintptr_t addr, uintptr_t end)
{
	struct oct_vma *vma = oct_vma_first(&mm->areas, addr);

	while (vma && vma->start < end && !vma->mapping)
		vma = oct_vma_first(&mm->areas, vma->end);
	return vma && vma->start < end ? vma : NULL;
}

void oct_walk_zap(struct oct_mm *mm, uintptr_t start, uintptr_t end, struct oct_ticket *ticket)
{
	while (start < end) {
		const struct oct_vma *vma = next_shown(mm, start, end);
		uintptr_t other = !vma ? end : vma->start > start ? vma->start : start;

		if (start < other && oct_table_unmap(&mm->space, start, other, true, ticket))
			oct_port_panic("unmapping refused a checked range");
		start = !vma || vma->end > end ? end : vma->end;
		if (vma)
			oct_zap_area(&mm->space, vma, other, start, OCT_ZAP_ALL, ticket);
	}
}

void oct_walk_leave_objects(struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	struct oct_vma *vma = next_shown(mm, start, end);
	struct oct_ticket ticket;

	if (!vma)
		return;
	oct_ticket_init(&ticket, &mm->space);
	for (; vma; vma = next_shown(mm, vma->end, end))
		oct_zap_area(&mm->space, vma, vma->start > start ? vma->start : start,
		             vma->end < end ? vma->end : end, OCT_ZAP_ALL, &ticket);
	oct_ticket_complete(&ticket);
}

/* The range around [start, end) in which no area is left, so that tables used by nobody else can
 * be told. The last area that ends at or below start is its lower neighbour. */
static void widen(const struct oct_mm *mm, uintptr_t end, uintptr_t *low, uintptr_t *high)
{
	const struct oct_vma *vma = mm->areas.root;

	*low = 0;
	*high = mm->space.last + 1;
	while (vma) {
		if (vma->start >= end) {
			*high = vma->start;
			vma = vma->left;
		} else {
			*low = vma->end;
			vma = vma->right;
		}
	}
}

static void trim(struct oct_mm *mm, uintptr_t start, uintptr_t end, struct oct_ticket *ticket)
{
	uintptr_t low, high;

	widen(mm, end, &low, &high);
	if (oct_table_trim_around(&mm->space, start, end, low, high, ticket))
		oct_port_panic("trimming refused a checked range");
}

void oct_walk_trim(struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, &mm->space);
	trim(mm, start, end, &ticket);
	oct_ticket_complete(&ticket);
}

void oct_walk_remove(struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	struct oct_ticket ticket;
	struct oct_vma *vma;

	oct_walk_leave_objects(mm, start, end);
	while ((vma = oct_vma_first(&mm->areas, start)) && vma->start < end)
		oct_vma_remove(&mm->areas, vma);
	oct_walk_ticket(&ticket, mm);
	if (oct_table_unmap(&mm->space, start, end, true, &ticket))
		oct_port_panic("unmapping refused a checked range");
	trim(mm, start, end, &ticket);
	/* R4: the addresses are given up when the caller drops the lock, so complete before. */
	oct_ticket_complete(&ticket);
}
