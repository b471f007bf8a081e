/* races/04: a pending flag where a counter is needed. SPDX-License-Identifier: MIT
 *
 * Two protecters change two pages. The first lowers the flag when its own flush is done, while the
 * second has still to flush; who copies the second's page sees no flush pending. counter: the same
 * with a counter. now: the core's, where each table remembers what it waits for;
 * the other party there is one who finds the entry already cleared. */
#include "../raw.h"
#include "../zap.h"

enum { RAW_OTHER = RAW_SPARE };

static uint32_t flag;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	zap_setup(mm);
	raw_setup(mm);
}

/* The first protecter's page is nobody else's: its flush says nothing about RAW_VA. */
static void protect_and_flush_other(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_OTHER);

	oc_entry_update(pte, oct_pte_wrprotect);
	oct_pte_unlock(raw.mm, pte);
	oc_dsb();
	oc_tlbi(raw.mm, RAW_OTHER, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

/* It writes afterwards: one CPU less. */
static void first_by_flag(void)
{
	oct_store(&flag, 1, OCT_RLX);
	protect_and_flush_other();
	oct_store(&flag, 0, OCT_REL);
	raw_writer();
}

static void second_by_flag(void)
{
	oct_store(&flag, 1, OCT_RLX);
	raw_wrprotect();
	raw_flush();
	oct_store(&flag, 0, OCT_REL);
}

static void copy_by_flag(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	if (raw_must_copy(oc_entry_get(pte))) {
		if (oct_load(&flag, OCT_ACQ) != 0)
			raw_flush();
		raw_copy();
		raw_install(pte);
	}
	oct_pte_unlock(raw.mm, pte);
}

static void first_by_counter(void)
{
	raw_raise_pending();
	protect_and_flush_other();
	raw_drop_pending();
	raw_writer();
}

static void second_by_counter(void)
{
	raw_raise_pending();
	raw_wrprotect();
	raw_flush();
	raw_drop_pending();
}

static void zap_neighbour_and_page(void)
{
	zap_neighbour();
	zap_page_and_look();
}

static void nothing(void)
{
}

static void old(void)
{
	RAW_PARTS(first_by_flag, second_by_flag, copy_by_flag);
}

static void counter(void)
{
	RAW_PARTS(first_by_counter, second_by_counter, raw_cow_under_lock);
}

static void now(void)
{
	RAW_PARTS(zap_neighbour_and_page, zap_page, nothing);
}

OC_SCENARIO(.setup = setup, .final = raw_final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "old", .run = old, .expected = OC_VIOLATES(OC_I2)},
                {.name = "counter",
                 .run = counter,
                 .expected = OC_HOLDS,
                 .cover = {"store-through-stale-entry", "raw-copy-installed"}},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"rely-behind", "zero-fill"}}})
