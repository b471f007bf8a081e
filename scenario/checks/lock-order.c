/* checks/lock-order: two locks in opposite order, at different times. SPDX-License-Identifier: MIT
 *
 * The second thread begins when the first is done, so no execution of this program deadlocks; one without
 * that order would. Where a third lock is held around both, none would. */
#include "parts.h"

static uint32_t gate, left, right, turn;

static void pair(uint32_t *first, uint32_t *second)
{
	lock(first);
	lock(second);
	unlock(second);
	unlock(first);
}

static void first_thread(void)
{
	pair(&left, &right);
	oct_store(&turn, 1u, OCT_REL); /* pairs with the acquire of both second threads */
}

static void opposite(void)
{
	oct_await(oct_load(&turn, OCT_ACQ)); /* pairs with the release of first_thread() */
	pair(&right, &left);
}

static void same(void)
{
	oct_await(oct_load(&turn, OCT_ACQ)); /* pairs with the release of first_thread() */
	pair(&left, &right);
}

static void gated(uint32_t *first, uint32_t *second)
{
	lock(&gate);
	pair(first, second);
	unlock(&gate);
}

static void gated_first(void)
{
	gated(&left, &right);
}

static void gated_second(void)
{
	gated(&right, &left);
}

static void broken(void)
{
	PARTS(first_thread, opposite);
}

static void repaired(void)
{
	PARTS(first_thread, same);
}

static void repaired_by_a_gate(void)
{
	PARTS(gated_first, gated_second);
}

OC_SCENARIO(.arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_DEADLOCK)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS},
                         {.name = "repaired-by-a-gate", .run = repaired_by_a_gate, .expected = OC_HOLDS}})
