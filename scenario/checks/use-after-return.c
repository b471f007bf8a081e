/* checks/use-after-return: a request on the stack of a function that does not wait for its answer.
 * SPDX-License-Identifier: MIT */
#include "parts.h"

struct request {
	uint32_t argument, result;
};

static struct request *asked;
static uint32_t answered;

__attribute__((noinline)) static void ask(bool waits)
{
	struct request r = {.argument = 1};

	oct_store(&asked, &r, OCT_REL); /* pairs with the acquire of answer() */
	if (!waits)
		return;
	oct_await(oct_load(&answered, OCT_ACQ)); /* pairs with the release of answer() */
	OC_ASSERT(OC_ASSERTION, r.result == 2);
}

static void answer(void)
{
	struct request *r;

	oct_await((r = oct_load(&asked, OCT_ACQ)) != NULL); /* pairs with the release of ask() */
	r->result = r->argument + 1;
	oct_store(&answered, 1u, OCT_REL); /* pairs with the acquire of ask() */
}

static void leaves(void)
{
	ask(false);
	oct_await(oct_load(&answered, OCT_ACQ)); /* too late */
}

static void stays(void)
{
	ask(true);
}

static void broken(void)
{
	PARTS(leaves, answer);
}

static void repaired(void)
{
	PARTS(stays, answer);
}

OC_SCENARIO(.arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_UAF)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
