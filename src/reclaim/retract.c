/* retract.c: empty leaf tables of areas that show an object go. SPDX-License-Identifier: MIT
 *
 * WHO OWNS WHAT
 *
 * - reverse map: the lock of the mapping, held for reading. Areas, their bounds and their spaces stay, and so
 * do the tables above the leaves on the way to them.
 * - a leaf table and the link to it: the page-table lock of the slot that links it. It lies in the table
 * above, so it outlives the leaf table, and who waits for it finds the slot as it is then.
 * - keep of an area: the lock of the mapping. Who set it needs the tables that are there (mremap.c).
 *
 * WHY NOTHING THAT IS MAPPED IS LOST (I2; races 31, questions C1 and C2). Entries are looked at, and the link
 * is taken out, in one section of the one lock under which any entry of the table comes to be. Nothing is
 * inferred from the object, its pages' locks or the area: whoever has put something in, in a private area, by
 * a userfault's resolution or as a marker, has done so before, and the table stays; or he waits for the lock,
 * and finds no table.
 *
 * WHY NOBODY MISSES THE TABLE (I1, I9; races 32, C5). All of the core comes to an entry by oct_pte_lock_at,
 * which reads the slot again under the lock and ends at the slot where no table hangs from it. So each walk
 * may fail to find a table that was there:
 *
 * - zap, protect, clear, scan, write-back, recording, migration, reclaim, reverse map: a slot without a table
 * is a hole; they join what its stamp still waits for, which the slot has kept (R3, R4).
 * - a fault, a userfault's resolution: makes another table and looks again, until it has one under the lock.
 * It ends: each turn follows a retraction that found the fresh table empty (I9). If there is no memory for
 * the table it is refused, as ever.
 * - a fault that read from swap: its entry is not the same any more, so the access comes again.
 * - fork, and mremap from here: hold the lock of the mapping for writing while entries are copied or moved.
 * - mremap to here: has made tables before it changes anything, where there may be areas that it will remove;
 * it says so by their keep.
 * - munmap, exit: tables are trimmed when the area has left the reverse map.
 * - oct_gup_fast, glances: take no lock. Interrupts are off, so the table outlives the walk (R5), and a page
 * is believed only when entry and upper entry are still the same (races 26, 27).
 *
 * WHY NO WALKER REACHES THE TABLE WHEN IT IS FREED (I1, I8; races 28, C3, C4). It goes through a ticket: the
 * generation says "all levels", so CPUs and secondary MMUs drop the upper entry too, those have no walk in
 * flight when they say so (R7), and walkers in software have had interrupts on since (F5). Leaves of an empty
 * table are in no TLB that caches valid entries only; that they are invalidated all the same is for the
 * others (C3).
 *
 * WHAT IS NOT NEEDED. The lock of the space; the locks of the pages; a look at whether the area has private
 * pages (anon_vma) or is registered with a userfault. Linux looks at these, since it does not look at the
 * entries. */
#include <octavo/collapse.h>
#include "../page/cache.h"
#include "../page/shown.h"
#include "../notify/notifier.h"

/* The tables whose span lies in [start, end) of vma, complete. Returns how many went. */
static unsigned retract_area(const struct oct_vma *vma, uintptr_t start, uintptr_t end)
{
	const uintptr_t span = oct_level_bytes(1);
	uintptr_t va = (start + span - 1) & ~(span - 1);
	struct oct_announced announced;
	struct oct_ticket ticket;
	unsigned taken = 0;

	oct_announce_shown(&announced, vma, start, end);
	oct_ticket_init(&ticket, vma->space);
	for (; va >= start && va < end && end - va >= span; va += span) /* not past the top of addresses */
		if (oct_table_retract(vma->space, va, &ticket)) {
			OCT_COVER("retracted");
			taken++;
		} else {
			OCT_COVER("retract-skipped");
		}
	/* Before the area may leave the reverse map, and its space end. */
	oct_ticket_complete(&ticket);
	oct_announce_end(&announced);
	return taken;
}

int oct_retract_page_tables(struct oct_mapping *mapping, uint64_t first, uint64_t pages)
{
	uint64_t last = first + pages - 1;
	struct oct_vma *vma = NULL;
	uint64_t taken = 0;

	if (!pages || last < first)
		return -OCT_EINVAL;
	oct_rwlock_read_lock(&mapping->lock);
	while ((vma = oct_shown_next(mapping, first, last, vma))) {
		uintptr_t start = first > vma->pgoff ? oct_shown_address(vma, first) : vma->start;
		uintptr_t end =
		    last < oct_shown_last(vma) ? oct_shown_address(vma, last) + OCT_PAGE_SIZE : vma->end;

		if (!vma->shown.keep)
			taken += retract_area(vma, start, end);
	}
	oct_rwlock_read_unlock(&mapping->lock);
	return taken < INT32_MAX ? (int)taken : INT32_MAX;
}
