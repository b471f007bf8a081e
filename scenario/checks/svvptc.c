/* checks/svvptc: an entry becomes valid, and a CPU tries until its access succeeds.
 * SPDX-License-Identifier: MIT
 *
 * On riscv64 a TLB may keep that the entry was invalid: then nothing but an invalidation of that CPU's own
 * ends the faults. With Svvptc the new entry is seen in the end. */
#include "space.h"

static void setup(void)
{
	space_setup();
	oc_entry_set(entry, 0);
}

static void mapper(void)
{
	oc_entry_set(entry, original);
	oc_dsb();
}

static bool loads(void)
{
	uint32_t value;

	return oc_load32(mm, VA, &value) == 0;
}

static void tries(void)
{
	oct_await(loads());
	oc_cover("loaded");
}

static void forgets(void)
{
	if (loads())
		return;
	oct_await(oct_pte_present(oc_entry_get(entry)));
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_LOCAL, OC_LEAF);
	oc_dsb();
	tries();
}

OC_SCENARIO(.setup = setup, .arch = OC_RISCV64, .actors = {OC_CPU(mapper), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "broken", .run = tries, .expected = OC_VIOLATES(OC_DEADLOCK)},
                         {.name = "repaired", .run = forgets, .expected = OC_HOLDS, .cover = {"loaded"}},
                         {.name = "svvptc",
                          .run = tries,
                          .expected = OC_HOLDS,
                          .knobs = {.svvptc = true},
                          .cover = {"loaded"}}})
