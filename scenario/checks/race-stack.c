/* checks/race-stack: a pointer to a local variable is handed over. SPDX-License-Identifier: MIT
 *
 * Its owner goes on writing to it; or has it back before it does. */
#include "parts.h"

static uint32_t *handed;
static uint32_t done;

static void owner(bool waits)
{
	uint32_t local = 1;

	oct_store(&handed, &local, OCT_REL); /* pairs with the acquire of guest() */
	if (waits)
		oct_await(oct_load(&done, OCT_ACQ)); /* pairs with the release of guest() */
	local++;
	oct_await(oct_load(&done, OCT_ACQ)); /* pairs with the release of guest() */
	OC_ASSERT(OC_ASSERTION, local == 12);
}

static void guest(void)
{
	uint32_t *at;

	oct_await((at = oct_load(&handed, OCT_ACQ)) != NULL); /* pairs with the release of owner() */
	*at += 10;
	oct_store(&done, 1u, OCT_REL); /* pairs with the acquires of owner() */
}

static void goes_on(void)
{
	owner(false);
}

static void waits(void)
{
	owner(true);
}

static void broken(void)
{
	PARTS(goes_on, guest);
}

static void repaired(void)
{
	PARTS(waits, guest);
}

OC_SCENARIO(.arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
