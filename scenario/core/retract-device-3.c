/* core/retract-device-3: a device walks the table that one CPU retracts while another fills it.
 * SPDX-License-Identifier: MIT
 *
 * What the device asks for is behind the end of the object, so all that it may find is that nothing is there:
 * in the table as it was, without one, or in the one that came. not-told: what flushes CPUs only, as in
 * races/28. */
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

	oc_load32(retract.mm, RAW_TABLE, &value);
}

static void not_told(void)
{
	RAW_PARTS(raw_k, raw_insert, raw_device);
}

static void device(void)
{
	uint32_t value;

	OC_ASSERT(OC_ASSERTION, oc_load32(retract.mm, TABLE_VA + OCT_PAGE_SIZE, &value) != 0);
}

static void now(void)
{
	RAW_PARTS(retract_now, retract_store, device);
}

OC_SCENARIO(.setup = setup, .final = retract_final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_IOMMU(OC_VARIANT)},
            .variants = {
                {.name = "not-told", .run = not_told, .expected = OC_VIOLATES(OC_I1)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"retracted", "file-copy"}}})
