/* races/47: accessed and dirty set in an entry that was just made non-present. SPDX-License-Identifier: MIT
 *
 * An erratum of x86-64 parts. old: the entry that stands for a page on its way has the number of the place
 * where its state was put in bits that hardware still sets: the wrong state, dirty or not, comes back with
 * the page. now: soft entries have nothing there, and what the exchange returned is kept elsewhere. */
#include "../migrate.h"

enum { SLOT = 5 };

static oct_pte_t state[64];
static bool is_raw;

static void setup(void)
{
	migrate_setup(oc_mm(), 1);
	oc_entry_set(raw.entry, oct_pte_mkold(raw.writable)); /* dirty, so what it says is needed */
}

static void raw_move(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	is_raw = true;
	state[SLOT] = oc_entry_xchg(pte, (oct_pte_t)SLOT << 1); /* bits 1 to 6 */
	if (oc_entry_get(pte) >> 1 != SLOT)
		oc_cover("stray");
	raw_dirty = oct_pte_dirty(state[oc_entry_get(pte) >> 1 & 63]);
	raw_flush();
	oct_pte_unlock(raw.mm, pte);
}

static void old(void)
{
	RAW_PARTS(raw_move, raw_writer);
}

static void now(void)
{
	RAW_PARTS(migrate, migrate_writer);
}

static void now_pageout(void)
{
	RAW_PARTS(swap_pageout, migrate_writer);
}

static void final(void)
{
	OC_ASSERT(OC_I3, !is_raw || raw_dirty);
	if (migrate_stored)
		OC_ASSERT(OC_I2, swap_word(swap_mm, MIGRATE_VA) == 7);
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_X86_64, .knobs = {.stray_ad = true},
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "old", .run = old, .expected = OC_VIOLATES(OC_I3)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"migrate-move"}},
                {.name = "now-pageout", .run = now_pageout, .expected = OC_HOLDS, .cover = {"reclaim-own"}}})
