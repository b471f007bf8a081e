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
	unsigned used; /* locations that anything accesses */
	uint8_t used_location[PROGRAM_LOCATIONS];
	bool pruned;
	/* stores[t][l][i]: how often, at most, threads t and later store domain[l][i] at l */
	unsigned stores[PROGRAM_THREADS + 1][PROGRAM_LOCATIONS][MAX_DOMAIN];
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
	case OP_LOCK:
		domain_add(s, in->where, 1);
		break;
	case OP_LOAD_ROOT:
		for (unsigned cpu = 0; cpu < PROGRAM_CPUS; cpu++)
			domain_add(s, AT_ROOT_OF(cpu, in->where), in->value);
		for (unsigned l = AT_ROOT; l < PROGRAM_LOCATIONS; l++)
			domain_add(s, l, 0);
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
			const struct instruction *in = &p->code[t][i];

			domain_of(s, in, NULL);
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
	for (unsigned l = AT_LEAF; p->hw_dirty && l < AT_UPPER; l++)
		for (unsigned i = 0; i < s->values[l]; i++)
			if (s->domain[l][i] & ENTRY_WRITABLE)
				domain_add(s, l, s->domain[l][i] | ENTRY_DIRTY);
}

/* What one instruction may store, as often as it may at most. A user store updates entries in as many walks
 * as it takes: more often than there are events. */
static void count_stores(const struct search *s, const struct instruction *in, unsigned l,
                         unsigned stores[MAX_DOMAIN])
{
	bool at = in->where == l && (in->op == OP_STORE || in->op == OP_XCHG || in->op == OP_CAS);

	at |= in->op == OP_USER_STORE && l >= AT_FRAME && l < AT_LEAF;
	for (unsigned i = 0; i < s->values[l]; i++) {
		uint64_t value = s->domain[l][i];

		stores[i] += at && value == in->value;
		stores[i] += in->op == OP_LOCK && in->where == l && value == 1;
		stores[i] += in->op == OP_FETCH_ADD && in->where == l;
		stores[i] += in->op == OP_LOAD_ROOT && l >= AT_ROOT && (value == in->value || !value);
		if (in->op == OP_USER_STORE && l >= AT_LEAF && l < AT_UPPER && (value & ENTRY_DIRTY))
			stores[i] = MAX_EVENTS;
	}
}

static void find_stores(struct search *s)
{
	const struct program *p = s->program;

	for (unsigned t = p->threads; t-- > 0;) {
		memcpy(s->stores[t], s->stores[t + 1], sizeof s->stores[t]);
		for (unsigned i = 0; i < p->length[t]; i++)
			for (unsigned l = 0; l < PROGRAM_LOCATIONS; l++)
				count_stores(s, &p->code[t][i], l, s->stores[t][l]);
	}
}

static unsigned stores_from(const struct search *s, unsigned thread, unsigned location, uint64_t value)
{
	for (unsigned i = 0; i < s->values[location]; i++)
		if (s->domain[location][i] == value)
			return s->stores[thread][location][i];
	return 0;
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
/* Is w coherence-older than a write that r's thread has seen at this location before r? What can be told of
 * that before coherence is chosen: w is the initial write, or its thread wrote the other one after it. (All
 * that a thread does at one location, T apart, is in order in H.) axioms_of_location() would find it, much
 * later. */
static bool reads_backwards(const struct graph *g, unsigned r, unsigned w)
{
	const struct event *read = &g->event[r];

	if (read->kind == EVENT_T)
		return false;
	for (unsigned e = r; e-- > FIRST_EVENT && g->event[e].thread == read->thread;) {
		unsigned seen = event_writes(&g->event[e]) ? e : g->source[e];

		if (g->event[e].kind > EVENT_RMW || g->event[e].where != read->where || seen == w)
			continue;
		if (w < FIRST_EVENT ||
		    (seen >= FIRST_EVENT && g->event[seen].thread == g->event[w].thread && w < seen))
			return true;
	}
	return false;
}

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
		if (s->pruned && reads_backwards(g, r, w))
			continue;
		g->source[r] = (uint8_t)w;
		choose_sources(s, r + 1, read->kind == EVENT_RMW ? taken | EVENT_BIT(w) : taken);
	}
}

/* Is there a store for the value that r reads: among the events that are there, but for those behind r in its
 * own thread, or perhaps in a thread from unborn on? And is there one for each read-modify-write that reads
 * it, since two of one store are not atomic? These may be of a thread from unfinished on. */
static bool value_has_store(const struct search *s, unsigned r, unsigned unborn, unsigned unfinished)
{
	const struct graph *g = &s->graph;
	const struct event *read = &g->event[r];
	unsigned stores = stores_from(s, unborn, read->where, read->read), updates = 0;
	unsigned all = stores_from(s, unfinished, read->where, read->read);

	for (unsigned e = 0; e < g->count; e++) {
		const struct event *event = &g->event[e];

		if (event->where != read->where || event->kind > EVENT_RMW)
			continue;
		updates += event->kind == EVENT_RMW && event->read == read->read;
		if (!event_writes(event) || event->written != read->read)
			continue;
		all++;
		stores += e < r || event->thread != read->thread;
	}
	return stores && (!s->pruned || updates <= all);
}

/* Does each value read have a store, those of threads from unborn on taken for granted? Most unfoldings end
 * here. */
static bool values_have_stores(const struct search *s, unsigned unborn)
{
	const struct graph *g = &s->graph;

	for (unsigned r = FIRST_EVENT; r < g->count; r++)
		if ((event_reads(&g->event[r]) || g->event[r].kind == EVENT_T) &&
		    !value_has_store(s, r, unborn, unborn))
			return false;
	return true;
}

static void unfolded(struct search *s)
{
	struct graph *g = &s->graph;

	if (!s->pruned && !values_have_stores(s, s->program->threads))
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
	e->cpu = (uint8_t)(thread < PROGRAM_THREADS ? s->program->cpu[thread] : 0);
	e->where = (uint8_t)where;
	e->access = e->neighbour = e->complete = e->before = e->not_older = EVENT_NONE;
	return e;
}

static void set_order(struct event *e, int order, bool reads, bool writes)
{
	e->sc = order == __ATOMIC_SEQ_CST;
	e->acquire = reads && (e->sc || order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL);
	e->release = writes && (e->sc || order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL);
}

/* May the read that was appended last be worth going on with? */
static bool worth(const struct search *s)
{
	const struct graph *g = &s->graph;
	unsigned last = g->count - 1;

	return !s->pruned || value_has_store(s, last, g->event[last].thread + 1u, g->event[last].thread);
}

/* Continue behind an instruction that returned a value; then forget what was appended. */
static void unfold_result(struct search *s, unsigned thread, unsigned at, uint64_t value)
{
	s->graph.result[s->graph.results++] = value;
	unfold(s, thread, at + 1);
	s->graph.results--;
}

/* One walk of a user access. */
struct walk {
	unsigned thread, at, page;
	unsigned first_t;     /* event */
	unsigned leaf;        /* location */
	unsigned first_event; /* of the access: failed U of walks before this one are from there on */
};

static void unfold_walk(struct search *s, struct walk walk);

static void set_access(struct search *s, const struct walk *walk, unsigned access)
{
	for (unsigned t = walk->first_t; t < s->graph.count; t++)
		if (s->graph.event[t].kind == EVENT_T)
			s->graph.event[t].access = (uint8_t)access;
}

static void unfold_fault(struct search *s, const struct walk *walk)
{
	unsigned mark = s->graph.count;

	set_access(s, walk, mark);
	struct event *x;

	x = append(s, EVENT_FAULT, walk->thread, EVENT_NONE);
	x->page = (uint8_t)walk->page;
	x->asid = (uint8_t)program_asid(s->program, walk->thread, walk->at);
	x->device = s->program->device[walk->thread];
	unfold_result(s, walk->thread, walk->at, BRUTE_FAULT);
	s->graph.count = mark;
}

/* The access behind a successful walk that found entry. */
static void unfold_access(struct search *s, const struct walk *walk, uint64_t entry)
{
	const struct instruction *in = &s->program->code[walk->thread][walk->at];
	bool is_store = in->op == OP_USER_STORE;
	unsigned frame = AT_FRAME + ENTRY_NUMBER(entry);
	unsigned choices = is_store ? 1 : s->values[frame];
	unsigned mark = s->graph.count;

	set_access(s, walk, mark);
	for (unsigned i = 0; i < choices; i++) {
		struct event *e = append(s, is_store ? EVENT_WRITE : EVENT_READ, walk->thread, frame);

		e->user = true;
		e->page = (uint8_t)walk->page;
		e->written = in->value;
		e->read = is_store ? 0 : s->domain[frame][i];
		if (is_store || worth(s))
			unfold_result(s, walk->thread, walk->at, e->read);
		s->graph.count = mark;
	}
}

/* An entry value but for what hardware sets in it. */
static uint64_t software_value(uint64_t entry)
{
	return entry & ENTRY_WRITABLE ? entry & ~ENTRY_DIRTY : entry;
}

/* How often software gives an entry a value, its initial one included. */
static unsigned software_stores(const struct program *p, unsigned where, uint64_t value)
{
	unsigned stores = software_value(p->initial[where]) == value;

	for (unsigned t = 0; t < p->threads; t++)
		for (unsigned i = 0; i < p->length[t]; i++) {
			const struct instruction *in = &p->code[t][i];

			stores += in->op < OP_FENCE && in->op != OP_LOAD && in->where == where &&
			          software_value(in->value) == value;
		}
	return stores;
}

/* The walks of one access read an entry in coherence order, and between a T and the U that fails somebody
 * stored another value: is there a store for each change of value? It only saves time, and bounds the walks.
 */
static bool entry_changes_so_often(const struct search *s, const struct walk *walk)
{
	const struct graph *g = &s->graph;
	uint64_t value = software_value(g->event[g->count - 1].read), last = ~value;
	unsigned changes = 0;

	for (unsigned e = walk->first_event; e < g->count; e++) {
		uint64_t now = software_value(g->event[e].read);

		if (g->event[e].where != walk->leaf)
			continue;
		changes += now == value && now != last;
		last = now;
	}
	return changes <= software_stores(s->program, walk->leaf, value);
}

/* A store through a clean entry: U, which finds the entry as it is now. */
static void unfold_update(struct search *s, const struct walk *walk, uint64_t entry)
{
	struct graph *g = &s->graph;
	unsigned mark = g->count;

	for (unsigned i = 0; i < s->values[walk->leaf]; i++) {
		uint64_t now = s->domain[walk->leaf][i];
		bool good = (now & ENTRY_PRESENT) && (now & ENTRY_WRITABLE) &&
		            ENTRY_NUMBER(now) == ENTRY_NUMBER(entry);
		bool writes = good && !(now & ENTRY_DIRTY);
		struct event *e = append(s, writes ? EVENT_RMW : EVENT_READ, walk->thread, walk->leaf);

		e->hardware = true;
		e->page = (uint8_t)walk->page;
		e->read = now;
		e->written = now | ENTRY_DIRTY;
		if (!worth(s)) {
			/* No source either. */
		} else if (good) {
			unfold_access(s, walk, entry);
		} else if (!entry_changes_so_often(s, walk)) {
			/* No source for this value. */
		} else if (s->program->arch == PROGRAM_X86_64) {
			unfold_fault(s, walk);
		} else {
			struct walk next = *walk;

			set_access(s, walk, mark);
			next.first_t = g->count;
			unfold_walk(s, next);
		}
		g->count = mark;
	}
}

static void unfold_entry(struct search *s, const struct walk *walk, uint64_t entry)
{
	bool is_store = s->program->code[walk->thread][walk->at].op == OP_USER_STORE;

	if (!(entry & ENTRY_PRESENT) || (is_store && !(entry & ENTRY_WRITABLE)))
		unfold_fault(s, walk);
	else if (!is_store || (entry & ENTRY_DIRTY))
		unfold_access(s, walk, entry);
	else if (s->program->hw_dirty && !s->program->no_ad[walk->thread])
		unfold_update(s, walk, entry);
	else
		unfold_fault(s, walk);
}

static void append_t(struct search *s, const struct walk *walk, unsigned level, unsigned where,
                     uint64_t value)
{
	struct graph *g = &s->graph;
	struct event *e = append(s, EVENT_T, walk->thread, where);

	e->page = (uint8_t)walk->page;
	e->level = (uint8_t)level;
	e->asid = (uint8_t)program_asid(s->program, walk->thread, walk->at);
	e->read = value;
	e->device = s->program->device[walk->thread];
	e->cacheable = (value & ENTRY_PRESENT) != 0 ||
	               (s->program->arch == PROGRAM_RISCV64 && where < AT_ROOT && !e->device);
	for (unsigned u = walk->first_event; u < walk->first_t; u++)
		if (g->event[u].hardware && g->event[u].where == where)
			e->not_older = (uint8_t)u;
}

static void unfold_leaf(struct search *s, struct walk walk, unsigned table)
{
	struct graph *g = &s->graph;
	unsigned mark = g->count;

	walk.leaf = AT_LEAF_OF(table, walk.page);
	for (unsigned i = 0; i < s->values[walk.leaf]; i++) {
		append_t(s, &walk, 0, walk.leaf, s->domain[walk.leaf][i]);
		if (walk.first_t < mark) {
			g->event[mark].neighbour = (uint8_t)walk.first_t;
			g->event[walk.first_t].neighbour = (uint8_t)mark;
		}
		if (worth(s) && entry_changes_so_often(s, &walk))
			unfold_entry(s, &walk, s->domain[walk.leaf][i]);
		g->count = mark;
	}
}

static void unfold_walk(struct search *s, struct walk walk)
{
	struct graph *g = &s->graph;
	unsigned mark = g->count;
	unsigned upper = program_upper(s->program, walk.thread, walk.at, walk.page);

	if (s->result->too_large)
		return;
	if (s->program->levels == 1) {
		unfold_leaf(s, walk, 0);
		return;
	}
	for (unsigned i = 0; i < s->values[upper]; i++) {
		uint64_t value = s->domain[upper][i];

		append_t(s, &walk, 1, upper, value);
		if (!worth(s)) {
			/* No source. */
		} else if (value & ENTRY_PRESENT) {
			unfold_leaf(s, walk, ENTRY_NUMBER(value));
		} else {
			unfold_fault(s, &walk);
		}
		g->count = mark;
	}
}

static void unfold_user(struct search *s, unsigned thread, unsigned at)
{
	struct walk walk = {.thread = thread, .at = at, .page = s->program->code[thread][at].where};

	walk.first_t = walk.first_event = s->graph.count;
	unfold_walk(s, walk);
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
		if (worth(s))
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
		e->broadcast = in->broadcast && s->program->arch != PROGRAM_X86_64;
		e->leaf_only = in->leaf_only && s->program->arch != PROGRAM_X86_64 && in->where != TLBI_ALL;
		e->asid = (uint8_t)in->asid;
		e->device = in->device;
		break;
	}
}

/* Only its last read, which finds what it waits for. */
static void append_await(struct search *s, unsigned thread, const struct instruction *in)
{
	struct event *e = append(s, in->op == OP_LOCK ? EVENT_RMW : EVENT_READ, thread, in->where);

	e->read = in->op == OP_LOCK ? 0 : in->value;
	e->written = 1;
	set_order(e, in->op == OP_LOCK ? __ATOMIC_ACQUIRE : in->order, true, in->op == OP_LOCK);
}

static void append_read(struct search *s, unsigned thread, unsigned where, uint64_t value, int order)
{
	struct event *e = append(s, EVENT_READ, thread, where);

	e->read = value;
	set_order(e, order, true, false);
}

static void unfold_await_either(struct search *s, unsigned thread, unsigned at)
{
	const struct instruction *in = &s->program->code[thread][at];
	unsigned mark = s->graph.count;

	for (unsigned i = 0; i < s->values[in->where]; i++) {
		append_read(s, thread, in->where, s->domain[in->where][i], in->order);
		if (s->domain[in->where][i] != in->value)
			append_read(s, thread, in->other, 1, in->order);
		unfold(s, thread, at + 1);
		s->graph.count = mark;
	}
}

static void append_dsb(struct search *s, unsigned thread)
{
	struct instruction dsb = {.op = OP_DSB};

	append_plain(s, thread, &dsb);
}

/* Reading 17 of program.h. */
static void append_load_root(struct search *s, unsigned thread, unsigned at)
{
	const struct program *p = s->program;
	const struct instruction *in = &p->code[thread][at];
	unsigned cpu = p->cpu[thread], before = program_asid(p, thread, at);

	append_dsb(s, thread);
	if (before != in->where)
		append(s, EVENT_WRITE, thread, AT_ROOT_OF(cpu, before))->written = 0;
	append(s, EVENT_WRITE, thread, AT_ROOT_OF(cpu, in->where))->written = in->value;
	if (!in->keep || program_first_load(p, thread, at))
		append(s, EVENT_TLBI, thread, TLBI_ALL)->asid = (uint8_t)in->where;
	if (!in->keep && p->arch == PROGRAM_ARM64)
		append_dsb(s, thread);
	append_dsb(s, thread);
	append(s, EVENT_ISB, thread, EVENT_NONE);
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
		if (!s->pruned || values_have_stores(s, thread + 1))
			unfold(s, thread + 1, 0);
		return;
	}
	switch (p->code[thread][at].op) {
	case OP_AWAIT:
	case OP_LOCK:
		append_await(s, thread, &p->code[thread][at]);
		unfold(s, thread, at + 1);
		break;
	case OP_AWAIT_EITHER:
		unfold_await_either(s, thread, at);
		break;
	case OP_LOAD_ROOT:
		append_load_root(s, thread, at);
		unfold(s, thread, at + 1);
		break;
	case OP_LOAD:
	case OP_FETCH_ADD:
	case OP_XCHG:
	case OP_CAS:
		unfold_read(s, thread, at);
		break;
	case OP_USER_LOAD:
	case OP_USER_STORE:
		unfold_user(s, thread, at);
		break;
	default:
		append_plain(s, thread, &p->code[thread][at]);
		unfold(s, thread, at + 1);
		break;
	}
	s->graph.count = mark;
}

void brute_run(const struct program *program, bool pruned, struct brute_result *result,
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
	s.pruned = pruned;
	domains(&s);
	find_stores(&s);
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
