/* threads.c: the threads of a race, run natively. SPDX-License-Identifier: MIT
 *
 * After every backtrack the threads are run again from the snapshot, on demand: a read waits until its
 * source was executed. For race-free programs plain memory then has the right contents, whatever
 * the order. A thread that reaches the end of what the graph has of it stops at its frontier; when
 * all have, they go on one at a time and what they do is added to the graph. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explorer.h"

struct graph *explore_graph(void)
{
	return explorer.g;
}

unsigned explore_self(void)
{
	return explorer.self;
}

unsigned explore_done(unsigned thread)
{
	return explorer.threads[thread].next;
}

bool explore_waits(unsigned thread)
{
	return explorer.threads[thread].state == AWAITING || explorer.threads[thread].state == BLOCKED;
}

char *explore_stack(unsigned thread)
{
	return explorer.threads[thread].fiber.stack;
}

char *explore_stack_in_use(unsigned thread)
{
	const struct thread *t = &explorer.threads[thread];

	return t->state == FINISHED ? t->fiber.stack + FIBER_STACK : t->fiber.sp;
}

static void leave(enum thread_state state)
{
	struct thread *t = &explorer.threads[explorer.self];

	t->state = state;
	fiber_switch(&t->fiber, &explorer.main);
}

void explore_stop(bool prune)
{
	explorer.stopped = true;
	explorer.pruned = prune;
	if (explorer.self < MAX_THREADS)
		for (;;)
			leave(BLOCKED);
}

void explore_again(void)
{
	explorer.again = true;
	explore_stop(true);
}

void explore_fail(const char *why)
{
	if (!explorer.stats) {
		fprintf(stderr, "octavo: %s\n", why);
		exit(2);
	}
	if (!explorer.stats->error)
		explorer.stats->error = why;
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
	if (e->kind == EV_TRANSLATE || e->kind == EV_TLBI || e->kind == EV_FREE)
		return e->va == t->va && e->level == t->level && e->asid == t->asid && e->pages == t->pages;
	if (e->kind == EV_CHOOSE)
		return e->operand == t->operand;
	return e->kind != EV_RMW_READ ||
	       (e->operand == t->operand && e->operand2 == t->operand2 && e->op == t->op);
}

static uint16_t replay(struct thread *t, struct event *tmpl)
{
	uint16_t id = explorer.g->thread[explorer.self][t->next];
	struct event *e = &explorer.g->ev[id];

	if (!same_request(e, tmpl))
		explore_fail("the scenario is not deterministic: a thread did something else when run again");
	e->pc = tmpl->pc;
	while (ev_is_read(e) && e->rf < INIT_EVENT &&
	       explorer.threads[explorer.g->ev[e->rf].thread].next <= explorer.g->ev[e->rf].index) {
		t->wait_for = e->rf;
		leave(WAITING);
	}
	if (ev_is_read(e) && e->rf == INIT_EVENT)
		e->value = explorer.rules->init[e->location];
	if (e->flags & F_BLOCKED)
		for (;;)
			leave(BLOCKED);
	t->next++;
	return id;
}

static uint64_t draw(uint64_t n)
{
	explorer.random ^= explorer.random << 13;
	explorer.random ^= explorer.random >> 7;
	explorer.random ^= explorer.random << 17;
	return explorer.random % n;
}

/* A random walk takes any choice that needs no revisit. */
static unsigned draw_choice(const struct event *tmpl, uint16_t *list, unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		bool conflict = false;

		if (tmpl->kind == EV_RMW_READ) {
			uint16_t id = graph_add(explorer.rules, explorer.g, tmpl, list[i]);

			conflict = lacks_write(explorer.rules, explorer.g, id);
			graph_truncate(explorer.g, id);
		}
		if (!conflict)
			list[kept++] = list[i];
	}
	if (!(tmpl->flags & F_AWAIT)) /* nobody wakes who waits on an old value here */
		list[0] = list[draw(kept)];
	return 1;
}

/* A loop that goes on while nothing can end it, or a scenario that is too large. */
static void endless(const struct event *tmpl)
{
	if (explorer.client->endless)
		explorer.client->endless(explorer.client->arg, tmpl->pc);
	explore_fail("an execution has too many events");
}

/* The fixed size that the event does not fit into, NULL: there is room. */
static const char *no_room(const struct event *tmpl)
{
	const struct graph *g = explorer.g;

	if ((ev_is_read(tmpl) || ev_is_write(tmpl)) && g->loc[tmpl->location].count >= MAX_CHOICES - 2)
		return "too many writes to one place";
	if (tmpl->kind == EV_CHOOSE && tmpl->operand > MAX_CHOICES)
		return "oc_choose() has too many values to choose from";
	if ((tmpl->kind == EV_TLBI || tmpl->kind == EV_FAULT) && g->nv == MAX_INVALIDATIONS)
		return "an execution has too many invalidations";
	if (tmpl->kind == EV_FREE && g->nfree == MAX_FREES)
		return "an execution frees too many pages";
	return NULL;
}

/* May an exception that has no place be given up? Its thread stops, and only a revisit of a T of its walk
 * could change that. If the lowest T is not coherence-latest, it is not maximal, and none will be. */
static bool faults_in_vain(const struct event *x)
{
	const struct graph *g = explorer.g;
	const struct event *t = &g->ev[x->upper];

	return g->thread[x->thread][g->length[x->thread] - 1] == x->upper &&
	       co_pos(g, t->rf) != g->loc[t->location].count;
}

/* Insert a new event at the end of the running thread. */
static uint16_t extend(struct thread *t, struct event *tmpl)
{
	uint16_t list[MAX_CHOICES], id;
	unsigned n;

	if (explorer.g->count + 2 >= MAX_EVENTS || explorer.g->length[explorer.self] + 2 >= MAX_PER_THREAD)
		endless(tmpl);
	if (no_room(tmpl))
		explore_fail(no_room(tmpl));
	n = choices(explorer.rules, explorer.g, tmpl, list);
	if (tmpl->kind == EV_FAULT && list[0] == NO_EVENT && faults_in_vain(tmpl))
		explore_stop(true);
	if (explorer.options->sample)
		n = draw_choice(tmpl, list, n);
	/* a blocked store may still revisit the reads that leave it no place */
	if (is_waited_for(tmpl) && tmpl->kind != EV_RMW_WRITE)
		tmpl->serial = ++explorer.serial;
	if (!explorer.options->sample &&
	    (n > 1 || (tmpl->serial && tmpl->kind != EV_RMW_WRITE) ||
	     (ev_is_write(tmpl) && explorer.g->loc[tmpl->location].reads != NO_EVENT))) {
		struct frame *f = frame_push(tmpl);

		memcpy(f->list, list, n * sizeof(list[0]));
		f->n = n;
		f->next = 1;
		if (at_cut() && !claim()) {
			explorer.unclaimed = true;
			explore_stop(true);
		}
	}
	id = graph_add(explorer.rules, explorer.g, tmpl, list[0]);
	if (explorer.g->count > explorer.stats->events_max)
		explorer.stats->events_max = explorer.g->count;
	if (explorer.g->ev[id].flags & F_BLOCKED)
		for (;;)
			leave(BLOCKED);
	t->next++;
	if (explorer.client->added)
		explorer.client->added(explorer.client->arg, id);
	return id;
}

static bool starts_await(const struct thread *t)
{
	return t->in_await && t->next == t->await_from;
}

uint16_t explore_event(struct event *tmpl)
{
	struct thread *t = &explorer.threads[explorer.self];

	tmpl->thread = (uint8_t)explorer.self;
	if (t->in_await)
		tmpl->flags |= F_AWAIT;
	if (explorer.rules->sc_memory && tmpl->kind != EV_TRANSLATE &&
	    (ev_is_read(tmpl) || ev_is_write(tmpl) || tmpl->kind == EV_FENCE))
		tmpl->order = __ATOMIC_SEQ_CST;
	if (t->next < explorer.g->length[explorer.self])
		return replay(t, tmpl);
	t->request = tmpl;
	while (!explorer.extending || ((starts_await(t) || explorer.options->sample) && !t->chosen))
		leave(FRONTIER);
	t->chosen = false;
	return extend(t, tmpl);
}

void explore_await_begin(void)
{
	struct thread *t = &explorer.threads[explorer.self];

	t->in_await = true;
	t->await_from = t->next;
}

void explore_await_end(void)
{
	explorer.threads[explorer.self].in_await = false;
}

/* Is id a read that was just given an old value, which may not stay? As the last of an iteration that
 * fails it comes to nothing: it is not maximal, so no write will revisit it or what is older than it. */
static bool chosen_in_vain(uint16_t id)
{
	const struct event *e = &explorer.g->ev[id];

	if (!ev_is_read(e) || (!explorer.extending && id + 1u != explorer.g->count))
		return false;
	return co_pos(explorer.g, e->rf) != explorer.g->loc[e->location].count &&
	       !t_may_stay(explorer.rules, explorer.g, id);
}

/* Would the thread read in its next iteration what it read in its last, however long it waits? */
static bool await_reads_same(unsigned thread)
{
	const struct thread *t = &explorer.threads[thread];

	for (unsigned i = t->await_from; i < t->next; i++) {
		uint16_t id = explorer.g->thread[thread][i];
		const struct event *e = &explorer.g->ev[id];

		if (ev_is_read(e) && co_pos(explorer.g, e->rf) != explorer.g->loc[e->location].count &&
		    !t_may_stay(explorer.rules, explorer.g, id))
			return false;
	}
	return true;
}

void explore_await_failed(void)
{
	struct thread *t = &explorer.threads[explorer.self];

	if (t->next > t->await_from && chosen_in_vain(explorer.g->thread[explorer.self][t->next - 1]))
		explore_stop(true);
	for (;;)
		leave(AWAITING);
}

void explore_wait(unsigned n)
{
	struct thread *t = &explorer.threads[explorer.self];

	t->await_from = t->next - n;
	for (;;)
		leave(AWAITING);
}

void explore_relax(void)
{
	struct thread *t = &explorer.threads[explorer.self];
	unsigned from = t->next;

	while (from && explorer.g->ev[explorer.g->thread[explorer.self][from - 1]].kind == EV_READ)
		from--;
	t->await_from = from;
	explore_await_failed();
}

static void thread_main(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg;

	explorer.client->run(explorer.client->arg, self);
	for (;;)
		leave(FINISHED);
}

static void resume(unsigned i)
{
	explorer.self = i;
	explorer.threads[i].state = RUNNING;
	fiber_switch(&explorer.main, &explorer.threads[i].fiber);
	explorer.self = MAX_THREADS;
}

/* Run every thread to its frontier. */
static void replay_all(void)
{
	bool again = true;

	while (again && !explorer.stopped) {
		again = false;
		for (unsigned i = 0; i < explorer.rules->nthreads && !explorer.stopped; i++) {
			struct thread *t = &explorer.threads[i];

			if (t->state == WAITING) {
				const struct event *e = &explorer.g->ev[t->wait_for];

				if (explorer.threads[e->thread].next <= e->index)
					continue;
			} else if (t->state != RUNNING) {
				continue;
			}
			resume(i);
			again = true;
		}
	}
	for (unsigned i = 0; i < explorer.rules->nthreads && !explorer.stopped; i++)
		if (explorer.threads[i].state == WAITING)
			explore_fail("replay is stuck: a cycle of program order and reads-from");
}

/* Is the thread in the middle of an RMW or of an access? Its next event comes first. */
static bool amid(unsigned i)
{
	const struct event *e;

	if (!explorer.g->length[i])
		return false;
	e = &explorer.g->ev[explorer.g->thread[i][explorer.g->length[i] - 1]];
	return rmw_stores(explorer.rules, e) || e->kind == EV_TRANSLATE || (e->flags & F_HARDWARE);
}

/* How soon a thread should go on: awaits last, and of those the ones first that will be satisfied.
 * Any function of the graph is sound here; this one leaves few executions blocked. */
static unsigned urgency(unsigned i)
{
	const struct thread *t = &explorer.threads[i];
	const struct event *e = t->request;
	uint64_t newest;

	if (amid(i))
		return 5;
	if (!starts_await(t))
		return 4;
	if (!ev_is_read(e))
		return 2;
	newest = graph_value_of(explorer.rules, explorer.g, co_newest(explorer.g, e->location), e->location);
	if (e->flags & F_CAS)
		return newest == e->operand2 ? 3 : 0;
	if (explorer.client->daemon[i]) /* operand: what it has seen */
		return newest > e->operand ? 3 : 0;
	return 1;
}

static unsigned pick(void)
{
	unsigned best = MAX_THREADS, most = 0, frontier = 0;

	for (unsigned i = 0; i < explorer.rules->nthreads; i++) {
		unsigned u;

		if (explorer.threads[i].state != FRONTIER)
			continue;
		u = urgency(i);
		if (explorer.options->sample && u >= 2 && u < 5)
			u = 2; /* any of them, evenly */
		if (explorer.options->sample && best < MAX_THREADS && u == most) {
			if (draw(++frontier) == 0)
				best = i;
		} else if (best == MAX_THREADS || u > most) {
			frontier = 1;
			best = i;
			most = u;
		}
	}
	if (best < MAX_THREADS)
		explorer.threads[best].chosen = true;
	return best;
}

enum explore_end execute(void)
{
	enum explore_end end = END_COMPLETE;
	unsigned next;

	explorer.stopped = explorer.pruned = explorer.extending = explorer.unclaimed = false;
	explorer.client->restore(explorer.client->arg);
	for (unsigned i = 0; i < explorer.rules->nthreads; i++) {
		struct thread *t = &explorer.threads[i];

		fiber_start(&t->fiber, thread_main, (void *)(uintptr_t)i);
		t->state = RUNNING;
		t->next = 0;
		t->in_await = t->chosen = false;
	}
	if (explorer.options->trap_run && explorer.stats->runs == explorer.options->trap_run)
		raise(SIGTRAP);
	replay_all();
	explorer.extending = true;
	while (!explorer.stopped && (next = pick()) < MAX_THREADS)
		resume(next);
	if (explorer.stopped)
		return END_STOPPED;
	for (unsigned i = 0; i < explorer.rules->nthreads; i++) {
		if (explorer.threads[i].state == FINISHED ||
		    (explorer.client->daemon[i] && explorer.threads[i].state == AWAITING &&
		     await_reads_same(i)))
			continue;
		if (explorer.threads[i].state == AWAITING && await_reads_same(i)) {
			if (end == END_COMPLETE)
				end = END_STUCK;
		} else {
			end = END_BLOCKED;
		}
	}
	return end;
}
