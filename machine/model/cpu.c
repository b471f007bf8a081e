/* cpu.c: interrupts and root registers. SPDX-License-Identifier: MIT
 *
 * The interrupts of a CPU are one more thread, its proxy, that awaits requests. Interrupts off is a
 * lock that the proxy takes too; so a region with interrupts off and a handler exclude each other,
 * and a handler runs at any other place of the CPU's program. */
#include <stdlib.h>
#include <string.h>

#include "world.h"

unsigned this_cpu(void)
{
	unsigned self = explore_self();

	if (self >= MAX_THREADS)
		return world.native_cpu;
	return world.rules.cpu[self];
}

static bool is_proxy(void)
{
	return explore_self() >= world.nactors;
}

unsigned asid_of(const struct oct_mm *mm)
{
	const struct graph *g = explore_graph();
	const uint64_t *word = world.glue->asid_word(mm);
	unsigned self = explore_self(), done = in_race() ? explore_done(self) : 0;
	uint16_t w = NO_EVENT;

	if (done && place_known(word, sizeof(*word)))
		for (w = g->loc[place(word, sizeof(*word))].last; w != NO_EVENT; w = g->ev[w].co_prev)
			if (hb_before(g, w, g->thread[self][done - 1]))
				break;
	return world.glue->asid(w == NO_EVENT ? *word : g->ev[w].value);
}

static uint16_t made_up(unsigned what, unsigned cpu)
{
	return place_made_up(0x8000 + what * 256 + cpu, PLACE_ROOT, 0);
}

void lock_take(uint16_t location, unsigned size, const void *pc)
{
	bool stored;

	oc_await_begin();
	do_rmw(location, __ATOMIC_ACQUIRE, size, RMW_CAS, 1, 0, &stored, pc);
	if (!stored)
		oc_await_failed();
	oc_await_end();
}

/* The lock that was just taken was free because a handler ended. */
static bool after_handler(uint16_t lock)
{
	const struct graph *g = explore_graph();
	unsigned self = explore_self();

	for (unsigned i = explore_done(self); i; i--) {
		const struct event *e = &g->ev[g->thread[self][i - 1]];

		if (e->kind == EV_RMW_READ && e->location == lock)
			return e->rf != NO_EVENT && e->rf != INIT_EVENT &&
			       g->ev[e->rf].thread >= world.nactors;
	}
	return false;
}

/* The return from an interrupt is serialising on x86-64: what the handler invalidated, the CPU does not use
 * afterwards. */
void irq_lock(unsigned cpu, const void *pc)
{
	if (!in_race() || is_proxy() || world.cpu[cpu].irq_depth++)
		return;
	lock_take(made_up(0, cpu), 8, pc);
	if (world.x86 && after_handler(made_up(0, cpu))) {
		do_dsb(pc);
		do_isb(pc);
	}
}

void irq_unlock(unsigned cpu, const void *pc)
{
	if (!in_race() || is_proxy() || --world.cpu[cpu].irq_depth)
		return;
	do_write(made_up(0, cpu), __ATOMIC_RELEASE, 8, 0, pc);
}

/* Wait until the CPU has had its interrupts on: part of a grace period. */
void irq_quiesce(unsigned cpu, const void *pc)
{
	lock_take(made_up(0, cpu), 8, pc);
	do_write(made_up(0, cpu), __ATOMIC_RELEASE, 8, 0, pc);
}

static void serve(const struct request *r, const void *pc)
{
	if (r->tlbi) {
		do_tlbi(r->asid, r->va, r->pages, false, r->leaf_only, pc);
		if (!world.rules.instant_tlbi)
			do_dsb(pc);
	} else if (r->fn) {
		r->fn();
	} else {
		world.glue->interrupt(world.system);
	}
}

void request_interrupt(unsigned cpu, const struct request *r, bool wait, const void *pc)
{
	uint64_t number;
	bool stored;

	if (!in_race()) {
		unsigned before = world.native_cpu;

		world.native_cpu = cpu;
		if (!r->tlbi)
			serve(r, pc);
		world.native_cpu = before;
		return;
	}
	number = do_rmw(made_up(1, cpu), __ATOMIC_ACQ_REL, 8, RMW_ADD, 1, 0, &stored, pc);
	if (number >= MAX_REQUESTS)
		explore_fail("one CPU is asked for too many interrupts");
	world.requests[cpu][number] = *r;
	if (!wait)
		return;
	oc_await_begin();
	if (do_read(made_up(2, cpu), __ATOMIC_ACQUIRE, 8, pc) <= number)
		oc_await_failed();
	oc_await_end();
}

void proxy_run(unsigned cpu)
{
	uint64_t handled = 0;
	const void *pc = NULL;

	for (;;) {
		uint64_t asked;
		bool answer = false;

		oc_await_begin();
		asked = do_read_above(made_up(1, cpu), handled, pc);
		if (asked <= handled)
			oc_await_failed();
		oc_await_end();
		lock_take(made_up(0, cpu), 8, pc);
		do_isb(pc);
		for (; handled < asked; handled++) {
			const struct request *r = &world.requests[cpu][handled];

			serve(r, pc);
			answer |= r->tlbi || r->fn;
		}
		do_write(made_up(0, cpu), __ATOMIC_RELEASE, 8, 0, pc);
		if (answer)
			do_write(made_up(2, cpu), __ATOMIC_RELEASE, 8, handled, pc);
	}
}

static void write_root(unsigned cpu, unsigned asid, oct_phys_t root, const void *pc)
{
	const struct cpu *start = &world.cpu_at_start[cpu];

	do_write(place_made_up(root_key(cpu, asid), PLACE_ROOT, start->asid == asid ? start->root : 0),
	         __ATOMIC_RELAXED, 8, root, pc);
}

/* A root register per ASID: under the ASID that the CPU leaves it has none, but keeps what it cached. */
void load_root(oct_phys_t root, unsigned asid, bool keep, const void *pc)
{
	unsigned cpu = this_cpu();
	struct cpu *c = &world.cpu[cpu], before = *c;
	bool first = !(c->loaded[asid / 64] >> (asid % 64) & 1);

	c->root = root;
	c->asid = asid;
	c->loaded[asid / 64] |= 1ull << (asid % 64);
	if (!in_race())
		return;
	do_dsb(pc);
	if (before.root && before.asid != asid)
		write_root(cpu, before.asid, 0, NULL);
	write_root(cpu, asid, root, pc);
	if (!keep)
		do_tlbi(asid, 0, 0, false, false, pc);
	else if (first) /* this CPU holds nothing of it: as if it had just been invalidated */
		do_holds_nothing(asid);
	if (!keep && !world.rules.instant_tlbi)
		do_dsb(pc);
	do_dsb(pc);
	do_isb(pc);
}

void device_leave(const void *pc)
{
	for (unsigned cpu = 0; in_race() && cpu < world.nactors; cpu++)
		if (is_device(cpu))
			write_root(cpu, world.cpu_at_start[cpu].asid, 0, pc);
	if (in_race())
		do_device_invalidate(0, 0, false, pc);
}
