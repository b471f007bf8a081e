/* checks/i7-unaccounted: an entry is relied on, its flush still owed (I7). SPDX-License-Identifier: MIT
 *
 * Who relies on an entry (to copy the page, to let a caller return) says so, and then no TLB may have
 * more rights than the entry gives. */
#include "space.h"

static oct_phys_t spare;

static void setup(void)
{
	space_setup();
	oc_map_anon(mm, OTHER_VA, 1, OCT_READ | OCT_WRITE);
	spare = oct_pte_phys(oc_entry_get(oc_pte(mm, OTHER_VA)));
}

static void final(void)
{
	oc_entry_set(entry, original);
}

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

/* Nothing is mapped there any more. */
static void gone(void)
{
	oc_entry_set(entry, 0);
	OCT_RELIED(entry, VA);
}

/* The same rights, of another page. Where that has to be broken first it is found before. */
static void other_page(void)
{
	oc_entry_update(entry, oct_pte_wrprotect);
	flush();
	oc_entry_set(entry, oct_pte_mkyoung(oct_pte_make(spare, OCT_READ, OCT_NORMAL)));
	OCT_RELIED(entry, VA);
}

static void repaired(void)
{
	oc_entry_update(entry, oct_pte_wrprotect);
	flush();
	OCT_RELIED(entry, VA);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I7)},
                         {.name = "broken-older", .run = older, .expected = OC_VIOLATES(OC_I7)},
                         {.name = "broken-gone", .run = gone, .expected = OC_VIOLATES(OC_I7)},
                         {.name = "broken-other-page",
                          .run = other_page,
                          .expected = OC_VIOLATES(OC_I11),
                          .on = {{OC_X86_64, OC_VIOLATES(OC_I7)}}},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
