/* rc11/fetch-add-2x4: four threads add to two counters. SPDX-License-Identifier: MIT
 *
 * Relaxed additions to different locations are not ordered: 4! times 4! executions. */
#include <octavo/check.h>

enum { THREADS = 4 };

static uint32_t x, y;

static void adder(void)
{
	oct_fetch_add(&x, 1, OCT_RLX);
	oct_fetch_add(&y, 1, OCT_RLX);
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, oct_load(&x, OCT_RLX) == THREADS);
	OC_ASSERT(OC_ASSERTION, oct_load(&y, OCT_RLX) == THREADS);
}

OC_SCENARIO(.final = final,
            .actors = {OC_THREAD(adder), OC_THREAD(adder), OC_THREAD(adder), OC_THREAD(adder)},
            .variants = {{.expected = OC_HOLDS}})
