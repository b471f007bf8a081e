/* mremap.c: mappings that grow, shrink and move. SPDX-License-Identifier: MIT
 *
 * The lock of the space is held for writing throughout: no fault and no other call of this space sees
 * a page between its two addresses. User code of other CPUs goes on, through tables and TLBs, and so does
 * who comes from the pages (reclaim holds the lock of the space for reading, so it waits; objects come with
 * the lock of their mapping, which is held while entries move).
 *
 * Why no page is reached by its old address after it could be freed at the new one (I1, I4). Entries are
 * taken out of one leaf table and put into another with both page-table locks held, and the flush of the
 * old addresses is complete before either is dropped. So whoever finds the page at its new address, under
 * that lock, finds it there alone (races 1). A table that moves whole does so empty-handed: unlinked, flushed
 * with the walk caches, and only then linked at its new place, both slots locked.
 *
 * Why no store is lost (I2, I3). The page stays where it is; a store through a stale entry lands in it. Dirty
 * that hardware sets until the exchange comes back with the old value and moves; later an empty entry takes
 * no bits, and the store faults.
 *
 * Failure. Slots for areas, tables and, of a shared area, pages are there before anything changes. An empty
 * table of an area that shows an object may be retracted meanwhile (src/reclaim/retract.c): of the old range
 * until the lock of its mapping is taken, so what is there is looked at again (races 32); of the new range
 * not, since the areas that are in the way keep their tables from the moment that these are counted on. */
#include "../page/shown.h"
#include "walk.h"
#include "../notify/notifier.h"

/* A checked request: [from, from + bytes) of vma becomes [to, to + new_bytes). */
struct remap {
	uintptr_t from, to;
	size_t bytes, new_bytes;
};

static size_t lesser(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Is a leaf table at va, or a large leaf? In one glance: where an area shows an object, a leaf may become a
 * table at any time, by way of a broken entry, and either may go; nothing comes. */
static bool is_there(struct oct_mm *mm, uintptr_t va)
{
	oct_pte_t *slot = oct_table_find(&mm->space, va, 1);

	return slot && !oct_pte_none(oct_load(slot, OCT_RLX));
}

/* A large leaf that has va becomes a table. */
static void split_at(struct oct_mm *mm, uintptr_t va)
{
	struct oct_pte_guard guard;

	oct_pte_lock_page(&mm->space, va, &guard);
	oct_pte_guard_unlock(NULL, &guard);
}

/* The same of a leaf whose pages will lie in two tables. A huge folio that is the space's alone becomes
 * single pages: nobody could tell later that it is. */
static void part_at(struct oct_mm *mm, uintptr_t va)
{
	const struct oct_vma *vma = oct_vma_find(&mm->areas, va);
	struct oct_folio *folio;
	struct oct_pte_guard guard;

	if (oct_table_find(&mm->space, va, 0))
		return;
	oct_pte_lock_page(&mm->space, va, &guard);
	if (guard.level == 0 && oct_vma_kind(vma) == OCT_VMA_ANON && oct_pte_present(oct_pte_get(&guard))) {
		folio = oct_folio_of(oct_pte_frame(oct_pte_get(&guard), 0, va));
		if (folio->order && oct_folio_exclusive_at(folio, &guard))
			(void)!oct_folio_split(folio,
			                       &guard); /* it stays large if it is pinned for a moment */
	}
	oct_pte_guard_unlock(NULL, &guard);
}

/* How far from va, below end, nothing but empty slots lie where level says that a table is missing. *there: a
 * leaf table is, or a large leaf. */
static uintptr_t next_table(struct oct_mm *mm, uintptr_t va, uintptr_t end, bool *there)
{
	struct oct_space *space = &mm->space;
	unsigned level = 1;
	uintptr_t next;

	while (level < OCT_LEVELS - 1 && !oct_table_find(space, va, level))
		level++;
	*there = level == 1 && is_there(mm, va);
	next = oct_level_next(va, level);
	return next <= va || next > end ? end : next;
}

/* Does the table, or the large leaf, at from move whole, to a place where none is? */
static bool moves_whole(struct oct_mm *mm, uintptr_t from, uintptr_t to, uintptr_t end)
{
	uintptr_t span = oct_level_bytes(1);

	return ((from | to) & (span - 1)) == 0 && end - from >= span && !is_there(mm, to);
}

/* Tables for what will move; a table or large leaf that moves whole needs only the slot that it will hang
 * from. Other large leaves, here or there, become tables. On -OCT_ENOMEM those made stay, empty. */
static int prepare(struct oct_mm *mm, const struct remap *remap)
{
	uintptr_t end = remap->from + lesser(remap->bytes, remap->new_bytes);

	for (uintptr_t va = remap->from, next; va < end; va = next) {
		uintptr_t to = remap->to + (va - remap->from), to_end;
		bool there;
		int error = 0;

		next = next_table(mm, va, end, &there);
		to_end = to + (next - va);
		if (!there)
			continue;
		if (!moves_whole(mm, va, to, end)) {
			part_at(mm, va);
			split_at(mm, to);
			split_at(mm, to_end - OCT_PAGE_SIZE);
			error = oct_table_prepare(&mm->space, to, to_end);
		} else {
			error = oct_table_prepare_slot(&mm->space, to);
		}
		if (error)
			return error;
	}
	return 0;
}

static void move_entries(struct oct_mm *mm, const struct remap *remap)
{
	uintptr_t end = remap->from + lesser(remap->bytes, remap->new_bytes);
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, &mm->space);
	for (uintptr_t va = remap->from, next; va < end; va = next) {
		uintptr_t to = remap->to + (va - remap->from);
		bool there;

		next = next_table(mm, va, end, &there);
		if (!there)
			continue;
		if (moves_whole(mm, va, to, end) && oct_table_move(&mm->space, va, to, &ticket)) {
			OCT_COVER("mremap-table");
			continue;
		}
		while (va < next) {
			/* As far as the leaf tables on both sides go. */
			size_t step =
			    lesser(next - va, lesser(oct_level_next(va, 1) - va, oct_level_next(to, 1) - to));

			oct_table_move_entries(&mm->space, va, to, step >> OCT_PAGE_SHIFT, &ticket);
			va += step;
			to += step;
		}
	}
	oct_ticket_complete(&ticket);
}

/* What lies in [start, end), cut at both ends, goes, but for its tables. */
static void clear_range(struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	struct oct_ticket ticket;
	struct oct_vma *vma;

	oct_walk_leave_objects(mm, start, end);
	while ((vma = oct_vma_first(&mm->areas, start)) && vma->start < end)
		oct_vma_remove(&mm->areas, vma);
	oct_walk_ticket(&ticket, mm);
	if (oct_table_unmap(&mm->space, start, end, true, &ticket))
		oct_port_panic("unmapping refused a checked range");
	oct_ticket_complete(&ticket);
}

static bool is_occupied(const struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	const struct oct_vma *there = oct_vma_first(&mm->areas, start);

	return there && there->start < end;
}

/* All that can fail. vma: the area of the old range. */
static int prepare_move(struct oct_mm *mm, const struct remap *remap, const struct oct_vma *vma)
{
	uintptr_t to_end = remap->to + remap->new_bytes, old_end = remap->from + remap->bytes;
	bool occupied = is_occupied(mm, remap->to, to_end);
	bool fills = oct_vma_kind(vma) == OCT_VMA_SHARED && remap->new_bytes > remap->bytes;
	int error;

	if (fills && occupied)
		return -OCT_EINVAL;
	error = oct_vma_reserve(&mm->areas, 1 + oct_vma_cuts(&mm->areas, remap->from, old_end) +
	                                        oct_vma_cuts(&mm->areas, remap->to, to_end));
	if (!error && occupied) {
		/* What shows an object there could lose a table, and entries need it, before it makes way. */
		oct_vma_split(&mm->areas, remap->to);
		oct_vma_split(&mm->areas, to_end);
		oct_shown_keep(&mm->areas, remap->to, to_end, true);
	}
	if (!error)
		error = prepare(mm, remap);
	if (!error && fills)
		error = oct_mm_populate_shared(mm, remap->to + remap->bytes, to_end, vma->prot);
	if (error && !occupied)
		oct_walk_trim(mm, remap->to, to_end);
	if (error && occupied) {
		oct_shown_keep(&mm->areas, remap->to, to_end, false);
		oct_vma_merge(&mm->areas, remap->to, to_end);
	}
	return error;
}

static int move_mapping(struct oct_mm *mm, const struct remap *remap)
{
	struct oct_vma old = *oct_vma_find(&mm->areas, remap->from), *fresh;
	uintptr_t to_end = remap->to + remap->new_bytes, old_end = remap->from + remap->bytes;
	int error = prepare_move(mm, remap, &old);

	if (error)
		return error;
	if (is_occupied(mm, remap->to, to_end))
		clear_range(mm, remap->to, to_end);
	fresh = oct_vma_insert(&mm->areas, remap->to, to_end, old.prot, old.flags);
	fresh->mapping = old.mapping;
	/* Pages are found again by the page number they were born with. */
	if (old.mapping || mm->kin.anon)
		fresh->pgoff = old.pgoff + ((remap->from - old.start) >> OCT_PAGE_SHIFT);
	mm->kin.moved |= mm->kin.anon != NULL;
	/* Who walks the areas of the object finds the entries in one of the two or in the other (races 34).
	 */
	if (old.mapping) {
		oct_rwlock_write_lock(&old.mapping->lock);
		oct_shown_insert(fresh, &mm->space);
	}
	move_entries(mm, remap);
	if (old.mapping)
		oct_rwlock_write_unlock(&old.mapping->lock);
	oct_vma_split(&mm->areas, remap->from);
	oct_vma_split(&mm->areas, old_end);
	oct_walk_remove(mm, remap->from, old_end);
	oct_vma_merge(&mm->areas, remap->to, to_end);
	return 0;
}

/* May [.., end) of vma, which ends there, reach up to new_end? */
static bool room_above(const struct oct_mm *mm, const struct oct_vma *vma, uintptr_t end, uintptr_t new_end)
{
	const struct oct_vma *above;

	if (vma->end != end || new_end < end || new_end - 1 > mm->space.last)
		return false;
	above = oct_vma_first(&mm->areas, end);
	if (above && (above->flags & OCT_MAP_GROWSDOWN))
		new_end += (uintptr_t)OCT_STACK_GUARD_PAGES << OCT_PAGE_SHIFT;
	return !above || above->start >= new_end;
}

static int grow_in_place(struct oct_mm *mm, struct oct_vma *vma, uintptr_t new_end)
{
	uintptr_t end = vma->end;

	if (oct_vma_kind(vma) == OCT_VMA_SHARED) {
		int error = oct_mm_populate_shared(mm, end, new_end, vma->prot);

		if (error)
			return error;
	}
	oct_vma_resize(&mm->areas, vma, vma->start, new_end);
	oct_vma_merge(&mm->areas, end, new_end);
	return 0;
}

static int remap_locked(struct oct_mm *mm, struct remap *remap, unsigned flags)
{
	struct oct_vma *vma = oct_vma_find(&mm->areas, remap->from);
	uintptr_t end = remap->from + remap->bytes, new_end = remap->from + remap->new_bytes;

	if (!vma || vma->end < end)
		return -OCT_EFAULT;
	if (flags & OCT_MREMAP_FIXED)
		return move_mapping(mm, remap);
	remap->to = remap->from;
	if (new_end == end)
		return 0;
	if (remap->new_bytes < remap->bytes)
		return oct_mm_unmap(mm, new_end, end);
	if (room_above(mm, vma, end, new_end))
		return grow_in_place(mm, vma, new_end);
	if (!(flags & OCT_MREMAP_MAYMOVE))
		return -OCT_ENOMEM;
	remap->to = oct_mm_gap(mm, remap->new_bytes, vma->flags);
	return remap->to ? move_mapping(mm, remap) : -OCT_ENOMEM;
}

int oct_mremap(struct oct_mm *mm, uintptr_t addr, size_t bytes, size_t new_bytes, unsigned flags,
               uintptr_t new_addr, uintptr_t *result)
{
	struct remap remap = {.from = addr, .to = new_addr};
	struct oct_announced announced, replaced = {.first = NULL};
	uintptr_t end, new_end;
	int error = oct_mm_range(mm, addr, bytes, &end);

	if (error || (flags & ~(unsigned)(OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED)) || new_bytes == 0 ||
	    new_bytes > mm->space.last)
		return -OCT_EINVAL;
	remap.bytes = end - addr;
	remap.new_bytes = (new_bytes + OCT_PAGE_SIZE - 1) & OCT_PAGE_MASK;
	if (flags & OCT_MREMAP_FIXED) {
		error = oct_mm_range(mm, new_addr, new_bytes, &new_end);
		if (error || !(flags & OCT_MREMAP_MAYMOVE) || (new_addr < end && addr < new_end))
			return -OCT_EINVAL;
	}
	oct_rwlock_write_lock(&mm->lock);
	oct_announce(&announced, mm, addr, end);
	if (flags & OCT_MREMAP_FIXED)
		oct_announce(&replaced, mm, new_addr, new_end);
	error = remap_locked(mm, &remap, flags);
	oct_announce_end(&replaced);
	oct_announce_end(&announced);
	oct_vma_trim(&mm->areas);
	oct_rwlock_write_unlock(&mm->lock);
	if (!error)
		*result = remap.to;
	return error;
}
