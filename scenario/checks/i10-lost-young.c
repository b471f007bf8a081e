/* checks/i10-lost-young: accessed was seen, and is gone without having been cleared (I10).
 * SPDX-License-Identifier: MIT
 *
 * The page is read while its entry is changed. */
#include "young.h"

OC_SCENARIO(.setup = young_setup, .final = young_final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .variants = {{.name = "broken", .run = by_load_and_store, .expected = OC_VIOLATES(OC_I10)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"seen"}}})
