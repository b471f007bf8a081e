/* checks/free-device-left: a device that walks no more need not be told when a table goes; that it has left
 * must be known (I8). SPDX-License-Identifier: MIT */
#include "space.h"

static oct_pte_t *upper;
static uint32_t stages; /* atomic: 1: it leaves now, 2: it has left */

static void setup(void)
{
	space_setup();
	upper = oc_pte(mm, VA, 1);
}

static void leave(void)
{
	struct oct_secondary *device = mm->space.secondary;

	oct_store(&stages, 1u, OCT_REL); /* pairs with the acquires of free_from() */
	device->leave(device, &mm->space);
	oct_store(&stages, 2u, OCT_REL); /* likewise */
}

static void free_from(uint32_t stage)
{
	oct_phys_t table = oct_pte_phys(oc_entry_get(upper));

	oct_await(oct_load(&stages, OCT_ACQ) >= stage); /* pairs with the releases of leave() */
	oc_entry_set(upper, 0);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	oct_port_page_free(table, 0, OCT_USE_TABLE);
}

static void free_too_early(void)
{
	free_from(1);
}

static void free_when_left(void)
{
	free_from(2);
}

static void broken(void)
{
	PARTS(leave, free_too_early);
}

static void repaired(void)
{
	PARTS(leave, free_when_left);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_IOMMU(reader)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I8)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"loaded"}}})
