/* classic/mp: message passing, with every order and fence. SPDX-License-Identifier: MIT
 *
 * Two loads, two sources each: 4 executions; where the message is passed, 3. */
#include "shapes.h"

static uint32_t x, y;

#define MP(name, release_fence, store, load, acquire_fence)                                                  \
	static void name(void)                                                                               \
	{                                                                                                    \
		if (oct_port_cpu_self() == 0) {                                                              \
			STORE(x, 1, OCT_RLX);                                                                \
			oct_fence(release_fence);                                                            \
			STORE(y, 1, store);                                                                  \
		} else {                                                                                     \
			LOAD("flag", y, load);                                                               \
			oct_fence(acquire_fence);                                                            \
			LOAD("data", x, OCT_RLX);                                                            \
		}                                                                                            \
	}

MP(relaxed, OCT_RLX, OCT_RLX, OCT_RLX, OCT_RLX)
MP(release_alone, OCT_RLX, OCT_REL, OCT_RLX, OCT_RLX)
MP(acquire_alone, OCT_RLX, OCT_RLX, OCT_ACQ, OCT_RLX)
MP(release_acquire, OCT_RLX, OCT_REL, OCT_ACQ, OCT_RLX)
MP(fence_acquire, OCT_REL, OCT_RLX, OCT_ACQ, OCT_RLX)
MP(release_fence, OCT_RLX, OCT_REL, OCT_RLX, OCT_ACQ)
MP(fences, OCT_REL, OCT_RLX, OCT_RLX, OCT_ACQ)
MP(wrong_fences, OCT_ACQ, OCT_RLX, OCT_RLX, OCT_REL)
MP(fence_alone, OCT_SC, OCT_RLX, OCT_RLX, OCT_RLX)
MP(sc_fences, OCT_SC, OCT_RLX, OCT_RLX, OCT_SC)
MP(sc, OCT_RLX, OCT_SC, OCT_SC, OCT_RLX)

static bool flag_without_data(void)
{
	return oc_reg_get("flag") == 1 && oc_reg_get("data") == 0;
}

#define ALLOWED(label, function)                                                                             \
	{                                                                                                    \
		.name = label, .run = function, .expected = OC_ALLOWED, .outcome = flag_without_data         \
	}
#define FORBIDDEN(label, function)                                                                           \
	{                                                                                                    \
		.name = label, .run = function, .expected = OC_FORBIDDEN, .outcome = flag_without_data       \
	}

OC_SCENARIO(.actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {
                ALLOWED("relaxed", relaxed), ALLOWED("release-alone", release_alone),
                ALLOWED("acquire-alone", acquire_alone), FORBIDDEN("release-acquire", release_acquire),
                FORBIDDEN("fence-acquire", fence_acquire), FORBIDDEN("release-fence", release_fence),
                FORBIDDEN("fences", fences), ALLOWED("wrong-fences", wrong_fences),
                ALLOWED("fence-alone", fence_alone), FORBIDDEN("sc-fences", sc_fences), FORBIDDEN("sc", sc)})
