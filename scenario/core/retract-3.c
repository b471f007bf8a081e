/* core/retract-3: retraction of a table that one fills while another moves or pins what is there.
 * SPDX-License-Identifier: MIT
 *
 * What a store that did not fault for good has left is found in the end, where the table was or where it
 * went; a pin is of that page; what was forgotten is zero again. as-posted: the retraction of C1, which looks
 * at the area and not at the entries, with a move that looks again. */
#include "../retract.h"

static struct oct_folio *pinned;
static bool moved;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	retract_setup(mm, 0);
	retract_raw_setup(mm);
	retract_to_setup(mm);
}

static void raw_k(void)
{
	raw_retract(0);
}

static void raw_u(void)
{
	raw_insert();
}

static void raw_v(void)
{
	raw_move_table(LOOK_AGAIN);
}

static void as_posted(void)
{
	RAW_PARTS(raw_k, raw_u, raw_v);
}

static void store(void)
{
	retract.stored = oc_store32(retract.mm, TABLE_VA, INSERTED) == 0;
	oc_cover(retract.stored ? "stored" : "refused");
}

static void move(void)
{
	retract_move();
	moved = true;
}

static void now_move(void)
{
	RAW_PARTS(retract_now, store, move);
}

static void pin(void)
{
	if (oct_gup_fast(retract.mm, TABLE_VA, 1, OCT_WRITE, &pinned) != 1)
		pinned = NULL;
	oc_cover(pinned ? "pinned" : "not-pinned");
}

static void now_pin(void)
{
	RAW_PARTS(retract_now, store, pin);
}

static void final(void)
{
	uint32_t left = oc_peek32(retract.mm, moved ? TABLE_TO : TABLE_VA);

	OC_ASSERT(OC_I2, !retract.stored || left == INSERTED);
	OC_ASSERT(OC_I5, !pinned || oc_folio(retract.mm, TABLE_VA) == pinned);
	if (pinned)
		oct_unpin(pinned, false);
	retract.stored = false;
	retract_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "as-posted", .run = as_posted, .expected = OC_VIOLATES(OC_I2)},
                {.name = "now-move",
                 .run = now_move,
                 .expected = OC_HOLDS,
                 .cover = {"retracted", "stored", "refused", "mremap-table"}},
                {.name = "now-pin", .run = now_pin, .expected = OC_HOLDS, .cover = {"retracted", "pinned"}}})
