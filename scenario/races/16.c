/* races/16: device migration flushes after it has dropped the lock. SPDX-License-Identifier: MIT
 *
 * The entry is gone, the flush is to come. old: DONTNEED finds nothing and returns; a CPU still stores
 * through what its TLB has. now: the flush is complete before the lock is dropped. */
#include "../migrate.h"

static void old(void)
{
	RAW_PARTS(raw_take_then_flush, raw_dontneed, raw_writer);
}

OC_SCENARIO(.setup = take_setup, .final = take_final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = take_now, .expected = OC_HOLDS, .cover = {"migrate-move"}}})
