/* invariants.c: what is checked by itself in every execution. SPDX-License-Identifier: MIT
 *
 * I1 no-stale-access, in two ways. Every translation and access on a page that is freed reaches the
 * free in the completion order. And, without waiting for an access: whoever may still hold a
 * translation that leads to the page must have been covered by an invalidation that completed
 * before the free. OC_UAF: software uses a freed page. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
	return e->kind == EV_TRANSLATE || e->kind == EV_LOAD || e->kind == EV_STORE || (e->flags & F_HARDWARE);
}

static const char *lane_name(unsigned thread)
{
	return world.scenario->actors[thread % world.nactors].name;
}

/* An access of a page that free frees: in order? */
static void check_access(uint16_t id, uint16_t freed)
{
	const struct graph *g = explore_graph();
	const struct event *e = &g->ev[id];

	if ((e->flags & F_BLOCKED) || completes_before(&world.rules, g, id, freed))
		return;
	if (by_hardware(e))
		violate(OC_I1, e->pc, "%s %s page %u, which is freed without waiting for it", lane_name(e->thread),
			e->kind == EV_STORE	  ? "stores into"
			: e->kind == EV_LOAD	  ? "loads from"
			: e->kind == EV_TRANSLATE ? "walks the table in"
						  : "sets accessed or dirty in",
			(unsigned)g->ev[freed].va);
	else
		violate(OC_UAF, e->pc, "%s uses page %u after it was freed", lane_name(e->thread),
			(unsigned)g->ev[freed].va);
}

/* ---- who may still hold a translation --------------------------------------------------------------- */

/* Does the entry value lead to the frame? */
static bool leads_to(uint64_t value, unsigned level, unsigned frame)
{
	struct entry e = decode(value, level);

	return e.present && e.phys >> OCT_PAGE_SHIFT == frame && e.table == (level > 0);
}

struct entry_place {
	uint16_t location;
	unsigned level, asid;
	uint64_t va;
};

/* Has the CPU the space's root loaded, as far as the free knows? */
static bool runs_space(unsigned cpu, unsigned asid, uint16_t freed)
{
	const struct graph *g = explore_graph();
	unsigned now = world.cpu_at_start[cpu].asid;
	bool ever = now == asid && world.cpu_at_start[cpu].root;

	for (unsigned i = 0; i < g->length[cpu]; i++) {
		const struct event *e = &g->ev[g->thread[cpu][i]];

		if (e->kind != EV_WRITE || world.places[e->location].kind != PLACE_ROOT ||
		    world.places[e->location].key >= 0x8000)
			continue;
		if (!hb_before(g, g->thread[cpu][i], freed))
			break;
		now = (unsigned)(world.places[e->location].key - root_key(cpu, 0));
		ever |= now == asid;
	}
	return ever && now == asid;
}

/* Was every CPU's copy of what the entry held before coherence position pos invalidated, and that
 * completed before the free? Returns the CPU that may still hold it, or -1. */
static int may_hold(const struct entry_place *p, unsigned pos, uint16_t freed)
{
	const struct graph *g = explore_graph();
	const struct machine_rules *m = &world.rules;
	unsigned shift = m->page_shift + m->table_shift * p->level;

	for (unsigned cpu = 0; cpu < world.nactors && cpu < OCT_MAX_CPUS; cpu++) {
		bool covered = false;

		if (world.scenario->actors[cpu].kind == OC_ACTOR_THREAD || !runs_space(cpu, p->asid, freed))
			continue;
		for (unsigned i = 0; i < g->nv && !covered; i++) {
			uint16_t v = g->v[i], complete = v_complete(m, g, v);
			const struct event *e = &g->ev[v];
			uint64_t first = e->va >> shift, last = (e->va + ((uint64_t)e->pages << 12) - 1) >> shift;

			if (complete == NO_EVENT || !hb_before(g, complete, freed))
				continue;
			if (!(e->flags & F_BROADCAST) && m->cpu[e->thread] != cpu)
				continue;
			if ((e->asid != p->asid && e->asid != 0xff) || e->kind != EV_TLBI)
				continue;
			if (p->level && (e->flags & F_LEAF_ONLY))
				continue;
			if (e->pages && !(p->level && m->x86) &&
			    (p->va >> shift < first || p->va >> shift > last))
				continue;
			covered = pos < v_seen(m, g, v, p->location);
		}
		if (!covered)
			return (int)cpu;
	}
	return -1;
}

/* One entry of the tables as they were at the start. */
static void check_entry(const struct entry_place *p, unsigned frame, uint16_t freed)
{
	const struct graph *g = explore_graph();
	const struct location *l = &g->loc[p->location];
	uint16_t w = INIT_EVENT;

	if (p->location >= g->nloc)
		return;
	for (;;) {
		uint64_t value = graph_value_of(&world.rules, g, w, p->location);

		if (leads_to(value, p->level, frame)) {
			int cpu = may_hold(p, co_pos(g, w), freed);

			if (co_pos(g, w) < l->count && cpu >= 0)
				violate(OC_I1, g->ev[freed].pc,
					"%s may still hold a translation to page %u when it is freed",
					lane_name((unsigned)cpu), frame);
		}
		w = w == INIT_EVENT ? l->first : g->ev[w].co_next;
		if (w == NO_EVENT)
			return;
	}
}

/* Every entry that the race touched, found by walking the tables of the start. */
static void check_entries(oct_phys_t table, unsigned level, uint64_t va, unsigned asid, unsigned frame,
			  uint16_t freed)
{
	for (unsigned i = 0; i < OCT_TABLE_ENTRIES; i++) {
		uint64_t *entry = (uint64_t *)oct_port_phys_to_virt(table) + i;
		uint64_t at = va + ((uint64_t)i << (OCT_PAGE_SHIFT + OCT_TABLE_SHIFT * level));
		struct entry e = decode(*entry, level);

		if (place_known(entry, 8)) {
			struct entry_place p = {place(entry, 8), level, asid, at};

			check_entry(&p, frame, freed);
		}
		if (level && e.present && e.table)
			check_entries(e.phys, level - 1, at, asid, frame, freed);
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
	for (unsigned i = 0; i < world.nmm; i++)
		check_entries(world.glue->root(world.mm[i]), OCT_LEVELS - 1, 0, world.glue->asid(world.mm[i]), frame,
			      freed);
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
