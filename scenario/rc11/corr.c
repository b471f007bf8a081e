/* rc11/corr: coherence of two reads. SPDX-License-Identifier: MIT
 *
 * Two reads of one location do not go backwards. 6 executions. */
#include <octavo/check.h>

static uint32_t x;

static void writer(void)
{
	oct_store(&x, 1, OCT_RLX);
	oct_store(&x, 2, OCT_RLX);
}

static void reader(void)
{
	oc_reg("r", oct_load(&x, OCT_RLX));
	oc_reg("s", oct_load(&x, OCT_RLX));
}

static bool backwards(void)
{
	return oc_reg_get("r") > oc_reg_get("s");
}

OC_SCENARIO(.actors = {OC_THREAD(writer), OC_THREAD(reader)},
            .variants = {{.expected = OC_FORBIDDEN, .outcome = backwards}})
