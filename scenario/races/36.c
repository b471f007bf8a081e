/* races/36: a table that two spaces share is dropped without a flush (CVE-2021-4002).
 * SPDX-License-Identifier: MIT
 *
 * Z gives up its share of a table: the upper entry is cleared, and the table lives on. Nothing was unmapped
 * here as far as the gather can tell, so it flushes nothing; whoever owns the object frees a page of it when
 * nobody seems to map it, and W's CPU still reaches it. Raw entries both: in the core a table has one owner.
 * now: the range is flushed, to all levels, before the lock of the object is dropped and anybody may free. */
#include "../checks/space.h"

static oct_pte_t *upper, link;

static void setup(void)
{
	space_setup();
	upper = oc_pte(mm, VA, 1);
	link = oc_entry_get(upper);
}

static void unshare(void)
{
	oc_entry_set(upper, 0);
}

static void flush_range(void)
{
	oc_dsb();
	oc_tlbi(mm, VA, OCT_TABLE_ENTRIES, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
}

/* The other space is done with the page too. */
static void free_page(void)
{
	oct_port_page_free(page, 0, OCT_USE_USER);
}

static void old(void)
{
	unshare();
	free_page();
}

static void now(void)
{
	unshare();
	flush_range();
	free_page();
}

static void writer(void)
{
	oc_cover(oc_store32(mm, VA, 7) == 0 ? "stored" : "refused");
}

static void final(void)
{
	oc_entry_set(entry, 0);
	oc_entry_set(upper, link);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"stored", "refused"}}})
