/* checks/i5-pinned: a page is replaced while somebody pins it (I5). SPDX-License-Identifier: MIT
 *
 * The pinner takes its pin, then looks whether the entry is still there; who replaces takes the entry
 * away, then looks for pins. Unless full fences stand between, both may miss the other. */
#include "space.h"

static uint32_t pins;
static bool pinned, replaced;

static void pin(bool fence)
{
	oct_fetch_add(&pins, 1, OCT_RLX);
	if (fence)
		oct_fence(OCT_SC); /* pairs with the fence of replace() */
	if (oc_entry_get(entry) == original)
		pinned = true;
	else
		oct_fetch_sub(&pins, 1, OCT_RLX);
}

static void replace(bool fence)
{
	oc_entry_set(entry, 0);
	if (fence)
		oct_fence(OCT_SC); /* pairs with the fence of pin() */
	if (oct_load(&pins, OCT_RLX) == 0)
		replaced = true;
	else
		oc_entry_set(entry, original);
}

static void look_then_take(void)
{
	if (oct_load(&pins, OCT_RLX) != 0)
		return;
	oct_fence(OCT_SC);
	oc_entry_set(entry, 0);
	replaced = true;
}

static void broken(void)
{
	if (oct_port_cpu_self() == 0)
		pin(false);
	else
		replace(false);
}

static void broken_order(void)
{
	if (oct_port_cpu_self() == 0)
		pin(true);
	else
		look_then_take();
}

static void repaired(void)
{
	if (oct_port_cpu_self() == 0)
		pin(true);
	else
		replace(true);
}

static void final(void)
{
	OC_ASSERT(OC_I5, !(pinned && replaced));
	oc_entry_set(entry, original);
}

OC_SCENARIO(.setup = space_setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I5)},
                         {.name = "broken-order", .run = broken_order, .expected = OC_VIOLATES(OC_I5)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
