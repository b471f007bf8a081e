/* checks/free-may-hold: nobody uses the page, but a TLB may have it when it is given back (I1).
 * SPDX-License-Identifier: MIT
 *
 * A walker needs no access to fetch an entry, so what counts is whether an invalidation that can have reached
 * the entry's copies was complete. Of another number, of another address, from before the change, or not
 * waited for, it does not count. */
#include "space.h"

static struct oct_mm *another;

static void setup(void)
{
	space_setup();
	another = oc_mm();
}

static void idle(void)
{
}

static void give_back(struct oct_mm *of, uintptr_t va, bool before, bool waited)
{
	if (before) {
		oc_dsb();
		oc_tlbi(of, va, 1, OC_BROADCAST, OC_LEAF);
		oc_dsb();
	}
	oc_entry_set(entry, 0);
	if (!before) {
		oc_dsb();
		oc_tlbi(of, va, 1, OC_BROADCAST, OC_LEAF);
	}
	if (waited)
		oc_dsb();
	oct_port_page_free(page, 0, OCT_USE_USER);
}

static void number(void)
{
	give_back(another, VA, false, true);
}

static void address(void)
{
	give_back(mm, OTHER_VA, false, true);
}

static void early(void)
{
	give_back(mm, VA, true, true);
}

static void not_waited(void)
{
	give_back(mm, VA, false, false);
}

static void repaired(void)
{
	give_back(mm, VA, false, true);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(idle)},
            .variants = {{.name = "broken-number", .run = number, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "broken-address", .run = address, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "broken-early", .run = early, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "broken-not-waited",
                          .run = not_waited,
                          .expected = OC_HOLDS, /* complete at once */
                          .on = {{OC_ARM64, OC_VIOLATES(OC_I1)}}},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
