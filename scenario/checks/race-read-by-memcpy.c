/* checks/race-read-by-memcpy: memory changed while it is copied, moved, compared.
 * SPDX-License-Identifier: MIT
 *
 * The other side of race-memcpy: what the mem functions only read. */
#include <string.h>
#include "parts.h"

static uint64_t shared[4];
static uint32_t word;

static void change(void)
{
	shared[3] = 1;
}

static void copy(void)
{
	uint64_t mine[4];

	memcpy(mine, shared, sizeof(mine));
	OC_ASSERT(OC_ASSERTION, mine[0] == 0);
}

static void move(void)
{
	static uint64_t mine[4];

	memmove(mine, shared, sizeof(mine));
	OC_ASSERT(OC_ASSERTION, mine[0] == 0);
}

static void compare(void)
{
	static const uint64_t like[4];

	if (memcmp(shared, like, sizeof(like)) != 0)
		oc_cover("differs");
}

static void broken_memcpy(void)
{
	PARTS(change, copy);
}

static void broken_memmove(void)
{
	PARTS(change, move);
}

static void broken_memcmp(void)
{
	PARTS(change, compare);
}

static void each(void)
{
	copy();
	move();
	compare();
}

static void repaired(void)
{
	lock(&word);
	PARTS(change, each);
	unlock(&word);
}

OC_SCENARIO(.arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "broken-memcpy", .run = broken_memcpy, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "broken-memmove", .run = broken_memmove, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "broken-memcmp", .run = broken_memcmp, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"differs"}}})
