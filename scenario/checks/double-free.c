/* checks/double-free: two holders give one page back. SPDX-License-Identifier: MIT */
#include "parts.h"

static oct_phys_t page;
static uint32_t holders = 2;

static void setup(void)
{
	page = oct_port_page_alloc(0, OCT_USE_CORE);
}

static void give_back(void)
{
	oct_port_page_free(page, 0, OCT_USE_CORE);
}

/* The last one is who finds nobody left: both may. */
static void broken(void)
{
	oct_fetch_sub(&holders, 1, OCT_ACQ_REL);
	if (oct_load(&holders, OCT_ACQ) == 0)
		give_back();
}

static void repaired(void)
{
	if (oct_fetch_sub(&holders, 1, OCT_ACQ_REL) != 1)
		return;
	give_back();
	oc_cover("freed");
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_UAF)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"freed"}}})
