/* report.c: an execution graph as a schedule. SPDX-License-Identifier: MIT
 *
 * A linearisation that respects program order, reads-from, coherence and completion, with few
 * switches between lanes: a lane goes on as long as it can. Beside each step of a CPU stands what
 * its TLB may still hold because some walk of this execution took it: from the store that the walk
 * read until an invalidation of it completes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"
#include "world.h"

static struct {
	const struct graph *g;
	uint16_t step_of[MAX_EVENTS];  /* NO_EVENT: not emitted yet */
	uint16_t event_of[MAX_EVENTS]; /* of a step */
	unsigned next[MAX_THREADS];
	unsigned nsteps;
} r;

static bool emitted(uint16_t id)
{
	return id >= INIT_EVENT || r.step_of[id] != NO_EVENT;
}

/* A DSB waits for the accesses that complete before it. */
static bool completions_done(uint16_t id)
{
	struct completion list[MAX_COMPLETIONS];
	unsigned n;

	if (!r.g->nv)
		return true;
	n = completions(&world.rules, r.g, list);
	for (unsigned i = 0; i < n; i++)
		if (list[i].complete == id && !emitted(list[i].access))
			return false;
	return true;
}

static bool ready(uint16_t id, bool strict)
{
	const struct event *e = &r.g->ev[id];

	if (ev_is_read(e) && !emitted(e->rf))
		return false;
	if (ev_is_write(e) && strict && !(e->flags & F_BLOCKED) && e->co_prev != NO_EVENT &&
	    !emitted(e->co_prev))
		return false;
	/* a read comes before the store that overwrites what it read, if that is possible */
	if (ev_is_write(e) && strict && !(e->flags & F_BLOCKED))
		for (uint16_t q = r.g->loc[e->location].reads; q != NO_EVENT; q = r.g->ev[q].next_read)
			if (r.g->ev[q].kind != EV_TRANSLATE && r.g->ev[q].rf != NO_EVENT &&
			    r.g->ev[q].thread != e->thread && co_pos(r.g, r.g->ev[q].rf) < e->co_pos &&
			    !emitted(q))
				return false;
	if (e->kind == EV_DSB || (e->kind == EV_TLBI && completes_itself(&world.rules, e)))
		return completions_done(id);
	return true;
}

static void emit(uint16_t id)
{
	r.event_of[r.nsteps] = id;
	r.step_of[id] = (uint16_t)r.nsteps++;
	r.next[r.g->ev[id].thread]++;
}

static void linearise(void)
{
	unsigned lane = 0;

	memset(r.next, 0, sizeof(r.next));
	memset(r.step_of, 0xff, sizeof(r.step_of));
	r.nsteps = 0;
	while (r.nsteps < r.g->count) {
		bool found = false;

		for (unsigned pass = 0; pass < 2 && !found; pass++)
			for (unsigned k = 0; k < world.nthreads && !found; k++) {
				unsigned t = (lane + k) % world.nthreads;

				if (r.next[t] < r.g->length[t] &&
				    ready(r.g->thread[t][r.next[t]], pass == 0)) {
					emit(r.g->thread[t][r.next[t]]);
					lane = t;
					found = true;
				}
			}
		if (!found)
			return; /* cannot be: the graph is consistent */
	}
}

/* ---- steps ------------------------------------------------------------------------------------------ */

static char *copy(const char *text)
{
	char *s = strdup(text);

	if (!s)
		abort();
	return s;
}

static enum oc_step_kind kind_of(const struct event *e)
{
	static const uint8_t kinds[] = {
	    [EV_READ] = OC_STEP_READ,      [EV_WRITE] = OC_STEP_WRITE,
	    [EV_RMW_READ] = OC_STEP_READ,  [EV_RMW_WRITE] = OC_STEP_RMW,
	    [EV_FENCE] = OC_STEP_FENCE,    [EV_DSB] = OC_STEP_COMPLETE,
	    [EV_ISB] = OC_STEP_ISB,        [EV_TRANSLATE] = OC_STEP_TRANSLATE,
	    [EV_LOAD] = OC_STEP_USER_LOAD, [EV_STORE] = OC_STEP_USER_STORE,
	    [EV_FAULT] = OC_STEP_FAULT,    [EV_TLBI] = OC_STEP_INVALIDATE,
	    [EV_FREE] = OC_STEP_FREE,      [EV_CHOOSE] = OC_STEP_CHOOSE,
	};

	if (e->kind == EV_RMW_WRITE && (e->flags & F_HARDWARE))
		return OC_STEP_AD;
	if (e->kind == EV_WRITE && world.places[e->location].kind == PLACE_ROOT &&
	    world.places[e->location].key < 0x8000)
		return OC_STEP_ROOT;
	return (enum oc_step_kind)kinds[e->kind];
}

static void describe_place(const struct event *e, struct oc_step *s)
{
	const struct place_of *p = &world.places[e->location];
	const struct entry_of *entry;

	s->address = p->key;
	if (p->kind == PLACE_ROOT) {
		s->place = p->key < 0x8000 ? OC_AT_ROOT : OC_AT_WORD;
		s->level = OCT_LEVELS;
		if (p->key >> 60)
			s->text = copy("number of sleepers woken");
		else if (p->key >= 0x8000)
			s->text = copy((p->key & 0xff00) == 0x8000            ? "interrupt lock"
			               : (p->key & 0xff00) == 0x8100          ? "interrupt request"
			               : p->key >= 0xc000 && p->key < 0x10000 ? "word of who takes the page"
			                                                      : "interrupt answer");
		return;
	}
	if (e->kind == EV_TRANSLATE) {
		s->place = OC_AT_ENTRY;
		return;
	}
	s->place = OC_AT_WORD;
	if (p->kind == PLACE_FRAME || e->kind == EV_LOAD || e->kind == EV_STORE) {
		s->place = OC_AT_FRAME;
		s->page = p->frame;
		s->offset = (unsigned)(p->key & (OCT_PAGE_SIZE - 1));
		return;
	}
	entry = entry_at(p->key);
	if (!entry) {
		s->text = word_name(p->key);
		return;
	}
	s->place = OC_AT_ENTRY;
	s->level = entry->level;
	s->va = entry->va;
}

static void fill_values(const struct event *e, struct oc_step *s)
{
	char text[64];

	s->value = e->value;
	if (e->kind == EV_RMW_WRITE)
		s->old = r.g->ev[r.g->thread[e->thread][e->index - 1]].value;
	if (s->place != OC_AT_ENTRY && s->place != OC_AT_ROOT)
		return;
	if (!s->text)
		s->text = copy(decode_words(s->value, s->level, text, sizeof(text)));
	if (e->kind == EV_RMW_WRITE)
		s->old_text = copy(decode_words(s->old, s->level, text, sizeof(text)));
}

/* Was what the event read overwritten before its step? */
static bool is_stale(const struct event *e, unsigned step)
{
	uint16_t w;

	if (e->rf == NO_EVENT)
		return false;
	w = e->rf == INIT_EVENT ? r.g->loc[e->location].first : r.g->ev[e->rf].co_next;
	return w != NO_EVENT && r.step_of[w] < step;
}

static void fill(unsigned step, struct oc_step *s)
{
	const struct event *e = &r.g->ev[r.event_of[step]];
	const struct event *source = e;

	s->kind = kind_of(e);
	s->lane = e->thread;
	s->order = e->order;
	s->pc = e->flags & F_HARDWARE ? NULL : e->pc;
	s->from = -1;
	s->asid = e->asid;
	s->va = e->va;
	s->level = e->level;
	if (kind_of(e) == OC_STEP_ROOT)
		s->asid = (unsigned)(world.places[e->location].key - root_key(world.rules.cpu[e->thread], 0));
	if (e->kind == EV_RMW_WRITE)
		source = &r.g->ev[r.g->thread[e->thread][e->index - 1]];
	if (ev_is_read(source)) {
		s->from = source->rf >= INIT_EVENT ? -1 : r.step_of[source->rf];
		s->stale = ev_is_read(e) && is_stale(e, step);
	}
	if (ev_is_read(e) || ev_is_write(e)) {
		describe_place(e, s);
		fill_values(e, s);
	} else if (e->kind == EV_TLBI) {
		s->level = !(e->flags & F_LEAF_ONLY);
		s->pages = e->pages;
		s->broadcast = e->flags & F_BROADCAST;
	} else if (e->kind == EV_FREE) {
		s->page = (unsigned)e->va;
	} else if (e->kind == EV_CHOOSE) {
		s->value = e->value;
	}
}

/* ---- lanes -------------------------------------------------------------------------------------- */

/* Leaf T t was taken at step `at`: since when could the CPU hold it, and until when may it? */
static bool holds_at(uint16_t id, unsigned step)
{
	const struct event *t = &r.g->ev[id];
	unsigned first = t->rf >= INIT_EVENT ? 0 : r.step_of[t->rf], last = r.nsteps;

	for (unsigned i = 0; i < r.g->nv; i++) {
		uint16_t v = r.g->v[i], complete = v_complete(&world.rules, r.g, v);
		unsigned at;

		if (complete == NO_EVENT || !emitted(complete) || !v_covers(&world.rules, r.g, v, t))
			continue;
		at = r.step_of[complete];
		/* dropped before the walk: then it was read again, unless it had been overwritten */
		if (at < r.step_of[id] && at >= first && !is_stale(t, r.step_of[v]))
			first = at + 1;
		if (at > r.step_of[id] && at < last)
			last = at;
	}
	return step >= first && step < last;
}

static void tlb_text(unsigned cpu, unsigned step, char *text, size_t size)
{
	size_t n = 0;
	char words[64], item[96];

	text[0] = 0;
	for (unsigned i = 0; i < r.g->length[cpu]; i++) {
		uint16_t id = r.g->thread[cpu][i];
		const struct event *t = &r.g->ev[id];

		if (t->kind != EV_TRANSLATE || (t->level && !(t->flags & F_LARGE)) ||
		    !(t->flags & F_CACHEABLE) || !emitted(id) || !holds_at(id, step))
			continue;
		snprintf(item, sizeof(item), "%#llx: %s", (unsigned long long)(t->va & OCT_PAGE_MASK),
		         decode_words(t->value, 0, words, sizeof(words)));
		if (strstr(text, item))
			continue;
		n += (size_t)snprintf(text + n, size - n, "%s%s", n ? "; " : "", item);
		if (n >= size)
			return;
	}
}

/* An access that faults again and again: its thread's events from the second of the equal walks on. */
static bool again(const struct event *e)
{
	unsigned faults = 0, at;
	uint16_t top;

	if (world.violated != OC_I9 || !world.faults_again[e->thread])
		return false;
	for (at = r.g->length[e->thread]; at && faults < 2; at--)
		faults += r.g->ev[r.g->thread[e->thread][at - 1]].kind == EV_FAULT;
	top = r.g->thread[e->thread][at]; /* the last but one */
	for (top = r.g->ev[top].upper; r.g->ev[top].upper != NO_EVENT;)
		top = r.g->ev[top].upper;
	return e->index >= r.g->ev[top].index;
}

/* How the line of sleepers is kept is the machine's own: told is who wakes up to whom. */
static bool in_line(const struct event *e)
{
	uint64_t what = ev_is_read(e) || ev_is_write(e) ? world.places[e->location].key >> 60 : 0;

	return what == LINE_LOCK || what == LINE_SLEEPERS;
}

static bool worth_telling(const struct event *e)
{
	if (again(e) || in_line(e))
		return false;
	/* the read half of an RMW that stored is told by its write */
	return !rmw_stores(&world.rules, e) && !(e->flags & F_BLOCKED) &&
	       !(e->kind == EV_TLBI && e->op == TLBI_UNTOLD) &&
	       !(e->kind == EV_FAULT && world.rules.ahead[e->thread]) &&
	       !(e->kind == EV_CHOOSE && !e->pc) && /* by hardware: the walk says it */
	       !(e->kind == EV_WRITE && !e->value && kind_of(e) == OC_STEP_ROOT);
}

void report_free(struct oc_result *result)
{
	for (unsigned i = 0; i < result->nsteps; i++) {
		free((void *)(uintptr_t)result->steps[i].text);
		free((void *)(uintptr_t)result->steps[i].old_text);
		free((void *)(uintptr_t)result->steps[i].tlb);
		for (unsigned cpu = 0; cpu < OC_MAX_ACTORS; cpu++)
			free((void *)(uintptr_t)result->steps[i].tlb_of[cpu]);
	}
	free(result->steps);
	result->steps = NULL;
	result->nsteps = 0;
}

static void lanes(struct oc_result *result)
{
	static char names[2 * OC_MAX_ACTORS][48];

	result->nlanes = world.nthreads;
	for (unsigned i = 0; i < world.nthreads; i++) {
		const struct oc_actor *a = &world.scenario->actors[world.rules.cpu[i]];

		snprintf(names[i], sizeof(names[i]), "%s%u %s",
		         a->kind == OC_ACTOR_THREAD ? "thread"
		         : is_device(i)             ? "device"
		                                    : "cpu",
		         (unsigned)world.rules.cpu[i],
		         i < world.nactors        ? actor_name(i)
		         : i < world.first_walker ? "interrupt"
		                                  : "walks ahead");
		result->lanes[i] = names[i];
	}
}

/* What each CPU's TLB may hold after event number i in s; held[cpu]: after the step told before. */
static void tell_tlbs(struct oc_step *s, unsigned i, const char *held[OC_MAX_ACTORS])
{
	unsigned own = world.rules.cpu[r.g->ev[r.event_of[i]].thread];
	char tlb[512];

	s->tlb = NULL;
	for (unsigned cpu = 0; cpu < world.nactors; cpu++) {
		tlb_text(cpu, i, tlb, sizeof(tlb));
		if (cpu == own)
			s->tlb = copy(tlb);
		if (strcmp(tlb, held[cpu]))
			held[cpu] = s->tlb_of[cpu] = copy(tlb);
	}
	if (!s->tlb)
		s->tlb = copy("");
}

void report_steps(struct oc_result *result)
{
	uint16_t told[MAX_EVENTS];
	const char *held[OC_MAX_ACTORS];

	r.g = explore_graph();
	report_free(result);
	lanes(result);
	linearise();
	result->steps = calloc(r.nsteps + 1, sizeof(*result->steps));
	if (!result->steps)
		abort();
	for (unsigned cpu = 0; cpu < OC_MAX_ACTORS; cpu++)
		held[cpu] = "";
	for (unsigned i = 0; i < r.nsteps; i++) {
		struct oc_step *s = &result->steps[result->nsteps];
		const struct event *e = &r.g->ev[r.event_of[i]];

		told[i] = (uint16_t)result->nsteps;
		if (!worth_telling(e))
			continue;
		fill(i, s);
		if (s->from >= 0)
			s->from = told[s->from];
		tell_tlbs(s, i, held);
		result->nsteps++;
	}
	if (world.violated != OC_NOTHING && world.violation_thread < MAX_THREADS) {
		struct oc_step *s = &result->steps[result->nsteps++];

		s->kind = OC_STEP_FAIL;
		s->lane = world.violation_thread;
		s->pc = world.violation_pc;
		s->from = -1;
		s->text = copy(world.violation);
		s->tlb = copy("");
	}
}
