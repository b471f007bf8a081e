/* mcs.h: the queue lock of Mellor-Crummey and Scott (1991). SPDX-License-Identifier: MIT
 *
 * Each waiter spins on a word of its own node. The counter is plain memory: a lock that lets two in, or
 * that does not hand over what was done inside, is a data race. */
#ifndef SCENARIO_CLASSIC_MCS_H
#define SCENARIO_CLASSIC_MCS_H

#include "../checks/parts.h"

struct node {
	struct node *next;
	uint32_t waits;
};

static struct node nodes[3], *tail;
static uint32_t counter;

static void enter(struct node *me, int handed_over)
{
	struct node *before;

	oct_store(&me->next, NULL, OCT_RLX);
	oct_store(&me->waits, 1, OCT_RLX);
	/* Acquire: pairs with the compare-and-swap of leave(). Release: the node is ready. */
	before = oct_xchg(&tail, me, OCT_ACQ_REL);
	if (!before)
		return;
	oct_store(&before->next, me, OCT_REL); /* pairs with the loads of next in leave() */
	if (handed_over == OCT_ACQ)            /* pairs with the store of waits in leave() */
		oct_await(oct_load(&me->waits, OCT_ACQ) == 0);
	else
		oct_await(oct_load(&me->waits, OCT_RLX) == 0);
	oc_cover("handed-over");
}

static void leave(struct node *me, bool ordered)
{
	struct node *next = oct_load(&me->next, OCT_ACQ), *found = me;

	if (!next) {
		if (oct_cas(&tail, &found, NULL, OCT_REL)) /* pairs with the exchange of enter() */
			return;
		oct_await((next = oct_load(&me->next, OCT_ACQ)) != NULL);
		oc_cover("waited-for-the-next");
	}
	if (ordered)
		oct_store(&next->waits, 0, OCT_REL); /* pairs with the awaits of enter() */
	else
		oct_store(&next->waits, 0, OCT_RLX);
}

static void once(int handed_over, bool ordered)
{
	struct node *me = &nodes[oct_port_cpu_self()];

	enter(me, handed_over);
	counter++;
	leave(me, ordered);
}

static void right(void)
{
	once(OCT_ACQ, true);
}

#endif
