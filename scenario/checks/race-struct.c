/* checks/race-struct: a structure assigned while it is read. SPDX-License-Identifier: MIT
 *
 * The compiler decides what an assignment becomes: moves, a range, or a call of memcpy. Each is an access. */
#include "parts.h"

static struct message {
	uint64_t word[4];
} shared;
static uint32_t word;

static void change(void)
{
	static const struct message new = {{1, 2, 3, 1}};

	shared = new;
}

static void look(void)
{
	OC_ASSERT(OC_ASSERTION, shared.word[0] == shared.word[3]);
}

static void broken(void)
{
	PARTS(change, look);
}

static void repaired(void)
{
	lock(&word);
	PARTS(change, look);
	unlock(&word);
}

OC_SCENARIO(.arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
