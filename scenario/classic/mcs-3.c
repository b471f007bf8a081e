/* classic/mcs-3: the MCS lock, 3 threads. SPDX-License-Identifier: MIT
 *
 * Who is first, second, third (6). Between each two of them, in turn, one of three as in mcs-2: found
 * free, seen by the load, seen after the compare-and-swap (3 * 3). The failing compare-and-swap of the
 * first finds the second or, if that one did not leave before the third came, the third (2 more): 66
 * executions. */
#include "mcs.h"

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, counter == 3);
}

OC_SCENARIO(.final = final, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "right",
                          .run = right,
                          .expected = OC_HOLDS,
                          .cover = {"handed-over", "waited-for-the-next"}}})
