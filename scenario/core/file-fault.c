/* core/file-fault: two CPUs fault on a page of an object that is in memory. SPDX-License-Identifier: MIT */
#include "file-fault.h"

static void setup(void)
{
	file_fault_setup(true);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "broken", .run = raw_fault, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"file-map"}}})
