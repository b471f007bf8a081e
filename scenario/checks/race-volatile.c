/* checks/race-volatile: volatile is relaxed. SPDX-License-Identifier: MIT
 *
 * Volatile accesses (READ_ONCE, WRITE_ONCE) are events that may race, so no data race is reported.
 * But they order nothing: the flag can be seen before the data. */
#include "parts.h"

static volatile uint32_t data, flag;

static void write_both(void)
{
	data = 1;
	flag = 1;
}

static void write_in_order(void)
{
	data = 1;
	oct_fence(OCT_REL); /* pairs with the fence of read_in_order() */
	flag = 1;
}

static void read_both(void)
{
	if (flag == 0)
		return;
	OC_ASSERT(OC_ASSERTION, data == 1);
}

static void read_in_order(void)
{
	if (flag == 0)
		return;
	oct_fence(OCT_ACQ); /* pairs with the fence of write_in_order() */
	OC_ASSERT(OC_ASSERTION, data == 1);
	oc_cover("seen");
}

static void read_any(void)
{
	uint32_t first = flag;

	if (first == 1 && data == 0)
		oc_cover("flag-before-data");
}

static void no_race(void)
{
	PARTS(write_both, read_any);
}

static void broken(void)
{
	PARTS(write_both, read_both);
}

static void repaired(void)
{
	PARTS(write_in_order, read_in_order);
}

OC_SCENARIO(.arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {
                {.name = "no-race", .run = no_race, .expected = OC_HOLDS, .cover = {"flag-before-data"}},
                {.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_ASSERTION)},
                {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"seen"}}})
