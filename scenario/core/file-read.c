/* core/file-read: two CPUs fault on a page of an object that is not in memory: it is read once.
 * SPDX-License-Identifier: MIT
 *
 * Not on arm64: it holds there too, but its 29,050 executions take 11 seconds. */
#include "file-fault.h"

static void setup(void)
{
	file_fault_setup(false);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_X86_64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "broken", .run = raw_fault, .expected = OC_VIOLATES(OC_I2)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"page-read", "file-map"}}})
