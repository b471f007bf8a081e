/* races/26: a lockless pin in a table that is collapsed. SPDX-License-Identifier: MIT
 *
 * G works for a device on a CPU that does not run the space. It reads the upper entry and finds the page in
 * the table; K takes the table out, sees that nobody has the page pinned, and copies it; G pins the page, and
 * its entry, in a table that nothing links any more, still matches. The device stores to the page that was.
 * Linux reads the upper entry once more after the pin. now: oct_gup_fast, which does, against
 * oct_collapse_huge, which leaves the entries of the table as they were. in-place: a collapse of a block
 * takes the entries themselves. */
#include "../huge.h"

static oct_pte_t *slot, link, other; /* of the table of RAW_VA; and of one where the copy is */

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	collapse_setup(mm);
	huge_setup(mm);
	raw_setup(mm);
	slot = oc_pte(mm, RAW_VA, 1);
	link = oc_entry_get(slot);
	other = oc_entry_get(oc_pte(mm, RAW_SPARE, 1)); /* where RAW_SPARE is, RAW_VA would be */
}

static void collapse_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	uint32_t value;

	oc_entry_set(slot, 0);
	oc_dsb();
	oc_tlbi(raw.mm, RAW_VA, OCT_TABLE_ENTRIES, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	/* Acquire: pairs with who gave a pin up; what he stored is copied. */
	if (oct_load(&raw_page()->refcount, OCT_ACQ) < RAW_PIN) {
		raw_copy();
		oc_entry_set(slot, other);
	} else {
		oc_entry_set(slot, link);
	}
	oct_pte_unlock(raw.mm, pte);
	OC_ASSERT(OC_I2, oc_load32(raw.mm, RAW_VA, &value) == 0);
}

static void pin_raw(bool look_again)
{
	oct_pte_t seen;

	oc_irqs_off();
	if (oct_pte_is_table(oc_entry_get(slot), 1) && oc_entry_get(slot) == link) {
		seen = oc_entry_get(raw.entry);
		oct_fetch_add(&raw_page()->refcount, RAW_PIN, OCT_RLX);
		oct_fence(OCT_SC); /* pairs with the barrier after the upper entry was cleared */
		if (oc_entry_get(raw.entry) == seen && (!look_again || oc_entry_get(slot) == link)) {
			oct_store((uint32_t *)oct_port_phys_to_virt(raw_page()->page), (uint32_t)WRITTEN,
			          OCT_RLX);
			raw.stored = true;
		}
		oct_fetch_sub(&raw_page()->refcount, RAW_PIN, OCT_REL); /* what was stored */
	}
	oc_irqs_on();
}

static void pin_old(void)
{
	pin_raw(false);
}

static void pin_looking_again(void)
{
	pin_raw(true);
}

static void old(void)
{
	RAW_PARTS(collapse_raw, pin_old);
}

static void looks_again(void)
{
	RAW_PARTS(collapse_raw, pin_looking_again);
}

static void collapse_and_look(void)
{
	uint32_t value = 0;

	collapse();
	OC_ASSERT(OC_I2, oc_load32(collapse_mm, COLLAPSE_VA, &value) == 0 && value);
}

static void in_place(void)
{
	RAW_PARTS(collapse_and_look, collapse_store_by_pin);
}

static void collapse_huge_and_look(void)
{
	uint32_t value = 0;

	huge_collapse();
	OC_ASSERT(OC_I2, oc_load32(huge_mm, HUGE_VA, &value) == 0 && value);
}

static void now(void)
{
	RAW_PARTS(collapse_huge_and_look, huge_store_by_pin);
}

static void final(void)
{
	OC_ASSERT(OC_I2, !raw.stored || oc_peek32(raw.mm, RAW_VA) == WRITTEN);
	oc_entry_set(slot, link);
	raw_restore();
	collapse_final();
	huge_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {
                {.name = "old", .run = old, .expected = OC_VIOLATES(OC_I2)},
                {.name = "looks-again", .run = looks_again, .expected = OC_HOLDS},
                {.name = "in-place",
                 .run = in_place,
                 .expected = OC_HOLDS,
                 .cover = {"collapsed", "collapse-put-back", "pinned", "gup-fast-backs-out"}},
                {.name = "now",
                 .run = now,
                 .expected = OC_HOLDS,
                 .cover = {"collapsed-huge", "collapse-huge-put-back", "pinned", "gup-fast-backs-out"}}})
