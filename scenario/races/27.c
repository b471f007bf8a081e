/* races/27: a walk without locks in a table that is freed. SPDX-License-Identifier: MIT
 *
 * G runs on a CPU that does not run the space (it works for a device), with interrupts off. K takes the table
 * away. old: the flush is complete and interrupted nobody else, so the table is freed, and G reads it (I1, of
 * a walk in software: use after free). now: tables are freed after every CPU has had interrupts on. */
#include "../pin.h"

static struct oct_mm *mm;

static void setup(void)
{
	mm = oc_mm();
	swap_setup(mm);
	raw_setup(mm);
}

static void free_at_once(void)
{
	oct_pte_t *upper = oc_pte(mm, RAW_VA, 1);
	oct_phys_t table = oct_pte_phys(oc_entry_get(upper));

	oc_entry_set(upper, 0);
	oc_dsb();
	oc_tlbi(mm, 0, 0, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	oct_port_page_free(table, 0, OCT_USE_TABLE);
}

static void walk(void)
{
	const oct_pte_t *pte;

	oc_irqs_off();
	pte = oct_table_find(&mm->space, RAW_VA, 0);
	if (pte)
		oc_reg("seen", oct_load(pte, OCT_RLX)); /* a glance */
	oc_irqs_on();
}

static void old(void)
{
	RAW_PARTS(free_at_once, walk);
}

static void unmap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, PIN_VA, OCT_PAGE_SIZE) == 0);
}

static void now(void)
{
	RAW_PARTS(unmap, pin_to_read);
}

static void final(void)
{
	if (pin_folio)
		oct_unpin(pin_folio, false);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {
                {.name = "old", .run = old, .expected = OC_VIOLATES(OC_UAF)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"pinned", "not-pinned"}}})
