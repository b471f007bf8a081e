/* races/14: clear_refs takes write permission away; a fault copies the page before every TLB has
 * heard. SPDX-License-Identifier: MIT */
#include <octavo/check.h>

enum { VA = 0x10000 };

static struct oct_mm *mm;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1,
	            OCT_READ | OCT_WRITE); /* present, writable, dirty: any CPU may have cached it */
	oct_folio_get(oc_folio(mm, VA));   /* somebody's reference: a write fault must copy */
}

/* As it was: nothing freed, so nothing flushed. */
static void gather(void)
{
	oct_pte_t *pte = oct_pte_lock(mm, VA);

	oc_entry_update(pte, oct_pte_wrprotect); /* raw: no ticket */
	oct_pte_unlock(mm, pte);
}

static void now(void)
{
	oct_clear_refs(mm, VA, VA + OCT_PAGE_SIZE);
}

static void copier(void)
{
	oc_store32(mm, VA + 4, 1);
}

static void writer(void)
{
	oc_store32(mm, VA, 7);
}

static void final(void)
{
	OC_ASSERT(OC_I2, oc_peek32(mm, VA) == 7 && oc_peek32(mm, VA + 4) == 1);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(copier), OC_CPU(writer)},
            .cover = {"cow-copy", "store-through-stale-entry"},
            .variants = {{.name = "old", .run = gather, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
