/* explorer.c: the programs of the comparison, run on the model machine's explorer.
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../machine/model/explore.h"
#include "explorer_hook.h"

static struct {
	const struct program *program;
	struct machine_rules rules;
	uint64_t results[PROGRAM_THREADS][PROGRAM_LENGTH];
	unsigned nresults[PROGRAM_THREADS];
	void (*outcome)(void *arg, const uint64_t *values, unsigned n);
	void *arg;
	struct brute_count *count;
} run;

static bool cacheable(uint64_t value, unsigned level, unsigned cpu)
{
	bool invalid = run.program->arch == PROGRAM_RISCV64 && !run.program->device[cpu];

	return (invalid && level < run.rules.levels) || (value & ENTRY_PRESENT);
}

static uint64_t walker_update(uint64_t found, uint64_t walked, unsigned how)
{
	uint64_t want = ENTRY_PRESENT | ENTRY_WRITABLE;

	if (!(how & WALKER_STORE) || (found & want) != want || ENTRY_NUMBER(found) != ENTRY_NUMBER(walked))
		return found;
	return found | ENTRY_DIRTY;
}

static struct event make(enum event_kind kind, unsigned location, int order)
{
	struct event e;

	memset(&e, 0, sizeof(e));
	e.kind = (uint8_t)kind;
	e.location = (uint16_t)location;
	e.order = (uint8_t)order;
	e.size = 8;
	e.upper = NO_EVENT;
	e.rf = NO_EVENT;
	return e;
}

static uint64_t value_of(uint16_t id)
{
	return explore_graph()->ev[id].value;
}

/* Write part of an RMW whose read part stands in the graph. */
static void rmw_write(uint16_t ur, uint64_t value)
{
	struct event w = explore_graph()->ev[ur];

	if (!rmw_stores(&run.rules, &w))
		return;
	w.kind = EV_RMW_WRITE;
	w.value = value;
	w.flags &= (uint8_t) ~(F_AWAIT | F_CAS);
	explore_event(&w);
}

static uint64_t rmw(const struct instruction *i)
{
	struct event e = make(EV_RMW_READ, i->where, i->order);
	uint16_t id;
	uint64_t old;

	e.op = i->op == OP_FETCH_ADD ? RMW_ADD : i->op == OP_XCHG ? RMW_XCHG : RMW_CAS;
	e.operand = i->value;
	if (i->op == OP_CAS) {
		e.flags |= F_CAS;
		e.operand2 = i->expected;
	}
	id = explore_event(&e);
	old = value_of(id);
	rmw_write(id, i->op == OP_FETCH_ADD ? old + i->value : i->value);
	return old;
}

static uint64_t address(unsigned page)
{
	const struct program *p = run.program;

	return (uint64_t)((p->levels == 2 ? page % p->uppers * 8 : 0) + page) << 12;
}

static uint16_t translate(unsigned location, unsigned page, unsigned level, uint16_t upper, unsigned asid)
{
	struct event e = make(EV_TRANSLATE, location, __ATOMIC_RELAXED);

	e.va = address(page);
	e.level = (uint8_t)level;
	e.asid = (uint8_t)asid;
	e.upper = upper;
	if (!level)
		e.flags |= F_LAST_T;
	return explore_event(&e);
}

static uint64_t fault(unsigned page, uint16_t upper, unsigned asid)
{
	struct event e = make(EV_FAULT, 0, __ATOMIC_RELAXED);

	e.va = address(page);
	e.asid = (uint8_t)asid;
	e.upper = upper;
	explore_event(&e);
	return BRUTE_FAULT;
}

/* Does the walker's update of the leaf let the store go on? */
static bool update_dirty(unsigned leaf, uint64_t walked, uint64_t *found)
{
	struct event e = make(EV_RMW_READ, leaf, __ATOMIC_RELAXED);
	uint64_t want = ENTRY_PRESENT | ENTRY_WRITABLE;
	uint16_t id;

	e.op = RMW_WALKER;
	e.operand = walked;
	e.operand2 = 1;
	e.flags |= F_HARDWARE;
	id = explore_event(&e);
	*found = value_of(id);
	rmw_write(id, walker_update(*found, walked, WALKER_STORE));
	return (*found & want) == want && ENTRY_NUMBER(*found) == ENTRY_NUMBER(walked);
}

static uint64_t access_page(const struct instruction *i, unsigned thread, unsigned at)
{
	const struct program *p = run.program;
	bool store = i->op == OP_USER_STORE;
	unsigned page = i->where, leaf, asid = program_asid(p, thread, at);
	struct event e;

	for (;;) {
		uint16_t upper = NO_EVENT, t;
		uint64_t value, found;
		unsigned table = 0;

		if (p->levels == 2) {
			/* a root register is above the tables */
			upper = translate(program_upper(p, thread, at, page), page,
			                  p->roots ? run.rules.levels : 1, NO_EVENT, asid);
			if (!(value_of(upper) & ENTRY_PRESENT))
				return fault(page, upper, asid);
			table = ENTRY_NUMBER(value_of(upper));
		}
		leaf = AT_LEAF_OF(table, page);
		t = translate(leaf, page, 0, upper, asid);
		value = value_of(t);
		if (!(value & ENTRY_PRESENT) || (store && !(value & ENTRY_WRITABLE)) ||
		    (store && !(value & ENTRY_DIRTY) && (!p->hw_dirty || p->no_ad[thread])))
			return fault(page, t, asid);
		if (store && !(value & ENTRY_DIRTY) && !update_dirty(leaf, value, &found)) {
			if (p->arch == PROGRAM_X86_64)
				return fault(page, t, asid);
			continue;
		}
		e = make(store ? EV_STORE : EV_LOAD, AT_FRAME + ENTRY_NUMBER(value), __ATOMIC_RELAXED);
		e.value = i->value;
		e.va = address(page);
		e.upper = t;
		t = explore_event(&e);
		return store ? 0 : value_of(t);
	}
}

static void simple(enum event_kind kind, int order)
{
	struct event e = make(kind, 0, order);

	explore_event(&e);
}

static void invalidate(const struct instruction *i)
{
	struct event e = make(EV_TLBI, 0, __ATOMIC_RELAXED);

	e.pages = i->where == TLBI_ALL ? 0 : 1;
	e.va = i->where == TLBI_ALL ? 0 : address(i->where);
	e.asid = (uint8_t)(i->asid || !run.program->roots ? i->asid : 0xff);
	if (i->broadcast && run.program->arch != PROGRAM_X86_64)
		e.flags |= F_BROADCAST;
	if (i->device)
		e.flags |= F_DEVICE;
	if (i->leaf_only && run.program->arch != PROGRAM_X86_64)
		e.flags |= F_LEAF_ONLY;
	explore_event(&e);
}

static void write_root(unsigned cpu, unsigned asid, uint64_t value)
{
	struct event e = make(EV_WRITE, AT_ROOT_OF(cpu, asid), __ATOMIC_RELAXED);

	e.value = value;
	explore_event(&e);
}

/* As load_root() of the model machine. */
static void load_root(const struct instruction *i, unsigned thread, unsigned at)
{
	const struct program *p = run.program;
	unsigned before = program_asid(p, thread, at);
	struct event v = make(EV_TLBI, 0, __ATOMIC_RELAXED);

	simple(EV_DSB, __ATOMIC_SEQ_CST);
	if (before != i->where)
		write_root(p->cpu[thread], before, 0);
	write_root(p->cpu[thread], i->where, i->value);
	v.asid = (uint8_t)i->where;
	if (!i->keep || program_first_load(p, thread, at))
		explore_event(&v);
	if (!i->keep && !run.rules.instant_tlbi)
		simple(EV_DSB, __ATOMIC_SEQ_CST);
	simple(EV_DSB, __ATOMIC_SEQ_CST);
	simple(EV_ISB, __ATOMIC_RELAXED);
}

static void await(const struct instruction *i)
{
	struct event e = make(EV_READ, i->where, i->order);

	explore_await_begin();
	if (value_of(explore_event(&e)) != i->value)
		explore_await_failed();
	explore_await_end();
}

static void await_either(const struct instruction *i)
{
	struct event a = make(EV_READ, i->where, i->order), b = make(EV_READ, i->other, i->order);

	explore_await_begin();
	if (value_of(explore_event(&a)) != i->value && value_of(explore_event(&b)) != 1)
		explore_await_failed();
	explore_await_end();
}

static void lock(const struct instruction *i)
{
	struct event e = make(EV_RMW_READ, i->where, __ATOMIC_ACQUIRE);
	uint16_t id;

	e.op = RMW_CAS;
	e.operand = 1;
	e.flags |= F_CAS;
	explore_await_begin();
	id = explore_event(&e);
	if (value_of(id))
		explore_await_failed();
	rmw_write(id, 1);
	explore_await_end();
}

static void run_thread(void *arg, unsigned thread)
{
	const struct program *p = run.program;

	(void)arg;
	run.nresults[thread] = 0;
	for (unsigned k = 0; k < p->length[thread]; k++) {
		const struct instruction *i = &p->code[thread][k];
		uint64_t *result = &run.results[thread][run.nresults[thread]];
		struct event e;

		switch (i->op) {
		case OP_LOAD:
			e = make(EV_READ, i->where, i->order);
			*result = value_of(explore_event(&e));
			run.nresults[thread]++;
			break;
		case OP_STORE:
			e = make(EV_WRITE, i->where, i->order);
			e.value = i->value;
			explore_event(&e);
			break;
		case OP_FETCH_ADD:
		case OP_XCHG:
		case OP_CAS:
			*result = rmw(i);
			run.nresults[thread]++;
			break;
		case OP_FENCE:
			simple(EV_FENCE, i->order);
			break;
		case OP_DMB:
			simple(EV_FENCE, __ATOMIC_SEQ_CST);
			break;
		case OP_DSB:
			simple(EV_DSB, __ATOMIC_SEQ_CST);
			break;
		case OP_ISB:
			simple(EV_ISB, __ATOMIC_RELAXED);
			break;
		case OP_TLBI:
			invalidate(i);
			break;
		case OP_USER_LOAD:
		case OP_USER_STORE:
			*result = access_page(i, thread, k);
			run.nresults[thread]++;
			break;
		case OP_AWAIT:
			await(i);
			break;
		case OP_AWAIT_EITHER:
			await_either(i);
			break;
		case OP_LOCK:
			lock(i);
			break;
		case OP_LOAD_ROOT:
			load_root(i, thread, k);
			break;
		}
	}
}

static void restore(void *arg)
{
	(void)arg;
}

static bool ended(void *arg, enum explore_end end)
{
	uint64_t values[PROGRAM_VALUES];
	unsigned n = 0;

	(void)arg;
	if (end != END_COMPLETE)
		return true;
	for (unsigned t = 0; t < run.program->threads; t++)
		for (unsigned k = 0; k < run.nresults[t]; k++)
			values[n++] = run.results[t][k];
	for (unsigned l = 0; l < PROGRAM_LOCATIONS; l++)
		values[n++] = graph_value_of(&run.rules, explore_graph(),
		                             co_newest(explore_graph(), (uint16_t)l), (uint16_t)l);
	run.outcome(run.arg, values, n);
	return true;
}

bool explorer_available(void)
{
	return true;
}

void explorer_run(const struct program *program, int textbook, struct brute_count *count,
                  void (*outcome)(void *arg, const uint64_t *values, unsigned n), void *arg)
{
	struct explore_client client = {
	    .rules = &run.rules, .restore = restore, .run = run_thread, .ended = ended};
	struct explore_options options = {.bound = -1, .hash_graphs = true};
	struct explore_stats stats;

	memset(&run.rules, 0, sizeof(run.rules));
	run.program = program;
	run.rules.nthreads = program->threads;
	for (unsigned t = 0; t < program->threads; t++)
		run.rules.cpu[t] = (uint8_t)program->cpu[t];
	for (unsigned t = 0; t < program->threads; t++)
		run.rules.device[t] = program->device[t];
	run.rules.device_snoops = program->snoops;
	rules_for(&run.rules,
	          program->arch == PROGRAM_X86_64    ? RULES_X86_64
	          : program->arch == PROGRAM_RISCV64 ? RULES_RISCV64
	                                             : RULES_ARM64,
	          program->ets2);
	run.rules.textbook = textbook != 0;
	run.rules.levels = 2;
	run.rules.table_shift = 3;
	run.rules.page_shift = 12;
	run.rules.cacheable = cacheable;
	run.rules.walker_update = walker_update;
	for (unsigned l = 0; l < PROGRAM_LOCATIONS; l++)
		run.rules.init[l] = program->initial[l];
	run.outcome = outcome;
	run.arg = arg;
	run.count = count;
	explore(&client, &options, &stats);
	if (stats.error) {
		fprintf(stderr, "explorer: %s\n", stats.error);
		abort();
	}
	count->executions = stats.executions;
	count->blocked = stats.blocked;
	count->twice = stats.twice;
}
