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

/* An access of a page that free frees: in order? */
static void check_access(uint16_t id, uint16_t freed)
{
	const struct graph *g = explore_graph();
	const struct event *e = &g->ev[id];

	if (e->kind == EV_TRANSLATE && access_of(g, e) == NO_EVENT)
		return; /* judged with its access, if that ever comes */
	if ((e->flags & F_BLOCKED) || completes_before(&world.rules, g, id, freed) || in_next_life(id, freed))
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

/* Has the CPU the space's root loaded, as far as the free knows? */
static bool runs_space(unsigned cpu, unsigned asid, uint16_t freed)
{
	const struct graph *g = explore_graph();
	unsigned now = world.cpu_at_start[cpu].asid;
	bool ever = now == asid && world.cpu_at_start[cpu].root;

	if (is_device(cpu)) /* till somebody takes the root from it */
		return ever && !device_left(cpu, freed);

	for (unsigned i = 0; i < g->length[cpu]; i++) {
		const struct event *e = &g->ev[g->thread[cpu][i]];

		if (e->kind != EV_WRITE || !e->value || world.places[e->location].kind != PLACE_ROOT ||
		    world.places[e->location].key >= 0x8000)
			continue;
		if (!hb_before(g, g->thread[cpu][i], freed))
			break;
		now = (unsigned)(world.places[e->location].key - root_key(cpu, 0));
		ever |= now == asid;
	}
	return ever && now == asid;
}

/* Was every CPU's copy of what the entry held at coherence position pos, and which served address va,
 * invalidated, and that completed before event `when`? whole: of every address below it. Returns the CPU
 * that may still hold it, or -1. */
int may_hold(const struct entry_of *p, uint64_t va, bool whole, unsigned pos, uint16_t when)
{
	const struct graph *g = explore_graph();
	const struct machine_rules *m = &world.rules;
	unsigned shift = m->page_shift + m->table_shift * p->level, asid = world.glue->asid(world.mm[p->mm]);
	uint16_t location = place((void *)(uintptr_t)p->key, 8), w = g->loc[location].first;
	struct entry held;

	while (w != NO_EVENT && g->ev[w].co_pos < pos)
		w = g->ev[w].co_next;
	held = decode(graph_value_of(m, g, pos ? w : INIT_EVENT, location), p->level);
	for (unsigned cpu = 0; cpu < world.nactors && cpu < OCT_MAX_CPUS; cpu++) {
		bool covered = false;

		if (world.scenario->actors[cpu].kind == OC_ACTOR_THREAD || !runs_space(cpu, asid, when) ||
		    (is_device(cpu) && p->mm))
			continue;
		for (unsigned i = 0; i < g->nv && !covered; i++) {
			uint16_t v = g->v[i], complete = v_complete(m, g, v);
			const struct event *e = &g->ev[v];
			uint64_t last = e->va + ((uint64_t)e->pages << 12) - 1;
			bool drops_walks = held.table && m->tlbi_drops_walks && !(e->flags & F_DEVICE);

			if (complete == NO_EVENT || !hb_before(g, complete, when))
				continue;
			if (!reaches(m, e, is_device(cpu), cpu))
				continue;
			if ((e->asid != asid && e->asid != 0xff) || e->kind != EV_TLBI)
				continue;
			if (held.table && (e->flags & F_LEAF_ONLY))
				continue;
			if (e->pages && whole && (e->va > va || last < va + oct_level_bytes(p->level) - 1))
				continue;
			if (e->pages && !whole && !drops_walks &&
			    (va >> shift < e->va >> shift || va >> shift > last >> shift))
				continue;
			covered = pos < v_seen(m, g, v, location);
		}
		if (!covered)
			return (int)cpu;
	}
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

void invariant_added(uint16_t id)
{
	const struct graph *g = explore_graph();
	const struct event *e = &g->ev[id];

	if ((e->kind == EV_WRITE || e->kind == EV_RMW_WRITE))
		check_entry_stored(id);
	if (world.litmus)
		return;
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
