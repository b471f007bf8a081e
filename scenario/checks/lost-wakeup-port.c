/* checks/lost-wakeup-port: sleepers of oct_port_wait() that nobody wakes. SPDX-License-Identifier: MIT
 *
 * Who changes the word wakes; and as many as there are sleepers whose condition has come true. */
#include "parts.h"

static uint32_t word;

static void sleeper(void)
{
	while (!oct_load(&word, OCT_ACQ)) { /* pairs with the release of the wakers */
		oct_port_wait(&word, 0);
		oc_cover("slept");
	}
}

static void changes_only(void)
{
	oct_store(&word, 1u, OCT_REL); /* pairs with the acquire of sleeper() */
}

static void wakes_one(void)
{
	oct_store(&word, 1u, OCT_REL); /* pairs with the acquire of sleeper() */
	oct_port_wake(&word, 1);
}

static void wakes_all(void)
{
	oct_store(&word, 1u, OCT_REL); /* pairs with the acquire of sleeper() */
	oct_port_wake(&word, ~0u);
}

static void wakes_first(void)
{
	oct_port_wake(&word, ~0u);
	oct_store(&word, 1u, OCT_REL); /* pairs with the acquire of sleeper() */
}

OC_SCENARIO(.arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(sleeper), OC_THREAD(sleeper)},
            .cover = {"slept"},
            .variants = {{.name = "broken", .run = changes_only, .expected = OC_VIOLATES(OC_DEADLOCK)},
                         {.name = "broken-one", .run = wakes_one, .expected = OC_VIOLATES(OC_DEADLOCK)},
                         {.name = "broken-first", .run = wakes_first, .expected = OC_VIOLATES(OC_DEADLOCK)},
                         {.name = "repaired", .run = wakes_all, .expected = OC_HOLDS}})
