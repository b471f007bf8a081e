/* questions/A4: what if hardware uses the region while some entries are invalid? SPDX-License-Identifier: MIT
 *
 * The block is cleared entry by entry (A3) while a CPU and a device store through it; the device's walker
 * sets no bits: it faults on the clean entries, or uses one that the CPU made dirty. Pages outlive the final
 * invalidation, of the CPUs and of the device. Told of nothing, the device stores into a page that was freed:
 * the end of a space with an IOMMU still bound. now: the core's call, whose ticket tells the device. */
#include "../contpte.h"

static void not_told(void)
{
	for (unsigned i = 0; i < BLOCK; i++)
		take(i);
	block_flush(0, BLOCK);
	oct_port_page_free(block.pages + OCT_PAGE_SIZE, 0, OCT_USE_USER);
}

static void now(void)
{
	contpte_core_clears(0, BLOCK, true);
}

static void device(void)
{
	if (block_store(1, 8) == 0)
		oc_cover("device-stored");
}

OC_SCENARIO(.setup = contpte_setup, .final = contpte_final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(contpte_writer), OC_IOMMU(device, OC_NO_AD)},
            .cover = {"stored", "device-stored"},
            .variants = {{.name = "device-not-told", .run = not_told, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
