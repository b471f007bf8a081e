/* checks/free-flushed-elsewhere: one CPU takes the entry away and flushes, another one gives the page back
 * (I1). SPDX-License-Identifier: MIT
 *
 * That the flush has been done is not enough: who frees has to know that it is complete. */
#include "space.h"

static uint32_t stages; /* atomic: 1: the entry has gone, 2: from every TLB */

static void take(void)
{
	oc_entry_set(entry, 0);
	oct_store(&stages, 1u, OCT_REL); /* pairs with the acquire of give_back() */
	flush();
	oct_store(&stages, 2u, OCT_REL); /* likewise */
}

static void give_back(uint32_t stage)
{
	oct_await(oct_load(&stages, OCT_ACQ) >= stage); /* pairs with the releases of take() */
	oct_port_page_free(page, 0, OCT_USE_USER);
}

static void gone(void)
{
	give_back(1);
}

static void complete(void)
{
	give_back(2);
}

static void broken(void)
{
	PARTS(take, gone);
}

static void repaired(void)
{
	PARTS(take, complete);
}

OC_SCENARIO(.setup = space_setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
