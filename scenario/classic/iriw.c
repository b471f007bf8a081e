/* classic/iriw: two readers see two independent stores in opposite order, with every order and fence.
 * SPDX-License-Identifier: MIT
 *
 * Four loads, two sources each: 16 executions. To forbid the outcome (15) all accesses must be seq_cst, or
 * full fences stand between the loads of both readers.  */
#include "shapes.h"

static uint32_t x, y;

#define SHAPE(name, store, load, one_fence, other_fence)                                                     \
	static void name(void)                                                                               \
	{                                                                                                    \
		switch (oct_port_cpu_self()) {                                                               \
		case 0:                                                                                      \
			STORE(x, 1, store);                                                                  \
			break;                                                                               \
		case 1:                                                                                      \
			STORE(y, 1, store);                                                                  \
			break;                                                                               \
		case 2:                                                                                      \
			LOAD("one x", x, load);                                                              \
			oct_fence(one_fence);                                                                \
			LOAD("one y", y, load);                                                              \
			break;                                                                               \
		default:                                                                                     \
			LOAD("other y", y, load);                                                            \
			oct_fence(other_fence);                                                              \
			LOAD("other x", x, load);                                                            \
		}                                                                                            \
	}

SHAPE(relaxed, OCT_RLX, OCT_RLX, OCT_RLX, OCT_RLX)
SHAPE(release_acquire, OCT_REL, OCT_ACQ, OCT_RLX, OCT_RLX)
SHAPE(acquire_fences, OCT_REL, OCT_RLX, OCT_ACQ, OCT_ACQ)
SHAPE(one_fence, OCT_RLX, OCT_RLX, OCT_SC, OCT_RLX)
SHAPE(sc_loads, OCT_REL, OCT_SC, OCT_RLX, OCT_RLX)
SHAPE(sc_stores, OCT_SC, OCT_ACQ, OCT_RLX, OCT_RLX)
SHAPE(fences, OCT_RLX, OCT_RLX, OCT_SC, OCT_SC)
SHAPE(sc, OCT_SC, OCT_SC, OCT_RLX, OCT_RLX)

static bool opposite(void)
{
	return oc_reg_get("one x") == 1 && oc_reg_get("one y") == 0 && oc_reg_get("other y") == 1 &&
	       oc_reg_get("other x") == 0;
}

OC_SCENARIO(
        .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT),
                   OC_THREAD(OC_VARIANT)},
        .variants = {
            {.name = "relaxed", .run = relaxed, .expected = OC_ALLOWED, .outcome = opposite},
            {.name = "release-acquire", .run = release_acquire, .expected = OC_ALLOWED, .outcome = opposite},
            {.name = "acquire-fences", .run = acquire_fences, .expected = OC_ALLOWED, .outcome = opposite},
            {.name = "one-fence", .run = one_fence, .expected = OC_ALLOWED, .outcome = opposite},
            {.name = "sc-loads", .run = sc_loads, .expected = OC_ALLOWED, .outcome = opposite},
            {.name = "sc-stores", .run = sc_stores, .expected = OC_ALLOWED, .outcome = opposite},
            {.name = "fences", .run = fences, .expected = OC_FORBIDDEN, .outcome = opposite},
            {.name = "sc", .run = sc, .expected = OC_FORBIDDEN, .outcome = opposite}})
