/* classic/r: a store that is overwritten, and a load that misses the one before it. SPDX-License-Identifier:
 * MIT
 *
 * One load with two sources, two stores to y in two orders: 4 executions; sequential consistency: 3.  */
#include "shapes.h"

static uint32_t x, y;

#define SHAPE(name, store, load, left_fence, right_fence)                                                    \
	static void name(void)                                                                               \
	{                                                                                                    \
		if (oct_port_cpu_self() == 0) {                                                              \
			STORE(x, 1, store);                                                                  \
			oct_fence(left_fence);                                                               \
			STORE(y, 1, store);                                                                  \
		} else {                                                                                     \
			STORE(y, 2, store);                                                                  \
			oct_fence(right_fence);                                                              \
			LOAD("x", x, load);                                                                  \
		}                                                                                            \
	}

SHAPE(relaxed, OCT_RLX, OCT_RLX, OCT_RLX, OCT_RLX)
SHAPE(release_acquire, OCT_REL, OCT_ACQ, OCT_RLX, OCT_RLX)
SHAPE(one_fence, OCT_RLX, OCT_RLX, OCT_RLX, OCT_SC)
SHAPE(fences, OCT_RLX, OCT_RLX, OCT_SC, OCT_SC)
SHAPE(sc, OCT_SC, OCT_SC, OCT_RLX, OCT_RLX)

static void final(void)
{
	oc_reg("y", oct_load(&y, OCT_RLX));
}

static bool overwritten_and_missed(void)
{
	return oc_reg_get("y") == 2 && oc_reg_get("x") == 0;
}

OC_SCENARIO(
        .final = final, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
        .variants = {
            {.name = "relaxed", .run = relaxed, .expected = OC_ALLOWED, .outcome = overwritten_and_missed},
            {.name = "release-acquire",
             .run = release_acquire,
             .expected = OC_ALLOWED,
             .outcome = overwritten_and_missed},
            {.name = "one-fence",
             .run = one_fence,
             .expected = OC_ALLOWED,
             .outcome = overwritten_and_missed},
            {.name = "fences", .run = fences, .expected = OC_FORBIDDEN, .outcome = overwritten_and_missed},
            {.name = "sc", .run = sc, .expected = OC_FORBIDDEN, .outcome = overwritten_and_missed}})
