/* classic/2+2w: two stores each to two places in opposite order, with every order and fence.
 * SPDX-License-Identifier: MIT
 *
 * Two coherence orders of two stores: 4 executions; where both first stores cannot win, 3.  */
#include "shapes.h"

static uint32_t x, y;

#define SHAPE(name, first, second, left_fence, right_fence)                                                  \
	static void name(void)                                                                               \
	{                                                                                                    \
		if (oct_port_cpu_self() == 0) {                                                              \
			STORE(x, 1, first);                                                                  \
			oct_fence(left_fence);                                                               \
			STORE(y, 2, second);                                                                 \
		} else {                                                                                     \
			STORE(y, 1, first);                                                                  \
			oct_fence(right_fence);                                                              \
			STORE(x, 2, second);                                                                 \
		}                                                                                            \
	}

SHAPE(relaxed, OCT_RLX, OCT_RLX, OCT_RLX, OCT_RLX)
SHAPE(release, OCT_REL, OCT_REL, OCT_RLX, OCT_RLX)
SHAPE(release_fences, OCT_RLX, OCT_RLX, OCT_REL, OCT_REL)
SHAPE(one_fence, OCT_RLX, OCT_RLX, OCT_SC, OCT_RLX)
SHAPE(fences, OCT_RLX, OCT_RLX, OCT_SC, OCT_SC)
SHAPE(sc, OCT_SC, OCT_SC, OCT_RLX, OCT_RLX)
SHAPE(sc_second, OCT_RLX, OCT_SC, OCT_RLX, OCT_RLX)

static void final(void)
{
	oc_reg("x", oct_load(&x, OCT_RLX));
	oc_reg("y", oct_load(&y, OCT_RLX));
}

static bool first_stores_win(void)
{
	return oc_reg_get("x") == 1 && oc_reg_get("y") == 1;
}

OC_SCENARIO(.final = final, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {
                {.name = "relaxed", .run = relaxed, .expected = OC_ALLOWED, .outcome = first_stores_win},
                {.name = "release", .run = release, .expected = OC_ALLOWED, .outcome = first_stores_win},
                {.name = "release-fences",
                 .run = release_fences,
                 .expected = OC_ALLOWED,
                 .outcome = first_stores_win},
                {.name = "one-fence", .run = one_fence, .expected = OC_ALLOWED, .outcome = first_stores_win},
                {.name = "fences", .run = fences, .expected = OC_FORBIDDEN, .outcome = first_stores_win},
                {.name = "sc", .run = sc, .expected = OC_FORBIDDEN, .outcome = first_stores_win},
                {.name = "sc-second", .run = sc_second, .expected = OC_ALLOWED, .outcome = first_stores_win}})
