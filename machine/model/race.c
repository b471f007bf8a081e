/* race.c: data races on plain memory, by happens-before. SPDX-License-Identifier: MIT
 *
 * Per eight bytes the last accesses of each thread are kept, as in FastTrack (Flanagan, Freund,
 * PLDI 2009). An access of thread u made before its event number k is ordered before thread t iff
 * t's clock has seen an event of u from k on.
 *
 * Accesses of a thread to its own stack are passed over, until some thread is seen on the stack of
 * another: then everything is explored again with stacks watched too. Who is there below the stack
 * pointer of its owner uses a variable of a function that has returned. The owner runs natively
 * no further than to what it must wait for, so if it has returned, nothing kept it from that. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fiber.h"
#include "world.h"

/* A thread can have stored or loaded each byte of the eight by itself, plain and atomic. A record that
 * has no room would be a race that is missed: the search ends with an error. */
enum { RECORDS = 64, TABLE = 1 << 16 };

struct record {
	uint8_t thread, mask, write, atomic;
	uint16_t index;
};

struct granule {
	uint64_t key, execution;
	unsigned n;
	struct record rec[RECORDS];
};

static struct granule *table;
static unsigned used; /* entries of the table, in this execution */
static uint64_t used_in;
static uint64_t used_plain[FRAME_BASE + FRAMES]; /* the execution of the last plain access in the frame */

void race_init(void)
{
	void *memory;

	if (table)
		return;
	memory = mmap(NULL, sizeof(struct granule) * TABLE, PROT_READ | PROT_WRITE,
	              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		abort();
	table = memory;
}

static struct granule *granule_of(uint64_t key)
{
	unsigned h = (unsigned)(key * 0x9e3779b97f4a7c15ull >> 48) % TABLE;

	while (table[h].execution == world.execution && table[h].key != key)
		h = (h + 1) % TABLE;
	if (table[h].execution != world.execution) {
		used = used_in == world.execution ? used + 1 : 1;
		used_in = world.execution;
		if (used == TABLE - 1) /* one stays free, for the search above to end */
			explore_fail("an execution touches too much plain memory");
		table[h].execution = world.execution;
		table[h].key = key;
		table[h].n = 0;
	}
	return &table[h];
}

/* What the thread's last event that is no translation read has happens-before it. */
static const struct clock *clock_of(unsigned thread)
{
	static const struct clock none;
	const struct graph *g = explore_graph();

	for (unsigned i = explore_done(thread); i; i--) {
		const struct event *e = &g->ev[g->thread[thread][i - 1]];

		if (e->kind != EV_TRANSLATE)
			return &e->hb;
	}
	return &none;
}

/* Does record a say all that b says, of the same thread? */
static bool says_more(const struct record *a, const struct record *b)
{
	return (a->mask & b->mask) == b->mask && a->write == b->write && a->atomic == b->atomic;
}

/* whole: all of the access is in these eight bytes. */
static void check(struct granule *g, struct record now, bool whole, const void *address, const void *pc)
{
	const struct clock *clock = clock_of(now.thread);
	struct record *place = NULL;

	for (unsigned i = 0; i < g->n; i++) {
		struct record *r = &g->rec[i];

		/* the value of an atomic place is in the graph: it cannot be had in part, or with more */
		if (r->atomic && (r->mask & now.mask) && (r->mask != now.mask || !whole))
			violate(OC_ASSERTION, pc, "an atomic place (%p) is accessed with another size",
			        address);
		if (r->thread == now.thread) {
			if (says_more(&now, r))
				place = r;
			continue;
		}
		if (!(r->mask & now.mask) || !(r->write | now.write) || (r->atomic && now.atomic))
			continue;
		if (clock->n[r->thread] <= (int)r->index)
			violate(OC_RACE, pc, "%s and %s of the same memory (%p) by %s and %s are not ordered",
			        r->write ? "a write" : "a read", now.write ? "a write" : "a read", address,
			        actor_name(r->thread), actor_name(now.thread));
	}
	if (!place && g->n < RECORDS)
		place = &g->rec[g->n++];
	if (!place)
		explore_fail("accesses of too many different sizes to one place");
	else
		*place = now;
}

/* The running thread frees the frame: was every plain access of others before? Those that come later
 * are told by the frame itself. */
void race_freed(unsigned frame, const void *pc)
{
	const struct clock *clock = clock_of(explore_self());
	uint64_t first = (uintptr_t)frame_address(frame) >> 3;

	if (used_plain[frame] != world.execution)
		return;
	for (uint64_t key = first; key < first + OCT_PAGE_SIZE / 8; key++) {
		const struct granule *g = granule_of(key);

		for (unsigned i = 0; i < g->n; i++) {
			const struct record *r = &g->rec[i];

			if (!r->atomic && r->thread != explore_self() && clock->n[r->thread] <= (int)r->index)
				violate(OC_UAF, pc, "page %u is freed while %s may still use it", frame,
				        actor_name(r->thread));
		}
	}
}

bool on_own_stack(const void *address)
{
	return (size_t)((const char *)address - explore_stack(explore_self())) < FIBER_STACK;
}

/* The thread on whose stack the address is, MAX_THREADS for none. */
static unsigned stack_owner(const char *address)
{
	static const char *low, *high; /* of all stacks: they do not move */

	if (!high) {
		low = high = explore_stack(0);
		for (unsigned i = 0; i < MAX_THREADS; i++) {
			low = explore_stack(i) < low ? explore_stack(i) : low;
			high = explore_stack(i) + FIBER_STACK > high ? explore_stack(i) + FIBER_STACK : high;
		}
	}
	if (address < low || address >= high)
		return MAX_THREADS;
	for (unsigned i = 0; i < MAX_THREADS; i++)
		if ((size_t)(address - explore_stack(i)) < FIBER_STACK)
			return i;
	return MAX_THREADS;
}

static void check_stack(const char *address, const void *pc)
{
	unsigned owner = stack_owner(address);

	if (owner == MAX_THREADS || owner == explore_self())
		return;
	if (!world.stacks_shared) {
		world.stacks_shared = true;
		search_again();
	}
	if (address < events_stack_in_use(owner))
		violate(OC_UAF, pc, "%s uses a variable of a function of %s that has returned",
		        actor_name(explore_self()), actor_name(owner));
}

static void record_access(const void *address, unsigned size, bool write, bool atomic, unsigned index,
                          const void *pc)
{
	unsigned self = explore_self();
	uintptr_t at = (uintptr_t)address;
	bool whole = (at & 7) + size <= 8;

	while (size) {
		unsigned offset = at & 7, here = 8 - offset < size ? 8 - offset : size;
		struct granule *g = granule_of(at >> 3);
		struct record now = {.thread = (uint8_t)self,
		                     .mask = (uint8_t)(((1u << here) - 1) << offset),
		                     .write = write,
		                     .atomic = atomic,
		                     .index = (uint16_t)index};

		check(g, now, whole, address, pc);
		at += here;
		size -= here;
	}
}

void race_plain(const void *address, unsigned size, bool write, const void *pc)
{
	unsigned frame;

	check_stack(address, pc);
	frame = frame_of(address);
	if (frame && world.frame_freed[frame])
		violate(OC_UAF, pc, "page %u is used after it was freed", frame);
	used_plain[frame] = world.execution;
	record_access(address, size, write, false, explore_done(explore_self()), pc);
}

void race_atomic(const void *address, unsigned size, bool write, unsigned index, const void *pc)
{
	check_stack(address, pc);
	record_access(address, size, write, true, index, pc);
}
