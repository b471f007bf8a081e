/* checks/race-memcpy: memory copied while it is read. SPDX-License-Identifier: MIT
 *
 * Copies of constant size are accesses too, though a compiler would make plain moves of them. */
#include <string.h>
#include "parts.h"

static struct message {
	uint64_t word[4];
} shared;
static uint32_t word;

static void change(void)
{
	const struct message new = {{1, 2, 3, 1}};

	memcpy(&shared, &new, sizeof(shared));
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
