/* five-two: five threads that add to one word twice each, for make bench. SPDX-License-Identifier: MIT
 *
 * 10!/2!^5 = 113,400 executions, two events an addition. */
#include <octavo/check.h>

static uint32_t word;

static void add(void)
{
	for (int i = 0; i < 2; i++)
		oct_fetch_add(&word, 1, OCT_RLX);
}

OC_SCENARIO(.actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT),
                       OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.run = add, .expected = OC_HOLDS}})
