/* five-three: five threads that add to one word three times each, for make bench. SPDX-License-Identifier: MIT
 *
 * 15!/3!^5 = 168,168,000 executions, more than anybody waits for; two events an addition. */
#include <octavo/check.h>

static uint32_t word;

static void add(void)
{
	for (int i = 0; i < 3; i++)
		oct_fetch_add(&word, 1, OCT_RLX);
}

OC_SCENARIO(.actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT),
                       OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.run = add, .expected = OC_OPEN}})
