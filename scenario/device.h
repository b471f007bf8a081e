/* device.h: a page that goes to memory of a device and comes back, through the core's public calls.
 * SPDX-License-Identifier: MIT */
#ifndef SCENARIO_DEVICE_H
#define SCENARIO_DEVICE_H

#include "reclaim.h"
#include <octavo/device.h>

static struct oct_swap device;
static struct oct_swap_slot device_slots[2];

/* As swap_setup, and there is a device with room for the page. */
static inline void device_setup(struct oct_mm *mm)
{
	OC_ASSERT(OC_ASSERTION, oct_device_init(&device, &device, device_slots, 2) == 0);
	swap_setup(mm);
	oct_device_attach(&reclaim, &device);
	/* The device has a page before the race begins. */
	OC_ASSERT(OC_ASSERTION, oct_port_page_write(&device, 0, oc_folio(mm, SWAP_VA)->page) == 0);
}

static inline void device_migrate(void)
{
	struct oct_migrate_vma migrate;

	if (oct_migrate_vma_setup(&migrate, swap_mm, SWAP_VA, SWAP_VA + OCT_PAGE_SIZE) == 1) {
		OC_ASSERT(OC_ASSERTION, oct_migrate_vma_pages(&migrate) == 1);
		oct_migrate_vma_finalize(&migrate);
	}
}

/* The same, and the page is there. */
static inline void device_setup_there(struct oct_mm *mm)
{
	device_setup(mm);
	device_migrate();
	OC_ASSERT(OC_ASSERTION, oct_swap_used(&device) == 1);
}

#endif
