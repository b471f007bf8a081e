/* checks/first-run: a space that runs for the first time in the race has a number then (I1).
 * SPDX-License-Identifier: MIT
 *
 * CPU1 takes up a space that had no address-space number when the race began, and says so. Whoever then frees
 * a page of it must invalidate, though nobody makes an access. */
#include "parts.h"

enum { VA = 0x10000 };

static struct oct_mm *first, *mm;
static oct_pte_t *entry, original;
static uint32_t running;

static void setup(void)
{
	first = oc_mm(); /* every CPU runs it at the start */
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ);
	entry = oc_pte(mm, VA);
	original = oc_entry_get(entry);
	running = 0;
}

static void taker(void)
{
	oct_mm_switch(first->space.system, mm);
	oct_store(&running, 1u, OCT_REL); /* pairs with the acquire in freer() */
}

static void freer(bool invalidate)
{
	oct_await(oct_load(&running, OCT_ACQ) == 1);
	oc_entry_set(entry, 0);
	oc_dsb();
	if (invalidate)
		oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
	oct_port_page_free(oct_pte_phys(original), 0, OCT_USE_USER);
}

static void no_flush(void)
{
	freer(false);
}

static void repaired(void)
{
	freer(true);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(taker)},
            .variants = {{.name = "broken", .run = no_flush, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
