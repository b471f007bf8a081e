/* interval.c: the mirrored ranges of a space. SPDX-License-Identifier: MIT
 *
 * WHO OWNS WHICH WORD
 *   lock         0 free, 1 held; interrupts off. Held by who inserts or removes, and by who dispatches an
 *                invalidation, until the last function has returned
 *   first, next, start, end    under lock
 *   sequence     raised under lock, read without
 *
 * WHY NOTHING OLD STAYS IN A SHADOW (I8)
 * Somebody takes an entry away (X), draws a generation, and whoever completes it comes here before it counts
 * as complete (F9): he raises the sequence (S, release), then calls invalidate (V), which takes the shadow's
 * lock. A filler reads the sequence (B, acquire), looks (L), and under the shadow's lock compares (C) and
 * fills in (F).
 *
 *   - B reads S or later: L comes after X, and sees the new entry.
 *   - B reads before S, C reads S or later: it begins again.
 *   - B and C read before S: then V is not before C's section, where the lock would show S, which comes
 *     before V. So V comes after F, and drops it.
 *
 * So no second call is needed that says when the change is over, and no filler waits for it. What comes
 * after the completion, giving the page back first of all, comes after V.
 *
 * WHY NO INTERVAL IS MISSED
 * Insert takes the lock. Who had it before to dispatch, and did not find the interval, stored its entries
 * earlier: what is looked at after the insert shows them. Who has it later finds the interval. */
#include <octavo/interval.h>
#include "../tlb/authority.h"

/* T0 has no other walkers than the local CPU. */
#if OCT_TIER > 0

static unsigned long lock(struct oct_intervals *intervals)
{
	unsigned long state = oct_cpu_enter();

	oct_spin_lock(&intervals->lock);
	return state;
}

static void unlock(struct oct_intervals *intervals, unsigned long state)
{
	oct_spin_unlock(&intervals->lock);
	oct_cpu_leave(state);
}

/* last: so that the top of addresses can be named. */
static void invalidate_range(struct oct_intervals *intervals, uintptr_t start, uintptr_t last)
{
	unsigned long state = lock(intervals);

	for (struct oct_interval *i = intervals->first; i != NULL; i = i->next) {
		uintptr_t from = i->start > start ? i->start : start;
		uintptr_t to = i->end - 1 < last ? i->end - 1 : last;

		if (from > to)
			continue;
		OCT_COVER("interval");
		/* Release: pairs with the acquire in oct_interval_read_begin. */
		oct_store(&i->sequence, oct_load(&i->sequence, OCT_RLX) + 1, OCT_REL);
		i->invalidate(i, from, to + 1);
	}
	unlock(intervals, state);
}

static void told(struct oct_secondary *secondary, struct oct_space *space, uintptr_t start, size_t pages,
                 enum oct_depth depth)
{
	struct oct_intervals *intervals = (struct oct_intervals *)(void *)secondary;

	(void)depth; /* who keeps no table of the space has nothing on the way to it */
	if (pages == 0)
		invalidate_range(intervals, space->start, space->last);
	else
		invalidate_range(intervals, start, start + (((uintptr_t)pages << OCT_PAGE_SHIFT) - 1));
}

static bool used(struct oct_secondary *secondary, struct oct_space *space, uintptr_t start, size_t pages,
                 bool clear)
{
	struct oct_intervals *intervals = (struct oct_intervals *)(void *)secondary;
	uintptr_t last = start + (((uintptr_t)pages << OCT_PAGE_SHIFT) - 1);
	unsigned long state = lock(intervals);
	bool young = false;

	(void)space;
	for (struct oct_interval *i = intervals->first; i != NULL; i = i->next) {
		uintptr_t from = i->start > start ? i->start : start;
		uintptr_t to = i->end - 1 < last ? i->end - 1 : last;

		if (from <= to && i->young)
			young |= i->young(i, from, to + 1, clear);
	}
	unlock(intervals, state);
	return young;
}

static void space_ends(struct oct_secondary *secondary, struct oct_space *space)
{
	invalidate_range((struct oct_intervals *)(void *)secondary, space->start, space->last);
}

void oct_intervals_bind(struct oct_intervals *intervals, struct oct_space *space)
{
	intervals->secondary.invalidate = told;
	intervals->secondary.leave = space_ends;
	intervals->secondary.young = used;
	intervals->lock = 0;
	intervals->first = NULL;
	oct_secondary_bind(space, &intervals->secondary);
}

void oct_intervals_unbind(struct oct_intervals *intervals, struct oct_space *space)
{
	if (intervals->first)
		oct_port_panic("oct_intervals_unbind: an interval is in the set");
	oct_secondary_unbind(space, &intervals->secondary);
}

int oct_interval_insert(struct oct_intervals *intervals, struct oct_interval *interval, uintptr_t start,
                        uintptr_t end)
{
	unsigned long state;

	if (((start | end) & ~OCT_PAGE_MASK) != 0 || start >= end)
		return -OCT_EINVAL;
	interval->start = start;
	interval->end = end;
	oct_store(&interval->sequence, 0u, OCT_RLX); /* nobody else knows it */
	state = lock(intervals);
	interval->next = intervals->first;
	intervals->first = interval;
	unlock(intervals, state);
	return 0;
}

void oct_interval_remove(struct oct_intervals *intervals, struct oct_interval *interval)
{
	unsigned long state = lock(intervals);
	struct oct_interval **link = &intervals->first;
	bool there;

	while (*link != NULL && *link != interval)
		link = &(*link)->next;
	there = *link != NULL;
	if (there)
		*link = interval->next;
	unlock(intervals, state);
	if (!there)
		oct_port_panic("oct_interval_remove: it is not in this set");
}

#endif
