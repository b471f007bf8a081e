/* classic/ms-queue: the queue of Michael and Scott (1996), nothing reused. SPDX-License-Identifier: MIT
 *
 * One thread enqueues two values, another dequeues once, or finds the queue empty. The tail may lag one
 * node behind; who meets that helps it on. What a node holds is plain memory.
 *
 * Executions, by what the dequeuer finds: nothing (1); the tail at either new node (2); the tail at the dummy
 * and a next node, and then its help succeeds (1) or fails, finding either new node (2): 6. */
#include "../checks/parts.h"

struct node {
	struct node *next;
	uint32_t value;
};

static struct node nodes[3];
static struct node *head = &nodes[0], *tail = &nodes[0]; /* the first node is a dummy */

static void enqueue(struct node *node, uint32_t value, bool release)
{
	struct node *last, *next, *none;

	node->value = value;
	for (;;) {
		last = oct_load(&tail, OCT_ACQ);
		next = oct_load(&last->next, OCT_ACQ);
		if (next) {
			oct_cas(&tail, &last, next, OCT_REL); /* help */
			continue;
		}
		none = NULL;
		/* release: pairs with the load of next in dequeue() */
		if (release ? oct_cas(&last->next, &none, node, OCT_REL)
		            : oct_cas(&last->next, &none, node, OCT_RLX))
			break;
	}
	oct_cas(&tail, &last, node, OCT_REL); /* pairs with the loads of tail */
}

/* 0: empty */
static uint32_t dequeue(void)
{
	for (;;) {
		struct node *first = oct_load(&head, OCT_ACQ), *last = oct_load(&tail, OCT_ACQ);
		struct node *next = oct_load(&first->next, OCT_ACQ);

		if (!next)
			return 0;
		if (first == last) {
			oct_cas(&tail, &last, next, OCT_REL); /* help */
			oc_cover("helped");
		}
		if (oct_cas(&head, &first, next, OCT_ACQ_REL))
			return next->value;
	}
}

static void run(bool release)
{
	uint32_t value;

	if (oct_port_cpu_self() == 0) {
		enqueue(&nodes[1], 1, release);
		enqueue(&nodes[2], 2, release);
		return;
	}
	value = dequeue();
	OC_ASSERT(OC_ASSERTION, value <= 1);
	oc_cover(value ? "first" : "empty");
}

static void relaxed(void)
{
	run(false);
}

static void right(void)
{
	run(true);
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, oct_load(&tail, OCT_RLX) == &nodes[2]);
}

OC_SCENARIO(.final = final, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {
                {.name = "relaxed-link", .run = relaxed, .expected = OC_VIOLATES(OC_RACE)},
                {.name = "right", .run = right, .expected = OC_HOLDS, .cover = {"helped", "first", "empty"}}})
