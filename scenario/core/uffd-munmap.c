/* core/uffd-munmap: a page is supplied to an area that goes. SPDX-License-Identifier: MIT
 *
 * When munmap has returned, no page comes back. area-not-held: who supplies has looked at the area, and makes
 * its entry when munmap is over. */
#include "../uffd.h"

static uint32_t naive_gone; /* 1: there is no area any more */
static bool unmapped;

static void setup(void)
{
	uffd_setup(oc_mm(), OCT_UFFD_MISSING);
	raw_setup(uffd_mm);
	oc_entry_set(raw.entry, 0);
}

static void munmap_raw(void)
{
	oct_pte_t *pte;

	oct_store(&naive_gone, 1, OCT_REL);
	pte = oct_pte_lock(raw.mm, RAW_VA);
	oc_entry_set(pte, 0);
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
}

static void copy_raw(void)
{
	oct_pte_t *pte;

	if (oct_load(&naive_gone, OCT_ACQ))
		return;
	pte = oct_pte_lock(raw.mm, RAW_VA);
	if (oct_pte_none(oc_entry_get(pte)))
		oc_entry_set(pte, raw.fresh);
	oct_pte_unlock(raw.mm, pte);
}

static void area_not_held(void)
{
	RAW_PARTS(munmap_raw, copy_raw);
}

static void unmap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(uffd_mm, UFFD_VA, OCT_PAGE_SIZE) == 0);
	unmapped = true;
}

static void copy(void)
{
	int result = uffd_copy(0);

	OC_ASSERT(OC_ASSERTION, result == 1 || result == -OCT_ENOENT);
	oc_cover(result == 1 ? "copied" : "gone");
}

static void now(void)
{
	RAW_PARTS(unmap, copy);
}

static void final(void)
{
	OC_ASSERT(OC_I4, !unmapped || !oc_folio(uffd_mm, UFFD_VA));
	OC_ASSERT(OC_I4, !naive_gone || oct_pte_none(oc_entry_get(raw.entry)));
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "area-not-held", .run = area_not_held, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"copied", "gone"}}})
