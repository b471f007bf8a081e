/* dirty/nested-flush: an entry is clean because another recorder has cleaned it, and has not flushed yet.
 * SPDX-License-Identifier: MIT
 *
 * touched-only: the second recorder finds nothing to clean and flushes what it has touched: nothing. It takes
 * the page that the first has recorded and copies it; a CPU still stores through its stale dirty entry. asks:
 * it flushes all the same while another flush is under way, as Linux does. That is enough where one consumes
 * after both, but here the first may record the page again between that flush and its own: taken too early.
 * late: the same, and who cleans adds the page when his flush is complete. now: the table is behind, so the
 * second completes what the first owes (R4), and both add late. */
#include "../dirty.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	file_setup(mm, OCT_WRITE);
	raw_setup(mm);
	dirty_setup();
}

static oct_pte_t clean_entry(bool late)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA), old = oc_entry_update(pte, raw_mkclean);

	if (!late)
		raw_record(old);
	oct_pte_unlock(raw.mm, pte);
	return old;
}

static void first(bool late)
{
	oct_pte_t old;

	raw_raise_pending();
	old = clean_entry(late);
	raw_flush();
	if (late)
		raw_record(old);
	raw_drop_pending();
}

static void second(bool late, bool ask)
{
	oct_pte_t old = clean_entry(late);

	if (oct_pte_dirty(old) || (ask && raw_is_pending()))
		raw_flush();
	if (late)
		raw_record(old);
	raw_consume();
}

static void first_early(void)
{
	first(false);
}

static void first_late(void)
{
	first(true);
}

static void second_touched(void)
{
	second(false, false);
}

static void second_asks(void)
{
	second(false, true);
}

static void second_late(void)
{
	second(true, true);
}

static void touched_only(void)
{
	RAW_PARTS(first_early, second_touched, raw_writer);
}

static void asks(void)
{
	RAW_PARTS(first_early, second_asks, raw_writer);
}

static void late(void)
{
	RAW_PARTS(first_late, second_late, raw_writer);
}

static void now(void)
{
	RAW_PARTS(dirty_record, dirty_record_and_consume, file_writer);
}

static void final(void)
{
	dirty_final();
	raw_dirty_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .cover = {"consumed", "store-through-stale-entry"},
            .variants = {{.name = "touched-only", .run = touched_only, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "asks", .run = asks, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "late", .run = late, .expected = OC_HOLDS},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
