/* test_order.c: what leads to what in the completion order, edge by edge. SPDX-License-Identifier: MIT
 *
 * formats: arm64
 * Each test begins with a store that another thread reads, relaxed: that is an edge of O and none of H, so
 * what follows is found by O's own edges alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include "order.h"
#include <cmocka.h>

enum { X, Y, Z };

static struct machine_rules rules;
static struct graph g;

static uint16_t add(unsigned thread, enum event_kind kind, uint16_t location, int order, uint16_t choice)
{
	struct event e;

	memset(&e, 0, sizeof(e));
	e.kind = (uint8_t)kind;
	e.thread = (uint8_t)thread;
	e.location = location;
	e.order = (uint8_t)order;
	e.size = 8;
	e.upper = NO_EVENT;
	e.rf = NO_EVENT;
	e.op = RMW_ADD;
	e.operand = 1;
	return graph_add(&rules, &g, &e, choice);
}

static uint16_t store(unsigned thread, uint16_t location, int order)
{
	return add(thread, EV_WRITE, location, order, co_newest(&g, location));
}

static uint16_t load(unsigned thread, uint16_t location, int order)
{
	return add(thread, EV_READ, location, order, co_newest(&g, location));
}

static uint16_t other(unsigned thread, enum event_kind kind, int order)
{
	return add(thread, kind, 0, order, INIT_EVENT);
}

/* The write of it. */
static uint16_t rmw(unsigned thread, uint16_t location, int order)
{
	uint16_t read = add(thread, EV_RMW_READ, location, order, co_newest(&g, location));
	struct event write = rmw_write_of(&rules, &g.ev[read]);

	return graph_add(&rules, &g, &write, g.ev[read].rf);
}

/* A store of thread 0, and its read by thread 1: only O has it. */
static uint16_t begin(void)
{
	uint16_t first;

	graph_init(&g);
	first = store(0, X, __ATOMIC_RELAXED);
	(void)load(1, X, __ATOMIC_RELAXED);
	return first;
}

static bool leads(uint16_t from, uint16_t to)
{
	assert_false(hb_before(&g, from, to));
	return completes_before(&rules, &g, from, to);
}

static void a_relaxed_read_orders_nothing(void **state)
{
	uint16_t first = begin();

	(void)state;
	assert_true(leads(first, 1));
	assert_false(leads(first, load(1, Y, __ATOMIC_RELAXED)));
	assert_false(leads(first, load(1, Y, __ATOMIC_ACQUIRE)));
	assert_false(leads(first, store(1, Y, __ATOMIC_RELAXED)));
	assert_false(leads(first, rmw(1, Y, __ATOMIC_ACQUIRE)));
}

static void what_ends_an_edge(void **state)
{
	uint16_t first = begin();

	(void)state;
	assert_true(leads(first, store(1, Y, __ATOMIC_RELEASE)));
	first = begin();
	assert_true(leads(first, rmw(1, Y, __ATOMIC_RELEASE)));
	first = begin();
	assert_true(leads(first, other(1, EV_FENCE, __ATOMIC_ACQUIRE)));
	first = begin();
	assert_true(leads(first, other(1, EV_DSB, __ATOMIC_SEQ_CST)));
	first = begin();
	assert_true(leads(first, other(1, EV_TLBI, __ATOMIC_RELAXED)));
	first = begin();
	assert_true(leads(first, other(1, EV_FREE, __ATOMIC_RELAXED)));
}

static void what_begins_an_edge(void **state)
{
	uint16_t first = begin();

	(void)state;
	(void)other(1, EV_FENCE, __ATOMIC_RELEASE);
	assert_true(leads(first, store(1, Y, __ATOMIC_RELAXED)));
	first = begin();
	(void)other(1, EV_TLBI, __ATOMIC_RELAXED);
	assert_true(leads(first, load(1, Y, __ATOMIC_RELAXED)));
	graph_init(&g);
	first = store(0, X, __ATOMIC_RELAXED);
	(void)load(1, X, __ATOMIC_ACQUIRE);
	assert_true(leads(first, store(1, Y, __ATOMIC_RELAXED)));
	graph_init(&g);
	first = store(0, X, __ATOMIC_RELAXED);
	(void)rmw(1, X, __ATOMIC_ACQUIRE);
	assert_true(leads(first, store(1, Y, __ATOMIC_RELAXED)));
}

/* A compare-and-swap that fails is a relaxed load, whatever it says. */
static void a_failed_swap_orders_nothing(void **state)
{
	uint16_t first, read;

	(void)state;
	graph_init(&g);
	first = store(0, X, __ATOMIC_RELAXED);
	read = add(1, EV_RMW_READ, X, __ATOMIC_ACQ_REL, first);
	g.ev[read].flags |= F_CAS;
	g.ev[read].operand2 = g.ev[read].value + 1;
	assert_false(rmw_stores(&rules, &g.ev[read]));
	assert_false(leads(first, store(1, Y, __ATOMIC_RELAXED)));
}

/* Synchronisation by way of the reader's own read-modify-write: reads-from within one thread is no edge of O,
 * so what is there is the release at the head of the release sequence. */
static void release_at_the_head(void **state)
{
	static const bool heads[][2] = {
	    {true, false}, {false, true}, {false, false}}; /* store, fence before */

	(void)state;
	for (unsigned i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		uint16_t first = begin(), read;

		(void)other(1, EV_DSB, __ATOMIC_SEQ_CST); /* reached, and all that follows */
		if (heads[i][1])
			(void)other(1, EV_FENCE, __ATOMIC_RELEASE);
		g.ev[g.thread[1][g.length[1] - 1]].last_rel = heads[i][1] ? g.length[1] : 0;
		(void)store(1, Z, heads[i][0] ? __ATOMIC_RELEASE : __ATOMIC_RELAXED);
		(void)rmw(2, Z, __ATOMIC_RELAXED);
		read = load(2, Z, __ATOMIC_ACQUIRE);
		assert_int_equal(leads(first, read), heads[i][0] || heads[i][1]);
		assert_int_equal(leads(first, store(2, Y, __ATOMIC_RELAXED)), heads[i][0] || heads[i][1]);
	}
}

/* What a thread reads of its own release it may have before anybody sees it. */
static void own_release(void **state)
{
	uint16_t first = begin(), release = store(1, Z, __ATOMIC_RELEASE);

	(void)state;
	assert_true(leads(first, release));
	assert_false(leads(first, load(1, Z, __ATOMIC_ACQUIRE)));
}

static bool never(uint64_t value, unsigned level, unsigned cpu)
{
	(void)value;
	(void)level;
	(void)cpu;
	return false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_relaxed_read_orders_nothing), cmocka_unit_test(what_ends_an_edge),
	    cmocka_unit_test(what_begins_an_edge),           cmocka_unit_test(a_failed_swap_orders_nothing),
	    cmocka_unit_test(release_at_the_head),           cmocka_unit_test(own_release),
	};

	rules_for(&rules, RULES_ARM64, false);
	rules.nthreads = 3;
	rules.cpu[1] = 1;
	rules.cpu[2] = 2;
	rules.levels = 2;
	rules.table_shift = 3;
	rules.page_shift = 12;
	rules.cacheable = never;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
