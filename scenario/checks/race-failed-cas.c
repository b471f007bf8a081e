/* checks/race-failed-cas: a compare-and-swap that fails stores nothing. SPDX-License-Identifier: MIT
 *
 * The word is read by a plain access while another thread's compare-and-swap finds another value: both
 * only read. Where it finds the value and stores, it is a race. */
#include "parts.h"

static uint32_t word = 1;

static void swap(uint32_t expected)
{
	oct_cas(&word, &expected, 2u, OCT_RLX);
}

static void swaps(void)
{
	swap(1);
}

static void fails(void)
{
	swap(5);
}

static void reads(void)
{
	OC_ASSERT(OC_ASSERTION, word == 1);
}

static void broken(void)
{
	PARTS(swaps, reads);
}

static void repaired(void)
{
	PARTS(fails, reads);
}

OC_SCENARIO(.arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
