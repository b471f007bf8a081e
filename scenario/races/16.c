/* races/16: device migration flushes after it has dropped the lock. SPDX-License-Identifier: MIT
 *
 * The entry is gone, the flush is to come. old: DONTNEED finds nothing and returns; a CPU still stores
 * through what its TLB has. now: the flush is complete before the lock is dropped. */
#include "../migrate.h"

static void setup(void)
{
	migrate_setup(oc_mm(), 1);
	raw_forbid_faults(raw.mm, RAW_VA);
}

static void raw_take_then_flush(void)
{
	raw_take(false);
}

static void old(void)
{
	RAW_PARTS(raw_take_then_flush, raw_dontneed, raw_writer);
}

static void now(void)
{
	RAW_PARTS(migrate, dontneed_and_look, migrate_reader);
}

static void final(void)
{
	raw_dontneed_final();
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"migrate-move"}}})
