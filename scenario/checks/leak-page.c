/* checks/leak-page: two make a page for one place; who comes second has one too many.
 * SPDX-License-Identifier: MIT */
#include "parts.h"

static void *cache;

static void fill(bool free_mine)
{
	oct_phys_t page = oct_port_page_alloc(0, OCT_USE_CORE);
	void *empty = NULL;

	/* pairs with itself: what is in the page comes before who finds it */
	if (oct_cas(&cache, &empty, oct_port_phys_to_virt(page), OCT_ACQ_REL))
		return;
	oc_cover("second");
	if (free_mine)
		oct_port_page_free(page, 0, OCT_USE_CORE);
}

static void broken(void)
{
	fill(false);
}

static void repaired(void)
{
	fill(true);
}

OC_SCENARIO(.arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .cover = {"second"},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_LEAK)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
