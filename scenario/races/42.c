/* races/42: the switching window (CVE-2025-37964). SPDX-License-Identifier: MIT
 *
 * The flusher skips a CPU that is about to run the space but does not say yet that it does; that
 * CPU has looked at the generation already and goes on with what it holds. */
#include "../switch.h"

enum { NOW_VA = 0x30000 };

static uint32_t after;

static void setup(void)
{
	switch_setup();
	oc_map_anon(sw.mm, NOW_VA, 1, OCT_READ | OCT_WRITE);
}

static void old(void)
{
	if (oct_port_cpu_self() == 0)
		switch_revoke(true, RUNNING);
	else
		switch_in_and_store(true);
}

static void now(void)
{
	struct oct_system *system = sw.mm->space.system;

	if (oct_port_cpu_self() == 0) {
		oct_mprotect(sw.mm, NOW_VA, OCT_PAGE_SIZE, OCT_READ);
		after = oc_peek32(sw.mm, NOW_VA);
	} else {
		oct_mm_switch(system, NULL);
		oct_mm_switch(system, sw.mm);
		oc_store32(sw.mm, NOW_VA, 7);
	}
}

static void final(void)
{
	switch_final();
	OC_ASSERT(OC_I4, oc_peek32(sw.mm, NOW_VA) == after);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
