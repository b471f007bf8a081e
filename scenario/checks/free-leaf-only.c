/* checks/free-leaf-only: a table is given back, but only leaves were invalidated (I1).
 * SPDX-License-Identifier: MIT
 *
 * arm64 and riscv64 have invalidations that leave the walk caches as they are. x86-64's INVLPG does not, but
 * INVLPGB can: who asks for leaves only gets no more in the model (section 7 of MODEL.md). */
#include "space.h"

static oct_pte_t *upper;

static void setup(void)
{
	space_setup();
	upper = oc_pte(mm, VA, 1);
}

static void free_table(unsigned level)
{
	oct_phys_t table = oct_pte_phys(oc_entry_get(upper));

	oc_entry_set(upper, 0);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, level);
	oc_dsb();
	oct_port_page_free(table, 0, OCT_USE_TABLE);
}

static void broken(void)
{
	free_table(OC_LEAF);
}

static void repaired(void)
{
	free_table(OC_ALL_LEVELS);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"loaded"}}})
