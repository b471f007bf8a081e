/* classic/s: a store that must follow what was seen. SPDX-License-Identifier: MIT
 *
 * One load with two sources, two stores to x in two orders: 4 executions; 3 where the message is passed.  */
#include "shapes.h"

static uint32_t x, y;

#define SHAPE(name, store, load, left_fence, right_fence)                                                    \
	static void name(void)                                                                               \
	{                                                                                                    \
		if (oct_port_cpu_self() == 0) {                                                              \
			STORE(x, 2, OCT_RLX);                                                                \
			oct_fence(left_fence);                                                               \
			STORE(y, 1, store);                                                                  \
		} else {                                                                                     \
			LOAD("flag", y, load);                                                               \
			oct_fence(right_fence);                                                              \
			STORE(x, 1, OCT_RLX);                                                                \
		}                                                                                            \
	}

SHAPE(relaxed, OCT_RLX, OCT_RLX, OCT_RLX, OCT_RLX)
SHAPE(release_alone, OCT_REL, OCT_RLX, OCT_RLX, OCT_RLX)
SHAPE(release_acquire, OCT_REL, OCT_ACQ, OCT_RLX, OCT_RLX)
SHAPE(fences, OCT_RLX, OCT_RLX, OCT_REL, OCT_ACQ)

static void final(void)
{
	oc_reg("x", oct_load(&x, OCT_RLX));
}

static bool earlier_store_wins(void)
{
	return oc_reg_get("flag") == 1 && oc_reg_get("x") == 2;
}

OC_SCENARIO(.final = final, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {
                {.name = "relaxed", .run = relaxed, .expected = OC_ALLOWED, .outcome = earlier_store_wins},
                {.name = "release-alone",
                 .run = release_alone,
                 .expected = OC_ALLOWED,
                 .outcome = earlier_store_wins},
                {.name = "release-acquire",
                 .run = release_acquire,
                 .expected = OC_FORBIDDEN,
                 .outcome = earlier_store_wins},
                {.name = "fences", .run = fences, .expected = OC_FORBIDDEN, .outcome = earlier_store_wins}})
