/* classic/mcs-2: the MCS lock, 2 threads. SPDX-License-Identifier: MIT
 *
 * Who is first (2), and whether the second finds the lock free, or is seen by the first load of next, or
 * only after the compare-and-swap of the first has failed (3): 6 executions. */
#include "mcs.h"

static void without_release(void)
{
	once(OCT_ACQ, false);
}

static void without_acquire(void)
{
	once(OCT_RLX, true);
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, counter == 2);
}

OC_SCENARIO(.final = final, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "no-release", .run = without_release, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "no-acquire", .run = without_acquire, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "right",
                          .run = right,
                          .expected = OC_HOLDS,
                          .cover = {"handed-over", "waited-for-the-next"}}})
