/* lockorder.c: locks that are taken in both orders. SPDX-License-Identifier: MIT
 *
 * A deadlock that the actors of a scenario can reach is found by the search itself. This is for the rest: two
 * actors that happen to be ordered, or one that does both in turn, take two locks in opposite orders,
 * and another program with the same functions would deadlock. As lockdep does, but by lock and not
 * by class: an edge a -> b says that some execution took b while it held a. A cycle of edges is reported,
 * unless one lock is held around all of them (a gate), after the search has found nothing else.
 *
 * A lock is a word that is taken by a compare-and-swap in an await, and given back by a store or RMW of
 * the same thread. An edge counts when a is given back: who never does is no holder. Trylocks, ticket
 * and queued locks, and interrupts off are not seen as locks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

enum { MAX_LOCKS = 32, MAX_GATES = 4, MAX_HELD = 8 };

struct edge {
	unsigned n;
	uint32_t gates[MAX_GATES]; /* of each: the locks held besides; none contains another */
};

static struct locks {
	unsigned n;
	uint64_t key[MAX_LOCKS];
	struct edge edge[MAX_LOCKS][MAX_LOCKS];
	bool cycle;
} locks;

/* What each thread holds, in the order of taking; under: who was taken since, and the gates of that. */
static struct {
	unsigned n;
	struct held {
		unsigned lock;
		const void *pc;
		uint32_t since;
		uint32_t gates[MAX_LOCKS];
	} held[MAX_HELD];
} threads[MAX_THREADS];

static struct lock_cycle closed; /* in this execution */

void locks_reset(void)
{
	memset(&locks, 0, sizeof(locks));
}

void locks_begin(void)
{
	for (unsigned i = 0; i < MAX_THREADS; i++)
		threads[i].n = 0;
	closed.closed = false;
}

static unsigned lock_number(uint64_t key)
{
	for (unsigned i = 0; i < locks.n; i++)
		if (locks.key[i] == key)
			return i;
	if (locks.n == MAX_LOCKS)
		return MAX_LOCKS; /* not watched: a cycle is missed, none is invented */
	locks.key[locks.n] = key;
	return locks.n++;
}

/* Is there a way from lock `from` to `to` whose edges have no gate in common with gates? */
static bool leads(unsigned from, unsigned to, uint32_t gates, uint32_t seen)
{
	if (from == to)
		return !gates;
	for (unsigned next = 0; next < locks.n; next++) {
		const struct edge *e = &locks.edge[from][next];

		if (seen >> next & 1)
			continue;
		for (unsigned i = 0; i < e->n; i++)
			if (leads(next, to, gates & e->gates[i], seen | 1u << next))
				return true;
	}
	return false;
}

/* Add the edge a -> b; true if it is new and closes a cycle. */
static bool add_edge(unsigned a, unsigned b, uint32_t gates)
{
	struct edge *e = &locks.edge[a][b];
	unsigned kept = 0;

	for (unsigned i = 0; i < e->n; i++)
		if ((e->gates[i] & gates) == e->gates[i])
			return false; /* nothing new */
	for (unsigned i = 0; i < e->n; i++)
		if ((e->gates[i] & gates) != gates)
			e->gates[kept++] = e->gates[i];
	e->n = kept;
	if (e->n == MAX_GATES)
		return false;
	e->gates[e->n++] = gates;
	return leads(b, a, gates, 1u << b);
}

void lock_taken(uint64_t key, const void *pc)
{
	unsigned self = explore_self(), lock = lock_number(key);
	struct held *h;
	uint32_t all = 0;

	if (lock == MAX_LOCKS || threads[self].n == MAX_HELD)
		return;
	for (unsigned i = 0; i < threads[self].n; i++)
		all |= 1u << threads[self].held[i].lock;
	for (unsigned i = 0; i < threads[self].n; i++) {
		h = &threads[self].held[i];
		h->since |= 1u << lock;
		h->gates[lock] = all & ~(1u << h->lock);
	}
	h = &threads[self].held[threads[self].n++];
	h->lock = lock;
	h->pc = pc;
	h->since = 0;
}

static void give_back(struct held *h, const void *pc)
{
	for (unsigned lock = 0; lock < locks.n; lock++) {
		if (lock == h->lock || !(h->since >> lock & 1))
			continue;
		if (!add_edge(h->lock, lock, h->gates[lock]))
			continue;
		locks.cycle = true;
		if (!closed.closed)
			closed = (struct lock_cycle){true, explore_self(), pc, locks.key[h->lock],
			                             locks.key[lock]};
	}
}

void lock_stored(uint64_t key, const void *pc)
{
	unsigned self = explore_self();

	for (unsigned i = threads[self].n; i--;) {
		struct held *h = &threads[self].held[i];

		if (locks.key[h->lock] != key)
			continue;
		give_back(h, h->pc ? h->pc : pc);
		memmove(h, h + 1, (threads[self].n - i - 1) * sizeof(*h));
		threads[self].n--;
		return;
	}
}

bool locks_held(void)
{
	return threads[explore_self()].n > 0;
}

bool locks_have_cycle(void)
{
	return locks.cycle;
}

const struct lock_cycle *locks_closed(void)
{
	return closed.closed ? &closed : NULL;
}

/* ---- several processes ------------------------------------------------------------------------------- */

size_t locks_size(void)
{
	return sizeof(locks);
}

void locks_save(void *to)
{
	memcpy(to, &locks, sizeof(locks));
}

void locks_join(const void *from)
{
	const struct locks *other = from;

	locks.cycle |= other->cycle;
	for (unsigned a = 0; a < other->n; a++)
		for (unsigned b = 0; b < other->n; b++)
			for (unsigned i = 0; i < other->edge[a][b].n; i++) {
				uint32_t gates = 0;
				unsigned from_lock = lock_number(other->key[a]);
				unsigned to_lock = lock_number(other->key[b]);

				for (unsigned k = 0; k < other->n; k++)
					if (other->edge[a][b].gates[i] >> k & 1 &&
					    lock_number(other->key[k]) < MAX_LOCKS)
						gates |= 1u << lock_number(other->key[k]);
				if (from_lock < MAX_LOCKS && to_lock < MAX_LOCKS)
					locks.cycle |= add_edge(from_lock, to_lock, gates);
			}
}
