/* rules.c: which graphs are consistent. SPDX-License-Identifier: MIT
 *
 * RC11 (Lahav et al., PLDI 2017; release sequences of C20) for software, and the MMU rules of
 * docs/MODEL.md for translation reads. Everything is asked about one event that was added last or
 * was given a new source: what was consistent before stays so. */
#include <string.h>

#include "graph.h"
#include "order.h"

/* The smallest coherence position that event id may read from, or must be placed after. */
static unsigned lower_bound(const struct graph *g, uint16_t id)
{
	const struct event *e = &g->ev[id];
	const struct location *l = &g->loc[e->location];
	unsigned bound = 0;

	for (uint16_t w = l->last; w != NO_EVENT; w = g->ev[w].co_prev)
		if (w != id && hb_before(g, w, id)) {
			bound = g->ev[w].co_pos;
			break;
		}
	for (uint16_t r = l->reads; r != NO_EVENT; r = g->ev[r].next_read)
		if (r != id && g->ev[r].rf != NO_EVENT && co_pos(g, g->ev[r].rf) > bound &&
		    hb_before(g, r, id))
			bound = co_pos(g, g->ev[r].rf);
	return bound;
}

/* An access depends on its translation: it is coherence-after what is H-before a release that one of
 * the T of its walk synchronises with (a page is filled before its entry is published). Not an edge
 * of H: later loads may overtake the walk. */
static unsigned published_bound(const struct graph *g, const struct event *a)
{
	const struct location *l = &g->loc[a->location];
	unsigned bound = 0;

	for (uint16_t t = a->upper; t != NO_EVENT; t = g->ev[t].upper) {
		const struct clock *msg;

		if (g->ev[t].rf >= INIT_EVENT)
			continue;
		msg = &g->ev[g->ev[t].rf].msg;
		for (uint16_t w = l->last; w != NO_EVENT && g->ev[w].co_pos > bound; w = g->ev[w].co_prev)
			if (msg->n[g->ev[w].thread] > g->ev[w].index)
				bound = g->ev[w].co_pos;
		for (uint16_t r = l->reads; r != NO_EVENT; r = g->ev[r].next_read)
			if (g->ev[r].rf != NO_EVENT && co_pos(g, g->ev[r].rf) > bound &&
			    msg->n[g->ev[r].thread] > g->ev[r].index)
				bound = co_pos(g, g->ev[r].rf);
	}
	return bound;
}

uint16_t v_complete(const struct machine_rules *m, const struct graph *g, uint16_t v)
{
	const struct event *e = &g->ev[v];

	if (completes_itself(m, e))
		return v;
	for (unsigned i = e->index + 1u; i < g->length[e->thread]; i++)
		if (g->ev[g->thread[e->thread][i]].kind == EV_DSB)
			return g->thread[e->thread][i];
	return NO_EVENT;
}

/* Is some lower T of t's walk reading a write that is H-after complete, or a value that no TLB keeps? Then
 * the walk was not kept whole: it went on from the dropped upper entry. */
static bool walked_on_after(const struct graph *g, const struct event *t, uint16_t complete)
{
	for (unsigned i = t->index + 1u; i < g->length[t->thread]; i++) {
		const struct event *low = &g->ev[g->thread[t->thread][i]];

		if (low->kind != EV_TRANSLATE || low->upper == NO_EVENT)
			return false;
		if (low->rf == NO_EVENT) /* blocked */
			return false;
		if (!(low->flags & F_CACHEABLE) || (low->rf != INIT_EVENT && hb_before(g, complete, low->rf)))
			return true;
	}
	return false;
}

/* Is V of the number under which T's value is kept? A global leaf has none: what names one number leaves it,
 * but for V by its address, where that does not look at the number. */
static bool of_number(const struct machine_rules *m, const struct event *v, const struct event *t)
{
	if (v->asid == 0xff)
		return true;
	if (t->flags & F_GLOBAL)
		return m->drops_global && (v->kind != EV_TLBI || v->pages);
	return v->asid == t->asid;
}

bool v_covers(const struct machine_rules *m, const struct graph *g, uint16_t v, const struct event *t)
{
	const struct event *e = &g->ev[v];
	uint64_t page = t->va >> m->page_shift, first = e->va >> m->page_shift;
	unsigned shift = m->table_shift * t->level;
	uint16_t complete;

	if (!reaches(m, e, m->device[t->thread], m->cpu[t->thread]))
		return false;
	if (!of_number(m, e, t))
		return false;
	if ((e->flags & F_LEAF_ONLY) && t->level && !(t->flags & F_LARGE))
		return false;
	if (e->kind == EV_TLBI && !e->pages)
		return true;
	if (page >= first && page < first + (e->pages ? e->pages : 1u))
		return true;
	if (t->flags & F_LARGE) /* one entry of the TLB, for all its addresses */
		return page >> shift >= first >> shift &&
		       page >> shift <= (first + (e->pages ? e->pages : 1u) - 1) >> shift;
	if (!t->level)
		return false;
	if (!(m->tlbi_drops_walks && !(e->flags & F_DEVICE)) && t->level < m->levels &&
	    (page >> shift < first >> shift || page >> shift > (first + e->pages - 1) >> shift))
		return false;
	complete = v_complete(m, g, v);
	return complete != NO_EVENT && walked_on_after(g, t, complete);
}

unsigned v_seen(const struct machine_rules *m, const struct graph *g, uint16_t v, uint16_t location)
{
	const struct event *e = &g->ev[v];
	uint16_t dsb;
	unsigned seen = 0;

	if (completes_itself(m, e))
		dsb = v;
	else if (e->last_dsb)
		dsb = g->thread[e->thread][e->last_dsb - 1];
	else
		return 0;
	for (uint16_t w = g->loc[location].last; w != NO_EVENT; w = g->ev[w].co_prev)
		if (hb_before(g, w, dsb)) {
			seen = g->ev[w].co_pos;
			break;
		}
	for (uint16_t r = g->loc[location].reads; r != NO_EVENT; r = g->ev[r].next_read)
		if (g->ev[r].rf != NO_EVENT && co_pos(g, g->ev[r].rf) > seen && hb_before(g, r, dsb))
			seen = co_pos(g, g->ev[r].rf);
	return seen;
}

/* May T take what it took? (not the completion order) */
static bool stale_allowed(const struct machine_rules *m, const struct graph *g, uint16_t id)
{
	const struct event *t = &g->ev[id];
	unsigned pos = co_pos(g, t->rf);

	if (pos == g->loc[t->location].count)
		return true;
	for (unsigned i = 0; i < g->nv; i++) {
		uint16_t v = g->v[i], complete = v_complete(m, g, v);

		if (complete != NO_EVENT && hb_before(g, complete, id) && v_covers(m, g, v, t) &&
		    pos < v_seen(m, g, v, t->location))
			return false;
	}
	return true;
}

bool t_may_stay(const struct machine_rules *m, const struct graph *g, uint16_t id)
{
	const struct event *t = &g->ev[id];

	if (t->kind != EV_TRANSLATE || !(t->flags & F_CACHEABLE))
		return false;
	for (unsigned i = 0; i < g->nv; i++)
		if (v_complete(m, g, g->v[i]) != NO_EVENT && v_covers(m, g, g->v[i], t) &&
		    co_pos(g, t->rf) < v_seen(m, g, g->v[i], t->location))
			return false;
	return true;
}

/* After an update that found another value the walk starts again; it sees what the updates of this access saw
 * of the entries that it reads. */
static unsigned rewalk_bound(const struct graph *g, const struct event *t)
{
	unsigned bound = 0;

	for (unsigned i = t->index; i; i--) {
		const struct event *u = &g->ev[g->thread[t->thread][i - 1]];

		if (u->kind == EV_TRANSLATE || u->kind == EV_CHOOSE)
			continue;
		if (u->kind != EV_RMW_READ || !(u->flags & F_HARDWARE))
			break;
		if (u->location == t->location && u->rf != NO_EVENT && co_pos(g, u->rf) > bound)
			bound = co_pos(g, u->rf);
	}
	return bound;
}

static bool translation_consistent(const struct machine_rules *m, const struct graph *g, uint16_t id)
{
	const struct event *t = &g->ev[id];
	unsigned pos = co_pos(g, t->rf);

	if (!(t->flags & F_CACHEABLE) && pos < lower_bound(g, id))
		return false;
	if (pos < rewalk_bound(g, t))
		return false;
	if ((t->flags & F_SIBLING) && !m->shares(t->value))
		return false;
	if (t->upper != NO_EVENT && g->ev[t->upper].rf < INIT_EVENT) /* linking */
		for (uint16_t w = g->loc[t->location].last; w != NO_EVENT && g->ev[w].co_pos > pos;
		     w = g->ev[w].co_prev)
			if (g->ev[g->ev[t->upper].rf].msg.n[g->ev[w].thread] > g->ev[w].index)
				return false;
	if ((t->flags & F_CACHEABLE) && !stale_allowed(m, g, id))
		return false;
	for (uint16_t u = t->upper; u != NO_EVENT; u = g->ev[u].upper)
		if (!stale_allowed(m, g, u))
			return false;
	return true;
}

static bool write_consistent(const struct graph *g, uint16_t id)
{
	const struct event *e = &g->ev[id];

	if (e->co_pos <= lower_bound(g, id) || (e->kind == EV_STORE && e->co_pos <= published_bound(g, e)))
		return false;
	if (e->co_next != NO_EVENT && g->ev[e->co_next].kind == EV_RMW_WRITE) {
		const struct event *uw = &g->ev[e->co_next];

		return g->ev[g->thread[uw->thread][uw->index - 1]].rf == id;
	}
	return true;
}

/* Is the choice the one that adds no edge out of the event? */
static bool is_co_latest(const struct graph *g, const struct event *e)
{
	if (ev_is_read(e))
		return co_pos(g, e->rf) == g->loc[e->location].count;
	return !ev_is_write(e) || e->co_next == NO_EVENT;
}

static bool event_consistent(const struct machine_rules *m, const struct graph *g, uint16_t id)
{
	const struct event *e = &g->ev[id];
	bool latest = is_co_latest(g, e);

	if (e->kind == EV_TRANSLATE)
		return translation_consistent(m, g, id) &&
		       (latest || (e->flags & F_CACHEABLE) || g->sc_count < 2 || psc_acyclic(m, g, id));
	if (ev_is_write(e) && !write_consistent(g, id))
		return false;
	if (ev_is_read(e) && !latest && co_pos(g, e->rf) < lower_bound(g, id))
		return false;
	if (e->kind == EV_LOAD && !latest && co_pos(g, e->rf) < published_bound(g, e))
		return false;
	if (!latest && g->sc_count >= 2 && !psc_acyclic(m, g, id))
		return false;
	return (latest && !is_waited_for(e)) || completion_consistent(m, g);
}

/* May the write of RMW read id, which stands last, take its place? */
static bool write_follows(const struct machine_rules *m, struct graph *g, uint16_t id)
{
	struct event w = rmw_write_of(m, &g->ev[id]);
	uint16_t write = graph_add(m, g, &w, g->ev[id].rf);
	bool yes = event_consistent(m, g, write);

	graph_truncate(g, write);
	return yes;
}

/* May tmpl, appended to g, take this choice? Judges the choice, not tmpl's place. */
static bool choice_consistent(const struct machine_rules *m, struct graph *g, const struct event *tmpl,
                              uint16_t choice)
{
	uint16_t id = graph_add(m, g, tmpl, choice);
	bool yes = event_consistent(m, g, id);

	if (yes && !(tmpl->flags & F_HARDWARE) && rmw_stores(m, &g->ev[id]) && !rmw_conflict(m, g, id))
		yes = write_follows(m, g, id);
	graph_truncate(g, id);
	return yes;
}

bool lacks_write(const struct machine_rules *m, struct graph *g, uint16_t id)
{
	if (!rmw_stores(m, &g->ev[id]))
		return false;
	return rmw_conflict(m, g, id) || ((g->ev[id].flags & F_HARDWARE) && !write_follows(m, g, id));
}

/* The same of what tmpl would be with this choice, for an update by hardware. */
static bool update_lacks_write(const struct machine_rules *m, struct graph *g, const struct event *tmpl,
                               uint16_t choice)
{
	uint16_t id;
	bool lacks;

	if (tmpl->kind != EV_RMW_READ || !(tmpl->flags & F_HARDWARE))
		return false;
	id = graph_add(m, g, tmpl, choice);
	lacks = lacks_write(m, g, id);
	graph_truncate(g, id);
	return lacks;
}

bool revisit_consistent(const struct machine_rules *m, struct graph *g, uint16_t r)
{
	return event_consistent(m, g, r);
}

static bool needs_full_check(const struct graph *g, const struct event *tmpl)
{
	return tmpl->kind == EV_TRANSLATE || is_waited_for(tmpl) || g->sc_count >= 1 || g->nv;
}

static unsigned read_choices(const struct machine_rules *m, struct graph *g, const struct event *tmpl,
                             uint16_t *list)
{
	const struct location *l = &g->loc[tmpl->location];
	bool full = needs_full_check(g, tmpl), plain = tmpl->kind == EV_READ || tmpl->kind == EV_RMW_READ;
	uint16_t last = co_newest(g, tmpl->location), w = last;
	unsigned n = 0, bound = 0;

	if (plain && l->count) {
		struct event relaxed = *tmpl; /* what it would learn from its source is no bound */
		uint16_t id;

		relaxed.order = __ATOMIC_RELAXED;
		id = graph_add(m, g, &relaxed, last);
		bound = lower_bound(g, id);
		graph_truncate(g, id);
	}
	for (;;) {
		bool ok = co_pos(g, w) >= bound;

		if (ok && (tmpl->flags & F_AWAIT) && (tmpl->flags & F_CAS) && w != last)
			ok = graph_value_of(m, g, w, tmpl->location) == tmpl->operand2;
		if (ok && full && !(plain && w == last && !is_waited_for(tmpl)))
			ok = choice_consistent(m, g, tmpl, w);
		if (ok)
			list[n++] = w;
		if (w == INIT_EVENT || co_pos(g, w) <= bound)
			break;
		w = co_before(g, w);
	}
	return n;
}

static unsigned write_choices(const struct machine_rules *m, struct graph *g, const struct event *tmpl,
                              uint16_t *list)
{
	const struct location *l = &g->loc[tmpl->location];
	uint16_t w = co_newest(g, tmpl->location);
	bool full = needs_full_check(g, tmpl);
	unsigned n = 0, bound = 0;

	if (tmpl->kind == EV_RMW_WRITE) { /* read_choices() has made sure of it; a revisit has not */
		const struct event *ur = &g->ev[g->thread[tmpl->thread][g->length[tmpl->thread] - 1]];

		list[0] = ur->rf;
		return choice_consistent(m, g, tmpl, ur->rf) ? 1 : 0;
	}
	if (l->count) {
		uint16_t id = graph_add(m, g, tmpl, w);

		bound = lower_bound(g, id);
		graph_truncate(g, id);
	}
	for (;;) {
		bool last = co_pos(g, w) == l->count;

		if (co_pos(g, w) >= bound && ((last && tmpl->kind == EV_WRITE) ||
		                              (!last && !full && choice_consistent(m, g, tmpl, w)) ||
		                              (full && choice_consistent(m, g, tmpl, w))))
			list[n++] = w;
		if (w == INIT_EVENT || co_pos(g, w) <= bound)
			break;
		w = co_before(g, w);
	}
	return n;
}

/* An update by hardware may have no choice behind which its write has a place: then it is blocked. Choices of
 * that kind come last, for what the write revisits. */
static unsigned free_choices_first(const struct machine_rules *m, struct graph *g, const struct event *tmpl,
                                   uint16_t *list, unsigned n)
{
	unsigned first = 0;
	uint16_t w;

	while (first < n && update_lacks_write(m, g, tmpl, list[first]))
		first++;
	w = first < n ? list[first] : NO_EVENT;
	for (unsigned i = first < n ? first : n++; i; i--)
		list[i] = list[i - 1];
	list[0] = w;
	return n;
}

unsigned choices(const struct machine_rules *m, struct graph *g, const struct event *tmpl, uint16_t *list)
{
	unsigned n = 0;

	if (tmpl->kind == EV_CHOOSE) {
		for (n = 0; n < tmpl->operand; n++)
			list[n] = (uint16_t)n;
		return n;
	}
	if (ev_is_read(tmpl))
		n = read_choices(m, g, tmpl, list);
	else if (ev_is_write(tmpl))
		n = write_choices(m, g, tmpl, list);
	else if (tmpl->kind != EV_FAULT || choice_consistent(m, g, tmpl, INIT_EVENT))
		list[n++] = INIT_EVENT;
	if (!n)
		list[n++] = NO_EVENT;
	else if (tmpl->kind == EV_RMW_READ && (tmpl->flags & F_HARDWARE))
		n = free_choices_first(m, g, tmpl, list, n);
	return n;
}

uint16_t choice_best(const struct machine_rules *m, struct graph *g, const struct event *tmpl)
{
	uint16_t w = co_newest(g, tmpl->location);

	if (tmpl->kind == EV_FAULT)
		return choice_consistent(m, g, tmpl, INIT_EVENT) ? INIT_EVENT : NO_EVENT;
	for (;;) {
		if (choice_consistent(m, g, tmpl, w) && !update_lacks_write(m, g, tmpl, w))
			return w;
		if (w == INIT_EVENT)
			return NO_EVENT;
		w = co_before(g, w);
	}
}
