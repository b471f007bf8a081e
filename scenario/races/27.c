/* races/27: a walk without locks in a table that is freed. SPDX-License-Identifier: MIT
 *
 * G runs on a CPU that does not run the space (it works for a device), with interrupts off. K takes the table
 * away. old: the flush is complete and interrupted nobody else, so the table is freed, and the page is soon a
 * table of something else; G, in the middle of its walk, finds an entry of that (it names a page in swap), as
 * if it were of its address (I1). old-freed: nobody has taken the page yet (the same, reported as a use after
 * free). now: tables are freed after every CPU has had interrupts on. */
#include "../pin.h"

enum { TAKEN = 1, NOT_TAKEN };

static struct oct_mm *mm;
static oct_phys_t next;    /* the page that somebody gets who needs a table */
static uint32_t next_life; /* atomic: TAKEN: of the table that was freed */

static void setup(void)
{
	mm = oc_mm();
	swap_setup(mm);
	raw_setup(mm);
}

static oct_phys_t take_table(void)
{
	oct_pte_t *upper = oc_pte(mm, RAW_VA, 1);
	oct_phys_t table = oct_pte_phys(oc_entry_get(upper));

	oc_entry_set(upper, 0);
	oc_dsb();
	oc_tlbi(mm, 0, 0, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	oct_port_page_free(table, 0, OCT_USE_TABLE);
	return table;
}

static void free_at_once(void)
{
	take_table();
}

static void free_and_use_again(void)
{
	oct_phys_t table = take_table();

	next = oct_port_page_alloc(0, OCT_USE_TABLE);
	oct_store((oct_pte_t *)oct_port_phys_to_virt(next) + oct_table_index(RAW_VA, 0),
	          oct_pte_mksoft(OCT_SOFT_SWAP, 1), OCT_RLX);
	/* Pairs with the acquire of walk_slowly(). */
	oct_store(&next_life, next == table ? TAKEN : NOT_TAKEN, OCT_REL);
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

/* It comes to the entry when the page has its next life. What it does earlier old-freed shows. */
static void walk_slowly(void)
{
	const oct_pte_t *pte;

	oc_irqs_off();
	pte = oct_table_find(&mm->space, RAW_VA, 0);
	if (pte && oct_load(&next_life, OCT_ACQ) == TAKEN)
		OC_ASSERT(OC_I1, oct_pte_phys(oct_load(pte, OCT_RLX)) == oct_pte_phys(raw.writable));
	oc_irqs_on();
}

static void old(void)
{
	RAW_PARTS(free_and_use_again, walk_slowly);
}

static void old_freed(void)
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
                {.name = "old", .run = old, .expected = OC_VIOLATES(OC_I1), .knobs = {.reuse = true}},
                {.name = "old-freed", .run = old_freed, .expected = OC_VIOLATES(OC_UAF)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"pinned", "not-pinned"}}})
