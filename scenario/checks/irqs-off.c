/* checks/irqs-off: wait with interrupts off for one that waits for an interrupt (I9).
 * SPDX-License-Identifier: MIT */
#include "parts.h"

static uint32_t ready, handled;

static void setup(void)
{
	oc_mm();
}

static void handler(void)
{
	oct_fetch_add(&handled, 1, OCT_RLX);
}

static void wait_with_interrupts_off(void)
{
	oc_irqs_off();
	oct_await(oct_load(&ready, OCT_ACQ)); /* pairs with the release of interrupt() */
	oc_irqs_on();
}

static void wait_with_interrupts_on(void)
{
	oct_await(oct_load(&ready, OCT_ACQ)); /* pairs with the release of interrupt() */
	oc_irqs_off();
	OC_ASSERT(OC_ASSERTION, oct_load(&handled, OCT_RLX) == 1);
	oc_irqs_on();
}

static void interrupt(void)
{
	oc_ipi(0, handler);
	oct_store(&ready, 1, OCT_REL); /* pairs with the acquire of the waiter */
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(interrupt)},
            .variants = {{.name = "broken", .run = wait_with_interrupts_off, .expected = OC_VIOLATES(OC_I9)},
                         {.name = "repaired", .run = wait_with_interrupts_on, .expected = OC_HOLDS}})
