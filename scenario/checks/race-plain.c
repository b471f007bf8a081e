/* checks/race-plain: plain memory handed over by a flag. SPDX-License-Identifier: MIT
 *
 * A relaxed flag carries no order: the reader's load of the data races with the store. */
#include "parts.h"

static uint32_t data, flag;

static void reader(void)
{
	if (oct_load(&flag, OCT_ACQ) == 0) /* pairs with the release of repaired() */
		return;
	OC_ASSERT(OC_ASSERTION, data == 1);
	oc_cover("read");
}

static void broken(void)
{
	data = 1;
	oct_store(&flag, 1, OCT_RLX);
}

static void repaired(void)
{
	data = 1;
	oct_store(&flag, 1, OCT_REL);
}

OC_SCENARIO(.arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(reader)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"read"}}})
