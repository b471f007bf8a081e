/* core/huge-listed: reclaim splits the huge folios that it has listed while one of them loses a page.
 * SPDX-License-Identifier: MIT
 *
 * Entries are counted, and the folio is split, under the lock of their table; the other folio of the list
 * goes in any case, so that reclaim need not look further. no-lock: a descriptor is looked at without the
 * lock of an entry. */
#include "../huge.h"

static const struct oct_folio *second; /* of the listed folio: its second page */

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	oct_reclaim_init(&reclaim, NULL);
	OC_ASSERT(OC_ASSERTION, oct_reclaim_add(&reclaim, mm) == 0);
	huge_make(mm);
	second = oct_port_folio_of(oct_pte_phys(oct_table_query(&mm->space, huge_page(0)))) + 1;
	huge_make_other(mm);
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, HUGE_VA, huge_page(1)) == 0);
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, HUGE_OTHER_VA, HUGE_OTHER_VA + OCT_PAGE_SIZE) == 0);
}

static void split(void)
{
	OC_ASSERT(OC_ASSERTION, oct_reclaim(&reclaim, 1) >= 1);
}

static void glance(void)
{
	if (second->order)
		oc_cover("large");
}

static void forget(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(huge_mm, huge_page(2), huge_page(3)) == 0);
}

static void no_lock(void)
{
	RAW_PARTS(split, glance);
}

static void now(void)
{
	RAW_PARTS(split, forget);
}

static void final(void)
{
	OC_ASSERT(OC_I2, oc_peek32(huge_mm, huge_page(1)) == KEPT);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)}, .cover = {"split-deferred"},
            .variants = {{.name = "no-lock", .run = no_lock, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
