/* races/28: a collapse of a file's pages removes tables, and no secondary MMU is told (CVE-2022-48991).
 * SPDX-License-Identifier: MIT
 *
 * K takes the empty table out and frees it when no CPU reaches it any more; the device keeps the way to it,
 * or is on its way there, and reads the table in its next life. */
#include "../retract.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	retract_setup(mm, 0);
	retract_raw_setup(mm);
}

static void raw_k(void)
{
	raw_retract(ENTRIES);
}

static void raw_device(void)
{
	uint32_t value;

	oc_load32(retract.mm, RAW_TABLE + OCT_PAGE_SIZE, &value);
}

static void old(void)
{
	RAW_PARTS(raw_k, raw_device);
}

static void device(void)
{
	uint32_t value;

	oc_cover(oc_load32(retract.mm, TABLE_VA, &value) == 0 ? "loaded" : "refused");
}

static void now(void)
{
	RAW_PARTS(retract_now, device);
}

OC_SCENARIO(.setup = setup, .final = retract_final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_IOMMU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"retracted", "retract-skipped", "loaded"}}})
