/* races/31: a page is inserted into a private area while its table is retracted. SPDX-License-Identifier: MIT
 *
 * K saw that the area has no private pages (anon_vma), U puts one in, as the handler of a userfault may with
 * the lock of the space held for reading; K removes the table with it. now: U stores to the private area,
 * which gets a copy of the object's page. */
#include "../uffd-retract.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	retract_setup(mm, 0);
	OC_ASSERT(OC_ASSERTION, oct_uffd_register(mm, TABLE_VA, TABLE_VA + TABLE_BYTES, OCT_UFFD_WP) == 0);
	retract_raw_setup(mm);
}

static void raw_k(void)
{
	raw_retract(0);
}

static void old(void)
{
	RAW_PARTS(raw_k, raw_insert);
}

static void now(void)
{
	RAW_PARTS(retract_now, retract_store);
}

static void now_userfault(void)
{
	RAW_PARTS(retract_now, supply_copy);
}

OC_SCENARIO(.setup = setup, .final = retract_final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "now-userfault",
                          .run = now_userfault,
                          .expected = OC_HOLDS,
                          .cover = {"retracted", "retract-skipped", "supply-page"}},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"retracted", "retract-skipped", "file-copy"}}})
