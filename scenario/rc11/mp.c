/* rc11/mp: message passing. SPDX-License-Identifier: MIT
 *
 * Who acquires the second store sees the first. 3 executions. */
#include <octavo/check.h>

static uint32_t x, y;

static void sender(void)
{
	oct_store(&x, 1, OCT_REL);
	oct_store(&y, 1, OCT_REL); /* pairs with the load of y in receiver() */
}

static void receiver(void)
{
	oc_reg("r", oct_load(&y, OCT_ACQ));
	oc_reg("s", oct_load(&x, OCT_ACQ));
}

static bool flag_without_data(void)
{
	return oc_reg_get("r") == 1 && oc_reg_get("s") == 0;
}

OC_SCENARIO(.actors = {OC_THREAD(sender), OC_THREAD(receiver)},
            .variants = {{.expected = OC_FORBIDDEN, .outcome = flag_without_data}})
