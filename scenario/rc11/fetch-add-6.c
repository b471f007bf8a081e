/* rc11/fetch-add-6: 6 threads add to one counter. SPDX-License-Identifier: MIT
 *
 * One execution for each order of the additions: 6! of them. */
#include <octavo/check.h>

enum { THREADS = 6 };

static uint32_t x;

static void adder(void)
{
	oct_fetch_add(&x, 1, OCT_RLX);
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, oct_load(&x, OCT_RLX) == THREADS);
}

OC_SCENARIO(.final = final,
            .actors = {OC_THREAD(adder), OC_THREAD(adder), OC_THREAD(adder), OC_THREAD(adder),
                       OC_THREAD(adder), OC_THREAD(adder)},
            .variants = {{.expected = OC_HOLDS}})
