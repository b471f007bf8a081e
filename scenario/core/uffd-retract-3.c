/* core/uffd-retract-3: a page is supplied and stored to while its table is retracted.
 * SPDX-License-Identifier: MIT
 *
 * The store comes before, and is an event, or after, and is in the page; the table is gone before both, or
 * stays. */
#include "../uffd-retract.h"

static bool written;

static void setup(void)
{
	supply_setup(oc_mm());
}

static void user_raw(void)
{
	uint32_t value;

	oc_load32(retract.mm, RAW_TABLE, &value);
}

static void user(void)
{
	written = oc_store32(retract.mm, TABLE_VA + 4, INSERTED) == 0;
	oc_cover(written ? "stored" : "event");
}

static void old(void)
{
	RAW_PARTS(supply_raw_k, raw_insert, user_raw);
}

static void now(void)
{
	RAW_PARTS(retract_now, supply_copy, user);
}

static void final(void)
{
	OC_ASSERT(OC_I2, !written || oc_peek32(retract.mm, TABLE_VA + 4) == INSERTED);
	retract_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"retracted", "retract-skipped", "stored", "event"}}})
