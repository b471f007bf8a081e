/* answers.c: one variant per answer of the fake model. SPDX-License-Identifier: MIT */
#include <octavo/check.h>

static void nothing(void)
{
}

OC_SCENARIO(.arch = OC_ARM64 | OC_X86_64, .actors = {OC_CPU(OC_VARIANT)},
            .variants = {
                {"holds", nothing, OC_HOLDS},
                {"violation", nothing, OC_VIOLATES(OC_I2)},
                {"violation-unexpected", nothing, OC_HOLDS},
                {"bounded", nothing, OC_HOLDS},
                {"bounded-expected", nothing, OC_BOUNDED(0)},
                {"vacuous", nothing, OC_HOLDS},
                {"error", nothing, OC_HOLDS},
                {"crash", nothing, OC_HOLDS},
                {"slow-holds", nothing, OC_HOLDS},
            })
