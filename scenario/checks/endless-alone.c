/* checks/endless-alone: what runs natively, after the race, does not come to an end (I9).
 * SPDX-License-Identifier: MIT
 *
 * final waits, in a loop of its own, for a word that only the right variant stores. */
#include <octavo/check.h>

static uint32_t word;

static void broken(void)
{
	oct_store(&word, 2u, OCT_RLX);
}

static void repaired(void)
{
	oct_store(&word, 1u, OCT_RLX);
}

static void final(void)
{
	while (oct_load(&word, OCT_RLX) != 1)
		;
}

OC_SCENARIO(.final = final, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I9)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
