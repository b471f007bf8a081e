/* checks/free-while-mapped: a page is given back while a TLB may hold it (I1). SPDX-License-Identifier: MIT
 *
 * The entry goes, every TLB forgets it, that is complete, and only then the page is free. */
#include "space.h"

static void give_back(void)
{
	oct_port_page_free(page, 0, OCT_USE_USER);
}

static void no_flush(void)
{
	oc_entry_set(entry, 0);
	give_back();
}

static void local(void)
{
	oc_entry_set(entry, 0);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_LOCAL, OC_LEAF);
	oc_dsb();
	give_back();
}

static void repaired(void)
{
	oc_entry_set(entry, 0);
	flush();
	give_back();
}

OC_SCENARIO(.setup = space_setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .variants = {{.name = "broken", .run = no_flush, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "broken-local", .run = local, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"loaded"}}})
