/* questions/C1: does the lock of the page really keep new entries out of a table that is retracted?
 * SPDX-License-Identifier: MIT
 *
 * K has locked the page of the object, so no fault maps it; it has looked whether the area has private pages,
 * and takes the page-table locks. A userfault's handler, or a store, needs neither lock to put a private page
 * in. */
#include "../retract.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	retract_setup(mm, 0);
	retract_raw_setup(mm);
}

static void raw_k(void)
{
	raw_retract(0);
}

static void as_posted(void)
{
	RAW_PARTS(raw_k, raw_insert);
}

static void now(void)
{
	RAW_PARTS(retract_now, retract_store);
}

OC_SCENARIO(.setup = setup, .final = retract_final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "as-posted", .run = as_posted, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"retracted", "retract-skipped", "file-copy"}}})
