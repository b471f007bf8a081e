/* questions/E6: ranges and a filter of them instead of one counter for the space? SPDX-License-Identifier:
 * MIT
 *
 * Who copies a page asks whether a flush of that page is pending; with a counter of the space, any other
 * flush counts too. A Bloom filter of the pending pages says less often yes for nothing, but it cannot forget
 * one page: another pending one may share its bits, as the two here do. forgets: each takes its own bits out
 * when its flush is done. cleared-late: who lowers the count to zero clears the filter then, where a new one
 * may have come in between. filter: count and bits in one word, cleared with the last. now: the core's stamp
 * of each table, which needs neither. How often each says yes for nothing: tests/sim/syncs.c, `make bench`.
 */
#include "../raw.h"
#include "../zap.h"

enum { RAW_OTHER = RAW_SPARE, PENDING = 1 << 8, BITS = PENDING - 1, BOTH_PAGES = 1 << 3 };

static uint32_t
    filter; /* the bits, and above them how many flushes are pending, for those who keep both there */

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	zap_setup(mm);
	raw_setup(mm);
}

static void protect(uintptr_t va)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, va);

	oc_entry_update(pte, oct_pte_wrprotect);
	oct_pte_unlock(raw.mm, pte);
	oc_dsb();
	oc_tlbi(raw.mm, va, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

/* ---- What a flush does before and after -----------------------------------------------------------------
 */
/* Before the entries change, like raw_raise_pending; after the flush, like raw_drop_pending. */
static void by_counter(uintptr_t va)
{
	raw_raise_pending();
	protect(va);
	raw_drop_pending();
}

static void forgetting(uintptr_t va)
{
	oct_fetch_or(&filter, BOTH_PAGES, OCT_RLX);
	protect(va);
	oct_fetch_and(&filter, ~(uint32_t)BOTH_PAGES, OCT_REL);
}

static void clearing_late(uintptr_t va)
{
	oct_fetch_add(&raw_pending, 1, OCT_RLX);
	oct_fetch_or(&filter, BOTH_PAGES, OCT_RLX);
	protect(va);
	if (oct_fetch_sub(&raw_pending, 1, OCT_ACQ_REL) == 1)
		oct_store(&filter, 0, OCT_REL);
}

static void in_one_word(uintptr_t va)
{
	uint32_t seen = 0, next; /* a guess, which the exchange corrects */

	do
		next = (seen + PENDING) | BOTH_PAGES;
	while (!oct_cas(&filter, &seen, next, OCT_RLX));
	protect(va);
	seen = PENDING | BOTH_PAGES;
	do
		next = seen < 2 * PENDING ? 0 : seen - PENDING;
	while (!oct_cas(&filter, &seen, next, OCT_ACQ_REL));
}

/* ---- The parts -------------------------------------------------------------------------------------------
 */
/* Copy on write as raw_cow_under_lock, by the filter. */
static void copy_by_filter(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	if (raw_must_copy(oc_entry_get(pte))) {
		if (oct_load(&filter, OCT_ACQ) & BITS)
			raw_flush();
		raw_copy();
		raw_install(pte);
	}
	oct_pte_unlock(raw.mm, pte);
}

/* The first also writes, afterwards: one CPU less. */
#define TWO_PROTECTERS(name, protects)                                                                       \
	static void name##_first(void)                                                                       \
	{                                                                                                    \
		protects(RAW_OTHER);                                                                         \
		raw_writer();                                                                                \
	}                                                                                                    \
	static void name##_second(void)                                                                      \
	{                                                                                                    \
		protects(RAW_VA);                                                                            \
	}
TWO_PROTECTERS(counter, by_counter)
TWO_PROTECTERS(forgets, forgetting)
TWO_PROTECTERS(cleared_late, clearing_late)
TWO_PROTECTERS(word, in_one_word)

static void counter(void)
{
	RAW_PARTS(counter_first, counter_second, raw_cow_under_lock);
}

static void forgets(void)
{
	RAW_PARTS(forgets_first, forgets_second, copy_by_filter);
}

static void cleared_late(void)
{
	RAW_PARTS(cleared_late_first, cleared_late_second, copy_by_filter);
}

static void word(void)
{
	RAW_PARTS(word_first, word_second, copy_by_filter);
}

static void zap_neighbour_and_page(void)
{
	zap_neighbour();
	zap_page_and_look();
}

static void nothing(void)
{
}

static void now(void)
{
	RAW_PARTS(zap_neighbour_and_page, zap_page, nothing);
}

#define COVER                                                                                                \
	{                                                                                                    \
		"store-through-stale-entry", "raw-copy-installed"                                            \
	}
OC_SCENARIO(.setup = setup, .final = raw_final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "counter", .run = counter, .expected = OC_HOLDS, .cover = COVER},
                {.name = "filter-forgets", .run = forgets, .expected = OC_VIOLATES(OC_I2)},
                {.name = "filter-cleared-late", .run = cleared_late, .expected = OC_VIOLATES(OC_I2)},
                {.name = "filter", .run = word, .expected = OC_HOLDS, .cover = COVER},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"rely-behind", "zero-fill"}}})
