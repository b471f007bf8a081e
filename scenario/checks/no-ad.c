/* checks/no-ad: one walker sets accessed, another that shares the table does not (I10).
 * SPDX-License-Identifier: MIT
 *
 * An entry is changed by load and store. A walker without hardware updates faults on an old entry and
 * leaves it as it is, so beside such ones that is right; one walker with them is enough to lose a bit. */
#include "space.h"

static bool seen;

static void setup(void)
{
	space_setup();
	oc_entry_set(entry, oct_pte_mkold(original));
}

static void faulting_reader(void)
{
	uint32_t value;

	if (oc_load32(mm, VA, &value))
		oc_cover("faulted");
}

static void change(bool atomically)
{
	oct_pte_t found = oc_entry_get(entry);

	seen = oct_pte_young(oc_entry_get(entry));
	if (atomically)
		oc_entry_update(entry, oct_pte_wrprotect);
	else
		oc_entry_set(entry, oct_pte_wrprotect(found));
}

static void broken(void)
{
	if (oct_port_cpu_self() == 0)
		change(false);
	else
		reader();
}

static void alone(void)
{
	if (oct_port_cpu_self() == 0)
		change(false);
}

static void repaired(void)
{
	if (oct_port_cpu_self() == 0)
		change(true);
	else
		reader();
}

static void final(void)
{
	OC_ASSERT(OC_I10, !seen || oct_pte_young(oc_entry_get(entry)));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(faulting_reader, OC_NO_AD)},
            .cover = {"faulted"},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I10)},
                         {.name = "alone", .run = alone, .expected = OC_HOLDS},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"loaded"}}})
