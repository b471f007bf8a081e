/* checks/assertion: an increment of two steps loses one. SPDX-License-Identifier: MIT */
#include "parts.h"

static uint32_t count;

static void broken(void)
{
	oct_store(&count, oct_load(&count, OCT_RLX) + 1, OCT_RLX);
}

static void repaired(void)
{
	oct_fetch_add(&count, 1, OCT_RLX);
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, oct_load(&count, OCT_RLX) == 2);
}

OC_SCENARIO(.final = final, .arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_ASSERTION)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
