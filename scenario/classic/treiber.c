/* classic/treiber: a stack of linked nodes (Treiber 1986), nothing reused. SPDX-License-Identifier: MIT
 *
 * Two threads push a node each and pop one. What a node holds is plain memory, handed over by the
 * compare-and-swap that publishes it. A pop follows a push of its own, so no thread finds it empty.
 *
 * Executions: an order of the four successful compare-and-swaps, each push before its pop (6), and in it, for
 * each operation, what its load and its failing compare-and-swaps find: any older top, never going back;
 * one that finds what it expected succeeds. 4 where the threads follow each other, 8 where they are
 * interleaved: 2 * 4 + 4 * 8 = 40. */
#include "../checks/parts.h"

struct node {
	struct node *next;
	uint32_t value;
};

static struct node nodes[2], *top;
static uint32_t taken[2];

static void push(struct node *node, bool release)
{
	struct node *found = oct_load(&top, OCT_RLX);
	bool done;

	node->value = 1 + oct_port_cpu_self();
	do {
		oct_store(&node->next, found, OCT_RLX);
		if (release) /* pairs with the acquire of pop() */
			done = oct_cas(&top, &found, node, OCT_REL);
		else
			done = oct_cas(&top, &found, node, OCT_RLX);
	} while (!done);
}

static void pop(void)
{
	struct node *found = oct_load(&top, OCT_ACQ);

	while (!oct_cas(&top, &found, oct_load(&found->next, OCT_RLX), OCT_ACQ))
		oct_fence(OCT_ACQ); /* what the failed one found is followed next */
	taken[oct_port_cpu_self()] = found->value;
	oc_cover(found->value == 1 + oct_port_cpu_self() ? "own" : "other");
}

static void relaxed(void)
{
	push(&nodes[oct_port_cpu_self()], false);
	pop();
}

static void right(void)
{
	push(&nodes[oct_port_cpu_self()], true);
	pop();
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, taken[0] + taken[1] == 3 && oct_load(&top, OCT_RLX) == NULL);
}

OC_SCENARIO(.final = final, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "relaxed-push", .run = relaxed, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "right", .run = right, .expected = OC_HOLDS, .cover = {"own", "other"}}})
