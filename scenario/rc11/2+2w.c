/* rc11/2+2w: two threads store to two locations in opposite order. SPDX-License-Identifier: MIT
 *
 * Release stores leave both coherence orders free, so each location may keep the value that its
 * thread stored first. 4 executions. */
#include <octavo/check.h>

static uint32_t x, y;

static void left(void)
{
	oct_store(&x, 1, OCT_REL);
	oct_store(&y, 2, OCT_REL);
}

static void right(void)
{
	oct_store(&y, 1, OCT_REL);
	oct_store(&x, 2, OCT_REL);
}

static void final(void)
{
	oc_reg("x", oct_load(&x, OCT_RLX));
	oc_reg("y", oct_load(&y, OCT_RLX));
}

static bool first_stores_win(void)
{
	return oc_reg_get("x") == 1 && oc_reg_get("y") == 1;
}

OC_SCENARIO(.final = final, .actors = {OC_THREAD(left), OC_THREAD(right)},
            .variants = {{.expected = OC_ALLOWED, .outcome = first_stores_win}})
