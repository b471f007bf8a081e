/* interval.h: ranges of a space that somebody mirrors: sequences. SPDX-License-Identifier: MIT
 *
 * A shadow MMU keeps a table of its own for a range of a space: second-stage tables of a guest, tables of a
 * device that cannot share the CPU's. It fills an entry from what the space shows, which may change before
 * it is filled in. A sequence tells it:
 *
 *	do {
 *		seq = oct_interval_read_begin(&interval);
 *		... look: oct_gup, or a walk with the lock of the space held ...
 *		lock(shadow);
 *		again = oct_interval_read_retry(&interval, seq);
 *		if (!again)
 *			... fill in ...
 *		unlock(shadow);
 *	} while (again);
 *
 * and invalidate, which takes the shadow's lock too, drops what was filled in before.
 *
 * One call instead of a start and an end: it comes after the entries have changed, and before anybody relies
 * on that (notify.h). Who began to look before it finds another sequence; who begins after it finds the new
 * entries. Who must sleep before it has dropped anything is a struct oct_notifier (notify.h) instead. The
 * functions are for T1 and up. */
#ifndef OCTAVO_INTERVAL_H
#define OCTAVO_INTERVAL_H

#include <octavo/notify.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A range that is mirrored. Owned by the host, which sets invalidate and young before it is inserted. */
struct oct_interval {
	struct oct_interval *next; /* the core's; under the lock of its set */
	uintptr_t start, end;      /* likewise */
	uint32_t sequence;         /* atomic: raised before each call of invalidate */

	/* Drop what was filled in of [start, end), a part of the interval. On return nothing of it is used
	 * any more, and each access made with it is done. Context as of invalidate in struct oct_secondary:
	 * interrupts off, does not sleep, cannot fail, takes no lock that is held while the core is called.
	 * One call of a set runs at a time. */
	void (*invalidate)(struct oct_interval *interval, uintptr_t start, uintptr_t end);

	/* Has [start, end), a part of the interval, been used since the last call with clear? NULL: it keeps
	 * no note. clear: and forget. Context as of invalidate, with a page-table lock held. */
	bool (*young)(struct oct_interval *interval, uintptr_t start, uintptr_t end, bool clear);
};

/* The intervals of one space; bound to it as one secondary MMU. Owned by the host. */
struct oct_intervals {
	struct oct_secondary secondary; /* first */
	uint32_t lock;                  /* atomic: 6 in docs/LOCKING.md */
	struct oct_interval *first;     /* under lock */
};

/* An empty set, told from now on of what is taken away in space. Limits of oct_secondary_bind. Does not
 * sleep; interrupts on or off; takes no lock. TLBs stay as they are. */
void oct_intervals_bind(struct oct_intervals *intervals, struct oct_space *space);

/* Undoes it; no interval is in the set. As oct_secondary_unbind: interrupts on, no page-table lock held, does
 * not sleep. TLBs stay as they are. Where space ends it is not called: each interval is then invalidated once
 * more, whole, and the set is the host's again. */
void oct_intervals_unbind(struct oct_intervals *intervals, struct oct_space *space);

/* Puts interval in the set, for [start, end): page-aligned, not empty. What is looked at from now on is
 * covered. Any context in which the core may be called; does not sleep, takes the lock of the set. TLBs stay
 * as they are. 0; -OCT_EINVAL. */
int oct_interval_insert(struct oct_intervals *intervals, struct oct_interval *interval, uintptr_t start,
                        uintptr_t end);

/* Takes it out. On return its function does not run and is not called again. Not from within invalidate;
 * else any context: interrupts on or off, does not sleep, takes the lock of the set. TLBs stay as they are.
 */
void oct_interval_remove(struct oct_intervals *intervals, struct oct_interval *interval);

/* Before a look at what interval shows: its sequence. Any context. */
static inline uint32_t oct_interval_read_begin(const struct oct_interval *interval)
{
	/* Acquire: pairs with the release in src/notify/interval.c: what was changed before is seen. */
	return oct_load(&interval->sequence, OCT_ACQ);
}

/* After the look, with the lock held that invalidate takes: has something been taken away since sequence was
 * read, so that what was seen may not be filled in? Any context. */
static inline bool oct_interval_read_retry(const struct oct_interval *interval, uint32_t sequence)
{
	/* Relaxed: invalidate has not run yet, then it drops what is filled in now; or it has, and the lock
	 * shows what was raised before. */
	return oct_load(&interval->sequence, OCT_RLX) != sequence;
}

#ifdef __cplusplus
}
#endif
#endif
