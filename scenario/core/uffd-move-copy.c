/* core/uffd-move-copy: one moves a page to where another supplies one. SPDX-License-Identifier: MIT
 *
 * One wins, the other is told that something is there: no page is replaced (I2, I11), none is lost.
 * looks-first: who moves has seen the new place empty before he takes the lock. */
#include "../uffd.h"

enum { FROM = UFFD_NEXT, RAW_TO = RAW_VA + 0x1000 };

static bool moved, supplied, raw_supplied;
static oct_pte_t raw_to;
static struct oct_folio *page; /* that moves */

static void setup(void)
{
	uffd_setup(oc_mm(), OCT_UFFD_MISSING);
	page = oc_folio(uffd_mm, FROM);
	raw_setup(uffd_mm);
	oc_map_anon(uffd_mm, RAW_TO, 1, OCT_READ);
	raw_to = oc_entry_get(oc_pte(uffd_mm, RAW_TO));
	oc_entry_set(oc_pte(uffd_mm, RAW_TO), 0);
}

static void move_raw(void)
{
	bool empty = oct_pte_none(oc_entry_get(oc_pte(raw.mm, RAW_TO)));
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA), old; /* one lock has both */

	if (empty) {
		old = oc_entry_xchg(pte, 0);
		raw_flush();
		oc_entry_set(oc_pte(raw.mm, RAW_TO), old);
	}
	oct_pte_unlock(raw.mm, pte);
}

static void supply_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_TO);

	if (oct_pte_none(oc_entry_get(pte))) {
		oc_entry_set(pte, raw_to);
		raw_supplied = true;
	}
	oct_pte_unlock(raw.mm, pte);
}

static void looks_first(void)
{
	RAW_PARTS(move_raw, supply_raw);
}

static void move(void)
{
	int result = oct_uffd_move(uffd_mm, UFFD_VA, FROM, 1, 0);

	OC_ASSERT(OC_ASSERTION, result == 1 || result == -OCT_EEXIST);
	moved = result == 1;
	oc_cover(moved ? "moved" : "move-refused");
}

static void supply(void)
{
	int result = uffd_copy(0);

	OC_ASSERT(OC_ASSERTION, result == 1 || result == -OCT_EEXIST);
	supplied = result == 1;
	oc_cover(supplied ? "supplied" : "supply-refused");
}

static void now(void)
{
	RAW_PARTS(move, supply);
}

static void final(void)
{
	if (moved || supplied) {
		OC_ASSERT(OC_I2, moved != supplied);
		OC_ASSERT(OC_I2, oc_folio(uffd_mm, moved ? UFFD_VA : FROM) == page);
		OC_ASSERT(OC_I2, moved || oc_folio(uffd_mm, UFFD_VA));
		OC_ASSERT(OC_I2, supplied || !oc_folio(uffd_mm, FROM));
	}
	if (raw_supplied)
		OC_ASSERT(OC_I2, oct_pte_phys(oc_entry_get(oc_pte(raw.mm, RAW_TO))) == oct_pte_phys(raw_to));
	oc_entry_set(oc_pte(raw.mm, RAW_TO), oct_pte_wrprotect(raw_to));
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "looks-first",
                          .run = looks_first,
                          .expected = OC_VIOLATES(OC_I11),
                          .on = {{OC_X86_64, OC_VIOLATES(OC_I2)}}},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"moved", "move-refused", "supplied", "supply-refused"}}})
