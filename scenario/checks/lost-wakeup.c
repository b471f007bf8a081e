/* checks/lost-wakeup: sleep just after nobody was seen to sleep. SPDX-License-Identifier: MIT
 *
 * Each side stores, then looks what the other stored. Unless full fences stand between, both may
 * miss it: the sleeper sleeps, and nobody wakes it. */
#include "parts.h"

static uint32_t condition, sleeping, woken;

static void sleep(bool fence)
{
	oct_store(&sleeping, 1, OCT_RLX);
	if (fence)
		oct_fence(OCT_SC); /* pairs with the fence of wake() */
	if (oct_load(&condition, OCT_RLX))
		return;
	oct_await(oct_load(&woken, OCT_ACQ)); /* pairs with the release of wake() */
	oc_cover("slept");
}

static void wake(bool fence)
{
	oct_store(&condition, 1, OCT_RLX);
	if (fence)
		oct_fence(OCT_SC); /* pairs with the fence of sleep() */
	if (oct_load(&sleeping, OCT_RLX))
		oct_store(&woken, 1, OCT_REL); /* pairs with the acquire of sleep() */
}

static void broken(void)
{
	if (oct_port_cpu_self() == 0)
		sleep(false);
	else
		wake(false);
}

static void repaired(void)
{
	if (oct_port_cpu_self() == 0)
		sleep(true);
	else
		wake(true);
}

OC_SCENARIO(.arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_DEADLOCK)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"slept"}}})
