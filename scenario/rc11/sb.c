/* rc11/sb: store buffering. SPDX-License-Identifier: MIT
 *
 * Release and acquire do not order a store before a later load of another location: both threads
 * may read the initial value. 4 executions. */
#include <octavo/check.h>

static uint32_t x, y;

static void left(void)
{
	oct_store(&x, 1, OCT_REL);
	oc_reg("r", oct_load(&y, OCT_ACQ));
}

static void right(void)
{
	oct_store(&y, 1, OCT_REL);
	oc_reg("s", oct_load(&x, OCT_ACQ));
}

static bool both_old(void)
{
	return oc_reg_get("r") == 0 && oc_reg_get("s") == 0;
}

OC_SCENARIO(.actors = {OC_THREAD(left), OC_THREAD(right)},
            .variants = {{.expected = OC_ALLOWED, .outcome = both_old}})
