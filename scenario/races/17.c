/* races/17: device migration loses the dirty bit. SPDX-License-Identifier: MIT
 *
 * Hardware sets dirty between the read of the entry and the exchange that clears it. old: the copy that was
 * read says clean, and reclaim drops what was stored. now: what the exchange returns counts. */
#include "../migrate.h"

static void setup(void)
{
	migrate_setup(oc_mm(), 1);
}

static void raw_collect_copy(void)
{
	raw_collect(false);
}

static void old(void)
{
	RAW_PARTS(raw_collect_copy, raw_writer);
}

static void now(void)
{
	RAW_PARTS(migrate, migrate_writer);
}

static void final(void)
{
	raw_collect_final();
	migrate_final();
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"migrate-move", "store-through-stale-entry"}}})
