/* questions/C4: GUP-fast and other lockless users of the table. SPDX-License-Identifier: MIT
 *
 * G walks with interrupts off, on a CPU that works for somebody else and may run the space or not; K takes
 * the empty table out and frees it: at once after the flush; when the flush's own interrupts are answered,
 * which are sent to the CPUs that run the space; after an interrupt of its own to every CPU; after a grace
 * period. That a walker in software reads a page which was freed is reported as such; flush-interrupt-again:
 * the page is a table of something else by then, and the walker finds an entry of that (I1). */
#include "../retract.h"

static struct oct_folio *pinned;
static oct_phys_t next; /* the page that somebody gets who needs a table */
static uint32_t again;  /* atomic: it is the one that was freed */

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	retract_setup(mm, 0);
	retract_raw_setup(mm);
}

static void raw_walk(void)
{
	const oct_pte_t *pte;

	oc_irqs_off();
	pte = oct_table_find(&retract.mm->space, RAW_TABLE, 0);
	if (pte) {
		OC_ASSERT(OC_I1, oct_pte_none(oct_load(pte, OCT_RLX))); /* a glance */
		oc_cover("walked");
	}
	oc_irqs_on();
}

/* It comes to the entry when the page has its next life. */
static void raw_walk_slowly(void)
{
	const oct_pte_t *pte;

	oc_irqs_off();
	pte = oct_table_find(&retract.mm->space, RAW_TABLE, 0);
	if (pte && oct_load(&again, OCT_ACQ)) /* pairs with the release of use_again() */
		OC_ASSERT(OC_I1, oct_pte_none(oct_load(pte, OCT_RLX)));
	oc_irqs_on();
}

static void nothing(void)
{
}

static void at_once(void)
{
	raw_unlink(ENTRIES);
	raw_free_table(NULL);
	raw_flush_table();
}

static void after_flush(void)
{
	raw_unlink(ENTRIES);
	raw_flush_table();
	raw_free_table(NULL);
}

static void use_again(void)
{
	after_flush();
	next = oct_port_page_alloc(0, OCT_USE_TABLE);
	oct_store((oct_pte_t *)oct_port_phys_to_virt(next) + oct_table_index(RAW_TABLE, 0),
	          oct_pte_make(retract.folio->page, OCT_READ, OCT_NORMAL), OCT_RLX);
	oct_store(&again, next == retract.table, OCT_REL); /* pairs with the acquire of raw_walk_slowly() */
}

static void after_interrupt(void)
{
	raw_unlink(ENTRIES);
	raw_flush_table();
	oc_ipi(1, nothing);
	raw_free_table(NULL);
}

static void after_grace(void)
{
	raw_unlink(ENTRIES);
	raw_flush_table();
	oct_port_defer(raw_free_table, NULL);
}

static void free_at_once(void)
{
	RAW_PARTS(at_once, raw_walk);
}

static void flush_interrupt(void)
{
	RAW_PARTS(after_flush, raw_walk);
}

static void flush_interrupt_again(void)
{
	RAW_PARTS(use_again, raw_walk_slowly);
}

static void own_interrupt(void)
{
	RAW_PARTS(after_interrupt, raw_walk);
}

static void grace(void)
{
	RAW_PARTS(after_grace, raw_walk);
}

/* Nothing is there to be pinned but on the way. */
static void pin(void)
{
	OC_ASSERT(OC_I5, oct_gup_fast(retract.mm, TABLE_VA, 1, OCT_READ, &pinned) == 0);
}

static void now(void)
{
	RAW_PARTS(retract_now, pin);
}

OC_SCENARIO(.setup = setup, .final = retract_final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "at-once", .run = free_at_once, .expected = OC_VIOLATES(OC_I1)},
                {.name = "flush-interrupt",
                 .run = flush_interrupt,
                 .expected = OC_VIOLATES(OC_UAF),
                 .on = {{OC_X86_64, OC_HOLDS}}},
                {.name = "flush-interrupt-again",
                 .run = flush_interrupt_again,
                 .expected = OC_VIOLATES(OC_I1),
                 .on = {{OC_X86_64, OC_HOLDS}},
                 .knobs = {.reuse = true}},
                {.name = "own-interrupt", .run = own_interrupt, .expected = OC_HOLDS, .cover = {"walked"}},
                {.name = "grace", .run = grace, .expected = OC_HOLDS, .cover = {"walked"}},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"retracted"}}})
