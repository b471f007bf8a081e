/* enumerate.c: unfold a program with guessed values, choose sources and coherence, keep what is consistent.
 * SPDX-License-Identifier: MIT */
#include <string.h>
#include "enumerate.h"

enum { MAX_DOMAIN = 32 };

struct search {
	const struct program *program;
	struct brute_result *result;
	void (*visit)(void *arg, const struct graph *graph);
	void *arg;
	struct graph graph;
	uint64_t domain[PROGRAM_LOCATIONS][MAX_DOMAIN]; /* values that a location may ever hold */
	unsigned values[PROGRAM_LOCATIONS];
	unsigned used; /* locations with a reason to order their stores */
	uint8_t used_location[PROGRAM_LOCATIONS];
};

/* ---- Values ----------------------------------------------------------------------------------------------
 */
static void domain_add(struct search *s, unsigned location, uint64_t value)
{
	for (unsigned i = 0; i < s->values[location]; i++)
		if (s->domain[location][i] == value)
			return;
	if (s->values[location] == MAX_DOMAIN)
		s->result->too_large = true;
	else
		s->domain[location][s->values[location]++] = value;
}

/* What one instruction may store; additions to the known values of the location, if any. */
static void domain_of(struct search *s, const struct instruction *in, const unsigned *known)
{
	switch (in->op) {
	case OP_STORE:
	case OP_XCHG:
	case OP_CAS:
		domain_add(s, in->where, in->value);
		break;
	case OP_FETCH_ADD:
		for (unsigned i = 0; known && i < known[in->where]; i++)
			domain_add(s, in->where, s->domain[in->where][i] + in->value);
		break;
	case OP_USER_STORE:
		for (unsigned f = 0; f < PROGRAM_FRAMES; f++)
			domain_add(s, AT_FRAME + f, in->value);
		break;
	default:
		break;
	}
}

/* An over-approximation: a value that no store of the unfolding wrote finds no source later. */
static void domains(struct search *s)
{
	const struct program *p = s->program;
	unsigned adds = 0;

	for (unsigned l = 0; l < PROGRAM_LOCATIONS; l++)
		domain_add(s, l, p->initial[l]);
	for (unsigned t = 0; t < p->threads; t++)
		for (unsigned i = 0; i < p->length[t]; i++) {
			domain_of(s, &p->code[t][i], NULL);
			adds += p->code[t][i].op == OP_FETCH_ADD;
		}
	/* Each addition happens once, so at most so many are added up. */
	for (; adds > 0; adds--) {
		unsigned most[PROGRAM_LOCATIONS];

		memcpy(most, s->values, sizeof most);
		for (unsigned t = 0; t < p->threads; t++)
			for (unsigned i = 0; i < p->length[t]; i++)
				domain_of(s, &p->code[t][i], most);
		if (memcmp(most, s->values, sizeof most) == 0)
			break;
	}
}

/* ---- Coherence -------------------------------------------------------------------------------------------
 */
static void choose_coherence(struct search *s, unsigned index);

static void found(struct search *s)
{
	if (!axioms_of_graph(&s->graph))
		return;
	s->result->executions++;
	s->result->stale += s->graph.stale;
	if (s->visit)
		s->visit(s->arg, &s->graph);
}

/* Give the next place in location's order to each store that may have it. */
static void place_writes(struct search *s, unsigned index, events_t left, unsigned next, unsigned last)
{
	struct graph *g = &s->graph;
	unsigned location = s->used_location[index];

	if (!left) {
		if (axioms_of_location(g, location))
			choose_coherence(s, index + 1);
		return;
	}
	for (events_t rest = left; rest; rest &= rest - 1) {
		unsigned w = first_event(rest);

		if (g->before[w] & left) /* coherence extends H */
			continue;
		if (g->event[w].kind == EVENT_RMW && g->source[w] != last) /* atomicity */
			continue;
		g->place[w] = (uint8_t)next;
		place_writes(s, index, left & ~EVENT_BIT(w), next + 1, w);
	}
}

static void choose_coherence(struct search *s, unsigned index)
{
	struct graph *g = &s->graph;

	if (index == s->used) {
		found(s);
		return;
	}
	unsigned location = s->used_location[index];

	g->place[location] = 0;
	place_writes(s, index, g->at[location] & g->writes & ~EVENT_BIT(location), 1, location);
}

/* ---- Sources ---------------------------------------------------------------------------------------------
 */
static void choose_sources(struct search *s, unsigned r, events_t taken)
{
	struct graph *g = &s->graph;
	const struct event *read;

	while (r < g->count && !event_reads(&g->event[r]) && g->event[r].kind != EVENT_T)
		r++;
	if (r == g->count) {
		if (axioms_of_sources(g))
			choose_coherence(s, 0);
		return;
	}
	read = &g->event[r];
	for (unsigned w = 0; w < g->count; w++) {
		const struct event *write = &g->event[w];

		if (!event_writes(write) || write->where != read->where || write->written != read->read)
			continue;
		if (w >= r && write->thread == read->thread)
			continue;
		if (read->kind == EVENT_RMW && (taken & EVENT_BIT(w))) /* two RMW of one write: not atomic */
			continue;
		g->source[r] = (uint8_t)w;
		choose_sources(s, r + 1, read->kind == EVENT_RMW ? taken | EVENT_BIT(w) : taken);
	}
}

/* Does each value read have a store at all? Most unfoldings end here. */
static bool values_have_stores(const struct graph *g)
{
	for (unsigned r = FIRST_EVENT; r < g->count; r++) {
		const struct event *read = &g->event[r];
		bool any = false;

		if (!event_reads(read) && read->kind != EVENT_T)
			continue;
		for (unsigned w = 0; w < g->count && !any; w++)
			any = w != r && event_writes(&g->event[w]) && g->event[w].where == read->where &&
			      g->event[w].written == read->read;
		if (!any)
			return false;
	}
	return true;
}

static void unfolded(struct search *s)
{
	struct graph *g = &s->graph;

	if (!values_have_stores(g))
		return;
	s->used = 0;
	for (unsigned l = 0; l < PROGRAM_LOCATIONS; l++)
		for (unsigned e = FIRST_EVENT; e < g->count; e++) {
			uint8_t kind = g->event[e].kind;

			if (g->event[e].where == l && (kind <= EVENT_RMW || kind == EVENT_T)) {
				s->used_location[s->used++] = (uint8_t)l;
				break;
			}
		}
	choose_sources(s, FIRST_EVENT, 0);
}

/* ---- Unfolding -------------------------------------------------------------------------------------------
 */
static void unfold(struct search *s, unsigned thread, unsigned at);

static struct event *append(struct search *s, enum event_kind kind, unsigned thread, unsigned where)
{
	struct graph *g = &s->graph;
	struct event *e;

	if (g->count == MAX_EVENTS) {
		s->result->too_large = true;
		g->count--; /* the caller's event is written over the last; nothing of it is used */
	}
	e = &g->event[g->count++];
	memset(e, 0, sizeof *e);
	e->kind = (uint8_t)kind;
	e->thread = (uint8_t)thread;
	e->where = (uint8_t)where;
	e->access = e->neighbour = e->complete = e->before = EVENT_NONE;
	return e;
}

static void set_order(struct event *e, int order, bool reads, bool writes)
{
	e->sc = order == __ATOMIC_SEQ_CST;
	e->acquire = reads && (e->sc || order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL);
	e->release = writes && (e->sc || order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL);
}

/* Continue behind an instruction that returned a value; then forget what was appended. */
static void unfold_result(struct search *s, unsigned thread, unsigned at, uint64_t value)
{
	s->graph.result[s->graph.results++] = value;
	unfold(s, thread, at + 1);
	s->graph.results--;
}

/* The access of a user instruction behind a successful walk, or its fault. */
static void unfold_access(struct search *s, unsigned thread, unsigned at, unsigned first_t, uint64_t leaf)
{
	const struct instruction *in = &s->program->code[thread][at];
	bool store = in->op == OP_USER_STORE;
	uint64_t needs = store ? ENTRY_PRESENT | ENTRY_RW : ENTRY_PRESENT;
	struct graph *g = &s->graph;
	unsigned mark = g->count;

	for (unsigned t = first_t; t < mark; t++)
		g->event[t].access = (uint8_t)mark;
	if ((leaf & needs) != needs) {
		append(s, EVENT_FAULT, thread, EVENT_NONE)->page = (uint8_t)in->where;
		unfold_result(s, thread, at, BRUTE_FAULT);
		g->count = mark;
		return;
	}
	unsigned frame = AT_FRAME + ENTRY_NUMBER(leaf);
	unsigned choices = store ? 1 : s->values[frame];

	for (unsigned i = 0; i < choices; i++) {
		struct event *e = append(s, store ? EVENT_WRITE : EVENT_READ, thread, frame);

		e->user = true;
		e->page = (uint8_t)in->where;
		e->written = in->value;
		e->read = store ? 0 : s->domain[frame][i];
		unfold_result(s, thread, at, e->read);
		g->count = mark;
	}
}

static struct event *append_t(struct search *s, unsigned thread, unsigned page, unsigned level,
                              unsigned where, uint64_t value)
{
	struct event *e = append(s, EVENT_T, thread, where);

	e->page = (uint8_t)page;
	e->level = (uint8_t)level;
	e->read = value;
	e->cacheable = (value & ENTRY_PRESENT) != 0;
	return e;
}

static void unfold_leaf(struct search *s, unsigned thread, unsigned at, unsigned first_t, unsigned table)
{
	struct graph *g = &s->graph;
	unsigned page = s->program->code[thread][at].where;
	unsigned leaf = AT_LEAF_OF(table, page);
	unsigned mark = g->count;

	for (unsigned i = 0; i < s->values[leaf]; i++) {
		struct event *e = append_t(s, thread, page, 0, leaf, s->domain[leaf][i]);

		if (first_t < mark) {
			e->neighbour = (uint8_t)first_t;
			g->event[first_t].neighbour = (uint8_t)mark;
		}
		unfold_access(s, thread, at, first_t, s->domain[leaf][i]);
		g->count = mark;
	}
}

static void unfold_walk(struct search *s, unsigned thread, unsigned at)
{
	struct graph *g = &s->graph;
	const struct program *p = s->program;
	unsigned page = p->code[thread][at].where;
	unsigned mark = g->count;

	if (p->levels == 1) {
		unfold_leaf(s, thread, at, mark, 0);
		return;
	}
	unsigned upper = AT_UPPER + page % p->uppers;

	for (unsigned i = 0; i < s->values[upper]; i++) {
		uint64_t value = s->domain[upper][i];

		append_t(s, thread, page, 1, upper, value);
		if (value & ENTRY_PRESENT)
			unfold_leaf(s, thread, at, mark, ENTRY_NUMBER(value));
		else
			unfold_access(s, thread, at, mark, value);
		g->count = mark;
	}
}

/* Kernel loads and read-modify-writes: guess what is read. */
static void unfold_read(struct search *s, unsigned thread, unsigned at)
{
	const struct instruction *in = &s->program->code[thread][at];
	struct graph *g = &s->graph;
	unsigned mark = g->count;

	for (unsigned i = 0; i < s->values[in->where]; i++) {
		uint64_t value = s->domain[in->where][i];
		bool failed = in->op == OP_CAS && value != in->expected;
		bool writes = in->op != OP_LOAD && !failed;
		struct event *e = append(s, writes ? EVENT_RMW : EVENT_READ, thread, in->where);

		e->read = value;
		e->written = in->op == OP_FETCH_ADD ? value + in->value : in->value;
		set_order(e, failed ? __ATOMIC_RELAXED : in->order, true, writes);
		unfold_result(s, thread, at, value);
		g->count = mark;
	}
}

static void append_plain(struct search *s, unsigned thread, const struct instruction *in)
{
	struct event *e;

	switch (in->op) {
	case OP_STORE:
		e = append(s, EVENT_WRITE, thread, in->where);
		e->written = in->value;
		set_order(e, in->order, false, true);
		break;
	case OP_FENCE:
		e = append(s, EVENT_FENCE, thread, EVENT_NONE);
		set_order(e, in->order, true, true);
		break;
	case OP_DMB:
	case OP_DSB:
		e = append(s, EVENT_FENCE, thread, EVENT_NONE);
		set_order(e, __ATOMIC_SEQ_CST, true, true);
		e->dsb = in->op == OP_DSB;
		break;
	case OP_ISB:
		append(s, EVENT_ISB, thread, EVENT_NONE);
		break;
	default: /* OP_TLBI */
		e = append(s, EVENT_TLBI, thread, in->where);
		e->broadcast = in->broadcast && s->program->arch == PROGRAM_ARM64;
		e->leaf_only = in->leaf_only && s->program->arch == PROGRAM_ARM64 && in->where != TLBI_ALL;
		break;
	}
}

static void unfold(struct search *s, unsigned thread, unsigned at)
{
	const struct program *p = s->program;
	unsigned mark = s->graph.count;

	if (s->result->too_large)
		return;
	if (thread == p->threads) {
		unfolded(s);
		return;
	}
	if (at == p->length[thread]) {
		unfold(s, thread + 1, 0);
		return;
	}
	switch (p->code[thread][at].op) {
	case OP_LOAD:
	case OP_FETCH_ADD:
	case OP_XCHG:
	case OP_CAS:
		unfold_read(s, thread, at);
		break;
	case OP_USER_LOAD:
	case OP_USER_STORE:
		unfold_walk(s, thread, at);
		break;
	default:
		append_plain(s, thread, &p->code[thread][at]);
		unfold(s, thread, at + 1);
		break;
	}
	s->graph.count = mark;
}

void brute_run(const struct program *program, struct brute_result *result,
               void (*visit)(void *arg, const struct graph *graph), void *arg)
{
	struct search s;

	memset(result, 0, sizeof *result);
	memset(&s, 0, sizeof s);
	s.program = program;
	s.result = result;
	s.visit = visit;
	s.arg = arg;
	s.graph.program = program;
	for (unsigned l = 0; l < PROGRAM_LOCATIONS; l++) {
		append(&s, EVENT_WRITE, EVENT_NONE, l)->written = program->initial[l];
	}
	domains(&s);
	unfold(&s, 0, 0);
	if (result->too_large)
		result->executions = result->stale = 0;
}

unsigned graph_outcome(const struct graph *g, uint64_t values[PROGRAM_VALUES])
{
	unsigned n = 0;

	for (; n < g->results; n++)
		values[n] = g->result[n];
	for (unsigned l = 0; l < PROGRAM_LOCATIONS; l++) {
		unsigned last = l;

		for (unsigned w = FIRST_EVENT; w < g->count; w++)
			if (event_writes(&g->event[w]) && g->event[w].where == l &&
			    g->place[w] >= g->place[last])
				last = w;
		values[n++] = g->event[last].written;
	}
	return n;
}
