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
 * And an access of a stale translation may take from an event that comes later the choice from which
 * a revisit of that translation would start: so it is tried blocked as well where that is seen
 * (blame). docs/MODEL.md, section 11. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "explorer.h"

struct explorer explorer = {.self = MAX_THREADS};

/* ---- levels and frames ------------------------------------------------------------------------ */

static struct level *level_push(void)
{
	struct level *l;

	if (explorer.depth == MAX_LEVELS) {
		explore_fail("too many nested revisits");
		return NULL;
	}
	if (!explorer.levels[explorer.depth])
		explorer.levels[explorer.depth] = calloc(1, sizeof(struct level));
	l = explorer.levels[explorer.depth++];
	if (!l)
		abort();
	l->nframes = 0;
	explorer.g = &l->graph;
	return l;
}

static void frame_pop(struct level *l)
{
	progress_finished(&l->frames[l->nframes - 1]);
	l->nframes--;
	explorer.nframes--;
}

/* Is the next subtree at the cut ours? Every worker asks about the same ones in the same order. */
bool claim(void)
{
	struct explore_share *share = explorer.options->share;
	uint64_t item = explorer.item++;

	if (item >= SHARE_ITEMS)
		return item % explorer.options->workers == explorer.options->worker;
	return !__atomic_exchange_n(&share->taken[item], 1, __ATOMIC_RELAXED);
}

bool at_cut(void)
{
	return explorer.options->share && explorer.nframes == SHARE_CUT;
}

static void level_pop(void)
{
	explorer.nframes -= explorer.levels[explorer.depth - 1]->nframes;
	explorer.depth--;
	explorer.g = explorer.depth ? &explorer.levels[explorer.depth - 1]->graph : NULL;
}

struct frame *frame_push(const struct event *tmpl)
{
	struct level *l = explorer.levels[explorer.depth - 1];
	struct frame *f;

	if (l->nframes == l->max_frames) {
		l->max_frames = l->max_frames ? 2 * l->max_frames : 32;
		l->frames = realloc(l->frames, l->max_frames * sizeof(*l->frames));
		if (!l->frames)
			abort();
	}
	f = &l->frames[l->nframes++];
	explorer.nframes++;
	f->tmpl = *tmpl;
	f->pos = explorer.g->count;
	f->dev = explorer.g->dev;
	f->n = f->next = f->choices = 0;
	/* made by a thread, it has the present run below it */
	f->born = explorer.stats->runs - (explorer.self < MAX_THREADS);
	f->first = f->turned = f->child = f->born;
	f->revisiting = f->fixed = f->blamed = f->blocked = false;
	f->serial =
	    tmpl->kind == EV_RMW_WRITE ? 0 : tmpl->serial; /* of an update, it is the read that is tried */
	return f;
}

/* An access that has a place now may leave a later event without the choice from which a revisit of the
 * access's own translation starts: there the access would have to be blocked. So where that is
 * seen, the access is tried blocked too. Maximality lets one of the two do the revisit. */
static void blame(uint32_t serial)
{
	if (explorer.judging)
		return;
	for (unsigned d = explorer.depth; d; d--)
		for (unsigned i = explorer.levels[d - 1]->nframes; i; i--) {
			struct frame *f = &explorer.levels[d - 1]->frames[i - 1];

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
	graph_restrict(explorer.scratch, g, keep, map);
	{
		struct event tmpl = *e;

		tmpl.flags &= (uint16_t) ~(F_BLOCKED | F_CACHEABLE | F_LARGE | F_GLOBAL);
		tmpl.upper = e->upper == NO_EVENT ? NO_EVENT : map[e->upper];
		explorer.judging = true;
		best = choice_best(explorer.rules, explorer.scratch, &tmpl);
		explorer.judging = false;
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
	bool may_lack = e->kind == EV_TRANSLATE || is_waited_for(e);

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
	if (e->kind == EV_RMW_WRITE && is_waited_for(e))
		return true; /* it has its place by its read, which is thrown away with it */
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
			return may_lack && !explorer.rules->textbook && is_best(g, id, prefix);
	}
	return true;
}

/* ---- revisits ----------------------------------------------------------------------------------- */

static unsigned revisit_candidates(const struct event *write, uint16_t *list)
{
	const struct graph *g = explorer.g;
	const int16_t *prefix = prefix_of(g, write);
	unsigned n = 0;

	for (uint16_t r = g->loc[write->location].reads; r != NO_EVENT; r = g->ev[r].next_read)
		if (!in_prefix(g, prefix, r)) {
			if (n == MAX_CHOICES) {
				explore_fail("too many reads of one place");
				break;
			}
			list[n++] = r;
		}
	return n;
}

/* Open a level in which read r reads the write of frame f, if that is due here. */
static bool revisit(const struct frame *f, uint16_t r)
{
	const struct graph *g = explorer.g;
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
	graph_restrict(explorer.g, g, keep, map);
	reader = map[r];
	if (tmpl.upper != NO_EVENT)
		tmpl.upper = map[tmpl.upper];
	explorer.g->ev[reader].rf = NO_EVENT;
	explorer.g->dev = f->dev + 1;
	n = choices(explorer.rules, explorer.g, &tmpl, list);
	opened = frame_push(&tmpl);
	opened->fixed = true;
	opened->reader = reader;
	for (unsigned i = 0; i < n; i++) {
		const struct event *e;
		bool ok = true;

		if (list[i] == NO_EVENT)
			continue;
		id = graph_add(explorer.rules, explorer.g, &tmpl, list[i]);
		graph_set_rf(explorer.rules, explorer.g, reader, id);
		e = &explorer.g->ev[reader];
		if ((e->flags & F_AWAIT) && (e->flags & F_CAS) && !rmw_stores(explorer.rules, e))
			ok = explorer.g->ev[id].co_next == NO_EVENT; /* unsatisfied: coherence-latest only */
		if (ok)
			ok = revisit_consistent(explorer.rules, explorer.g, reader);
		if (ok)
			opened->list[opened->n++] = list[i];
		graph_truncate(explorer.g, id);
		explorer.g->ev[reader].rf = NO_EVENT;
	}
	if (opened->n)
		return true;
	level_pop();
	return false;
}

static bool over_bound(unsigned dev)
{
	if (explorer.options->bound >= 0 && dev > (unsigned)explorer.options->bound) {
		explorer.stats->cut = true;
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

	explorer.g->dev = f->dev + (deviates ? 1u : 0u);
	id = graph_add(explorer.rules, explorer.g, &tmpl, choice);
	if (f->fixed)
		graph_set_rf(explorer.rules, explorer.g, f->reader, id);
	if (tmpl.kind == EV_RMW_READ && lacks_write(explorer.rules, explorer.g, id)) {
		/* inconsistent as it stands; what its write revisits is not. No run is needed. */
		struct event w = rmw_write_of(explorer.rules, &explorer.g->ev[id]);
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
	while (explorer.depth) {
		struct level *l = explorer.levels[explorer.depth - 1];
		struct frame *f;

		if (!l->nframes) {
			level_pop();
			continue;
		}
		f = &l->frames[l->nframes - 1];
		graph_truncate(explorer.g, f->pos);
		if (f->revisiting) {
			if (f->next < f->n) {
				if (over_bound(f->dev + 1))
					f->next = f->n;
				else if (at_cut() && !claim())
					f->next++;
				else {
					f->child = explorer.stats->runs;
					revisit(f, f->list[f->next++]);
				}
				continue; /* at the frame that opens the new level, or the next read */
			}
			frame_pop(l);
			continue;
		}
		if (f->next < f->n) {
			bool deviates = f->next > 0;

			f->child = explorer.stats->runs;
			if (f->next == 1)
				f->first = f->child;
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
			if (!over_bound(f->dev + 1) && (!at_cut() || claim()) &&
			    take_choice(f, NO_EVENT, true))
				return true;
			continue;
		}
		if (!f->fixed && ev_is_write(&f->tmpl)) {
			f->revisiting = true;
			f->turned = f->child = explorer.stats->runs;
			f->choices = f->n;
			f->n = revisit_candidates(&f->tmpl, f->list);
			f->next = 0;
			continue;
		}
		frame_pop(l);
	}
	return false;
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

	for (unsigned t = 0; t < explorer.rules->nthreads; t++)
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

	if (explorer.options->max_runs && explorer.stats->runs >= explorer.options->max_runs)
		return true;
	if (!(explorer.options->seconds > 0) || (explorer.stats->runs & 63))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - explorer.started.tv_sec) +
	           1e-9 * (double)(now.tv_nsec - explorer.started.tv_nsec) >
	       explorer.options->seconds;
}

static bool account(enum explore_end end)
{
	struct explore_stats *s = explorer.stats;

	if (explorer.again) {
		s->stopped = true;
		return false;
	}
	if (explorer.options->share) {
		if (__atomic_load_n(&explorer.options->share->stop, __ATOMIC_RELAXED))
			return false;
		if (explorer.unclaimed || (explorer.nframes < SHARE_CUT && !claim()))
			return !s->error; /* somebody else's */
	}
	if (end == END_COMPLETE)
		s->executions++;
	else if (end == END_STOPPED && explorer.pruned)
		s->pruned++;
	else
		s->blocked++;
	if (end == END_COMPLETE && explorer.options->hash_graphs &&
	    !hashset_add(&explorer.seen, graph_hash(explorer.g)))
		s->twice++;
	if (s->error)
		return false;
	if (end == END_STOPPED && explorer.pruned)
		return true;
	if (!explorer.client->ended(explorer.client->arg, end)) {
		s->stopped = true;
		return false;
	}
	return true;
}

static void stacks_init(void)
{
	for (unsigned i = 0; i < MAX_THREADS; i++)
		if (!explorer.threads[i].fiber.stack) {
			void *stack = mmap(NULL, FIBER_STACK, PROT_READ | PROT_WRITE,
			                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (stack == MAP_FAILED)
				abort();
			explorer.threads[i].fiber.stack = stack;
		}
	if (!explorer.scratch)
		explorer.scratch = malloc(sizeof(struct graph));
	if (!explorer.scratch)
		abort();
}

void explore(const struct explore_client *client, const struct explore_options *options,
             struct explore_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	explorer.client = client;
	explorer.options = options;
	explorer.stats = stats;
	explorer.rules = client->rules;
	explorer.rules->blame = blame;
	explorer.rules->limit = explore_fail;
	explorer.serial = 0;
	explorer.judging = explorer.again = false;
	explorer.depth = 0;
	explorer.nframes = 0;
	explorer.item = 0;
	progress_reset();
	stacks_init();
	hashset_clear(&explorer.seen);
	clock_gettime(CLOCK_MONOTONIC, &explorer.started);
	level_push();
	graph_init(explorer.g);
	explorer.random = options->seed * 0x9e3779b97f4a7c15ull + 1;
	do {
		stats->runs++;
		if (options->sample)
			graph_truncate(explorer.g, 0);
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
	explorer.stats = NULL;
}
