/* questions/E5: local invalidation for a process that runs on one CPU. SPDX-License-Identifier: MIT
 *
 * One CPU write-protects a page of a space that nobody else runs; another CPU, which may hold the
 * writable entry from before, switches to it. Each barrier of the handshake is left out in turn;
 * the window between "about to run" and "runs" is overlooked; and a rollover of the address-space
 * numbers, which promises a flush at each CPU's next switch, is taken for a completed flush. The
 * IOMMU case is E5-iommu. */
#include "../switch.h"

enum { NOW_VA = 0x30000, OTHERS = 6 };

static struct oct_mm *other[2];
static uint32_t rollovers;
static uint32_t now_after, first_after;

static void setup(void)
{
	switch_setup();
	oc_map_anon(sw.mm, NOW_VA, 1, OCT_READ | OCT_WRITE);
	other[0] = oc_mm();
	oc_map_anon(other[0], NOW_VA, 1, OCT_READ | OCT_WRITE);
	other[1] = oc_mm();
	oc_map_anon(other[1], NOW_VA, 1, OCT_READ | OCT_WRITE);
	oc_store32(other[1], NOW_VA, OTHERS);
}

static void no_barrier_in_switch(void)
{
	if (oct_port_cpu_self() == 0)
		switch_revoke(true, SWITCHING);
	else
		switch_in_and_store(false);
}

static void no_barrier_in_flush(void)
{
	if (oct_port_cpu_self() == 0)
		switch_revoke(false, SWITCHING);
	else
		switch_in_and_store(true);
}

static void window_overlooked(void)
{
	if (oct_port_cpu_self() == 0)
		switch_revoke(true, RUNNING);
	else
		switch_in_and_store(true);
}

static void both_barriers(void)
{
	if (oct_port_cpu_self() == 0)
		switch_revoke(true, SWITCHING);
	else
		switch_in_and_store(true);
}

/* The numbers ran out on this CPU: it starts again, others when they switch next. */
static void roll_over(void)
{
	oct_fetch_add(&rollovers, 1, OCT_REL);
	oc_tlbi(sw.mm, 0, 0, OC_LOCAL, OC_ALL_LEVELS);
	oc_dsb();
}

static void store_as_running(void)
{
	oc_store32(sw.mm, SWITCH_VA, 7);
}

static void rollover_completes(void)
{
	if (oct_port_cpu_self() == 0) {
		oc_entry_update(sw.entry, oct_pte_wrprotect);
		oc_dsb();
		roll_over();
		sw.after = oc_peek32(sw.mm, SWITCH_ALIAS);
	} else {
		store_as_running();
	}
}

static void rollover_and_flush(void)
{
	if (oct_port_cpu_self() == 0) {
		oc_entry_update(sw.entry, oct_pte_wrprotect);
		oc_dsb();
		roll_over();
		switch_invalidate(OC_BROADCAST);
	} else {
		store_as_running();
	}
}

static void protect_now(void)
{
	oct_mprotect(sw.mm, NOW_VA, OCT_PAGE_SIZE, OCT_READ);
	now_after = oc_peek32(sw.mm, NOW_VA);
}

static void store_now(void)
{
	oc_store32(sw.mm, NOW_VA, 7);
}

static void now(void)
{
	struct oct_system *system = sw.mm->space.system;

	if (oct_port_cpu_self() == 0) {
		protect_now();
	} else {
		oct_mm_switch(system, NULL);
		oct_mm_switch(system, sw.mm);
		store_now();
	}
}

/* A space that nobody has run yet. */
static void now_first(void)
{
	if (oct_port_cpu_self() == 0) {
		oct_mprotect(other[0], NOW_VA, OCT_PAGE_SIZE, OCT_READ);
		first_after = oc_peek32(other[0], NOW_VA);
	} else {
		oct_mm_switch(sw.mm->space.system, other[0]);
		oc_store32(other[0], NOW_VA, 7);
	}
}

static void now_rollover(void)
{
	struct oct_system *system = sw.mm->space.system;
	uint32_t value = OTHERS;

	if (oct_port_cpu_self() == 0) {
		protect_now();
	} else {
		oct_mm_switch(system, other[0]);
		oct_mm_switch(system, NULL);
		oct_mm_switch(system, other[1]); /* gets the number that other[0] had */
		oc_load32(other[1], NOW_VA, &value);
		OC_ASSERT(OC_I4, value == OTHERS);
		oct_mm_switch(system, sw.mm);
		store_now();
	}
}

static void final(void)
{
	switch_final();
	OC_ASSERT(OC_I4, oc_peek32(sw.mm, NOW_VA) == now_after);
	OC_ASSERT(OC_I4, oc_peek32(other[0], NOW_VA) == first_after);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "no-barrier-in-switch", .run = no_barrier_in_switch, .expected = OC_VIOLATES(OC_I4)},
                {.name = "no-barrier-in-flush", .run = no_barrier_in_flush, .expected = OC_VIOLATES(OC_I4)},
                {.name = "window-overlooked", .run = window_overlooked, .expected = OC_VIOLATES(OC_I4)},
                {.name = "both-barriers",
                 .run = both_barriers,
                 .expected = OC_HOLDS,
                 .cover = {"store-through-stale-entry"}},
                {.name = "rollover-completes", .run = rollover_completes, .expected = OC_VIOLATES(OC_I4)},
                {.name = "rollover-and-flush",
                 .run = rollover_and_flush,
                 .expected = OC_HOLDS,
                 .cover = {"store-through-stale-entry"}},
                {.name = "now-first", .run = now_first, .expected = OC_HOLDS},
                {.name = "now-rollover", .run = now_rollover, .expected = OC_HOLDS},
                {.name = "now", .run = now, .expected = OC_HOLDS}})
