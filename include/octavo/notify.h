/* notify.h: secondary MMUs, and who has to sleep before it stops. SPDX-License-Identifier: MIT
 *
 * Who walks a space's tables, or keeps translations of it, and is no CPU of the system: a device behind an
 * IOMMU that shares the tables. It takes no interrupt and hears no broadcast that the core sends to
 * CPUs. Bound to a space it is a target of the flush authority like a CPU that runs the space: no ticket
 * is complete, and no page or table page released, before it was told (rules F9 at the top of
 * src/tlb/tlb.c). So nothing else in the core knows of it, and no caller of the core has to. It is told when
 * entries have changed, with interrupts off; who cannot stop at once is told before: struct oct_notifier. */
#ifndef OCTAVO_NOTIFY_H
#define OCTAVO_NOTIFY_H

#include <octavo/mmu.h>
#include <octavo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Owned by the host, which sets the functions before it is bound and changes nothing until it is
 * unbound; it stays valid that long. One struct is bound to one space at a time. */
struct oct_secondary {
	struct oct_secondary *next; /* atomic; the core's */

	/* Drop what is kept of pages pages from start (page-aligned), of the whole space where pages is 0;
	 * depth OCT_ALL_LEVELS: what is kept of the tables on the way too. On return: entry stores
	 * that happened before the call are what its walks find, nothing older of the range is used any
	 * more, each access made with it is done, and no walk that began earlier is still in flight (R7).
	 * Called with interrupts off, with or without page-table locks: does not sleep, takes no lock
	 * that is held while the core is called, cannot fail. May be called on several CPUs at once. */
	void (*invalidate)(struct oct_secondary *secondary, struct oct_space *space, uintptr_t start,
	                   size_t pages, enum oct_depth depth);

	/* The space ends: stop walking its tables for good. On return no walk is in flight and nothing
	 * is kept. Called once, before any page or table goes, interrupts on, no locks held; may sleep,
	 * cannot fail. invalidate may be called until all of the space have left; the struct is the host's
	 * again when the call that ends the space returns. oct_secondary_unbind is not called for it. */
	void (*leave)(struct oct_secondary *secondary, struct oct_space *space);

	/* Has it used one of pages pages from start (page-aligned) since it was asked with clear for the last
	 * time? For one that notes uses in tables of its own; who sets young in the entries of the space
	 * has nothing to tell. NULL: it keeps no note. clear: and forget. What it keeps to reach the pages
	 * may stay, and a use by it go unnoted until it is dropped. Context as of invalidate: interrupts off,
	 * page-table locks held, does not sleep, cannot fail. */
	bool (*young)(struct oct_secondary *secondary, struct oct_space *space, uintptr_t start, size_t pages,
	              bool clear);
};

/* Makes secondary a target of every flush of space. To be called before its first walk, on any CPU
 * that may take interrupts; does not sleep, takes no lock. The caller lets one bind or unbind of a
 * space run at a time, and none beside the end of the space. Walks begun after the return find what
 * was stored in entries by changes whose flush did not tell secondary. */
void oct_secondary_bind(struct oct_space *space, struct oct_secondary *secondary);

/* Undoes it. To be called after its last walk; interrupts on, no page-table lock held. Does not sleep, but
 * waits until every CPU has had interrupts on: on return no call of secondary's functions runs or comes, and
 * what it keeps is its own business. secondary must be bound to space. */
void oct_secondary_unbind(struct oct_space *space, struct oct_secondary *secondary);

/* Tells every secondary of space to drop pages pages from start to depth, as a ticket that is completed does;
 * the CPUs' TLBs stay as they are. For a host that answers the fault of a device which keeps the entry that
 * faulted. pages 0: the whole space. Any context; does not sleep. */
void oct_secondary_invalidate(struct oct_space *space, uintptr_t start, size_t pages, enum oct_depth depth);

/* Returns whether a secondary of space has used one of pages pages from start, by its own notes. clear: all
 * forget it; where the next use must not go unnoted oct_secondary_invalidate comes after. Reclaim asks whenever
 * it makes the CPU's entry old; a host that looks for idle pages asks without clear. Any context; does not
 * sleep, takes no lock. TLBs stay as they are. */
bool oct_secondary_young(struct oct_space *space, uintptr_t start, size_t pages, bool clear);

/* ---- Before and after a change (T2) ---------------------------------------------------------------
 *
 * Who can stop at once needs no more than invalidate (interval.h says why). A device that cannot fault, and
 * does DMA by addresses that it was given, cannot: to make it stop takes a lock that sleeps, a command, and
 * the interrupt that says it is done. For such a one each call that takes pages or rights away, or puts
 *another page in the place of one, says so before it takes a lock that must not sleep: start, the change,
 *end. It is not told of what comes (a page in an empty place, a right gained), nor of what is an entry's form
 *alone.
 *
 *	start:	lock(mine); announced++; while (DMA to the range is under way) sleep; forget its addresses;
 *unlock(mine) end:	lock(mine); announced--; changes++; unlock(mine); wake who waits below use:	do {
 *			lock(mine); while (announced) sleep; seen = changes; unlock(mine)
 *			... look, as oct_gup does ...
 *			lock(mine);
 *			again = announced || seen != changes;
 *			if (!again)
 *				... hand the address to the device ...
 *			unlock(mine)
 *		} while (again);
 *
 * So what the device uses is what the space shows (src/notify/notifier.c), without a pin that keeps pages. */

struct oct_mm;

/* Owned by the host, which sets the functions before it is bound and changes nothing until it is unbound. One
 * struct is bound to one space at a time. */
struct oct_notifier {
	struct oct_notifier *next; /* atomic; the core's */

	/* [start, end), page-aligned, may change until end is called with the same range. On return nothing
	 * of it is used, and each access is done. Called with interrupts on and no spinning lock held, but
	 * with that of the space, that of an object, or both: may sleep, cannot fail; takes no lock that is
	 * held while the core is called, waits for nobody who does, and calls nothing of the core. Several
	 * threads may be between their start and end at a time, with ranges that overlap; one may be
	 * announced that does not change. */
	void (*start)(struct oct_notifier *notifier, struct oct_mm *mm, uintptr_t start, uintptr_t end);

	/* It is over, done or not: entries are what they will be. Context as of start. */
	void (*end)(struct oct_notifier *notifier, struct oct_mm *mm, uintptr_t start, uintptr_t end);

	/* The space ends: as start for all of it, and no end follows. Called once, before any page goes, with
	 * no lock held; may sleep, cannot fail. Calls that an object makes may come until the call that ends
	 * the space returns; then the struct is the host's. oct_notifier_unbind is not called for it. */
	void (*leave)(struct oct_notifier *notifier, struct oct_mm *mm);
};

/* Announces changes of mm to notifier from now on: what is looked at after the return changes between a start
 * and an end only. May sleep: takes the lock of the space for writing, then those of the objects that it
 * shows, one by one; interrupts on. Not beside the end of the space, nor from a notifier's function. TLBs
 * stay as they are. */
void oct_notifier_bind(struct oct_mm *mm, struct oct_notifier *notifier);

/* Undoes it. To be called when nothing is used any more. On return no function of notifier runs or comes; of
 * a change under way it has heard the start, and need not hear the end. Context and locks as of
 * oct_notifier_bind. notifier must be bound to mm. */
void oct_notifier_unbind(struct oct_mm *mm, struct oct_notifier *notifier);

#ifdef __cplusplus
}
#endif
#endif
