/* classic/wrc: write to read causality, with every order and fence. SPDX-License-Identifier: MIT
 *
 * Three loads, two sources each: 8 executions; where what the middle thread saw is passed on, 7. The store
 * itself may be relaxed: coherence of the two loads of x is enough.  */
#include "shapes.h"

static uint32_t x, y;

#define SHAPE(name, store, middle_fence, load, last_fence)                                                   \
	static void name(void)                                                                               \
	{                                                                                                    \
		switch (oct_port_cpu_self()) {                                                               \
		case 0:                                                                                      \
			STORE(x, 1, OCT_RLX);                                                                \
			break;                                                                               \
		case 1:                                                                                      \
			LOAD("middle", x, OCT_RLX);                                                          \
			oct_fence(middle_fence);                                                             \
			STORE(y, 1, store);                                                                  \
			break;                                                                               \
		default:                                                                                     \
			LOAD("flag", y, load);                                                               \
			oct_fence(last_fence);                                                               \
			LOAD("data", x, OCT_RLX);                                                            \
		}                                                                                            \
	}

SHAPE(relaxed, OCT_RLX, OCT_RLX, OCT_RLX, OCT_RLX)
SHAPE(release_alone, OCT_REL, OCT_RLX, OCT_RLX, OCT_RLX)
SHAPE(acquire_alone, OCT_RLX, OCT_RLX, OCT_ACQ, OCT_RLX)
SHAPE(release_acquire, OCT_REL, OCT_RLX, OCT_ACQ, OCT_RLX)
SHAPE(fences, OCT_RLX, OCT_REL, OCT_RLX, OCT_ACQ)
SHAPE(sc_fences, OCT_RLX, OCT_SC, OCT_RLX, OCT_SC)

static bool not_passed_on(void)
{
	return oc_reg_get("middle") == 1 && oc_reg_get("flag") == 1 && oc_reg_get("data") == 0;
}

OC_SCENARIO(
        .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
        .variants = {
            {.name = "relaxed", .run = relaxed, .expected = OC_ALLOWED, .outcome = not_passed_on},
            {.name = "release-alone", .run = release_alone, .expected = OC_ALLOWED, .outcome = not_passed_on},
            {.name = "acquire-alone", .run = acquire_alone, .expected = OC_ALLOWED, .outcome = not_passed_on},
            {.name = "release-acquire",
             .run = release_acquire,
             .expected = OC_FORBIDDEN,
             .outcome = not_passed_on},
            {.name = "fences", .run = fences, .expected = OC_FORBIDDEN, .outcome = not_passed_on},
            {.name = "sc-fences", .run = sc_fences, .expected = OC_FORBIDDEN, .outcome = not_passed_on}})
