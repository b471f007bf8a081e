/* rc11/lb: load buffering. SPDX-License-Identifier: MIT
 *
 * Acquire loads come before later stores; RC11 has no cycle of program order and reads-from with
 * weaker orders either. 3 executions. */
#include <octavo/check.h>

static uint32_t x, y;

static void left(void)
{
	oc_reg("r", oct_load(&x, OCT_ACQ));
	oct_store(&y, 1, OCT_REL);
}

static void right(void)
{
	oc_reg("s", oct_load(&y, OCT_ACQ));
	oct_store(&x, 1, OCT_REL);
}

static bool both_from_the_future(void)
{
	return oc_reg_get("r") == 1 && oc_reg_get("s") == 1;
}

OC_SCENARIO(.actors = {OC_THREAD(left), OC_THREAD(right)},
            .variants = {{.expected = OC_FORBIDDEN, .outcome = both_from_the_future}})
