/* core/object-collapse-device: a device that walks the tables stores to a page of an object while the pages
 * become one folio. SPDX-License-Identifier: MIT
 *
 * not-told: K invalidates on the CPUs; the device stores by what it has cached into a page that is copied. */
#include "../object.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	object_setup(mm, OCT_MAP_SHARED);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, OBJECT_VA, OCT_WRITE) == OCT_FAULT_DONE);
	raw_setup(mm);
}

static void collapse_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_set(pte, 0);
	raw_flush();
	raw_copy();
	oct_pte_unlock(raw.mm, pte);
}

static void not_told(void)
{
	RAW_PARTS(collapse_raw, raw_writer);
}

static void now(void)
{
	RAW_PARTS(object_collapse, object_store);
}

static void final(void)
{
	OC_ASSERT(OC_I2, !raw.stored || oc_peek32(raw.mm, RAW_SPARE) == WRITTEN);
	raw_restore();
	object_kept();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_IOMMU(OC_VARIANT)},
            .variants = {{.name = "not-told", .run = not_told, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"collapsed"}}})
