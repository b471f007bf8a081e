/* classic/isa2: a message passed on by a second thread, with every order and fence. SPDX-License-Identifier:
 * MIT
 *
 * Three loads, two sources each: 8 executions; where happens-before carries over both hops, 7.  */
#include "shapes.h"

static uint32_t x, y, z;

#define SHAPE(name, first_store, first_load, second_store, second_load)                                      \
	static void name(void)                                                                               \
	{                                                                                                    \
		switch (oct_port_cpu_self()) {                                                               \
		case 0:                                                                                      \
			STORE(x, 1, OCT_RLX);                                                                \
			STORE(y, 1, first_store);                                                            \
			break;                                                                               \
		case 1:                                                                                      \
			LOAD("y", y, first_load);                                                            \
			STORE(z, 1, second_store);                                                           \
			break;                                                                               \
		default:                                                                                     \
			LOAD("z", z, second_load);                                                           \
			LOAD("x", x, OCT_RLX);                                                               \
		}                                                                                            \
	}

SHAPE(relaxed, OCT_RLX, OCT_RLX, OCT_RLX, OCT_RLX)
SHAPE(first_hop, OCT_REL, OCT_ACQ, OCT_RLX, OCT_RLX)
SHAPE(second_hop, OCT_RLX, OCT_RLX, OCT_REL, OCT_ACQ)
SHAPE(release_acquire, OCT_REL, OCT_ACQ, OCT_REL, OCT_ACQ)
SHAPE(sc, OCT_SC, OCT_SC, OCT_SC, OCT_SC)

static bool lost_on_the_way(void)
{
	return oc_reg_get("y") == 1 && oc_reg_get("z") == 1 && oc_reg_get("x") == 0;
}

OC_SCENARIO(.actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {
                {.name = "relaxed", .run = relaxed, .expected = OC_ALLOWED, .outcome = lost_on_the_way},
                {.name = "first-hop", .run = first_hop, .expected = OC_ALLOWED, .outcome = lost_on_the_way},
                {.name = "second-hop", .run = second_hop, .expected = OC_ALLOWED, .outcome = lost_on_the_way},
                {.name = "release-acquire",
                 .run = release_acquire,
                 .expected = OC_FORBIDDEN,
                 .outcome = lost_on_the_way},
                {.name = "sc", .run = sc, .expected = OC_FORBIDDEN, .outcome = lost_on_the_way}})
