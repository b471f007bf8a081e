/* checks/i7-unaccounted: an entry is relied on, its flush still owed (I7). SPDX-License-Identifier: MIT
 *
 * Who relies on an entry (to copy the page, to let a caller return) says so, and then no TLB may have
 * more rights than the entry gives. */
#include "space.h"

static void broken(void)
{
	oc_entry_update(entry, oct_pte_wrprotect);
	OCT_RELIED(entry, VA);
}

/* The newest change takes nothing; the one before it did. */
static void older(void)
{
	oc_entry_update(entry, oct_pte_wrprotect);
	oc_entry_update(entry, oct_pte_mk_soft_dirty);
	OCT_RELIED(entry, VA);
}

static void repaired(void)
{
	oc_entry_update(entry, oct_pte_wrprotect);
	flush();
	OCT_RELIED(entry, VA);
}

OC_SCENARIO(.setup = space_setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I7)},
                         {.name = "broken-older", .run = older, .expected = OC_VIOLATES(OC_I7)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
