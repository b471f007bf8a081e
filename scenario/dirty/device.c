/* dirty/device: a device that shares the tables stores through the entry that it keeps.
 * SPDX-License-Identifier: MIT
 *
 * cpus-only: the entry is cleaned and every CPU flushed; nobody brackets the change for the device, which
 * keeps the entry as dirty. told: it is. now: a ticket is complete when secondary MMUs were told (F9). */
#include "../dirty.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	file_setup(mm, OCT_WRITE);
	raw_setup(mm);
	dirty_setup();
}

static void cpus_only_recorder(void)
{
	raw_clean_and_record();
	raw_flush();
	raw_consume();
}

static void telling_recorder(void)
{
	raw_clean_and_record();
	raw_flush();
	oct_secondary_invalidate(&raw.mm->space, RAW_VA, 1, OCT_LEAF);
	raw_consume();
}

static void cpus_only(void)
{
	RAW_PARTS(cpus_only_recorder, raw_writer);
}

static void told(void)
{
	RAW_PARTS(telling_recorder, raw_writer);
}

static void now(void)
{
	RAW_PARTS(dirty_record_and_consume, file_writer);
}

static void final(void)
{
	dirty_final();
	raw_dirty_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_IOMMU(OC_VARIANT)},
            .cover = {"consumed", "store-through-stale-entry"},
            .variants = {{.name = "cpus-only", .run = cpus_only, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "told", .run = told, .expected = OC_HOLDS},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
