/* questions/C4: GUP-fast and other lockless users of the table. SPDX-License-Identifier: MIT
 *
 * G walks with interrupts off, on a CPU that works for somebody else and may run the space or not; K takes
 * the empty table out and frees it: at once after the flush; when the flush's own interrupts are answered,
 * which are sent to the CPUs that run the space; after an interrupt of its own to every CPU; after a grace
 * period. That a walker in software reads a page which was freed is reported as such (I1). */
#include "../retract.h"

static struct oct_folio *pinned;

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
                {.name = "own-interrupt", .run = own_interrupt, .expected = OC_HOLDS, .cover = {"walked"}},
                {.name = "grace", .run = grace, .expected = OC_HOLDS, .cover = {"walked"}},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"retracted"}}})
