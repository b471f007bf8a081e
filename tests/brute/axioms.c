/* axioms.c: is a complete execution graph consistent? SPDX-License-Identifier: MIT
 *
 * RC11 with translation reads, as docs/MODEL.md states it: relations are rows of bits, closures are taken by
 * Warshall's method, each rule is written as it stands there. Threads' events are contiguous and in program
 * order, a walk's T just before its access, so e < f in one thread is program order. */
#include <string.h>
#include "enumerate.h"

static bool is_x86(const struct graph *g)
{
	return g->program->arch == PROGRAM_X86_64;
}

/* V is complete at once and orders its own CPU's walks. */
static bool instant(const struct graph *g)
{
	return g->program->arch != PROGRAM_ARM64;
}

/* Context synchronisation: ISB, an exception (not on riscv64); where it is complete at once, an invalidation.
 */
static bool synchronises_context(const struct graph *g, const struct event *e)
{
	if (e->kind == EVENT_TLBI)
		return instant(g) && !e->device;
	if (e->kind == EVENT_FAULT && e->device)
		return true;
	return (e->kind == EVENT_ISB || e->kind == EVENT_FAULT) && g->program->arch != PROGRAM_RISCV64;
}

static bool acquire_fence(const struct event *e)
{
	return e->kind == EVENT_FENCE && e->acquire;
}

static bool same_thread(const struct graph *g, unsigned a, unsigned b)
{
	return g->event[a].thread == g->event[b].thread;
}

static bool is_t(const struct graph *g, unsigned e)
{
	return g->event[e].kind == EVENT_T;
}

/* Close the rows of the events from FIRST_EVENT on; false if the closure has a cycle. */
static bool close_rows(events_t rows[MAX_EVENTS], unsigned count)
{
	for (unsigned k = FIRST_EVENT; k < count; k++)
		for (unsigned i = FIRST_EVENT; i < count; i++)
			if (rows[i] & EVENT_BIT(k))
				rows[i] |= rows[k];
	for (unsigned i = FIRST_EVENT; i < count; i++)
		if (rows[i] & EVENT_BIT(i))
			return false;
	return true;
}

/* ---- What depends on sources only ------------------------------------------------------------------------
 */
static void classify(struct graph *g)
{
	g->writes = g->reads = g->translations = g->fences = 0;
	memset(g->at, 0, sizeof g->at);
	memset(g->order, 0, sizeof g->order);
	memset(g->after, 0, sizeof g->after);
	memset(g->before, 0, sizeof g->before);
	memset(g->covers, 0, sizeof g->covers);
	for (unsigned i = 0; i < g->count; i++) {
		const struct event *e = &g->event[i];

		if (event_writes(e))
			g->writes |= EVENT_BIT(i);
		if (event_reads(e))
			g->reads |= EVENT_BIT(i);
		if (e->kind == EVENT_T)
			g->translations |= EVENT_BIT(i);
		if (e->kind == EVENT_FENCE)
			g->fences |= EVENT_BIT(i);
		if (event_writes(e) || event_reads(e) || e->kind == EVENT_T)
			g->at[e->where] |= EVENT_BIT(i);
	}
	g->memory = g->writes | g->reads;
}

/* The completion of each V and the barrier that precedes it. On x86-64 V, and X as a V, is both itself; on
 * riscv64 V is. */
static void find_completions(struct graph *g)
{
	for (unsigned v = FIRST_EVENT; v < g->count; v++) {
		struct event *e = &g->event[v];

		if ((e->kind == EVENT_TLBI && (instant(g) || e->device)) ||
		    (is_x86(g) && e->kind == EVENT_FAULT && !e->device)) {
			e->complete = e->before = (uint8_t)v;
			continue;
		}
		if (e->kind != EVENT_TLBI)
			continue;
		e->complete = e->before = EVENT_NONE;
		for (unsigned d = v; d-- > FIRST_EVENT && same_thread(g, d, v) && e->before == EVENT_NONE;)
			if (g->event[d].dsb)
				e->before = (uint8_t)d;
		for (unsigned d = v + 1; d < g->count && same_thread(g, d, v) && e->complete == EVENT_NONE;
		     d++)
			if (g->event[d].dsb)
				e->complete = (uint8_t)d;
	}
}

/* No thin air: program order and reads-from, those into T included, are acyclic. (A T comes just before its
 * access, so that program order with T says the same as reads-from extended to the access.) */
static bool no_thin_air(const struct graph *g)
{
	events_t done = EVENT_BIT(FIRST_EVENT) - 1;
	events_t all = g->count == MAX_EVENTS ? ~(events_t)0 : EVENT_BIT(g->count) - 1;
	bool progress = true;

	while (progress) {
		progress = false;
		for (unsigned e = FIRST_EVENT; e < g->count; e++) {
			bool first = e == FIRST_EVENT || !same_thread(g, e, e - 1);

			if ((done & EVENT_BIT(e)) || (!first && !(done & EVENT_BIT(e - 1))))
				continue;
			if (((g->reads | g->translations) & EVENT_BIT(e)) &&
			    !(done & EVENT_BIT(g->source[e])))
				continue;
			done |= EVENT_BIT(e);
			progress = true;
		}
	}
	return done == all;
}

/* An edge of H that is one of O as well. */
static void link_both(struct graph *g, unsigned from, unsigned to)
{
	g->after[from] |= EVENT_BIT(to);
	g->order[from] |= EVENT_BIT(to);
}

/* Is hardware's update u H-before b, later in program order? Its own access; the same entry; or behind a full
 * DSB, that itself included. */
static bool update_before(const struct graph *g, unsigned u, unsigned b)
{
	if (g->event[b].where == g->event[u].where && (g->memory & EVENT_BIT(b)))
		return true;
	bool own = true; /* no access since u: the first is u's own */

	for (unsigned e = u + 1; e <= b; e++) {
		bool access = g->event[e].user || g->event[e].kind == EVENT_FAULT;

		if (g->event[e].dsb || (e == b && access && own))
			return true;
		own = own && !access;
	}
	return false;
}

/* Rule 1 of H; of O, the part that starts or ends at a fence or V, ends at a release, starts at an acquire.
 */
static void link_program_order(struct graph *g)
{
	for (unsigned a = FIRST_EVENT; a < g->count; a++) {
		const struct event *from = &g->event[a];
		bool starts = from->kind == EVENT_FENCE || from->kind == EVENT_TLBI || from->acquire;

		if (from->kind == EVENT_T)
			continue;
		for (unsigned b = a + 1; b < g->count && same_thread(g, a, b); b++) {
			const struct event *to = &g->event[b];

			if (to->kind == EVENT_T || (from->hardware && !update_before(g, a, b)))
				continue;
			g->after[a] |= EVENT_BIT(b);
			if (starts || to->kind == EVENT_FENCE || to->kind == EVENT_TLBI || to->release)
				g->order[a] |= EVENT_BIT(b);
		}
	}
}

/* The releases that a reader of write w synchronises with: at each head of its release sequences, the store
 * if it is a release and the release fences before it. */
static events_t releases_of(const struct graph *g, unsigned w)
{
	events_t releases = 0;

	while (w >= FIRST_EVENT) {
		if (g->event[w].release)
			releases |= EVENT_BIT(w);
		for (unsigned f = w; f-- > FIRST_EVENT && same_thread(g, f, w);)
			if (g->event[f].kind == EVENT_FENCE && g->event[f].release)
				releases |= EVENT_BIT(f);
		if (g->event[w].kind != EVENT_RMW)
			break;
		w = g->source[w];
	}
	return releases;
}

/* Rule 2 of H. */
static void link_synchronisation(struct graph *g)
{
	for (unsigned r = FIRST_EVENT; r < g->count; r++) {
		const struct event *read = &g->event[r];
		events_t releases, acquires = 0, faults = 0;

		if (!((g->reads | g->translations) & EVENT_BIT(r)))
			continue;
		releases = releases_of(g, g->source[r]);
		if (!releases)
			continue;
		if (read->kind != EVENT_T && read->acquire)
			acquires |= EVENT_BIT(r);
		if (read->kind == EVENT_T && read->level == 1 && read->neighbour != EVENT_NONE)
			acquires |= EVENT_BIT(read->neighbour);
		for (unsigned e = r + 1; e < g->count && same_thread(g, e, r); e++)
			if (acquire_fence(&g->event[e]) ||
			    (read->kind == EVENT_T && synchronises_context(g, &g->event[e])))
				acquires |= EVENT_BIT(e);
		for (unsigned e = r + 1; e < g->count && same_thread(g, e, r); e++)
			if (g->event[e].kind == EVENT_FAULT)
				faults |= EVENT_BIT(e);
		for (; releases; releases &= releases - 1) {
			unsigned release = first_event(releases);

			g->after[release] |= acquires;
			if (!same_thread(g, release, r))
				g->order[release] |= acquires & ~faults;
		}
	}
}

/* Rule 3 of H: into T. */
static void link_into_translation(struct graph *g, unsigned t)
{
	bool ets2 = (g->program->ets2 || is_x86(g)) && !g->event[t].cacheable;
	bool synchronised = false, everything = false;

	for (unsigned e = t; e-- > FIRST_EVENT && same_thread(g, e, t);) {
		const struct event *from = &g->event[e];

		if ((from->kind != EVENT_ISB && synchronises_context(g, from)) || (from->dsb && synchronised))
			everything = true;
		synchronised |= from->kind == EVENT_ISB && synchronises_context(g, from);
		if (everything || (ets2 && from->kind != EVENT_T && !from->hardware))
			link_both(g, e, t);
	}
}

/* Rule 4 of H: out of T. */
static void link_out_of_translation(struct graph *g, unsigned t)
{
	unsigned access = g->event[t].access;
	bool everything = g->event[access].kind == EVENT_FAULT && synchronises_context(g, &g->event[access]);

	/* U, also that of its own walk, is a store here whether it writes or not. */
	for (unsigned e = t + 1; e < g->count && same_thread(g, e, t); e++) {
		const struct event *to = &g->event[e];

		if (to->kind == EVENT_T)
			continue;
		if (to->hardware)
			link_both(g, t, e);
		if (e <= access)
			continue;
		if (everything || event_writes(to) || to->kind == EVENT_FENCE)
			link_both(g, t, e);
		everything |= acquire_fence(to) || synchronises_context(g, to);
	}
}

/* Rules 3 to 5 of H, and what O has beyond H's edges: T to its own access, reads-from between CPUs. */
static void link_translations(struct graph *g)
{
	for (unsigned e = FIRST_EVENT; e < g->count; e++) {
		if (is_t(g, e)) {
			const struct event *t = &g->event[e];

			link_into_translation(g, e);
			link_out_of_translation(g, e);
			if (t->level == 1 && t->neighbour != EVENT_NONE)
				link_both(g, e, t->neighbour);
			g->order[e] |= EVENT_BIT(t->access);
		}
		if (((g->reads | g->translations) & EVENT_BIT(e)) && g->source[e] >= FIRST_EVENT &&
		    !same_thread(g, g->source[e], e))
			g->order[g->source[e]] |= EVENT_BIT(e);
	}
}

/* Does an invalidation go to the TLB that a translation came from? */
static bool reaches(const struct graph *g, const struct event *v, const struct event *t)
{
	if (t->device)
		return v->device ? v->kind == EVENT_TLBI : v->broadcast && g->program->snoops;
	return !v->device && (v->cpu == t->cpu || v->broadcast);
}

/* Does invalidation v (on x86-64 perhaps a fault) cover translation t? Needs H. */
static bool covers(const struct graph *g, unsigned v, unsigned t)
{
	const struct event *invalidation = &g->event[v], *translation = &g->event[t];
	bool fault = invalidation->kind == EVENT_FAULT;
	unsigned page = fault ? invalidation->page : invalidation->where;

	if (!reaches(g, invalidation, translation))
		return false;
	if (invalidation->asid && invalidation->asid != translation->asid)
		return false;
	if (page == TLBI_ALL)
		return true;
	if (invalidation->leaf_only && translation->level == 1)
		return false;
	if (page == translation->page)
		return true;
	/* Another address: only an upper entry, and not where a leaf cached whole survives. */
	if (translation->level == 0 || translation->neighbour == EVENT_NONE)
		return false;
	if ((!is_x86(g) || invalidation->device) && !g->program->roots &&
	    page % g->program->uppers != translation->page % g->program->uppers)
		return false;
	return !g->event[translation->neighbour].cacheable ||
	       (g->after[invalidation->complete] & EVENT_BIT(g->source[translation->neighbour])) != 0;
}

static void find_covers(struct graph *g)
{
	for (unsigned v = FIRST_EVENT; v < g->count; v++) {
		if (g->event[v].complete == EVENT_NONE)
			continue;
		for (events_t ts = g->translations; ts; ts &= ts - 1)
			if (covers(g, v, first_event(ts)))
				g->covers[v] |= EVENT_BIT(first_event(ts));
	}
}

bool axioms_of_sources(struct graph *g)
{
	events_t all = g->count == MAX_EVENTS ? ~(events_t)0 : EVENT_BIT(g->count) - 1;

	classify(g);
	if (!no_thin_air(g))
		return false;
	find_completions(g);
	link_program_order(g);
	link_synchronisation(g);
	link_translations(g);
	if (!close_rows(g->after, g->count))
		return false;
	for (unsigned l = 0; l < FIRST_EVENT; l++)
		g->after[l] = all & ~(EVENT_BIT(FIRST_EVENT) - 1);
	for (unsigned a = 0; a < g->count; a++)
		for (events_t bs = g->after[a]; bs; bs &= bs - 1)
			g->before[first_event(bs)] |= EVENT_BIT(a);
	find_covers(g);
	return true;
}

/* ---- One location ----------------------------------------------------------------------------------------
 */
/* Place of what an event reads, or of a pure write itself. */
static unsigned place_read(const struct graph *g, unsigned e)
{
	return g->event[e].kind == EVENT_WRITE ? g->place[e] : g->place[g->source[e]];
}

/* Place that an event has seen: a write its own. */
static unsigned place_seen(const struct graph *g, unsigned e)
{
	return event_writes(&g->event[e]) ? g->place[e] : g->place[g->source[e]];
}

/* The newest place of a location seen before V: the writes that are H-before the DSB that precedes it, and
 * what events H-before that DSB read. */
static unsigned place_seen_before(const struct graph *g, unsigned v, unsigned location)
{
	unsigned newest = 0;
	unsigned barrier = g->event[v].before;

	if (barrier == EVENT_NONE)
		return 0;
	for (events_t es = g->before[barrier] & g->at[location]; es; es &= es - 1)
		if (place_seen(g, first_event(es)) > newest)
			newest = place_seen(g, first_event(es));
	return newest;
}

/* May T read what it reads although v covers it? Not if v had seen a later write and completed before T. */
static bool stale_by(const struct graph *g, unsigned v, unsigned t)
{
	return (g->covers[v] & EVENT_BIT(t)) && g->event[t].cacheable &&
	       place_seen_before(g, v, g->event[t].where) > place_read(g, t);
}

/* Coherence of e after b, b H e, both at one location. */
static bool coherent(const struct graph *g, unsigned b, unsigned e)
{
	if (is_t(g, e))
		return g->event[e].cacheable || place_read(g, e) >= place_seen(g, b);
	if (event_writes(&g->event[e]))
		return g->place[e] > place_seen(g, b);
	return place_read(g, e) >= place_seen(g, b);
}

/* Newest place of a location that was there when a translation's entry was published: what is H-before a
 * release that the translation synchronises with has seen it. Initially 0. */
static unsigned place_published(const struct graph *g, unsigned t, unsigned location)
{
	unsigned newest = 0;

	for (events_t rs = releases_of(g, g->source[t]); rs; rs &= rs - 1)
		for (events_t es = g->before[first_event(rs)] & g->at[location]; es; es &= es - 1)
			if (place_seen(g, first_event(es)) > newest)
				newest = place_seen(g, first_event(es));
	return newest;
}

/* Linking: a table page's previous life is not visible through its new link. Writes only: reading 12. */
static bool linked(const struct graph *g, unsigned lower)
{
	const struct event *t = &g->event[lower];

	if (t->level != 0 || t->neighbour == EVENT_NONE)
		return true;
	for (events_t rs = releases_of(g, g->source[t->neighbour]); rs; rs &= rs - 1) {
		events_t earlier = g->before[first_event(rs)] & g->at[t->where] & g->writes;

		for (; earlier; earlier &= earlier - 1)
			if (g->place[first_event(earlier)] > place_read(g, lower))
				return false;
	}
	return true;
}

/* The same one step further down: a page's former content is not visible through its new entry, and a store
 * through that comes after what filled the page. */
static bool sees_what_was_published(const struct graph *g, unsigned access)
{
	const struct event *a = &g->event[access];

	for (unsigned t = access; t-- > FIRST_EVENT && same_thread(g, t, access);) {
		unsigned published;

		if (!is_t(g, t) || g->event[t].access != access)
			continue;
		published = place_published(g, t, a->where);
		if (event_writes(a) ? published >= g->place[access] : published > place_read(g, access))
			return false;
	}
	return true;
}

bool axioms_of_location(const struct graph *g, unsigned location)
{
	events_t events = g->at[location];

	for (events_t es = events & ~EVENT_BIT(location); es; es &= es - 1) {
		unsigned e = first_event(es);

		for (events_t bs = g->before[e] & events; bs; bs &= bs - 1)
			if (!coherent(g, first_event(bs), e))
				return false;
		/* A read or T of a write that is H-after it. */
		if (((g->reads | g->translations) & EVENT_BIT(e)) && (g->after[e] & EVENT_BIT(g->source[e])))
			return false;
		if (g->event[e].user && !sees_what_was_published(g, e))
			return false;
		if (!is_t(g, e))
			continue;
		if (!linked(g, e))
			return false;
		if (g->event[e].not_older != EVENT_NONE &&
		    place_read(g, e) < place_seen(g, g->event[e].not_older))
			return false;
		for (unsigned v = FIRST_EVENT; v < g->count; v++)
			if (stale_by(g, v, e) && (g->after[g->event[v].complete] & EVENT_BIT(e)))
				return false;
	}
	return true;
}

/* ---- The whole graph -------------------------------------------------------------------------------------
 */
/* Extended coherence: a before b at one location. Reads come after the write that they read. T takes part
 * only by the from-reads of an uncacheable one. */
static unsigned coherence_key(const struct graph *g, unsigned e)
{
	return event_writes(&g->event[e]) ? 2u * g->place[e] : 2u * g->place[g->source[e]] + 1;
}

static void extended_coherence(const struct graph *g, events_t eco[MAX_EVENTS])
{
	memset(eco, 0, sizeof(events_t) * MAX_EVENTS);
	for (unsigned a = FIRST_EVENT; a < g->count; a++) {
		const struct event *e = &g->event[a];

		if (!(g->memory & EVENT_BIT(a)) && (e->kind != EVENT_T || e->cacheable))
			continue;
		for (events_t bs = g->at[e->where] & g->memory; bs; bs &= bs - 1)
			if (coherence_key(g, a) < coherence_key(g, first_event(bs)))
				eco[a] |= EVENT_BIT(first_event(bs));
	}
}

/* Later events of e's thread without T; at another location only, if asked. */
static events_t later(const struct graph *g, unsigned e, bool elsewhere)
{
	events_t events = 0;
	bool access = (g->memory & EVENT_BIT(e)) != 0;

	for (unsigned f = e + 1; f < g->count && same_thread(g, e, f); f++) {
		bool same = access && (g->memory & EVENT_BIT(f)) && g->event[e].where == g->event[f].where;

		if (!is_t(g, f) && !(elsewhere && same))
			events |= EVENT_BIT(f);
	}
	return events;
}

static events_t image(const events_t rows[MAX_EVENTS], events_t set)
{
	events_t out = 0;

	for (; set; set &= set - 1)
		out |= rows[first_event(set)];
	return out;
}

/* RC11's scb of one event. */
static events_t sc_before(const struct graph *g, const events_t eco[MAX_EVENTS], unsigned a)
{
	events_t between = image(g->after, later(g, a, true)) & ~g->translations;
	events_t out = later(g, a, false);

	for (; between; between &= between - 1)
		out |= later(g, first_event(between), true);
	if (g->memory & EVENT_BIT(a))
		out |= (g->after[a] & g->at[g->event[a].where] & g->memory) | (eco[a] & g->writes);
	return out;
}

/* RC11's psc = psc_base and psc_F. fence_edges: those between full fences, for O. */
static bool psc_acyclic(const struct graph *g, events_t fence_edges[MAX_EVENTS])
{
	events_t eco[MAX_EVENTS], psc[MAX_EVENTS] = {0}, sc = 0, sc_fences;

	memset(fence_edges, 0, sizeof(events_t) * MAX_EVENTS);
	for (unsigned e = FIRST_EVENT; e < g->count; e++)
		if (g->event[e].sc)
			sc |= EVENT_BIT(e);
	if (!(sc & (sc - 1)))
		return true;
	sc_fences = sc & g->fences;
	extended_coherence(g, eco);
	for (events_t as = sc; as; as &= as - 1) {
		unsigned a = first_event(as);
		bool fence = (sc_fences & EVENT_BIT(a)) != 0;
		events_t start = EVENT_BIT(a) | (fence ? g->after[a] & ~g->translations : 0);
		events_t reached = 0, beyond = image(eco, g->after[a]);

		for (; start; start &= start - 1)
			reached |= sc_before(g, eco, first_event(start));
		psc[a] |= reached & sc;
		for (events_t fs = sc_fences; fs; fs &= fs - 1) {
			unsigned f = first_event(fs);
			bool strong = fence && ((g->after[a] & EVENT_BIT(f)) || (g->before[f] & beyond));

			if (strong)
				fence_edges[a] |= EVENT_BIT(f);
			if (strong || (g->before[f] & reached))
				psc[a] |= EVENT_BIT(f);
		}
	}
	return close_rows(psc, g->count);
}

struct completion_edges {
	unsigned count;
	events_t to[MAX_EVENTS]; /* of an access: the completions that wait for it */
};

/* Completion waits: a stale access, and each update of an entry on its way, comes before the completion of
 * each invalidation that had seen the entry overwritten, on another CPU. A walk that is made again ends with
 * an update that failed. */
static void find_completion_edges(const struct graph *g, struct completion_edges *edges)
{
	memset(edges, 0, sizeof *edges);
	for (unsigned v = FIRST_EVENT; v < g->count; v++)
		for (events_t ts = g->covers[v]; ts; ts &= ts - 1) {
			unsigned t = first_event(ts), access = g->event[t].access;

			if (same_thread(g, v, t) || !stale_by(g, v, t))
				continue;
			for (unsigned e = t; e <= access; e++) {
				if (e != access && !g->event[e].hardware)
					continue;
				edges->to[e] |= EVENT_BIT(g->event[v].complete);
				edges->count++;
			}
		}
}

/* What access or update a reaches through a completion edge saw it finished: see the rule in program.h, 7
 * and 8. */
static bool finished_before(const struct graph *g, unsigned a, events_t reached)
{
	const struct event *access = &g->event[a];

	for (events_t es = reached & g->at[access->where] & g->memory; es; es &= es - 1) {
		unsigned e = first_event(es);

		if (event_writes(&g->event[e]) && place_seen(g, a) >= g->place[e])
			return false;
		if (event_reads(&g->event[e]) && event_writes(access) && place_read(g, e) < g->place[a])
			return false;
	}
	return true;
}

static bool completion_waits(const struct graph *g, const struct completion_edges *edges,
                             const events_t fence_edges[MAX_EVENTS])
{
	events_t order[MAX_EVENTS];

	for (unsigned e = 0; e < MAX_EVENTS; e++)
		order[e] = g->order[e] | fence_edges[e] | edges->to[e];
	if (!close_rows(order, g->count))
		return false;
	if (!edges->count)
		return true;
	for (unsigned a = FIRST_EVENT; a < g->count; a++) {
		events_t reached = 0;

		if (!g->event[a].user && !g->event[a].hardware)
			continue;
		for (unsigned s = FIRST_EVENT; s < g->count; s++)
			if (edges->to[s] && (s == a || (order[a] & EVENT_BIT(s))))
				reached |= edges->to[s] | image(order, edges->to[s]);
		if (!finished_before(g, a, reached))
			return false;
	}
	return true;
}

/* A stale translation: one that reads an entry although a later write is H-before it, or although an
 * invalidation that covers it had seen a later write. */
static bool stale_translation(const struct graph *g, const struct completion_edges *edges)
{
	if (edges->count)
		return true;
	for (events_t ts = g->translations; ts; ts &= ts - 1) {
		unsigned t = first_event(ts);

		for (events_t ws = g->before[t] & g->at[g->event[t].where] & g->writes; ws; ws &= ws - 1)
			if (g->place[first_event(ws)] > place_read(g, t))
				return true;
	}
	return false;
}

bool axioms_of_graph(struct graph *g)
{
	struct completion_edges edges;
	events_t fence_edges[MAX_EVENTS];

	if (!psc_acyclic(g, fence_edges))
		return false;
	find_completion_edges(g, &edges);
	if (!completion_waits(g, &edges, fence_edges))
		return false;
	g->stale = stale_translation(g, &edges);
	return true;
}
