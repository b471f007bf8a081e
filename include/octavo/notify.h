/* notify.h: secondary MMUs. SPDX-License-Identifier: MIT
 *
 * Who walks a space's tables, or keeps translations of it, and is no CPU of the system: a device behind an
 * IOMMU that shares the tables. It takes no interrupt and hears no broadcast that the core sends to
 * CPUs. Bound to a space it is a target of the flush authority like a CPU that runs the space: no ticket
 * is complete, and no page or table page released, before it was told (rules F9 at the top of
 * src/tlb/tlb.c). So nothing else in the core knows of it, and no caller of the core has to. */
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

#ifdef __cplusplus
}
#endif
#endif
