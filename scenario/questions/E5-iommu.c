/* questions/E5-iommu: local invalidation for a process that runs on one CPU, and on a device.
 * SPDX-License-Identifier: MIT
 *
 * The part of E5 that needs a device: no other CPU runs the process, so the flush stays local; but an
 * IOMMU is bound to the space and stores through the entry that it keeps. A flush that knows of it tells
 * it; one that knows of CPUs only does not, and a broadcast does not reach it unless it snoops. */
#include "../switch.h"

enum { DEVICE = 1 };

/* The device stores; the CPU takes the right to do so away. */
static bool is_device(uintptr_t va)
{
	if (oct_port_cpu_self() != DEVICE)
		return false;
	oc_store32(sw.mm, va, 7);
	return true;
}

static void local(void)
{
	if (is_device(SWITCH_VA))
		return;
	oc_entry_update(sw.entry, oct_pte_wrprotect);
	switch_invalidate(OC_LOCAL);
}

static void broadcast(void)
{
	if (is_device(SWITCH_VA))
		return;
	oc_entry_update(sw.entry, oct_pte_wrprotect);
	switch_invalidate(OC_BROADCAST);
}

static void told(void)
{
	if (is_device(SWITCH_VA))
		return;
	oc_entry_update(sw.entry, oct_pte_wrprotect);
	oc_dsb();
	oct_secondary_invalidate(&sw.mm->space, SWITCH_VA, 1, OCT_LEAF);
	switch_invalidate(OC_LOCAL);
}

static void now(void)
{
	if (is_device(SWITCH_ALIAS)) /* the entry that the core knows of */
		return;
	OC_ASSERT(OC_ASSERTION, oct_mprotect(sw.mm, SWITCH_ALIAS, OCT_PAGE_SIZE, OCT_READ) == 0);
	sw.after = oc_peek32(sw.mm, SWITCH_ALIAS);
}

OC_SCENARIO(.setup = switch_setup, .final = switch_final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_IOMMU(OC_VARIANT)},
            .variants = {
                {.name = "local", .run = local, .expected = OC_VIOLATES(OC_I4)},
                {.name = "broadcast", .run = broadcast, .expected = OC_VIOLATES(OC_I4)},
                {.name = "broadcast-snooped",
                 .run = broadcast,
                 .expected = OC_HOLDS,
                 .on = {{OC_X86_64, OC_VIOLATES(OC_I4)}},
                 .knobs = {.iommu_snoops = true},
                 .cover = {"store-through-stale-entry"}},
                {.name = "told", .run = told, .expected = OC_HOLDS, .cover = {"store-through-stale-entry"}},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"store-through-stale-entry"}}})
