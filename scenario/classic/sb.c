/* classic/sb: store buffering, with every order and fence. SPDX-License-Identifier: MIT
 *
 * Two loads, two sources each: 4 executions. Only sequential consistency, by all accesses or by full
 * fences on both sides or by one of each, forbids that both miss the other's store: 3. */
#include "shapes.h"

static uint32_t x, y;

#define SHAPE(name, store, load, left_fence, right_store, right_load, right_fence)                           \
	static void name(void)                                                                               \
	{                                                                                                    \
		if (oct_port_cpu_self() == 0) {                                                              \
			STORE(x, 1, store);                                                                  \
			oct_fence(left_fence);                                                               \
			LOAD("left", y, load);                                                               \
		} else {                                                                                     \
			STORE(y, 1, right_store);                                                            \
			oct_fence(right_fence);                                                              \
			LOAD("right", x, right_load);                                                        \
		}                                                                                            \
	}

SHAPE(relaxed, OCT_RLX, OCT_RLX, OCT_RLX, OCT_RLX, OCT_RLX, OCT_RLX)
SHAPE(release_acquire, OCT_REL, OCT_ACQ, OCT_RLX, OCT_REL, OCT_ACQ, OCT_RLX)
SHAPE(acquire_release_fences, OCT_RLX, OCT_RLX, OCT_ACQ_REL, OCT_RLX, OCT_RLX, OCT_ACQ_REL)
SHAPE(one_fence, OCT_RLX, OCT_RLX, OCT_SC, OCT_RLX, OCT_RLX, OCT_RLX)
SHAPE(fences, OCT_RLX, OCT_RLX, OCT_SC, OCT_RLX, OCT_RLX, OCT_SC)
SHAPE(sc, OCT_SC, OCT_SC, OCT_RLX, OCT_SC, OCT_SC, OCT_RLX)
SHAPE(sc_stores, OCT_SC, OCT_RLX, OCT_RLX, OCT_SC, OCT_RLX, OCT_RLX)
SHAPE(sc_loads, OCT_RLX, OCT_SC, OCT_RLX, OCT_RLX, OCT_SC, OCT_RLX)
SHAPE(sc_and_fence, OCT_SC, OCT_SC, OCT_RLX, OCT_RLX, OCT_RLX, OCT_SC)

static bool both_miss(void)
{
	return oc_reg_get("left") == 0 && oc_reg_get("right") == 0;
}

OC_SCENARIO(
        .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
        .variants = {
            {.name = "relaxed", .run = relaxed, .expected = OC_ALLOWED, .outcome = both_miss},
            {.name = "release-acquire", .run = release_acquire, .expected = OC_ALLOWED, .outcome = both_miss},
            {.name = "acquire-release-fences",
             .run = acquire_release_fences,
             .expected = OC_ALLOWED,
             .outcome = both_miss},
            {.name = "one-fence", .run = one_fence, .expected = OC_ALLOWED, .outcome = both_miss},
            {.name = "fences", .run = fences, .expected = OC_FORBIDDEN, .outcome = both_miss},
            {.name = "sc", .run = sc, .expected = OC_FORBIDDEN, .outcome = both_miss},
            {.name = "sc-stores", .run = sc_stores, .expected = OC_ALLOWED, .outcome = both_miss},
            {.name = "sc-loads", .run = sc_loads, .expected = OC_ALLOWED, .outcome = both_miss},
            {.name = "sc-and-fence", .run = sc_and_fence, .expected = OC_FORBIDDEN, .outcome = both_miss}})
