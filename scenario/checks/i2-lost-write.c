/* checks/i2-lost-write: a page is copied while a TLB may still store into it (I2). SPDX-License-Identifier:
 * MIT
 *
 * Copy on write: read-only everywhere first, then the copy, then the copy in its place. */
#include "space.h"

static oct_phys_t copy;
static bool stored;

static void setup(void)
{
	space_setup();
	copy = oct_port_page_alloc(0, OCT_USE_USER);
	oct_port_page_clear(copy, 0);
}

static void writer(void)
{
	stored = oc_store32(mm, VA, 7) == 0;
}

static void break_cow(bool flush_first)
{
	oc_entry_update(entry, oct_pte_wrprotect);
	if (flush_first)
		flush();
	oct_port_page_copy(copy, page, 0);
#ifndef OCT_ARCH_X86_64 /* break before make; x86-64 changes the page of a valid entry at once */
	oc_entry_set(entry, 0);
	flush();
#endif
	oc_entry_set(entry, oct_pte_mkyoung(oct_pte_make(copy, OCT_READ, OCT_NORMAL)));
}

static void broken(void)
{
	break_cow(false);
}

static void repaired(void)
{
	break_cow(true);
}

static void final(void)
{
	OC_ASSERT(OC_I2, !stored || oc_peek32(mm, VA) == 7);
	oc_entry_set(entry, original); /* the entry that the references belong to */
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "repaired",
                          .run = repaired,
                          .expected = OC_HOLDS,
                          .cover = {"store-through-stale-entry"}}})
