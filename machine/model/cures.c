/* cures.c: which single flush or barrier, if added, makes a violation unreachable.
 * SPDX-License-Identifier: MIT
 *
 * No theory: each candidate is added, one at a time, after the accesses of one place in the program
 * that the schedule shows, and the search is done again. Flushes first, of everything, on every
 * CPU, complete; then full barriers. */
#include <string.h>

#include "world.h"

enum { MAX_TRIALS = 48 };

static void flush_everything(const void *pc)
{
	struct request r = {.tlbi = true, .asid = 0xff};

	if (!world.x86) {
		do_dsb(pc);
		do_tlbi(0xff, 0, 0, true, false, pc);
		do_dsb(pc);
		return;
	}
	for (unsigned cpu = 0; cpu < world.nactors; cpu++)
		if (cpu != this_cpu() && world.scenario->actors[cpu].kind == OC_ACTOR_CPU)
			request_interrupt(cpu, &r, true, pc);
	do_tlbi(0xff, 0, 0, false, false, pc);
}

void cure_after(const void *pc)
{
	struct cure *c = &world.cure;

	if (!c->active || c->applying || c->pc != pc || explore_self() != c->thread ||
	    world.cpu[this_cpu()].irq_depth)
		return;
	c->applying = true;
	if (c->kind == OC_CURE_FLUSH)
		flush_everything(NULL);
	else
		do_dsb(NULL);
	c->applying = false;
}

static bool is_candidate(const struct oc_step *s, enum oc_cure_kind kind)
{
	if (!s->pc || s->lane >= world.nactors)
		return false;
	if (s->kind == OC_STEP_WRITE || s->kind == OC_STEP_RMW)
		return true;
	return s->kind == OC_STEP_READ && kind == OC_CURE_BARRIER;
}

static bool tried(const struct oc_result *result, unsigned step, enum oc_cure_kind kind)
{
	for (unsigned i = 0; i < step; i++)
		if (is_candidate(&result->steps[i], kind) && result->steps[i].pc == result->steps[step].pc &&
		    result->steps[i].lane == result->steps[step].lane)
			return true;
	return false;
}

void find_cures(struct oc_result *result, bool (*explore_one)(uint64_t *executions, bool *exhausted))
{
	unsigned trials = 0;

	for (unsigned kind = OC_CURE_FLUSH; kind <= OC_CURE_BARRIER; kind++)
		for (unsigned i = 0; i < result->nsteps; i++) {
			const struct oc_step *s = &result->steps[i];
			struct oc_cure *cure = &result->cures[result->ncures];

			if (!is_candidate(s, (enum oc_cure_kind)kind) ||
			    tried(result, i, (enum oc_cure_kind)kind))
				continue;
			if (trials++ == MAX_TRIALS || result->ncures == OC_MAX_CURES)
				break;
			world.cure = (struct cure){true, false, (enum oc_cure_kind)kind, s->lane, s->pc};
			*cure = (struct oc_cure){(enum oc_cure_kind)kind, s->lane, s->pc, 0, false};
			if (explore_one(&cure->executions, &cure->exhausted))
				result->ncures++;
		}
	memset(&world.cure, 0, sizeof(world.cure));
}
