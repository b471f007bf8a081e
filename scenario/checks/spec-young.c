/* checks/spec-young: accessed is set for an access that never happens (I10). SPDX-License-Identifier: MIT
 *
 * Nobody uses the page, yet a walker that runs ahead may set accessed in its entry, at any time. off: a
 * machine whose walkers do not. */
#include "young.h"

static void idle(void)
{
}

OC_SCENARIO(.setup = young_setup, .final = young_final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(idle)},
            .variants = {{.name = "broken",
                          .run = by_load_and_store,
                          .expected = OC_VIOLATES(OC_I10),
                          .knobs = {.spec_young = true}},
                         {.name = "off", .run = by_load_and_store, .expected = OC_HOLDS},
                         {.name = "repaired",
                          .run = repaired,
                          .expected = OC_HOLDS,
                          .knobs = {.spec_young = true},
                          .cover = {"seen"}}})
