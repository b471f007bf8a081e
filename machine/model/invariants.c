/* invariants.c: what is checked by itself in every execution. SPDX-License-Identifier: MIT
 *
 * I1 no-stale-access, in two ways. Every translation and access on a page that is freed reaches the
 * free in the completion order. And, without waiting for an access: whoever may still hold a
 * translation that leads to the page must have been covered by an invalidation that completed
 * before the free. OC_UAF: software uses a freed page. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "order.h"
#include "world.h"

void violate(enum oc_what what, const void *pc, const char *format, ...)
{
	va_list args;

	if (world.violated == OC_NOTHING) {
		world.violated = what;
		world.violation_pc = pc;
		world.violation_thread = explore_self();
		va_start(args, format);
		vsnprintf(world.violation, sizeof(world.violation), format, args);
		va_end(args);
	}
	explore_stop(false);
}

static bool by_hardware(const struct event *e)
{
	return e->kind == EV_TRANSLATE || e->kind == EV_LOAD || e->kind == EV_STORE ||
	       (e->flags & F_HARDWARE);
}

/* Is the access made in the page's next life? Software: after it was freed. A walker: by way of an entry that
 * was stored after that. */
static bool in_next_life(uint16_t id, uint16_t freed)
{
	const struct graph *g = explore_graph();
	const struct event *e = &g->ev[id];
	uint16_t t = e->upper;

	if (!world.knobs.reuse)
		return false;
	if (!by_hardware(e))
		return hb_before(g, freed, id);
	for (unsigned i = e->index; i && (e->flags & F_HARDWARE) && t == NO_EVENT; i--)
		if (g->ev[g->thread[e->thread][i - 1]].kind == EV_TRANSLATE)
			t = g->thread[e->thread][i - 1]; /* of the walk that updates */
	for (; t != NO_EVENT; t = g->ev[t].upper)
		if (g->ev[t].rf < INIT_EVENT && hb_before(g, freed, g->ev[t].rf))
			return true;
	return false;
}

/* global: of a leaf of every number. */
static bool names_number(const struct event *v, unsigned asid, bool global)
{
	if (v->asid == 0xff)
		return true;
	return global ? world.rules.drops_global && v->pages : v->asid == asid;
}

/* Is v an invalidation that is complete before event when, and of what the TLB of cpu has, if it names the
 * address, the number and the level? pos: v's issuer had seen that location holds something newer. */
static bool drops(uint16_t v, uint16_t when, unsigned cpu, uint16_t location, unsigned pos)
{
	const struct graph *g = explore_graph();
	const struct machine_rules *m = &world.rules;
	const struct event *e = &g->ev[v];
	uint16_t complete = v_complete(m, g, v);

	return e->kind == EV_TLBI && complete != NO_EVENT && hb_before(g, complete, when) &&
	       reaches(m, e, is_device(cpu), cpu) && pos < v_seen(m, g, v, location);
}

/* Does v name an address that shares its upper part, from bit shift on, with va? */
static bool names(const struct event *v, uint64_t va, unsigned shift)
{
	uint64_t last = v->va + ((uint64_t)v->pages << OCT_PAGE_SHIFT) - 1;

	return !v->pages || (va >> shift >= v->va >> shift && va >> shift <= last >> shift);
}

static bool drops_walks(const struct event *v)
{
	return world.rules.tlbi_drops_walks && !(v->flags & F_DEVICE);
}

/* T took an entry of a table that is free now. Not from the table, if the way to it was dropped before that
 * and the value could be kept: a TLB has it whole. */
static bool was_kept_whole(uint16_t id, uint16_t freed)
{
	const struct graph *g = explore_graph();
	const struct event *t = &g->ev[id], *up;

	if (t->kind != EV_TRANSLATE || !(t->flags & F_CACHEABLE) || t->upper == NO_EVENT)
		return false;
	up = &g->ev[t->upper];
	for (unsigned i = 0; i < g->nv; i++) {
		const struct event *v = &g->ev[g->v[i]];
		unsigned shift = world.rules.page_shift + world.rules.table_shift * up->level;

		if (!(v->flags & F_LEAF_ONLY) && (drops_walks(v) || names(v, t->va, shift)) &&
		    names_number(v, t->asid, false) &&
		    drops(g->v[i], freed, world.rules.cpu[t->thread], up->location, co_pos(g, up->rf)))
			return true;
	}
	return false;
}

/* An access of a page that free frees: in order? */
static void check_access(uint16_t id, uint16_t freed)
{
	const struct graph *g = explore_graph();
	const struct event *e = &g->ev[id];

	if (e->kind == EV_TRANSLATE && access_of(g, e) == NO_EVENT)
		return; /* judged with its access, if that ever comes */
	if ((e->flags & F_BLOCKED) || completes_before(&world.rules, g, id, freed) ||
	    in_next_life(id, freed) || was_kept_whole(id, freed))
		return;
	if (by_hardware(e))
		violate(OC_I1, e->pc, "%s %s page %u, which is freed without waiting for it",
		        actor_name(e->thread),
		        e->kind == EV_STORE       ? "stores into"
		        : e->kind == EV_LOAD      ? "loads from"
		        : e->kind == EV_TRANSLATE ? "walks the table in"
		                                  : "sets accessed or dirty in",
		        (unsigned)g->ev[freed].va);
	else
		violate(OC_UAF, e->pc, "%s uses page %u after it was freed", actor_name(e->thread),
		        (unsigned)g->ev[freed].va);
}

/* ---- who may still hold a translation --------------------------------------------------------------- */

/* Does the entry value, in the place of p, lead to the frame? *va: at which address. */
static bool leads_to(uint64_t value, const struct entry_of *p, unsigned frame, uint64_t *va)
{
	struct entry e = decode(value, p->level);
	uint64_t span = p->level ? oct_level_bytes(p->level) : e.cont ? BLOCK_BYTES : OCT_PAGE_SIZE;

	*va = p->va;
	if (!e.present)
		return false;
	if (e.table)
		return e.phys >> OCT_PAGE_SHIFT == frame;
	for (uint64_t at = p->va & ~(span - 1); at < (p->va & ~(span - 1)) + span; at += OCT_PAGE_SIZE)
		if (decode_page(&e, p->level, p->va, at) >> OCT_PAGE_SHIFT == frame) {
			*va = at;
			return true;
		}
	return false;
}

static bool device_left(unsigned cpu, uint16_t freed)
{
	const struct graph *g = explore_graph();
	uint16_t root = place_made_up(root_key(cpu, world.cpu_at_start[cpu].asid), PLACE_ROOT,
	                              world.cpu_at_start[cpu].root);
	uint16_t first = g->loc[root].first;

	return first != NO_EVENT && hb_before(g, first, freed);
}

/* Does the CPU use user addresses, as far as event when knows? Once it said that it does not, the space's
 * root is the last that it loaded. */
static bool is_lazy(unsigned cpu, uint16_t when)
{
	const struct graph *g = explore_graph();
	const struct lazy *l = &world.lazy[cpu];
	bool lazy = false;

	for (unsigned i = 0; i < l->n && l->at[i] <= g->length[cpu]; i++) {
		if (l->at[i] && !hb_before(g, g->thread[cpu][l->at[i] - 1], when))
			break;
		lazy = !lazy;
	}
	return lazy;
}

/* Has the CPU the space's root loaded, as far as the free knows? *asid: under which number. */
static bool runs_space(unsigned cpu, oct_phys_t space, unsigned *asid, uint16_t freed)
{
	const struct graph *g = explore_graph();
	oct_phys_t root = world.cpu_at_start[cpu].root;
	uint16_t last = NO_EVENT;

	*asid = world.cpu_at_start[cpu].asid;
	if (is_device(cpu)) /* till somebody takes the root from it */
		return root == space && !device_left(cpu, freed);
	for (uint16_t i = 0; i < g->count;
	     i++) { /* its program and its interrupts take turns: all are ordered */
		const struct event *e = &g->ev[i];

		if (e->kind != EV_WRITE || !e->value || world.rules.cpu[e->thread] != cpu ||
		    world.places[e->location].kind != PLACE_ROOT || world.places[e->location].key >= 0x8000 ||
		    !hb_before(g, i, freed) || (last != NO_EVENT && !hb_before(g, last, i)))
			continue;
		last = i;
		root = e->value;
		*asid = (unsigned)(world.places[e->location].key - root_key(cpu, 0));
	}
	return root == space;
}

/* May cpu, as far as event `when` knows, still hold what the entry held at coherence position pos, and which
 * served address va? whole: of any address below it. A CPU that uses no user address may keep what it holds
 * of a page, not of a table: its walker may go ahead. */
static bool cpu_may_hold(unsigned cpu, const struct entry_of *p, uint64_t va, bool whole, unsigned pos,
                         uint16_t when)
{
	const struct graph *g = explore_graph();
	const struct machine_rules *m = &world.rules;
	unsigned shift = m->page_shift + m->table_shift * p->level, asid;
	uint16_t location = place((void *)(uintptr_t)p->key, 8), w = g->loc[location].first;
	bool kernel = p->va >> 63; /* which every CPU may walk */
	struct entry held;

	if (kernel ? is_device(cpu) : world.scenario->actors[cpu].kind == OC_ACTOR_THREAD)
		return false;
	if (!runs_space(cpu, world.glue->root(world.mm[p->mm]), &asid, when) && !kernel)
		return false;
	while (w != NO_EVENT && g->ev[w].co_pos < pos)
		w = g->ev[w].co_next;
	held = decode(graph_value_of(m, g, pos ? w : INIT_EVENT, location), p->level);
	if (!held.table && !kernel && is_lazy(cpu, when))
		return false;
	for (unsigned i = 0; i < g->nv; i++) {
		const struct event *v = &g->ev[g->v[i]];
		uint64_t last = v->va + ((uint64_t)v->pages << OCT_PAGE_SHIFT) - 1;

		if (held.table && (v->flags & F_LEAF_ONLY))
			continue;
		if (whole ? v->pages && (v->va > va || last < va + oct_level_bytes(p->level) - 1)
		          : !(held.table && drops_walks(v)) && !names(v, va, shift))
			continue;
		if (names_number(v, asid, held.global && !held.table) &&
		    drops(g->v[i], when, cpu, location, pos))
			return false;
	}
	return true;
}

static unsigned walkers(void)
{
	return world.nactors < OCT_MAX_CPUS ? world.nactors : OCT_MAX_CPUS;
}

/* Was every CPU's and device's copy invalidated, and that completed before event `when`? Returns the one that
 * may still hold it, or -1. */
int may_hold(const struct entry_of *p, uint64_t va, bool whole, unsigned pos, uint16_t when)
{
	for (unsigned cpu = 0; cpu < walkers(); cpu++)
		if (cpu_may_hold(cpu, p, va, whole, pos, when))
			return (int)cpu;
	return -1;
}

/* One entry that the race touched. */
static void check_entry(const struct entry_of *p, unsigned frame, uint16_t freed)
{
	const struct graph *g = explore_graph();
	uint16_t location = place((void *)(uintptr_t)p->key, 8), w = INIT_EVENT;
	const struct location *l = &g->loc[location];

	for (;;) {
		uint64_t value = graph_value_of(&world.rules, g, w, location), va;

		uint16_t next = w == INIT_EVENT ? l->first : g->ev[w].co_next;

		if (leads_to(value, p, frame, &va) && !entry_was_hidden(p, next)) {
			int cpu = may_hold(p, va, false, co_pos(g, w), freed);
			bool table = decode(value, p->level).table;
			bool tables = table && cpu >= 0 && is_device((unsigned)cpu);

			/* I8 is said without an access; where I1 is expected, the access shall show it */
			if (co_pos(g, w) < l->count && cpu >= 0 && !(tables && world.expects == OC_I1))
				violate(tables ? OC_I8 : OC_I1, g->ev[freed].pc,
				        "%s may still hold a translation to %s %u when it is freed",
				        actor_name((unsigned)cpu), table ? "table page" : "page", frame);
		}
		w = next;
		if (w == NO_EVENT)
			return;
	}
}

static void check_free(uint16_t freed)
{
	const struct graph *g = explore_graph();
	unsigned frame = (unsigned)g->ev[freed].va;

	for (unsigned i = 0; i < g->count; i++) {
		const struct event *e = &g->ev[i];

		if ((ev_is_read(e) || ev_is_write(e)) && world.places[e->location].frame == frame)
			check_access((uint16_t)i, freed);
	}
	race_freed(frame, g->ev[freed].pc);
	for (const struct entry_of *p = entry_next(NULL); p; p = entry_next(p))
		if (place_known((void *)(uintptr_t)p->key, 8))
			check_entry(p, frame, freed);
}

static void check_against_frees(uint16_t id)
{
	const struct graph *g = explore_graph();
	unsigned frame = world.places[g->ev[id].location].frame;

	for (unsigned i = 0; i < g->nfree; i++)
		if (frame && frame == g->ev[g->freed[i]].va)
			check_access(id, g->freed[i]);
}

/* OCT_LAZY: of the CPU of the running thread. */
void oc_lazy(bool lazy)
{
	struct lazy *l = &world.lazy[this_cpu()];

	if (!in_race() || explore_self() != this_cpu() || lazy == (l->n % 2 == 1))
		return;
	if (l->n == MAX_LAZY)
		explore_fail("a CPU goes idle too often");
	l->at[l->n++] = (uint16_t)explore_done(explore_self());
}

/* A user store whose translation is overwritten in this execution: it may have been stale. */
void cover_stale_stores(void)
{
	const struct graph *g = explore_graph();

	for (unsigned i = 0; i < g->count; i++) {
		const struct event *e = &g->ev[i], *t;

		if (e->kind != EV_STORE || (e->flags & F_BLOCKED) || e->upper == NO_EVENT)
			continue;
		t = &g->ev[e->upper];
		if (t->rf != NO_EVENT && co_pos(g, t->rf) < g->loc[t->location].count)
			cover_reached("store-through-stale-entry");
	}
}

/* ---- I8: what a completed ticket promises of devices ------------------------------------------------- */

static bool takes_away(const struct entry *before, const struct entry *now)
{
	if (!before->present)
		return false;
	if (!now->present || before->table != now->table || before->phys != now->phys)
		return true;
	return !before->table && ((before->writable && !now->writable) || (before->dirty && !now->dirty));
}

/* The changes of one entry that are H-before the draw of a generation: is each device told, by the time that
 * it is complete? */
static void check_told(const struct entry_of *p, uint16_t draw, uint16_t complete)
{
	const struct graph *g = explore_graph();
	uint16_t location = place((void *)(uintptr_t)p->key, 8);

	for (uint16_t w = g->loc[location].first; w != NO_EVENT; w = g->ev[w].co_next) {
		uint16_t was = co_before(g, w);
		struct entry before = decode(graph_value_of(&world.rules, g, was, location), p->level);
		struct entry now = decode(g->ev[w].value, p->level);

		if (!hb_before(g, w, draw) || !takes_away(&before, &now) || entry_was_hidden(p, w))
			continue;
		for (unsigned cpu = 0; cpu < walkers(); cpu++)
			if (is_device(cpu) && cpu_may_hold(cpu, p, p->va, false, co_pos(g, was), complete))
				violate(OC_I8, g->ev[complete].pc,
				        "%s was not told that the entry of %#llx changed when that counts as "
				        "complete",
				        actor_name(cpu), (unsigned long long)p->va);
	}
}

/* A store that says up to which generation a space's changes are complete. The newest draw that it names has
 * all earlier ones H-before it. */
static void check_completed(uint16_t id)
{
	const struct graph *g = explore_graph();
	uint64_t key = world.places[g->ev[id].location].key;
	uint16_t draw = NO_EVENT;
	unsigned mm = 0;

	while (mm < world.nmm && key != (uintptr_t)world.glue->completed_word(world.mm[mm]))
		mm++;
	if (mm == world.nmm || (world.expects != OC_NOTHING && world.expects != OC_I8))
		return;
	for (uint16_t w = g->loc[place(world.glue->generation_word(world.mm[mm]), 8)].first; w != NO_EVENT;
	     w = g->ev[w].co_next)
		if (g->ev[w].value <= g->ev[id].value)
			draw = w;
	for (const struct entry_of *p = draw == NO_EVENT ? NULL : entry_next(NULL); p; p = entry_next(p))
		if (p->mm == mm && place_known((void *)(uintptr_t)p->key, 8))
			check_told(p, draw, id);
}

/* ---- I7: who relies on an entry ------------------------------------------------------------------ */

/* May a TLB that holds `before` do what `now` forbids? */
static bool grants_more(uint64_t before, uint64_t now)
{
	struct entry b = decode(before, 0), n = decode(now, 0);

	return b.present && (!n.present || b.phys != n.phys || (b.writable && !n.writable));
}

/* The core says that under its lock the entry is what every TLB has. A variant of which another
 * violation is expected is left to show that one: who forgets to account for a flush breaks I7 first. */
void oc_relied(const uint64_t *entry, uintptr_t va)
{
	const struct graph *g = explore_graph();
	const struct entry_of *p = entry_at((uintptr_t)entry);
	unsigned self = explore_self();
	uint16_t location, when = NO_EVENT, w;
	uint64_t now;

	if (!in_race() || world.ignores_i7 || !p || p->level || !place_known(entry, 8))
		return;
	for (unsigned i = explore_done(self); i && when == NO_EVENT; i--)
		if (g->ev[g->thread[self][i - 1]].kind != EV_TRANSLATE)
			when = g->thread[self][i - 1];
	location = place(entry, 8);
	w = g->loc[location].last;
	while (w != NO_EVENT && !hb_before(g, w, when))
		w = g->ev[w].co_prev; /* what the caller knows */
	if (w == NO_EVENT || when == NO_EVENT)
		return;
	now = g->ev[w].value;
	do {
		uint16_t before = co_before(g, w);
		int cpu = -1;

		if (grants_more(graph_value_of(&world.rules, g, before, location), now) &&
		    !entry_was_hidden(p, w))
			cpu = may_hold(p, p->va, false, co_pos(g, before), when);
		if (cpu >= 0)
			violate(OC_I7, __builtin_return_address(0),
			        "the entry of %#llx is relied on, but %s may still hold an older value with "
			        "more rights",
			        (unsigned long long)va, actor_name((unsigned)cpu));
		w = before;
	} while (w != INIT_EVENT);
}

/* ---- All --------------------------------------------------------------------------------------------- */

void invariant_added(uint16_t id)
{
	const struct graph *g = explore_graph();
	const struct event *e = &g->ev[id];

	if ((e->kind == EV_WRITE || e->kind == EV_RMW_WRITE))
		check_entry_stored(id);
	if (world.litmus)
		return;
	if ((e->kind == EV_WRITE || e->kind == EV_RMW_WRITE) && world.devices)
		check_completed(id);
	if (e->kind == EV_FREE) {
		check_free(id);
		return;
	}
	if (!g->nfree || e->kind == EV_TRANSLATE)
		return; /* a T is judged with the access made with it: that is what completions wait for */
	if (ev_is_read(e) || ev_is_write(e))
		check_against_frees(id);
	if (e->kind == EV_LOAD || e->kind == EV_STORE || e->kind == EV_FAULT)
		for (uint16_t t = e->upper; t != NO_EVENT; t = g->ev[t].upper)
			check_against_frees(t);
}
