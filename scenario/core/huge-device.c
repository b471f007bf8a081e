/* core/huge-device: a device walks the tables while one of them becomes a leaf, or a leaf a table.
 * SPDX-License-Identifier: MIT
 *
 * What it stored is in the page that is mapped in the end (I2), and it reads no table that was freed (I1).
 * not-told: K flushes CPUs only, as in races/28, so the device has small pages
 * still when the leaf is there; where it may, it stores to a page that was copied.
 */
#include "../huge.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	huge_setup(mm);
	huge_raw_setup(mm);
}

static void not_told(void)
{
	if (oct_port_cpu_self() == 0)
		huge_raw_collapse();
	else
		raw_writer();
}

static void now(void)
{
	if (oct_port_cpu_self() == 0)
		huge_collapse();
	else
		huge_store();
}

static void final(void)
{
	OC_ASSERT(OC_I2, !raw.stored || oc_peek32(raw.mm, RAW_VA) == WRITTEN);
	huge_raw_restore();
	huge_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_IOMMU(OC_VARIANT)},
            .variants = {{.name = "not-told",
                          .run = not_told,
                          .expected = OC_VIOLATES(OC_I11),
                          .on = {{OC_X86_64, OC_VIOLATES(OC_I2)}}},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"collapsed-huge"}}})
