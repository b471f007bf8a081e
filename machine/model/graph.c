/* graph.c: building, cutting and restricting execution graphs. SPDX-License-Identifier: MIT */
#include <string.h>

#include "graph.h"

/* arm64: as in model-rules; x86-64: INVLPG and CR3 writes are complete at once, a fault drops the
 * entry, INVLPG drops all walk-cache entries; riscv64: SFENCE.VMA and the SBI's remote fences are
 * complete when they return, and traps order nothing. */
void rules_for(struct machine_rules *m, enum rules_arch arch, bool ets2)
{
	m->ets2 = ets2 || arch == RULES_X86_64;
	m->instant_tlbi = arch != RULES_ARM64;
	m->traps_order = arch != RULES_RISCV64;
	m->fault_drops_entry = arch == RULES_X86_64;
	m->tlbi_drops_walks = arch == RULES_X86_64;
	m->young_path = arch == RULES_X86_64;
	m->drops_global = arch != RULES_RISCV64;
}

void graph_init(struct graph *g)
{
	g->count = 0;
	g->dev = 0;
	g->sc_count = 0;
	g->nv = 0;
	g->nfree = 0;
	g->nloc = 0;
	memset(g->length, 0, sizeof(g->length));
	for (unsigned i = 0; i < MAX_LOCATIONS; i++)
		g->loc[i] = (struct location){NO_EVENT, NO_EVENT, 0, NO_EVENT};
}

static void clock_join(struct clock *c, const struct clock *d)
{
	for (unsigned i = 0; i < MAX_THREADS; i++)
		c->n[i] = c->n[i] > d->n[i] ? c->n[i] : d->n[i];
	for (unsigned i = 0; i < MAX_THREADS; i++)
		c->t[i] = c->t[i] > d->t[i] ? c->t[i] : d->t[i];
}

/* Is a (an upper T) in the same walk as the T e? */
static bool upper_of(const struct graph *g, uint16_t a, const struct event *e)
{
	for (uint16_t u = e->upper; u != NO_EVENT; u = g->ev[u].upper)
		if (u == a)
			return true;
	return false;
}

bool hb_before(const struct graph *g, uint16_t a, uint16_t e)
{
	const struct event *ea = &g->ev[a], *ee = &g->ev[e];

	if (ea->kind != EV_TRANSLATE)
		return ee->hb.n[ea->thread] > ea->index;
	if (ee->hb.t[ea->thread] > ea->index)
		return true;
	return ee->kind == EV_TRANSLATE && ee->thread == ea->thread && upper_of(g, a, ee);
}

uint64_t graph_value_of(const struct machine_rules *m, const struct graph *g, uint16_t write,
                        uint16_t location)
{
	return write >= INIT_EVENT ? m->init[location] : g->ev[write].value;
}

bool rmw_stores(const struct machine_rules *m, const struct event *e)
{
	if (e->kind != EV_RMW_READ || e->rf == NO_EVENT)
		return false;
	if (e->op == RMW_WALKER)
		return m->walker_update(e->value, e->operand, (unsigned)e->operand2) != e->value;
	return !((e->flags & F_CAS) && e->value != e->operand2);
}

/* A compare-and-swap that fails is a relaxed load. */
static bool failed_cas(const struct event *e)
{
	return e->kind == EV_RMW_READ && (e->flags & F_CAS) && e->value != e->operand2;
}

bool is_acquire(unsigned order)
{
	return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

bool is_release(unsigned order)
{
	return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

bool ev_is_sc(const struct event *e)
{
	return e->kind == EV_DSB ||
	       (e->order == __ATOMIC_SEQ_CST && !failed_cas(e) &&
	        (e->kind == EV_FENCE || e->kind == EV_READ || e->kind == EV_WRITE || e->kind == EV_RMW_READ ||
	         e->kind == EV_RMW_WRITE || e->kind == EV_LOAD || e->kind == EV_STORE));
}

/* What a read learns from the write it reads, if it acquires. */
static void join_message(const struct graph *g, struct clock *c, uint16_t rf)
{
	if (rf < INIT_EVENT)
		clock_join(c, &g->ev[rf].msg);
}

/* An acquire fence or context synchronisation turns earlier reads of its thread into acquiring
 * ones: all of them (fence), translation reads only (I). */
static void join_earlier_reads(const struct graph *g, struct clock *c, const struct event *e, bool only_t)
{
	unsigned from = e->last_acq ? e->last_acq - 1u : 0;

	for (unsigned i = from; i < e->index; i++) {
		const struct event *r = &g->ev[g->thread[e->thread][i]];

		if (ev_is_read(r) && (!only_t || r->kind == EV_TRANSLATE))
			join_message(g, c, r->rf);
	}
}

/* The T of e's thread with an index below end are H-before e, and all that is H-before them. */
static void join_translations(const struct graph *g, struct event *e, unsigned end)
{
	unsigned i = (unsigned)e->hb.t[e->thread];

	if (end <= i)
		return;
	for (; i < end; i++) {
		const struct event *t = &g->ev[g->thread[e->thread][i]];

		if (t->kind == EV_TRANSLATE && t->upper != NO_EVENT)
			clock_join(&e->hb, &t->hb);
	}
	e->hb.t[e->thread] = (int16_t)end;
}

/* The last event before e in program order that is no T, NULL for none. */
static const struct event *previous(const struct graph *g, const struct event *e)
{
	for (unsigned i = e->index; i; i--) {
		const struct event *p = &g->ev[g->thread[e->thread][i - 1]];

		if (p->kind != EV_TRANSLATE)
			return p;
	}
	return NULL;
}

static void derive_translation(const struct machine_rules *m, const struct graph *g, struct event *e,
                               const struct event *prev)
{
	if (e->t_sync) {
		const struct event *sync = &g->ev[g->thread[e->thread][e->t_sync - 1]];

		e->hb = sync->hb;
		if (sync->kind != EV_DSB)
			join_translations(g, e, sync->index); /* T before an exception, its own too */
	} else {
		memset(&e->hb, 0, sizeof(e->hb));
	}
	if (m->ets2 && !(e->flags & F_CACHEABLE)) {
		/* every access before, but no update by hardware: that is no access of the program */
		while (prev && (prev->flags & F_HARDWARE))
			prev = previous(g, prev);
		if (prev)
			clock_join(&e->hb, &prev->hb);
	}
	if (e->upper != NO_EVENT) {
		clock_join(&e->hb, &g->ev[e->upper].hb);
		join_message(g, &e->hb, g->ev[e->upper].rf);
	}
}

/* Where the walk began that access or hardware update e belongs to: its own T are not H-before it. */
static unsigned walk_start(const struct graph *g, const struct event *e)
{
	unsigned i = e->index;

	while (i) {
		const struct event *t = &g->ev[g->thread[e->thread][--i]];

		if (t->kind == EV_TRANSLATE && t->upper == NO_EVENT)
			return i;
	}
	return 0;
}

bool synchronises_context(const struct machine_rules *m, const struct event *e)
{
	if (e->kind == EV_TLBI) /* also what a DSB and an ISB after it would be on arm64 */
		return m->instant_tlbi && !(e->flags & F_DEVICE);
	/* a device asks for a page and waits for the answer */
	return (m->traps_order || m->device[e->thread]) && (e->kind == EV_ISB || e->kind == EV_FAULT);
}

/* Fences, faults, context synchronisation: acquire side and translation reads before them. */
static void derive_barrier(const struct machine_rules *m, const struct graph *g, struct event *e)
{
	uint16_t here = (uint16_t)(e->index + 1);

	if (e->kind == EV_FENCE || e->kind == EV_DSB) {
		if (e->kind == EV_DSB || is_acquire(e->order)) {
			join_earlier_reads(g, &e->hb, e, false);
			e->last_acq = here;
		}
		join_translations(g, e, e->index);
		if (e->kind == EV_DSB || is_release(e->order))
			e->last_rel = here;
		if (e->kind == EV_DSB)
			e->last_dsb = here;
	} else if (synchronises_context(m, e)) {
		/* T before it are H-before what comes after it (derive), not before itself */
		join_earlier_reads(g, &e->hb, e, true);
		if (e->kind != EV_ISB)
			e->t_sync = here;
		else if (e->last_dsb > e->t_sync)
			e->t_sync = e->last_dsb;
	}
}

/* Fill in all that follows from an event's place and its source. */
static void derive(const struct machine_rules *m, const struct graph *g, struct event *e)
{
	const struct event *before = NULL, *prev = previous(g, e);

	if (e->index)
		before = &g->ev[g->thread[e->thread][e->index - 1]];
	e->last_rel = before ? before->last_rel : 0;
	e->last_acq = before ? before->last_acq : 0;
	e->last_dsb = before ? before->last_dsb : 0;
	e->t_sync = before ? before->t_sync : 0;
	if (before)
		memcpy(e->prefix, before->prefix, sizeof(e->prefix));
	else
		memset(e->prefix, 0, sizeof(e->prefix));
	if (ev_is_read(e) && e->rf < INIT_EVENT)
		for (unsigned i = 0; i < MAX_THREADS; i++)
			if (g->ev[e->rf].prefix[i] > e->prefix[i])
				e->prefix[i] = g->ev[e->rf].prefix[i];
	e->prefix[e->thread] = (int16_t)(e->index + 1);
	if (e->kind == EV_TRANSLATE) {
		derive_translation(m, g, e, prev);
		return;
	}
	if (prev)
		e->hb = prev->hb;
	else
		memset(&e->hb, 0, sizeof(e->hb));
	if (e->kind == EV_STORE)
		join_translations(g, e, walk_start(g, e));
	else if (ev_is_write(e) || rmw_stores(m, e) || (e->flags & F_HARDWARE) || e->kind == EV_FREE)
		join_translations(g, e, e->index);
	else if (prev && synchronises_context(m, prev))
		join_translations(g, e, prev->index);
	if (ev_is_read(e) && is_acquire(e->order) && !failed_cas(e))
		join_message(g, &e->hb, e->rf);
	derive_barrier(m, g, e);
	e->hb.n[e->thread] = (int16_t)(e->index + 1);
	if (!ev_is_write(e))
		return;
	if (is_release(e->order))
		e->msg = e->hb;
	else if (e->last_rel)
		e->msg = g->ev[g->thread[e->thread][e->last_rel - 1]].hb;
	else
		memset(&e->msg, 0, sizeof(e->msg));
	if (e->kind == EV_RMW_WRITE)
		join_message(g, &e->msg, before->rf);
}

static void co_insert(struct graph *g, uint16_t id, uint16_t after)
{
	struct event *e = &g->ev[id];
	struct location *l = &g->loc[e->location];

	e->co_prev = after >= INIT_EVENT ? NO_EVENT : after;
	e->co_next = after >= INIT_EVENT ? l->first : g->ev[after].co_next;
	if (e->co_prev == NO_EVENT)
		l->first = id;
	else
		g->ev[e->co_prev].co_next = id;
	if (e->co_next == NO_EVENT)
		l->last = id;
	else
		g->ev[e->co_next].co_prev = id;
	e->co_pos = (uint16_t)(co_pos(g, after) + 1);
	for (uint16_t w = e->co_next; w != NO_EVENT; w = g->ev[w].co_next)
		g->ev[w].co_pos++;
	l->count++;
}

static void co_remove(struct graph *g, uint16_t id)
{
	struct event *e = &g->ev[id];
	struct location *l = &g->loc[e->location];

	for (uint16_t w = e->co_next; w != NO_EVENT; w = g->ev[w].co_next)
		g->ev[w].co_pos--;
	if (e->co_prev == NO_EVENT)
		l->first = e->co_next;
	else
		g->ev[e->co_prev].co_next = e->co_next;
	if (e->co_next == NO_EVENT)
		l->last = e->co_prev;
	else
		g->ev[e->co_next].co_prev = e->co_prev;
	l->count--;
}

static bool acts_as_tlbi(const struct machine_rules *m, const struct event *e)
{
	return e->kind == EV_TLBI ||
	       (m->fault_drops_entry && e->kind == EV_FAULT && !(e->flags & F_BLOCKED) &&
	        !m->device[e->thread] && !m->ahead[e->thread]);
}

static void set_source(const struct machine_rules *m, struct graph *g, struct event *e, uint16_t choice)
{
	e->rf = choice;
	e->flags = (uint16_t)(e->flags & ~(F_BLOCKED | F_CACHEABLE | F_LARGE | F_GLOBAL));
	if (choice == NO_EVENT) {
		e->flags |= F_BLOCKED;
		return;
	}
	e->value = graph_value_of(m, g, choice, e->location);
	if (e->kind == EV_TRANSLATE && e->level && e->level < m->levels && m->large &&
	    m->large(e->value, e->level))
		e->flags |= F_LARGE;
	if (e->kind == EV_TRANSLATE && e->level < m->levels && m->global && m->global(e->value, e->level))
		e->flags |= F_GLOBAL;
	if (e->kind == EV_TRANSLATE && m->cacheable(e->value, e->level, m->cpu[e->thread]) &&
	    !(m->young_path && e->upper != NO_EVENT && !(g->ev[e->upper].flags & F_CACHEABLE)))
		e->flags |= F_CACHEABLE;
}

uint16_t graph_add(const struct machine_rules *m, struct graph *g, const struct event *tmpl, uint16_t choice)
{
	uint16_t id = (uint16_t)g->count++;
	struct event *e = &g->ev[id];

	*e = *tmpl;
	e->index = g->length[e->thread];
	g->thread[e->thread][g->length[e->thread]++] = id;
	if (e->location >= g->nloc && (ev_is_read(e) || ev_is_write(e)))
		g->nloc = (uint16_t)(e->location + 1);
	if (ev_is_read(e)) {
		set_source(m, g, e, choice);
		e->next_read = g->loc[e->location].reads;
		g->loc[e->location].reads = id;
	} else if (ev_is_write(e)) {
		e->co_pos = 0;
		if (choice == NO_EVENT)
			e->flags |= F_BLOCKED;
		else
			co_insert(g, id, choice);
	}
	if (e->kind == EV_CHOOSE)
		e->value = choice;
	if (e->kind == EV_FAULT && choice == NO_EVENT)
		e->flags |= F_BLOCKED;
	if (acts_as_tlbi(m, e))
		g->v[g->nv++] = id;
	if (e->kind == EV_FREE)
		g->freed[g->nfree++] = id;
	if (ev_is_sc(e))
		g->sc_count++;
	derive(m, g, e);
	return id;
}

void graph_truncate(struct graph *g, unsigned count)
{
	while (g->count > count) {
		uint16_t id = (uint16_t)--g->count;
		struct event *e = &g->ev[id];

		g->length[e->thread]--;
		if (ev_is_read(e))
			g->loc[e->location].reads = e->next_read;
		else if (ev_is_write(e) && !(e->flags & F_BLOCKED))
			co_remove(g, id);
		if (g->nv && g->v[g->nv - 1] == id)
			g->nv--;
		if (g->nfree && g->freed[g->nfree - 1] == id)
			g->nfree--;
		if (ev_is_sc(e))
			g->sc_count--;
	}
}

static void restrict_links(struct graph *dst, const struct graph *src, const uint16_t *map)
{
	for (unsigned l = 0; l < src->nloc; l++) {
		uint16_t last = NO_EVENT, pos = 0;

		dst->loc[l] = (struct location){NO_EVENT, NO_EVENT, 0, NO_EVENT};
		for (uint16_t w = src->loc[l].first; w != NO_EVENT; w = src->ev[w].co_next) {
			struct event *e;

			if (map[w] == NO_EVENT)
				continue;
			e = &dst->ev[map[w]];
			e->co_prev = last;
			e->co_next = NO_EVENT;
			e->co_pos = ++pos;
			if (last == NO_EVENT)
				dst->loc[l].first = map[w];
			else
				dst->ev[last].co_next = map[w];
			last = map[w];
		}
		dst->loc[l].last = last;
		dst->loc[l].count = pos;
	}
	for (unsigned l = src->nloc; l < MAX_LOCATIONS; l++)
		dst->loc[l] = (struct location){NO_EVENT, NO_EVENT, 0, NO_EVENT};
}

static uint16_t remap(const uint16_t *map, uint16_t id)
{
	return id >= INIT_EVENT ? id : map[id];
}

void graph_restrict(struct graph *dst, const struct graph *src, const uint8_t *keep, uint16_t *map)
{
	uint16_t own[MAX_EVENTS];

	if (!map)
		map = own;
	dst->count = 0;
	dst->dev = src->dev;
	dst->sc_count = 0;
	dst->nv = 0;
	dst->nfree = 0;
	dst->nloc = src->nloc;
	memset(dst->length, 0, sizeof(dst->length));
	for (unsigned i = 0; i < src->count; i++)
		map[i] = keep[i] ? (uint16_t)dst->count++ : NO_EVENT;
	restrict_links(dst, src, map); /* writes links only; the rest of the events follows */
	for (unsigned i = 0; i < src->count; i++) {
		struct event *e;
		uint16_t next, prev, pos;

		if (!keep[i])
			continue;
		e = &dst->ev[map[i]];
		next = e->co_next;
		prev = e->co_prev;
		pos = e->co_pos;
		*e = src->ev[i];
		if (ev_is_write(e) && !(e->flags & F_BLOCKED)) {
			e->co_next = next;
			e->co_prev = prev;
			e->co_pos = pos;
		}
		e->upper = remap(map, e->upper);
		dst->thread[e->thread][dst->length[e->thread]++] = map[i];
		if (ev_is_read(e)) {
			e->rf = remap(map, e->rf);
			e->next_read = dst->loc[e->location].reads;
			dst->loc[e->location].reads = map[i];
		}
		if (ev_is_sc(e))
			dst->sc_count++;
	}
	for (unsigned i = 0; i < src->nv; i++)
		if (map[src->v[i]] != NO_EVENT)
			dst->v[dst->nv++] = map[src->v[i]];
	for (unsigned i = 0; i < src->nfree; i++)
		if (map[src->freed[i]] != NO_EVENT)
			dst->freed[dst->nfree++] = map[src->freed[i]];
}

void graph_set_rf(const struct machine_rules *m, struct graph *g, uint16_t r, uint16_t source)
{
	if (ev_is_sc(&g->ev[r]))
		g->sc_count--;
	set_source(m, g, &g->ev[r], source);
	if (ev_is_sc(&g->ev[r]))
		g->sc_count++;
	derive(m, g, &g->ev[r]);
}

/* Does another read-modify-write already take the write that this one would? */
bool rmw_conflict(const struct machine_rules *m, const struct graph *g, uint16_t id)
{
	const struct event *e = &g->ev[id];
	uint16_t w;

	if (!rmw_stores(m, e))
		return false;
	w = e->rf == INIT_EVENT ? g->loc[e->location].first : g->ev[e->rf].co_next;
	return w != NO_EVENT && g->ev[w].kind == EV_RMW_WRITE &&
	       g->ev[g->thread[g->ev[w].thread][g->ev[w].index - 1]].rf == e->rf;
}

static uint64_t rmw_result(const struct machine_rules *m, const struct event *ur)
{
	uint64_t mask = ur->size >= 8 ? ~0ull : (1ull << (8 * ur->size)) - 1;

	switch (ur->op) {
	case RMW_WALKER:
		return m->walker_update(ur->value, ur->operand, (unsigned)ur->operand2);
	case RMW_APPLY:
		return ((uint64_t(*)(uint64_t))(uintptr_t)ur->operand)(ur->value);
	case RMW_ADD:
		return (ur->value + ur->operand) & mask;
	case RMW_SUB:
		return (ur->value - ur->operand) & mask;
	case RMW_AND:
		return ur->value & ur->operand;
	case RMW_OR:
		return ur->value | ur->operand;
	case RMW_XOR:
		return ur->value ^ ur->operand;
	case RMW_NAND:
		return ~(ur->value & ur->operand) & mask;
	default: /* exchange, compare-and-swap */
		return ur->operand;
	}
}

struct event rmw_write_of(const struct machine_rules *m, const struct event *ur)
{
	struct event w = *ur;

	w.kind = EV_RMW_WRITE;
	w.value = rmw_result(m, ur);
	w.flags &= (uint16_t) ~(F_AWAIT | F_CAS);
	return w;
}
