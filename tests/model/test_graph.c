/* test_graph.c: graphs that are extended, cut and restricted. SPDX-License-Identifier: MIT
 *
 * formats: arm64
 * Random graphs of every kind of event. What is cut or left out must leave what is built from the
 * remaining events alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "graph.h"
#include "hashset.h"
#include <cmocka.h>

enum { THREADS = 4, WORDS = 3, ENTRIES = 2, GRAPHS = 300, EVENTS = 48 };

static struct machine_rules rules;
static uint64_t random_state;

static unsigned draw(unsigned n)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(random_state >> 33) % n;
}

static bool odd(uint64_t value, unsigned level, unsigned cpu)
{
	(void)level;
	(void)cpu;
	return value & 1;
}

static uint64_t set_four(uint64_t found, uint64_t walked, unsigned how)
{
	(void)walked;
	return (how & WALKER_STORE) && (found & 1) ? found | 4 : found;
}

static const int orders[] = {__ATOMIC_RELAXED, __ATOMIC_ACQUIRE, __ATOMIC_RELEASE, __ATOMIC_ACQ_REL,
                             __ATOMIC_SEQ_CST};

static struct event make(unsigned thread, enum event_kind kind, unsigned location)
{
	struct event e;

	memset(&e, 0, sizeof(e));
	e.kind = (uint8_t)kind;
	e.thread = (uint8_t)thread;
	e.location = (uint16_t)location;
	e.order = (uint8_t)orders[draw(5)];
	e.size = 8;
	e.upper = NO_EVENT;
	e.rf = NO_EVENT;
	e.value = draw(8);
	return e;
}

/* With any of its choices, an access also with none. False: blocked, its thread has ended. */
static bool add(struct graph *g, const struct event *tmpl, uint16_t *id)
{
	uint16_t list[MAX_EVENTS];
	unsigned n = choices(&rules, g, tmpl, list);
	bool access = tmpl->kind == EV_LOAD || tmpl->kind == EV_STORE || tmpl->kind == EV_FAULT;

	*id = graph_add(&rules, g, tmpl, access && !draw(8) ? NO_EVENT : list[draw(n)]);
	return !(g->ev[*id].flags & F_BLOCKED);
}

static bool add_rmw(struct graph *g, unsigned thread, unsigned location)
{
	struct event e = make(thread, EV_RMW_READ, location), w;
	uint16_t id;

	e.op = (uint8_t)(draw(2) ? RMW_ADD : RMW_CAS);
	e.operand = 1 + draw(3);
	e.operand2 = draw(4);
	if (e.op == RMW_CAS)
		e.flags = F_CAS;
	if (!add(g, &e, &id))
		return false;
	if (!rmw_stores(&rules, &g->ev[id]))
		return true;
	if (rmw_conflict(&rules, g, id)) {
		graph_truncate(g, id);
		return true;
	}
	w = rmw_write_of(&rules, &g->ev[id]);
	return add(g, &w, &id);
}

/* A walk of two levels, and what comes of it. */
static bool add_access(struct graph *g, unsigned thread)
{
	static const enum event_kind kinds[] = {EV_LOAD, EV_STORE, EV_FAULT};
	struct event e = make(thread, EV_TRANSLATE, WORDS + 1);
	uint16_t id;

	e.va = (uint64_t)draw(2) << 12;
	e.level = 1;
	if (!add(g, &e, &id))
		return false;
	e.location = WORDS;
	e.level = 0;
	e.flags = F_LAST_T;
	e.upper = id;
	if (!add(g, &e, &id))
		return false;
	e.kind = (uint8_t)kinds[draw(3)];
	e.location = (uint16_t)draw(WORDS);
	e.flags = 0;
	e.upper = id;
	return add(g, &e, &id);
}

static bool extend(struct graph *g, unsigned thread)
{
	static const enum event_kind others[] = {EV_FENCE, EV_DSB, EV_ISB, EV_TLBI, EV_FREE};
	struct event e;
	uint16_t id;

	switch (draw(6)) {
	case 0:
		return add_access(g, thread);
	case 1:
		return add_rmw(g, thread, draw(WORDS + ENTRIES));
	case 2:
		e = make(thread, EV_READ, draw(WORDS + ENTRIES));
		return add(g, &e, &id);
	case 3:
	case 4:
		e = make(thread, EV_WRITE, draw(WORDS + ENTRIES));
		return add(g, &e, &id);
	default:
		e = make(thread, others[draw(5)], 0);
		e.va = (uint64_t)draw(2) << 12;
		e.pages = (uint16_t)draw(2);
		return add(g, &e, &id);
	}
}

/* Add events until there are `count`. */
static void grow(struct graph *g, unsigned count)
{
	bool ended[THREADS] = {false};

	for (unsigned i = 0; i < g->count; i++)
		if (g->ev[i].flags & F_BLOCKED)
			ended[g->ev[i].thread] = true;
	for (unsigned turn = 0; turn < 4 * EVENTS && g->count < count; turn++) {
		unsigned thread = draw(THREADS);

		if (!ended[thread])
			ended[thread] = !extend(g, thread);
	}
}

static void same_event(const struct event *a, const struct event *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->thread, b->thread);
	assert_int_equal(a->index, b->index);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->upper, b->upper);
	assert_true(a->value == b->value);
	if (ev_is_read(a)) {
		assert_int_equal(a->rf, b->rf);
		assert_int_equal(a->next_read, b->next_read);
	}
	if (ev_is_write(a) && !(a->flags & F_BLOCKED)) {
		assert_int_equal(a->co_prev, b->co_prev);
		assert_int_equal(a->co_next, b->co_next);
		assert_int_equal(a->co_pos, b->co_pos);
		assert_memory_equal(&a->msg, &b->msg, sizeof(a->msg));
	}
	assert_int_equal(a->last_rel, b->last_rel);
	assert_int_equal(a->last_acq, b->last_acq);
	assert_int_equal(a->last_dsb, b->last_dsb);
	assert_int_equal(a->t_sync, b->t_sync);
	assert_memory_equal(&a->hb, &b->hb, sizeof(a->hb));
	assert_memory_equal(a->prefix, b->prefix, sizeof(a->prefix));
}

static void same(const struct graph *a, const struct graph *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->sc_count, b->sc_count);
	assert_int_equal(a->nv, b->nv);
	assert_memory_equal(a->v, b->v, a->nv * sizeof(a->v[0]));
	assert_int_equal(a->nfree, b->nfree);
	assert_memory_equal(a->freed, b->freed, a->nfree * sizeof(a->freed[0]));
	assert_memory_equal(a->length, b->length, sizeof(a->length));
	for (unsigned t = 0; t < THREADS; t++)
		assert_memory_equal(a->thread[t], b->thread[t], a->length[t] * sizeof(a->thread[t][0]));
	for (unsigned l = 0; l < WORDS + ENTRIES; l++)
		assert_memory_equal(&a->loc[l], &b->loc[l], sizeof(a->loc[l]));
	for (unsigned i = 0; i < a->count; i++)
		same_event(&a->ev[i], &b->ev[i]);
}

static struct graph *fresh(void)
{
	struct graph *g = malloc(sizeof(*g));

	assert_non_null(g);
	memset(g, 0, sizeof(*g));
	graph_init(g);
	return g;
}

static void cut_is_the_inverse_of_add(void **state)
{
	struct graph *g = fresh(), *before = fresh();
	unsigned blocked = 0;

	(void)state;
	for (unsigned i = 0; i < GRAPHS; i++) {
		graph_init(g);
		grow(g, draw(EVENTS));
		*before = *g;
		grow(g, g->count + draw(EVENTS));
		for (unsigned k = 0; k < g->count; k++)
			blocked += g->ev[k].flags & F_BLOCKED;
		graph_truncate(g, before->count);
		same(before, g);
	}
	assert_true(blocked > 0); /* those were cut as well */
	free(g);
	free(before);
}

/* The choice that puts kept event id of g into its place in a graph of the kept ones before it. */
static uint16_t choice_of(const struct graph *g, uint16_t id, const uint16_t *map)
{
	const struct event *e = &g->ev[id];
	uint16_t w;

	if (e->flags & F_BLOCKED)
		return NO_EVENT;
	if (ev_is_read(e))
		return e->rf >= INIT_EVENT ? e->rf : map[e->rf];
	if (!ev_is_write(e))
		return INIT_EVENT;
	for (w = e->co_prev; w != NO_EVENT && (w > id || map[w] == NO_EVENT);)
		w = g->ev[w].co_prev;
	return w == NO_EVENT ? INIT_EVENT : map[w];
}

/* Restricting to a set that is closed under po and rf gives what adding its events gives. */
static void restriction_is_what_is_built(void **state)
{
	struct graph *g = fresh(), *built = fresh(), *restricted = fresh();
	uint16_t map[MAX_EVENTS];
	uint8_t keep[MAX_EVENTS];

	(void)state;
	for (unsigned i = 0; i < GRAPHS; i++) {
		uint16_t of;

		graph_init(g);
		grow(g, 2 + draw(EVENTS));
		of = (uint16_t)draw(g->count);
		for (unsigned k = 0; k < g->count; k++)
			keep[k] = k < of / 2 || g->ev[k].index < g->ev[of].prefix[g->ev[k].thread];
		graph_restrict(restricted, g, keep, map);
		graph_init(built);
		for (uint16_t k = 0; k < g->count; k++) {
			struct event tmpl = g->ev[k];

			if (!keep[k])
				continue;
			tmpl.flags &= (uint8_t) ~(F_BLOCKED | F_CACHEABLE);
			tmpl.upper = tmpl.upper == NO_EVENT ? NO_EVENT : map[tmpl.upper];
			assert_int_equal(graph_add(&rules, built, &tmpl, choice_of(g, k, map)), map[k]);
		}
		same(built, restricted);
	}
	free(g);
	free(built);
	free(restricted);
}

/* A read that is given another source and back is as it was. */
static void source_and_back(void **state)
{
	struct graph *g = fresh(), *before = fresh();

	(void)state;
	for (unsigned i = 0; i < GRAPHS; i++) {
		struct event w = make(0, EV_WRITE, 0), r = make(1, EV_READ, 0);
		uint16_t write, read;

		graph_init(g);
		write = graph_add(&rules, g, &w, INIT_EVENT);
		read = graph_add(&rules, g, &r, write);
		*before = *g;
		graph_set_rf(&rules, g, read, INIT_EVENT);
		assert_int_equal(g->ev[read].rf, INIT_EVENT);
		assert_true(g->ev[read].value == rules.init[0]);
		assert_int_equal(g->ev[read].prefix[0], 0);
		graph_set_rf(&rules, g, read, write);
		same(before, g);
	}
	free(g);
	free(before);
}

static void hashes(void **state)
{
	struct hashset s = {0};
	uint64_t h = 1;

	(void)state;
	assert_true(hashset_add(&s, 0));
	assert_false(hashset_add(&s, 0));
	for (unsigned i = 0; i < 5000; i++) /* it grows three times */
		assert_true(hashset_add(&s, (h = h * 6364136223846793005ull + 1) << 8 | 0x55));
	assert_int_equal(s.used, 5001);
	h = 1;
	for (unsigned i = 0; i < 5000; i++)
		assert_false(hashset_add(&s, (h = h * 6364136223846793005ull + 1) << 8 | 0x55));
	hashset_clear(&s);
	assert_int_equal(s.used, 0);
	assert_true(hashset_add(&s, 0));
	free(s.slots);
}

static int prepare(void **state)
{
	(void)state;
	random_state = 1;
	rules_for(&rules, RULES_ARM64, false);
	rules.nthreads = THREADS;
	for (unsigned i = 0; i < THREADS; i++)
		rules.cpu[i] = (uint8_t)i;
	rules.levels = 2;
	rules.table_shift = 3;
	rules.page_shift = 12;
	rules.cacheable = odd;
	rules.walker_update = set_four;
	for (unsigned i = 0; i < ENTRIES; i++)
		rules.init[WORDS + i] = 1;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cut_is_the_inverse_of_add),
	    cmocka_unit_test(restriction_is_what_is_built),
	    cmocka_unit_test(source_and_back),
	    cmocka_unit_test(hashes),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
