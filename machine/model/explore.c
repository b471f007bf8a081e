/* explore.c: visit each consistent execution graph once. SPDX-License-Identifier: MIT
 *
 * The search is a stack of levels; each level has a graph and a stack of choice points (frames) in
 * it. A frame stands where an event was inserted with alternatives left: another source, another
 * place in coherence, or, for a write, reads already in the graph that it may revisit. A revisit
 * opens a new level: the graph restricted to what is older than the read or in the write's
 * prefix, with the read turned to the write. It is done only if all that is thrown away was
 * added maximally, so that exactly one of the graphs that lead to the same result does it (TruSt).
 *
 * The model of translations is prefix-closed but not extensible: the access A of a stale
 * translation has edges to completions that may be in the graph already, and may be left without
 * its coherence-latest choice, or without any. So "maximal" is: equal to best(), the
 * coherence-latest choice that is consistent with what the revisit keeps; `blocked` if none is.
 *
 * After every backtrack threads are run again from the snapshot, on demand: a read waits until its
 * source was executed. For race-free programs plain memory then has the right contents. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "explore.h"
#include "fiber.h"
#include "hashset.h"

enum { MAX_CHOICES = 192, MAX_LEVELS = 400 };

enum thread_state { RUNNING, WAITING, FRONTIER, BLOCKED, AWAITING, FINISHED };

struct thread {
	struct fiber fiber;
	enum thread_state state;
	unsigned next;        /* index of its next event */
	uint16_t wait_for;    /* WAITING: the event that has to be executed first */
	unsigned await_from;  /* index of the first event of the iteration */
	bool in_await;
	bool chosen;          /* its await may begin now */
	const struct event *request; /* FRONTIER: what it wants to do next */
};

struct frame {
	struct event tmpl;
	unsigned pos, dev;    /* where the event stands; deviations before it */
	uint16_t list[MAX_CHOICES];
	unsigned n, next;
	bool revisiting;      /* list: reads to revisit */
	bool fixed;           /* frame that opens a revisit's level: choices only */
	uint16_t reader;      /* fixed: the read that was turned */
	uint32_t serial;      /* of an access: what its event carries */
	bool blamed, blocked; /* its event shall be tried blocked as well; was */
};

struct level {
	struct graph graph;
	struct frame *frames;
	unsigned nframes, max_frames;
};

static struct {
	const struct explore_client *client;
	const struct explore_options *options;
	struct explore_stats *stats;
	struct machine_rules *rules;
	struct level *levels[MAX_LEVELS];
	unsigned depth;
	struct graph *g; /* of the top level */
	struct graph *scratch;
	struct thread threads[MAX_THREADS];
	struct fiber main;
	unsigned self;
	bool extending, stopped, pruned, unclaimed;
	bool judging;     /* maximality, on a graph of the past */
	uint32_t serial;
	uint64_t random;
	unsigned nframes; /* on all levels: the depth in the tree */
	uint64_t item;    /* subtrees at the cut, and leaves above it, counted in the order of the walk */
	struct hashset seen;
	struct timespec started;
} x = {.self = MAX_THREADS};

struct graph *explore_graph(void)
{
	return x.g;
}

unsigned explore_self(void)
{
	return x.self;
}

unsigned explore_done(unsigned thread)
{
	return x.threads[thread].next;
}

bool explore_waits(unsigned thread)
{
	return x.threads[thread].state == AWAITING || x.threads[thread].state == BLOCKED;
}

char *explore_stack(unsigned thread)
{
	return x.threads[thread].fiber.stack;
}

static uint16_t co_last(uint16_t location)
{
	uint16_t last = x.g->loc[location].last;

	return last == NO_EVENT ? INIT_EVENT : last;
}

/* ---- levels and frames ------------------------------------------------------------------------ */

static struct level *level_push(void)
{
	struct level *l;

	if (x.depth == MAX_LEVELS) {
		x.stats->error = "too many nested revisits";
		return NULL;
	}
	if (!x.levels[x.depth])
		x.levels[x.depth] = calloc(1, sizeof(struct level));
	l = x.levels[x.depth++];
	if (!l)
		abort();
	l->nframes = 0;
	x.g = &l->graph;
	return l;
}

static void frame_pop(struct level *l)
{
	l->nframes--;
	x.nframes--;
}

/* Is the next subtree at the cut ours? Every worker asks about the same ones in the same order. */
static bool claim(void)
{
	struct explore_share *share = x.options->share;
	uint64_t item = x.item++;

	if (item >= SHARE_ITEMS)
		return item % x.options->workers == x.options->worker;
	return !__atomic_exchange_n(&share->taken[item], 1, __ATOMIC_RELAXED);
}

static bool at_cut(void)
{
	return x.options->share && x.nframes == SHARE_CUT;
}

static void level_pop(void)
{
	x.nframes -= x.levels[x.depth - 1]->nframes;
	x.depth--;
	x.g = x.depth ? &x.levels[x.depth - 1]->graph : NULL;
}

static struct frame *frame_push(const struct event *tmpl)
{
	struct level *l = x.levels[x.depth - 1];
	struct frame *f;

	if (l->nframes == l->max_frames) {
		l->max_frames = l->max_frames ? 2 * l->max_frames : 32;
		l->frames = realloc(l->frames, l->max_frames * sizeof(*l->frames));
		if (!l->frames)
			abort();
	}
	f = &l->frames[l->nframes++];
	x.nframes++;
	f->tmpl = *tmpl;
	f->pos = x.g->count;
	f->dev = x.g->dev;
	f->n = f->next = 0;
	f->revisiting = f->fixed = f->blamed = f->blocked = false;
	f->serial = tmpl->serial;
	return f;
}

/* An access that has a place now may leave a later event without the choice from which a revisit of the
 * access's own translation starts: there the access would have to be blocked. So where that is
 * seen, the access is tried blocked too. Maximality lets one of the two do the revisit. */
static void blame(uint32_t serial)
{
	if (x.judging)
		return;
	for (unsigned d = x.depth; d; d--)
		for (unsigned i = x.levels[d - 1]->nframes; i; i--) {
			struct frame *f = &x.levels[d - 1]->frames[i - 1];

			if (f->serial == serial && !f->fixed) {
				f->blamed = true;
				return;
			}
		}
}

/* ---- maximality ------------------------------------------------------------------------------- */

/* The write's prefix as it would be: what its thread's last event has behind it. */
static const int16_t *prefix_of(const struct graph *g, const struct event *write)
{
	static const int16_t none[MAX_THREADS];
	unsigned n = g->length[write->thread];

	return n ? g->ev[g->thread[write->thread][n - 1]].prefix : none;
}

static bool in_prefix(const struct graph *g, const int16_t *prefix, uint16_t id)
{
	return g->ev[id].index < prefix[g->ev[id].thread];
}

/* best(g restricted to Prev without e, e) == the choice of e? Rare: builds the restricted graph. */
static bool is_best(const struct graph *g, uint16_t id, const int16_t *prefix)
{
	const struct event *e = &g->ev[id];
	uint8_t keep[MAX_EVENTS];
	uint16_t map[MAX_EVENTS], best, choice;

	for (unsigned i = 0; i < g->count; i++)
		keep[i] = i < id || (i != id && in_prefix(g, prefix, (uint16_t)i));
	graph_restrict(x.scratch, g, keep, map);
	{
		struct event tmpl = *e;

		tmpl.flags &= (uint8_t)~(F_BLOCKED | F_CACHEABLE);
		tmpl.upper = e->upper == NO_EVENT ? NO_EVENT : map[e->upper];
		x.judging = true;
		best = choice_best(x.rules, x.scratch, &tmpl);
		x.judging = false;
	}
	if (e->flags & F_BLOCKED)
		return best == NO_EVENT;
	if (best == NO_EVENT)
		return false;
	if (ev_is_read(e))
		choice = e->rf >= INIT_EVENT ? e->rf : map[e->rf];
	else {
		uint16_t w = e->co_prev; /* the place: after the nearest earlier write that is kept */

		while (w != NO_EVENT && map[w] == NO_EVENT)
			w = g->ev[w].co_prev;
		choice = w == NO_EVENT ? INIT_EVENT : map[w];
	}
	return best == choice;
}

/* Was event id added with its maximal choice, seen from the write with this prefix? */
static bool is_maximal(const struct graph *g, uint16_t id, const int16_t *prefix)
{
	const struct event *e = &g->ev[id];
	bool access = e->kind == EV_TRANSLATE || e->kind == EV_LOAD || e->kind == EV_STORE || e->kind == EV_FAULT;

	if (e->kind == EV_CHOOSE)
		return e->value == 0;
	if (e->flags & F_BLOCKED)
		return is_best(g, id, prefix);
	if (!ev_is_read(e) && !ev_is_write(e))
		return true;
	if (ev_is_write(e))
		for (uint16_t r = g->loc[e->location].reads; r != NO_EVENT; r = g->ev[r].next_read)
			if (g->ev[r].rf == id && (r < id || in_prefix(g, prefix, r)))
				return false;
	if (ev_is_read(e)) {
		if (e->rf == NO_EVENT)
			return false;
		if (e->rf < INIT_EVENT && e->rf > id && !in_prefix(g, prefix, e->rf))
			return false;
	}
	for (uint16_t w = g->loc[e->location].last; w != NO_EVENT; w = g->ev[w].co_prev) {
		if (g->ev[w].co_pos <= (ev_is_read(e) ? co_pos(g, e->rf) : e->co_pos))
			break;
		if (e->kind == EV_RMW_READ && g->ev[w].kind == EV_RMW_WRITE && g->ev[w].thread == e->thread &&
		    g->ev[w].index == e->index + 1)
			continue; /* its own write is younger than it */
		if (w < id || in_prefix(g, prefix, w))
			return access && !x.rules->textbook && is_best(g, id, prefix);
	}
	return true;
}

/* ---- revisits ----------------------------------------------------------------------------------- */

static unsigned revisit_candidates(const struct event *write, uint16_t *list)
{
	const struct graph *g = x.g;
	const int16_t *prefix = prefix_of(g, write);
	unsigned n = 0;

	for (uint16_t r = g->loc[write->location].reads; r != NO_EVENT; r = g->ev[r].next_read)
		if (!in_prefix(g, prefix, r) && n < MAX_CHOICES)
			list[n++] = r;
	return n;
}

/* Open a level in which read r reads the write of frame f, if that is due here. */
static bool revisit(const struct frame *f, uint16_t r)
{
	const struct graph *g = x.g;
	const int16_t *prefix = prefix_of(g, &f->tmpl);
	uint8_t keep[MAX_EVENTS];
	uint16_t map[MAX_EVENTS], list[MAX_CHOICES], reader, id;
	struct event tmpl = f->tmpl;
	struct level *l;
	struct frame *opened;
	unsigned n;

	for (unsigned i = 0; i < g->count; i++) {
		keep[i] = i <= r || in_prefix(g, prefix, (uint16_t)i);
		if ((i == r || !keep[i]) && !is_maximal(g, (uint16_t)i, prefix))
			return false;
	}
	l = level_push();
	if (!l)
		return false;
	graph_restrict(x.g, g, keep, map);
	reader = map[r];
	if (tmpl.upper != NO_EVENT)
		tmpl.upper = map[tmpl.upper];
	x.g->ev[reader].rf = NO_EVENT;
	x.g->dev = f->dev + 1;
	n = choices(x.rules, x.g, &tmpl, list);
	opened = frame_push(&tmpl);
	opened->fixed = true;
	opened->reader = reader;
	for (unsigned i = 0; i < n; i++) {
		const struct event *e;
		bool ok = list[i] != NO_EVENT;

		if (!ok)
			continue;
		id = graph_add(x.rules, x.g, &tmpl, list[i]);
		graph_set_rf(x.rules, x.g, reader, id);
		e = &x.g->ev[id];
		ok = e->co_next == NO_EVENT || x.g->ev[e->co_next].kind != EV_RMW_WRITE ||
		     x.g->ev[x.g->thread[x.g->ev[e->co_next].thread][x.g->ev[e->co_next].index - 1]].rf == id;
		e = &x.g->ev[reader];
		if (ok && (e->flags & F_AWAIT) && (e->flags & F_CAS) && !rmw_stores(x.rules, e))
			ok = x.g->ev[id].co_next == NO_EVENT; /* unsatisfied: coherence-latest only */
		if (ok)
			ok = revisit_consistent(x.rules, x.g, reader);
		if (ok)
			opened->list[opened->n++] = list[i];
		graph_truncate(x.g, id);
		x.g->ev[reader].rf = NO_EVENT;
	}
	if (opened->n)
		return true;
	level_pop();
	return false;
}

static bool over_bound(unsigned dev)
{
	if (x.options->bound >= 0 && dev > (unsigned)x.options->bound) {
		x.stats->cut = true;
		return true;
	}
	return false;
}

/* ---- backtracking ---------------------------------------------------------------------------------- */

/* Put the next alternative of frame f in place; false if it leads nowhere by itself. */
static bool take_choice(struct frame *f, uint16_t choice, bool deviates)
{
	struct event tmpl = f->tmpl;
	uint16_t id;

	x.g->dev = f->dev + (deviates ? 1u : 0u);
	id = graph_add(x.rules, x.g, &tmpl, choice);
	if (f->fixed)
		graph_set_rf(x.rules, x.g, f->reader, id);
	if (tmpl.kind == EV_RMW_READ && rmw_conflict(x.rules, x.g, id)) {
		/* inconsistent as it stands; what its write revisits is not. No run is needed. */
		struct event w = rmw_write_of(x.rules, &x.g->ev[id]);
		struct frame *wf = frame_push(&w);

		wf->revisiting = true;
		wf->n = revisit_candidates(&w, wf->list);
		return false;
	}
	return true;
}

/* Make the top graph the next one to run. False: everything was visited. */
static bool backtrack(void)
{
	while (x.depth) {
		struct level *l = x.levels[x.depth - 1];
		struct frame *f;

		if (!l->nframes) {
			level_pop();
			continue;
		}
		f = &l->frames[l->nframes - 1];
		graph_truncate(x.g, f->pos);
		if (f->revisiting) {
			if (f->next < f->n) {
				if (over_bound(f->dev + 1))
					f->next = f->n;
				else if (at_cut() && !claim())
					f->next++;
				else
					revisit(f, f->list[f->next++]);
				continue; /* at the frame that opens the new level, or the next read */
			}
			frame_pop(l);
			continue;
		}
		if (f->next < f->n) {
			bool deviates = f->next > 0;

			if (deviates && over_bound(f->dev + 1)) {
				f->next = f->n;
				continue;
			}
			if (at_cut() && !claim()) {
				f->next++;
				continue;
			}
			if (take_choice(f, f->list[f->next++], deviates))
				return true;
			continue;
		}
		if (f->blamed && !f->blocked && f->list[0] != NO_EVENT) {
			f->blocked = true;
			if (!over_bound(f->dev + 1) && (!at_cut() || claim()) && take_choice(f, NO_EVENT, true))
				return true;
			continue;
		}
		if (!f->fixed && ev_is_write(&f->tmpl)) {
			f->revisiting = true;
			f->n = revisit_candidates(&f->tmpl, f->list);
			f->next = 0;
			continue;
		}
		frame_pop(l);
	}
	return false;
}

/* ---- running threads ------------------------------------------------------------------------------- */

static void leave(enum thread_state state)
{
	struct thread *t = &x.threads[x.self];

	t->state = state;
	fiber_switch(&t->fiber, &x.main);
}

void explore_stop(bool prune)
{
	x.stopped = true;
	x.pruned = prune;
	if (x.self < MAX_THREADS)
		for (;;)
			leave(BLOCKED);
}

static void fail(const char *why)
{
	if (!x.stats->error)
		x.stats->error = why;
	explore_stop(true);
}

static bool same_request(const struct event *e, const struct event *t)
{
	if (e->kind != t->kind || e->order != t->order)
		return false;
	if (ev_is_read(e) || ev_is_write(e))
		if (e->location != t->location || e->size != t->size)
			return false;
	if (ev_is_write(e) && e->value != t->value)
		return false;
	return e->kind != EV_RMW_READ || (e->operand == t->operand && e->op == t->op);
}

static uint16_t replay(struct thread *t, struct event *tmpl)
{
	uint16_t id = x.g->thread[x.self][t->next];
	struct event *e = &x.g->ev[id];

	if (!same_request(e, tmpl))
		fail("the scenario is not deterministic: a thread did something else when run again");
	e->pc = tmpl->pc;
	while (ev_is_read(e) && e->rf < INIT_EVENT &&
	       x.threads[x.g->ev[e->rf].thread].next <= x.g->ev[e->rf].index) {
		t->wait_for = e->rf;
		leave(WAITING);
	}
	if (ev_is_read(e) && e->rf == INIT_EVENT)
		e->value = x.rules->init[e->location];
	if (e->flags & F_BLOCKED)
		for (;;)
			leave(BLOCKED);
	t->next++;
	return id;
}

static uint64_t draw(uint64_t n)
{
	x.random ^= x.random << 13;
	x.random ^= x.random >> 7;
	x.random ^= x.random << 17;
	return x.random % n;
}

/* A random walk takes any choice that needs no revisit. */
static unsigned draw_choice(const struct event *tmpl, uint16_t *list, unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		bool conflict = false;

		if (tmpl->kind == EV_RMW_READ) {
			uint16_t id = graph_add(x.rules, x.g, tmpl, list[i]);

			conflict = rmw_conflict(x.rules, x.g, id);
			graph_truncate(x.g, id);
		}
		if (!conflict)
			list[kept++] = list[i];
	}
	if (!(tmpl->flags & F_AWAIT)) /* nobody wakes who waits on an old value here */
		list[0] = list[draw(kept)];
	return 1;
}

/* Insert a new event at the end of the running thread. */
static uint16_t extend(struct thread *t, struct event *tmpl)
{
	uint16_t list[MAX_CHOICES], id;
	unsigned n;

	if (x.g->count + 2 >= MAX_EVENTS || x.g->length[x.self] + 2 >= MAX_EVENTS / 4)
		fail("an execution has too many events");
	if ((ev_is_read(tmpl) || ev_is_write(tmpl)) && x.g->loc[tmpl->location].count >= MAX_CHOICES - 2)
		fail("too many writes to one place");
	n = choices(x.rules, x.g, tmpl, list);
	if (x.options->sample)
		n = draw_choice(tmpl, list, n);
	/* a blocked store may still revisit the reads that leave it no place */
	if (tmpl->kind == EV_LOAD || tmpl->kind == EV_STORE || tmpl->kind == EV_FAULT)
		tmpl->serial = ++x.serial;
	if (!x.options->sample &&
	    (n > 1 || tmpl->serial || (ev_is_write(tmpl) && x.g->loc[tmpl->location].reads != NO_EVENT))) {
		struct frame *f = frame_push(tmpl);

		memcpy(f->list, list, n * sizeof(list[0]));
		f->n = n;
		f->next = 1;
		if (at_cut() && !claim()) {
			x.unclaimed = true;
			explore_stop(true);
		}
	}
	id = graph_add(x.rules, x.g, tmpl, list[0]);
	if (x.g->count > x.stats->events_max)
		x.stats->events_max = x.g->count;
	if (x.g->ev[id].flags & F_BLOCKED)
		for (;;)
			leave(BLOCKED);
	t->next++;
	if (x.client->added)
		x.client->added(x.client->arg, id);
	return id;
}

static bool starts_await(const struct thread *t)
{
	return t->in_await && t->next == t->await_from;
}

uint16_t explore_event(struct event *tmpl)
{
	struct thread *t = &x.threads[x.self];

	tmpl->thread = (uint8_t)x.self;
	if (t->in_await)
		tmpl->flags |= F_AWAIT;
	if (x.rules->sc_memory && tmpl->kind != EV_TRANSLATE &&
	    (ev_is_read(tmpl) || ev_is_write(tmpl) || tmpl->kind == EV_FENCE))
		tmpl->order = __ATOMIC_SEQ_CST;
	if (t->next < x.g->length[x.self])
		return replay(t, tmpl);
	t->request = tmpl;
	while (!x.extending || ((starts_await(t) || x.options->sample) && !t->chosen))
		leave(FRONTIER);
	t->chosen = false;
	return extend(t, tmpl);
}

void explore_await_begin(void)
{
	struct thread *t = &x.threads[x.self];

	t->in_await = true;
	t->await_from = t->next;
}

void explore_await_end(void)
{
	x.threads[x.self].in_await = false;
}

/* Is everything that the thread read in its last iteration coherence-latest? */
static bool await_is_latest(unsigned thread)
{
	const struct thread *t = &x.threads[thread];

	for (unsigned i = t->await_from; i < t->next; i++) {
		const struct event *e = &x.g->ev[x.g->thread[thread][i]];

		if (ev_is_read(e) && co_pos(x.g, e->rf) != x.g->loc[e->location].count)
			return false;
	}
	return true;
}

void explore_await_failed(void)
{
	struct thread *t = &x.threads[x.self];

	/* one read, not coherence-latest: nothing can come of it that the latest does not give */
	if (x.extending && t->next == t->await_from + 1 && !await_is_latest(x.self))
		explore_stop(true);
	for (;;)
		leave(AWAITING);
}

static void thread_main(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg;

	x.client->run(x.client->arg, self);
	for (;;)
		leave(FINISHED);
}

static void resume(unsigned i)
{
	x.self = i;
	x.threads[i].state = RUNNING;
	fiber_switch(&x.main, &x.threads[i].fiber);
	x.self = MAX_THREADS;
}

/* Run every thread to its frontier. */
static void replay_all(void)
{
	bool again = true;

	while (again && !x.stopped) {
		again = false;
		for (unsigned i = 0; i < x.rules->nthreads && !x.stopped; i++) {
			struct thread *t = &x.threads[i];

			if (t->state == WAITING) {
				const struct event *e = &x.g->ev[t->wait_for];

				if (x.threads[e->thread].next <= e->index)
					continue;
			} else if (t->state != RUNNING) {
				continue;
			}
			resume(i);
			again = true;
		}
	}
	for (unsigned i = 0; i < x.rules->nthreads && !x.stopped; i++)
		if (x.threads[i].state == WAITING)
			fail("replay is stuck: a cycle of program order and reads-from");
}

/* Is the thread in the middle of an RMW or of an access? Its next event comes first. */
static bool amid(unsigned i)
{
	const struct event *e;

	if (!x.g->length[i])
		return false;
	e = &x.g->ev[x.g->thread[i][x.g->length[i] - 1]];
	return rmw_stores(x.rules, e) || e->kind == EV_TRANSLATE || (e->flags & F_HARDWARE);
}

/* How soon a thread should go on: awaits last, and of those the ones first that will be satisfied.
 * Any function of the graph is sound here; this one leaves few executions blocked. */
static unsigned urgency(unsigned i)
{
	const struct thread *t = &x.threads[i];
	const struct event *e = t->request;
	uint64_t newest;

	if (amid(i))
		return 5;
	if (!starts_await(t))
		return 4;
	if (!ev_is_read(e))
		return 2;
	newest = graph_value_of(x.rules, x.g, co_last(e->location), e->location);
	if (e->flags & F_CAS)
		return newest == e->operand2 ? 3 : 0;
	if (x.client->daemon[i]) /* operand: what it has seen */
		return newest > e->operand ? 3 : 0;
	return 1;
}

static unsigned pick(void)
{
	unsigned best = MAX_THREADS, most = 0, frontier = 0;

	for (unsigned i = 0; i < x.rules->nthreads; i++) {
		unsigned u;

		if (x.threads[i].state != FRONTIER)
			continue;
		u = urgency(i);
		if (x.options->sample && u >= 2 && u < 5)
			u = 2; /* any of them, evenly */
		if (x.options->sample && best < MAX_THREADS && u == most) {
			if (draw(++frontier) == 0)
				best = i;
		} else if (best == MAX_THREADS || u > most) {
			frontier = 1;
			best = i;
			most = u;
		}
	}
	if (best < MAX_THREADS)
		x.threads[best].chosen = true;
	return best;
}

static enum explore_end execute(void)
{
	enum explore_end end = END_COMPLETE;
	unsigned next;

	x.stopped = x.pruned = x.extending = x.unclaimed = false;
	x.client->restore(x.client->arg);
	for (unsigned i = 0; i < x.rules->nthreads; i++) {
		struct thread *t = &x.threads[i];

		fiber_start(&t->fiber, thread_main, (void *)(uintptr_t)i);
		t->state = RUNNING;
		t->next = 0;
		t->in_await = t->chosen = false;
	}
	if (x.options->trap_run && x.stats->runs == x.options->trap_run)
		raise(SIGTRAP);
	replay_all();
	x.extending = true;
	while (!x.stopped && (next = pick()) < MAX_THREADS)
		resume(next);
	if (x.stopped)
		return END_STOPPED;
	for (unsigned i = 0; i < x.rules->nthreads; i++) {
		if (x.threads[i].state == FINISHED ||
		    (x.client->daemon[i] && x.threads[i].state == AWAITING && await_is_latest(i)))
			continue;
		if (x.threads[i].state == AWAITING && await_is_latest(i)) {
			if (end == END_COMPLETE)
				end = END_STUCK;
		} else {
			end = END_BLOCKED;
		}
	}
	return end;
}

/* ---- the whole -------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v + 0x9e3779b97f4a7c15ull + (h << 12) + (h >> 4);
	h *= 0xbf58476d1ce4e5b9ull;
	return h ^ h >> 29;
}

/* A hash that does not depend on the order of insertion. */
static uint64_t graph_hash(const struct graph *g)
{
	uint64_t h = 1;

	for (unsigned t = 0; t < x.rules->nthreads; t++)
		for (unsigned i = 0; i < g->length[t]; i++) {
			const struct event *e = &g->ev[g->thread[t][i]];

			h = mix(h, t << 24 | i << 8 | e->kind);
			h = mix(h, (uint64_t)e->location << 32 | (e->flags & F_BLOCKED));
			h = mix(h, e->value);
			if (ev_is_read(e) && e->rf < INIT_EVENT)
				h = mix(h, (uint64_t)g->ev[e->rf].thread << 16 | g->ev[e->rf].index);
			if (ev_is_write(e))
				h = mix(h, 0x10000u + e->co_pos);
		}
	return h;
}

static bool out_of_budget(void)
{
	struct timespec now;

	if (x.options->max_runs && x.stats->runs >= x.options->max_runs)
		return true;
	if (!(x.options->seconds > 0) || (x.stats->runs & 63))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - x.started.tv_sec) + 1e-9 * (double)(now.tv_nsec - x.started.tv_nsec) >
	       x.options->seconds;
}

static bool account(enum explore_end end)
{
	struct explore_stats *s = x.stats;

	if (x.options->share) {
		if (__atomic_load_n(&x.options->share->stop, __ATOMIC_RELAXED))
			return false;
		if (x.unclaimed || (x.nframes < SHARE_CUT && !claim()))
			return !s->error; /* somebody else's */
	}
	if (end == END_COMPLETE)
		s->executions++;
	else if (end == END_STOPPED && x.pruned)
		s->pruned++;
	else
		s->blocked++;
	if (end == END_COMPLETE && x.options->hash_graphs && !hashset_add(&x.seen, graph_hash(x.g)))
		s->twice++;
	if (s->error)
		return false;
	if (end == END_STOPPED && x.pruned)
		return true;
	if (!x.client->ended(x.client->arg, end)) {
		s->stopped = true;
		return false;
	}
	return true;
}

static void stacks_init(void)
{
	for (unsigned i = 0; i < MAX_THREADS; i++)
		if (!x.threads[i].fiber.stack) {
			void *stack = mmap(NULL, FIBER_STACK, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (stack == MAP_FAILED)
				abort();
			x.threads[i].fiber.stack = stack;
		}
	if (!x.scratch)
		x.scratch = malloc(sizeof(struct graph));
	if (!x.scratch)
		abort();
}

void explore(const struct explore_client *client, const struct explore_options *options,
	     struct explore_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	x.client = client;
	x.options = options;
	x.stats = stats;
	x.rules = client->rules;
	x.rules->blame = blame;
	x.serial = 0;
	x.judging = false;
	x.depth = 0;
	x.nframes = 0;
	x.item = 0;
	stacks_init();
	hashset_clear(&x.seen);
	clock_gettime(CLOCK_MONOTONIC, &x.started);
	level_push();
	graph_init(x.g);
	x.random = options->seed * 0x9e3779b97f4a7c15ull + 1;
	do {
		stats->runs++;
		if (options->sample)
			graph_truncate(x.g, 0);
		if (!account(execute()))
			break;
		if (out_of_budget()) {
			stats->cut = stats->out_of_budget = true;
			break;
		}
		if (options->sample && stats->runs >= options->sample)
			stats->cut = true;
	} while (options->sample ? stats->runs < options->sample : backtrack());
	if (stats->error)
		stats->stopped = true;
}
