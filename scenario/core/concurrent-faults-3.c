/* core/concurrent-faults-3: three CPUs touch one page that is not there. SPDX-License-Identifier: MIT */
#include "concurrent-faults.h"

static void setup(void)
{
	faults_setup(3);
}

static void final(void)
{
	faults_final(3);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "unchecked",
                          .run = fault_unchecked,
                          .expected = OC_VIOLATES(OC_I11),
                          .on = {{OC_X86_64, OC_VIOLATES(OC_I2)}}},
                         {.name = "now", .run = fault_now, .expected = OC_HOLDS, .cover = {"zero-fill"}}})
