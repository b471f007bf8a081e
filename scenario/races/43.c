/* races/43: an IOMMU's walk cache over tables that were freed (CVE-2025-71089). SPDX-License-Identifier: MIT
 *
 * A device bound to a process shares its tables, those that the kernel frees included. They are freed
 * when no CPU reaches them any more; the device, of which nobody thinks, still walks the page, and sets
 * accessed in it. */
#include "../checks/space.h"

enum { NOW_VA = 0x40000 };

static oct_pte_t *upper;

static void setup(void)
{
	space_setup();
	upper = oc_pte(mm, VA, 1);
	oc_map_anon(mm, NOW_VA, 1, OCT_READ | OCT_WRITE);
}

static void old(void)
{
	oct_phys_t table = oct_pte_phys(oc_entry_get(upper));

	oc_entry_set(upper, 0);
	oc_dsb();
	oc_tlbi(mm, 0, 0, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	oct_port_page_free(table, 0, OCT_USE_TABLE);
}

static void now(void)
{
	oct_munmap(mm, NOW_VA, OCT_PAGE_SIZE);
}

static void device(void)
{
	uint32_t value;

	reader();
	if (oc_load32(mm, NOW_VA, &value) == 0)
		oc_cover("loaded-before-unmap");
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_IOMMU(device)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"loaded-before-unmap"}}})
