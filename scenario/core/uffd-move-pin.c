/* core/uffd-move-pin: a page moves to another address while it is pinned without locks.
 * SPDX-License-Identifier: MIT
 *
 * A pin that was given is of the page that its address shows in the end (I5): the page does not move, or the
 * pin is taken back. looks-first: the move looks for pins before it takes the entry away. */
#include "../pin.h"

enum { TO = PIN_VA + 0x2000 };

static bool raw_moved;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();
	uintptr_t where;

	swap_setup(mm);
	pin_raw_setup(mm);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, TO, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &where) == 0);
	OC_ASSERT(OC_ASSERTION, oct_uffd_register(mm, TO, TO + OCT_PAGE_SIZE, OCT_UFFD_MISSING) == 0);
}

static void move_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	if (oct_load(&raw_page()->refcount, OCT_ACQ) < RAW_PIN) {
		oc_entry_xchg(pte, 0);
		raw_flush();
		raw_moved = true;
	}
	oct_pte_unlock(raw.mm, pte);
}

static void pin_raw(void)
{
	raw_gup_fast(PIN_THEN_READ | LOOK_AGAIN);
}

static void looks_first(void)
{
	RAW_PARTS(move_raw, pin_raw);
}

static void move(void)
{
	int result = oct_uffd_move(swap_mm, TO, PIN_VA, 1, 0);

	OC_ASSERT(OC_ASSERTION, result == 1 || result == -OCT_EBUSY);
}

static void now(void)
{
	RAW_PARTS(move, pin_to_write);
}

static void final(void)
{
	OC_ASSERT(OC_I5, !(raw_pinned && raw_moved));
	if (raw_pinned)
		oct_fetch_sub(&raw_page()->refcount, RAW_PIN, OCT_RLX);
	raw_restore();
	pin_final(swap_mm, PIN_VA);
	OC_ASSERT(OC_I2, swap_word(swap_mm, oc_folio(swap_mm, TO) ? TO : PIN_VA) == SWAPPED);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "looks-first", .run = looks_first, .expected = OC_VIOLATES(OC_I5)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"pinned", "not-pinned", "move-put-back", "gup-fast-backs-out"}}})
