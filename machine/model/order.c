/* order.c: psc and the completion order. SPDX-License-Identifier: MIT
 *
 * Both are asked rarely: psc when a choice is not the coherence-latest and there are sc events,
 * the completion order O when a translation took an overwritten value and an invalidation of it
 * completes on another thread. So both are computed from scratch, by search. */
#include <string.h>

#include "order.h"

/* ---- psc between sc fences ------------------------------------------------------------------ */

enum { MAX_FENCES = 128, MAX_NODES = 256, MAX_MADE = 16 };

struct fence {
	uint16_t id;
	/* per location: the first coherence position written, or read, H-after the fence; and the
	 * last written, or read, H-before it. 0xffff / 0: none, positions are kept plus one. */
	uint16_t min_w[MAX_LOCATIONS], min_r[MAX_LOCATIONS], max_w[MAX_LOCATIONS], max_r[MAX_LOCATIONS];
	bool filled;
};

static bool is_sc_fence(const struct event *e)
{
	return e->kind == EV_DSB || (e->kind == EV_FENCE && e->order == __ATOMIC_SEQ_CST);
}

/* What fence f has eco-sources (after it) or eco-targets (before it) at. */
static void fence_fill(const struct graph *g, struct fence *f)
{
	f->filled = true;
	memset(f->min_w, 0xff, g->nloc * sizeof(uint16_t));
	memset(f->min_r, 0xff, g->nloc * sizeof(uint16_t));
	memset(f->max_w, 0, g->nloc * sizeof(uint16_t));
	memset(f->max_r, 0, g->nloc * sizeof(uint16_t));
	for (unsigned i = 0; i < g->count; i++) {
		const struct event *e = &g->ev[i];
		uint16_t at;

		if (e->flags & F_BLOCKED)
			continue;
		if (ev_is_write(e)) {
			at = (uint16_t)(e->co_pos + 1);
			if (at < f->min_w[e->location] && hb_before(g, f->id, (uint16_t)i))
				f->min_w[e->location] = at;
			if (at > f->max_w[e->location] && hb_before(g, (uint16_t)i, f->id))
				f->max_w[e->location] = at;
		} else if (ev_is_read(e) && e->rf != NO_EVENT) {
			/* from-reads of an uncacheable T count; a T ends no edge */
			if (e->kind == EV_TRANSLATE && (e->flags & F_CACHEABLE))
				continue;
			at = (uint16_t)(co_pos(g, e->rf) + 1);
			if (at < f->min_r[e->location] && hb_before(g, f->id, (uint16_t)i))
				f->min_r[e->location] = at;
			if (e->kind != EV_TRANSLATE && at > f->max_r[e->location] &&
			    hb_before(g, (uint16_t)i, f->id))
				f->max_r[e->location] = at;
		}
	}
}

/* hb;eco;hb from a to b? */
static bool eco_edge(const struct graph *g, struct fence *a, struct fence *b)
{
	if (!a->filled)
		fence_fill(g, a);
	if (!b->filled)
		fence_fill(g, b);
	for (unsigned l = 0; l < g->nloc; l++) {
		if (!b->max_w[l] && !b->max_r[l])
			continue;
		if (a->min_w[l] != 0xffff && (a->min_w[l] < b->max_w[l] || a->min_w[l] <= b->max_r[l]))
			return true;
		if (a->min_r[l] != 0xffff && (a->min_r[l] < b->max_w[l] || a->min_r[l] < b->max_r[l]))
			return true;
	}
	return false;
}

static void full(const struct machine_rules *m, const char *why)
{
	if (m->limit)
		m->limit(why);
}

static unsigned fence_list(const struct machine_rules *m, const struct graph *g, struct fence *list)
{
	unsigned n = 0;

	for (unsigned i = 0; g->sc_count && i < g->count; i++) {
		if (!is_sc_fence(&g->ev[i]))
			continue;
		if (n == MAX_FENCES) {
			full(m, "an execution has too many full fences");
			break;
		}
		list[n].id = (uint16_t)i;
		list[n++].filled = false;
	}
	return n;
}

static bool only_fences(const struct graph *g)
{
	for (unsigned i = 0; i < g->count; i++)
		if (ev_is_sc(&g->ev[i]) && !is_sc_fence(&g->ev[i]))
			return false;
	return true;
}

/* ---- psc with sc accesses ------------------------------------------------------------------------ */

static bool is_memory(const struct event *e)
{
	return (ev_is_read(e) || ev_is_write(e)) && e->kind != EV_TRANSLATE && !(e->flags & F_BLOCKED);
}

static bool same_location(const struct event *a, const struct event *b)
{
	return is_memory(a) && is_memory(b) && a->location == b->location;
}

/* co or fr from x to y */
static bool co_or_fr(const struct graph *g, const struct event *x, const struct event *y)
{
	if (!is_memory(x) || !ev_is_write(y) || x->location != y->location || x == y)
		return false;
	if (ev_is_write(x))
		return x->co_pos < y->co_pos;
	return x->rf != NO_EVENT && co_pos(g, x->rf) < y->co_pos;
}

/* a po!=loc a' hb? b' po!=loc b: the first such a' and the last such b' decide. */
static bool around(const struct graph *g, uint16_t a, uint16_t b)
{
	const struct event *ea = &g->ev[a], *eb = &g->ev[b];
	uint16_t after = NO_EVENT, before = NO_EVENT;

	for (unsigned i = ea->index + 1u; i < g->length[ea->thread] && after == NO_EVENT; i++) {
		uint16_t id = g->thread[ea->thread][i];

		if (g->ev[id].kind != EV_TRANSLATE && !same_location(ea, &g->ev[id]))
			after = id;
	}
	for (unsigned i = eb->index; i && before == NO_EVENT; i--) {
		uint16_t id = g->thread[eb->thread][i - 1];

		if (g->ev[id].kind != EV_TRANSLATE && !same_location(eb, &g->ev[id]))
			before = id;
	}
	return after != NO_EVENT && before != NO_EVENT && hb_before(g, after, before);
}

/* From access a by co or fr to something H-before (or equal to) fence f; reverse: from something
 * H-after f by co or fr to access a. */
static bool by_coherence(const struct graph *g, uint16_t a, uint16_t f, bool reverse)
{
	const struct event *e = &g->ev[a];
	const struct location *l = &g->loc[e->location];

	for (uint16_t w = l->first; w != NO_EVENT; w = g->ev[w].co_next)
		if (reverse ? co_or_fr(g, &g->ev[w], e) && hb_before(g, f, w)
		            : co_or_fr(g, e, &g->ev[w]) && hb_before(g, w, f))
			return true;
	for (uint16_t r = l->reads; reverse && r != NO_EVENT; r = g->ev[r].next_read)
		if (co_or_fr(g, &g->ev[r], e) && hb_before(g, f, r))
			return true;
	return false;
}

struct node {
	uint16_t id;
	uint16_t fence; /* index into the list of fences, or NO_EVENT */
};

/* RC11's psc_base U psc_F between two sc events. */
static bool psc_edge(const struct graph *g, struct fence *fences, const struct node *a, const struct node *b)
{
	const struct event *ea = &g->ev[a->id], *eb = &g->ev[b->id];

	if (a->fence != NO_EVENT && b->fence != NO_EVENT)
		return (a != b && hb_before(g, a->id, b->id)) ||
		       eco_edge(g, &fences[a->fence], &fences[b->fence]);
	if (a == b)
		return false;
	if (a->fence != NO_EVENT)
		return hb_before(g, a->id, b->id) || by_coherence(g, b->id, a->id, true);
	if (b->fence != NO_EVENT)
		return hb_before(g, a->id, b->id) || by_coherence(g, a->id, b->id, false);
	if (ea->thread == eb->thread)
		return ea->index < eb->index;
	return co_or_fr(g, ea, eb) ||
	       (hb_before(g, a->id, b->id) && (same_location(ea, eb) || around(g, a->id, b->id)));
}

/* Depth first from one node: does it come back to itself? */
static bool comes_back(const struct graph *g, struct fence *fences, const struct node *nodes, unsigned n,
                       unsigned from)
{
	bool seen[MAX_NODES] = {false};
	uint16_t stack[MAX_NODES];
	unsigned depth = 0;

	stack[depth++] = (uint16_t)from;
	while (depth) {
		const struct node *a = &nodes[stack[--depth]];

		for (unsigned j = 0; j < n; j++) {
			if (seen[j] || !psc_edge(g, fences, a, &nodes[j]))
				continue;
			if (j == from)
				return true;
			seen[j] = true;
			stack[depth++] = (uint16_t)j;
		}
	}
	return false;
}

/* Any new cycle runs through event id: through id itself if it is sc, and through an sc event that
 * comes before it in H, or that is it. So it is enough to search from those. */
static bool mixed_acyclic(const struct machine_rules *m, const struct graph *g, uint16_t id)
{
	static struct fence fences[MAX_FENCES];
	static struct node nodes[MAX_NODES];
	unsigned nfences = fence_list(m, g, fences), n = 0, f = 0;

	for (unsigned i = 0; i < g->count; i++) {
		if (!ev_is_sc(&g->ev[i]) || (g->ev[i].flags & F_BLOCKED))
			continue;
		if (n == MAX_NODES) {
			full(m, "an execution has too many seq_cst accesses");
			break;
		}
		nodes[n].id = (uint16_t)i;
		nodes[n++].fence = f < nfences && fences[f].id == i ? (uint16_t)f++ : NO_EVENT;
	}
	for (unsigned i = 0; i < n; i++)
		if ((nodes[i].id == id || (nodes[i].fence != NO_EVENT && hb_before(g, nodes[i].id, id))) &&
		    comes_back(g, fences, nodes, n, i))
			return false;
	return true;
}

/* ---- sequential consistency: po U rf U co U fr acyclic over all but T ------------------------- */

static bool sc_visit(const struct graph *g, uint16_t id, uint8_t *state);

static bool sc_next(const struct graph *g, uint16_t id, uint8_t *state)
{
	return id >= INIT_EVENT || state[id] == 2 || (state[id] == 0 && sc_visit(g, id, state));
}

/* Depth-first; false if a cycle is found. */
static bool sc_visit(const struct graph *g, uint16_t id, uint8_t *state)
{
	const struct event *e = &g->ev[id];
	uint16_t w = NO_EVENT;

	state[id] = 1;
	for (unsigned i = e->index + 1u; i < g->length[e->thread]; i++)
		if (g->ev[g->thread[e->thread][i]].kind != EV_TRANSLATE) {
			if (!sc_next(g, g->thread[e->thread][i], state))
				return false;
			break;
		}
	if (ev_is_write(e) && !(e->flags & F_BLOCKED)) {
		w = e->co_next;
		for (uint16_t r = g->loc[e->location].reads; r != NO_EVENT; r = g->ev[r].next_read)
			if (g->ev[r].rf == id && g->ev[r].kind != EV_TRANSLATE && !sc_next(g, r, state))
				return false;
	} else if (is_memory(e) && ev_is_read(e) && e->rf != NO_EVENT) {
		w = e->rf == INIT_EVENT ? g->loc[e->location].first : g->ev[e->rf].co_next;
		if (w != NO_EVENT && g->ev[w].kind == EV_RMW_WRITE && g->ev[w].thread == e->thread &&
		    g->ev[w].index == e->index + 1)
			w = NO_EVENT; /* its own write: program order says it */
	}
	if (w != NO_EVENT && !sc_next(g, w, state))
		return false;
	state[id] = 2;
	return true;
}

/* ---- the completion order O ----------------------------------------------------------------- */

static bool ends_a_walk(const struct event *e)
{
	return e->kind == EV_LOAD || e->kind == EV_STORE || e->kind == EV_FAULT;
}

/* What is made with T, in program order: the updates of entries by its walk, then the access. A walk that is
 * made again ends with an update that failed. Of an update that stores, the write. */
static unsigned made_with(const struct graph *g, const struct event *t, uint16_t list[MAX_MADE])
{
	unsigned n = 0;

	for (unsigned i = t->index + 1u; i < g->length[t->thread]; i++) {
		uint16_t id = g->thread[t->thread][i];
		const struct event *e = &g->ev[id];
		bool update = e->flags & F_HARDWARE, access = ends_a_walk(e);

		if (e->kind == EV_CHOOSE || (e->kind == EV_TRANSLATE && e->upper != NO_EVENT))
			continue;
		if ((e->flags & F_BLOCKED) || !(update || access) || n == MAX_MADE)
			break;
		if (e->kind == EV_RMW_WRITE)
			n--; /* in the place of its read */
		list[n++] = id;
		if (access)
			break;
	}
	return n;
}

uint16_t access_of(const struct graph *g, const struct event *t)
{
	uint16_t made[MAX_MADE];
	unsigned n = made_with(g, t, made);

	return n && ends_a_walk(&g->ev[made[n - 1]]) ? made[n - 1] : NO_EVENT;
}

/* The completions that wait for what is made with T: of each V of another thread that covers T, where T took
 * a value that was overwritten, as V's issuer knew. */
static unsigned waiting_for(const struct machine_rules *m, const struct graph *g, const struct event *t,
                            uint16_t list[MAX_INVALIDATIONS])
{
	unsigned n = 0;

	for (unsigned k = 0; k < g->nv; k++) {
		uint16_t v = g->v[k], complete;

		if (g->ev[v].thread == t->thread || !v_covers(m, g, v, t))
			continue;
		complete = v_complete(m, g, v);
		if (complete != NO_EVENT && co_pos(g, t->rf) < v_seen(m, g, v, t->location))
			list[n++] = complete;
	}
	return n;
}

/* Every edge A -> C(V) and U -> C(V). Those of one event for one T stand together. */
unsigned completions(const struct machine_rules *m, const struct graph *g,
                     struct completion list[MAX_COMPLETIONS])
{
	unsigned n = 0;

	for (unsigned i = 0; g->nv && i < g->count; i++) {
		const struct event *t = &g->ev[i];
		uint16_t made[MAX_MADE], waiting[MAX_INVALIDATIONS];
		unsigned nmade, nwaiting;

		if (t->kind != EV_TRANSLATE || !(t->flags & F_CACHEABLE) || t->rf == NO_EVENT ||
		    co_pos(g, t->rf) == g->loc[t->location].count)
			continue;
		nwaiting = waiting_for(m, g, t, waiting);
		nmade = nwaiting ? made_with(g, t, made) : 0;
		if (n + nmade * nwaiting > MAX_COMPLETIONS) {
			full(m, "too many accesses wait for invalidations in one execution");
			break;
		}
		for (unsigned a = 0; a < nmade; a++)
			for (unsigned k = 0; k < nwaiting; k++)
				list[n++] = (struct completion){made[a], waiting[k]};
	}
	return n;
}

/* An access leaves another event without a choice: the explorer wants to know, see explore.c. */
static void blame(const struct machine_rules *m, const struct graph *g, uint16_t access)
{
	if (m->blame && g->ev[access].serial)
		m->blame(g->ev[access].serial);
}

static bool starts_order(const struct event *e)
{
	switch (e->kind) {
	case EV_FENCE:
	case EV_DSB:
	case EV_TLBI:
		return true;
	case EV_READ:
	case EV_LOAD:
	case EV_RMW_READ:
		return is_acquire(e->order) && !((e->flags & F_CAS) && e->value != e->operand2);
	case EV_RMW_WRITE:
		return is_acquire(e->order);
	default:
		return false;
	}
}

static bool ends_order(const struct event *e)
{
	switch (e->kind) {
	case EV_FENCE:
	case EV_DSB:
	case EV_TLBI:
	case EV_FREE:
		return true;
	case EV_WRITE:
	case EV_STORE:
	case EV_RMW_READ:
		return is_release(e->order) && !((e->flags & F_CAS) && e->value != e->operand2);
	case EV_RMW_WRITE:
		return is_release(e->order);
	default:
		return false;
	}
}

/* Is a release of another thread reached with which a reader of write w synchronises? */
static bool release_reached(const struct graph *g, uint16_t w, unsigned reader, const uint8_t *reached)
{
	while (w < INIT_EVENT) {
		const struct event *e = &g->ev[w];
		bool other = e->thread != reader;

		if (other && is_release(e->order) && reached[w])
			return true;
		if (other && e->last_rel && reached[g->thread[e->thread][e->last_rel - 1]])
			return true;
		if (e->kind != EV_RMW_WRITE)
			return false;
		w = g->ev[g->thread[e->thread][e->index - 1]].rf;
	}
	return false;
}

/* Does an update by hardware before e in program order lead to it in O? Of the program order behind an
 * update O has no more than H: a DSB, accesses of the same entry; and an acquire fence by what was read. */
static bool update_leads_to(const struct graph *g, const struct event *e, const uint8_t *reached)
{
	bool fence = e->kind == EV_DSB || (e->kind == EV_FENCE && is_acquire(e->order));

	for (unsigned i = e->index; i; i--) {
		uint16_t id = g->thread[e->thread][i - 1];
		const struct event *u = &g->ev[id];

		if (!(u->flags & F_HARDWARE))
			continue;
		if (reached[id] &&
		    (e->kind == EV_DSB || (ev_is_write(e) && ends_order(e) && u->location == e->location)))
			return true;
		if (fence && ev_is_read(u) && release_reached(g, u->rf, e->thread, reached))
			return true;
	}
	return false;
}

/* One pass over a thread: what follows in O, within the thread, from what is reached. */
static bool order_thread(const struct machine_rules *m, const struct graph *g, unsigned thread,
                         uint8_t *reached)
{
	bool any = false, access = false, strong = false, changed = false, updated = false;
	bool walking = false, translation = false; /* a T is reached: of this walk, of an earlier one */
	unsigned first = MAX_EVENTS;

	for (unsigned i = 0; i < g->length[thread]; i++) {
		uint16_t id = g->thread[thread][i];
		const struct event *e = &g->ev[id];
		bool r = reached[id];
		bool fence = e->kind == EV_FENCE || e->kind == EV_DSB;
		bool ends_walk = ends_a_walk(e);

		if (e->kind == EV_TRANSLATE && e->upper == NO_EVENT)
			translation |= walking;
		if (!r && e->kind == EV_TRANSLATE) {
			r = first < e->t_sync || (e->upper != NO_EVENT && reached[e->upper]) ||
			    (m->ets2 && !(e->flags & F_CACHEABLE) && access);
		} else if (!r) {
			const struct event *p = i ? &g->ev[g->thread[thread][i - 1]] : NULL;

			r = strong || (any && ends_order(e)) || (updated && update_leads_to(g, e, reached)) ||
			    (translation &&
			     (ev_is_write(e) || rmw_stores(m, e) || fence || e->kind == EV_FREE)) ||
			    ((walking || translation) && (e->flags & F_HARDWARE));
			if (ends_walk && e->upper != NO_EVENT && reached[e->upper])
				r = true;
			if (p && e->kind == EV_RMW_WRITE && reached[g->thread[thread][i - 1]])
				r = true;
		}
		if (r && !reached[id]) {
			reached[id] = 1;
			changed = true;
		}
		updated |= (e->flags & F_HARDWARE) != 0;
		if (ends_walk)
			translation |= walking;
		if (translation && (fence || synchronises_context(m, e)))
			strong = true;
		if (!r)
			continue;
		if (e->kind == EV_TRANSLATE) {
			walking = true;
			continue;
		}
		any |= !(e->flags & F_HARDWARE);
		access |= e->kind != EV_TLBI && !(e->flags & F_HARDWARE);
		if (i < first)
			first = i;
		if (starts_order(e))
			strong = true;
	}
	return changed;
}

struct order_search {
	struct completion edges[MAX_COMPLETIONS];
	unsigned nedges;
	struct fence fences[MAX_FENCES];
	unsigned nfences;
};

static void order_prepare(const struct machine_rules *m, const struct graph *g, struct order_search *s)
{
	s->nedges = completions(m, g, s->edges);
	s->nfences = fence_list(m, g, s->fences);
}

/* The psc edges out of the fences that are reached. */
static bool order_fences(const struct graph *g, struct order_search *s, uint8_t *reached)
{
	bool changed = false;

	for (unsigned i = 0; i < s->nfences; i++)
		for (unsigned j = 0; reached[s->fences[i].id] && j < s->nfences; j++) {
			if (reached[s->fences[j].id])
				continue;
			if (hb_before(g, s->fences[i].id, s->fences[j].id) ||
			    eco_edge(g, &s->fences[i], &s->fences[j]))
				changed = (reached[s->fences[j].id] = true);
		}
	return changed;
}

/* Close reached[] under O. */
static void order_close(const struct machine_rules *m, const struct graph *g, struct order_search *s,
                        uint8_t *reached)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (unsigned t = 0; t < m->nthreads; t++)
			changed |= order_thread(m, g, t, reached);
		for (unsigned i = 0; i < g->count; i++) {
			const struct event *e = &g->ev[i];

			if (reached[i] || !ev_is_read(e) || e->rf >= INIT_EVENT)
				continue;
			/* rf between CPUs; sw, whose release sequence may end on the reader's own */
			if ((reached[e->rf] && g->ev[e->rf].thread != e->thread) ||
			    (starts_order(e) && release_reached(g, e->rf, e->thread, reached)))
				changed = (reached[i] = true);
		}
		for (unsigned i = 0; i < s->nedges; i++) {
			if (!reached[s->edges[i].access] || reached[s->edges[i].complete])
				continue;
			changed = (reached[s->edges[i].complete] = true);
		}
		changed |= order_fences(g, s, reached);
	}
}

/* The fences that event id's choice gives a new psc edge to: H-after what is eco-after it. */
static unsigned overwriting_fences(const struct graph *g, const struct order_search *s, uint16_t id,
                                   uint8_t *reached)
{
	const struct event *e = &g->ev[id];
	unsigned pos = ev_is_read(e) ? co_pos(g, e->rf) : e->co_pos, n = 0;
	uint16_t w = e->rf == INIT_EVENT || ev_is_write(e) ? NO_EVENT : e->rf;

	w = ev_is_write(e) ? e->co_next : w == NO_EVENT ? g->loc[e->location].first : g->ev[w].co_next;
	for (unsigned i = 0; i < s->nfences; i++) {
		uint16_t f = s->fences[i].id;
		bool after = false;

		for (uint16_t v = w; v != NO_EVENT && !after; v = g->ev[v].co_next)
			after = hb_before(g, v, f);
		for (uint16_t r = g->loc[e->location].reads; r != NO_EVENT && !after; r = g->ev[r].next_read)
			after = g->ev[r].kind != EV_TRANSLATE && g->ev[r].rf != NO_EVENT &&
			        co_pos(g, g->ev[r].rf) > pos && hb_before(g, r, f);
		if (after) {
			reached[f] = 1;
			n++;
		}
	}
	return n;
}

/* No cycle through a psc edge that event id's choice added: from the fences behind what overwrites it,
 * O does not lead to a fence before it. */
static bool fences_acyclic(const struct machine_rules *m, const struct graph *g, uint16_t id)
{
	static struct order_search s;
	uint8_t reached[MAX_EVENTS];
	bool before = false;

	s.nfences = fence_list(m, g, s.fences);
	for (unsigned i = 0; i < s.nfences && !before; i++)
		before = hb_before(g, s.fences[i].id, id);
	memset(reached, 0, g->count);
	if (!before || !overwriting_fences(g, &s, id, reached))
		return true;
	s.nedges = completions(m, g, s.edges);
	order_close(m, g, &s, reached);
	for (unsigned i = 0; i < s.nfences; i++)
		if (reached[s.fences[i].id] && hb_before(g, s.fences[i].id, id)) {
			for (unsigned k = 0; k < s.nedges; k++)
				if (reached[s.edges[k].access])
					blame(m, g, s.edges[k].access);
			return false;
		}
	return true;
}

bool psc_acyclic(const struct machine_rules *m, const struct graph *g, uint16_t id)
{
	if (m->sc_memory) {
		uint8_t state[MAX_EVENTS] = {0};

		return sc_visit(g, id, state) && fences_acyclic(m, g, id);
	}
	if (!only_fences(g) && !mixed_acyclic(m, g, id))
		return false;
	return fences_acyclic(m, g, id);
}

/* Does what is reached through a completion edge contradict access or update a, if a comes before it? */
static bool contradicts(const struct graph *g, uint16_t access, const uint8_t *reached)
{
	const struct event *a = &g->ev[access];
	bool writes = ev_is_write(a);
	unsigned pos;

	if ((!(a->flags & F_HARDWARE) && a->kind != EV_STORE && a->kind != EV_LOAD) ||
	    (a->flags & F_BLOCKED) || (!writes && a->rf == NO_EVENT))
		return false;
	pos = writes ? a->co_pos : co_pos(g, a->rf);
	for (uint16_t w = g->loc[a->location].first; w != NO_EVENT; w = g->ev[w].co_next)
		if (w != access && reached[w] && g->ev[w].co_pos <= pos)
			return true;
	for (uint16_t r = g->loc[a->location].reads; writes && r != NO_EVENT; r = g->ev[r].next_read)
		if (reached[r] && g->ev[r].kind != EV_TRANSLATE && g->ev[r].rf != NO_EVENT &&
		    co_pos(g, g->ev[r].rf) < pos)
			return true;
	return false;
}

/* stale: an access with completion edges; after: all that these lead to. */
static bool stale_access_agrees(const struct machine_rules *m, const struct graph *g, struct order_search *s,
                                uint16_t stale, const uint8_t *after)
{
	uint8_t from[MAX_EVENTS];

	bool agrees = !after[stale];

	if (!agrees)
		blame(m, g, stale);
	for (unsigned i = 0; i < g->count; i++) {
		if (!contradicts(g, (uint16_t)i, after))
			continue;
		memset(from, 0, g->count);
		from[i] = 1;
		if (i != stale)
			order_close(m, g, s, from);
		if (!from[stale])
			continue;
		blame(m, g, (uint16_t)i);
		agrees = false;
	}
	return agrees;
}

bool completion_consistent(const struct machine_rules *m, const struct graph *g)
{
	static struct order_search search;
	uint8_t reached[MAX_EVENTS];

	if (!g->nv)
		return true;
	search.nedges = completions(m, g, search.edges);
	if (!search.nedges)
		return true;
	search.nfences = fence_list(m, g, search.fences);
	for (unsigned i = 0; i < search.nedges; i++) {
		uint16_t access = search.edges[i].access;

		if (i && search.edges[i - 1].access == access)
			continue; /* its edges stand together */
		memset(reached, 0, g->count);
		for (unsigned j = i; j < search.nedges && search.edges[j].access == access; j++)
			reached[search.edges[j].complete] = 1;
		order_close(m, g, &search, reached);
		if (!stale_access_agrees(m, g, &search, access, reached))
			return false;
	}
	return true;
}

bool completes_before(const struct machine_rules *m, const struct graph *g, uint16_t a, uint16_t e)
{
	static struct order_search search;
	uint8_t reached[MAX_EVENTS];

	if (hb_before(g, a, e))
		return true;
	order_prepare(m, g, &search);
	memset(reached, 0, g->count);
	reached[a] = 1;
	order_close(m, g, &search, reached);
	return reached[e];
}
