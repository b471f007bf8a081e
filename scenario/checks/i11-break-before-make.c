/* checks/i11-break-before-make: another page at an address that a TLB may hold (I11).
 * SPDX-License-Identifier: MIT
 *
 * arm64, riscv64: between two valid entries with different frames, or memory types, stands an invalid one,
 * and an invalidation that is complete. */
#include "space.h"

static oct_pte_t another, uncached; /* another page; the same as memory of another type */

static void setup(void)
{
	oct_phys_t fresh = oct_port_page_alloc(0, OCT_USE_USER);

	space_setup();
	oct_port_page_clear(fresh, 0);
	uncached = oct_pte_mkyoung(oct_pte_make(page, OCT_READ, OCT_UNCACHED));
	another = oct_pte_mkyoung(oct_pte_make(fresh, OCT_READ, OCT_NORMAL));
}

static void no_break(void)
{
	oc_entry_set(entry, another);
}

static void type_in_place(void)
{
	oc_entry_set(entry, uncached);
}

static void type_repaired(void)
{
	oc_entry_set(entry, 0);
	flush();
	oc_entry_set(entry, uncached);
}

static void no_flush(void)
{
	oc_entry_set(entry, 0);
	oc_entry_set(entry, another);
}

/* arm64: the invalidation is on its way. On riscv64 the call waits. */
static void no_completion(void)
{
	oc_entry_set(entry, 0);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_LEAF);
	oc_entry_set(entry, another);
}

static void repaired(void)
{
	oc_entry_set(entry, 0);
	flush();
	oc_entry_set(entry, another);
}

static void final(void)
{
	oc_entry_set(entry, original); /* the entry that the references belong to */
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .variants = {
                {.name = "broken", .run = no_break, .expected = OC_VIOLATES(OC_I11)},
                {.name = "broken-no-flush", .run = no_flush, .expected = OC_VIOLATES(OC_I11)},
                {.name = "broken-no-completion",
                 .run = no_completion,
                 .expected = OC_VIOLATES(OC_I11),
                 .on = {{OC_RISCV64, OC_HOLDS}}},
                {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"loaded"}},
                {.name = "broken-type", .run = type_in_place, .expected = OC_VIOLATES(OC_I11)},
                {.name = "repaired-type", .run = type_repaired, .expected = OC_HOLDS, .cover = {"loaded"}}})
