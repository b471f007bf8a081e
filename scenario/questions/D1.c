/* questions/D1: where is the dirty bit lost? SPDX-License-Identifier: MIT
 *
 * Between the read of the entry and its clearing hardware sets dirty: in the value that the clearing returns
 * it stands, in the copy it does not. */
#include "../migrate.h"

static void setup(void)
{
	migrate_setup(oc_mm(), 1);
}

static void raw_collect_copy(void)
{
	raw_collect(false);
}

static void raw_collect_returned(void)
{
	raw_collect(true);
}

static void stale_copy(void)
{
	RAW_PARTS(raw_collect_copy, raw_writer);
}

static void returned_value(void)
{
	RAW_PARTS(raw_collect_returned, raw_writer);
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
            .variants = {{.name = "stale-copy", .run = stale_copy, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "returned-value", .run = returned_value, .expected = OC_HOLDS},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"migrate-move", "store-through-stale-entry"}}})
