/* vmsa/WBM+dsb-tlbiis-dsb: store to a page reused after break. SPDX-License-Identifier: MIT
 *
 * E(x)=invalid; dsb; tlbi.is x; dsb; [y]=2  ||  [x]=1   x and y map one page; p1=1 at the end
 * forbidden: a store through the old entry is done before the invalidation is complete. */
#include "litmus.h"

static struct oct_mm *mm;
static oct_pte_t *entry_x;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, X, 1, READ_WRITE);
	oc_map_folio(mm, Y, oc_folio(mm, X), READ_WRITE);
	entry_x = oc_pte(mm, X);
}

static void changer(void)
{
	oc_entry_set(entry_x, INVALID);
	invalidate_everywhere(mm, X);
	oc_store32(mm, Y, 2);
}

static void writer(void)
{
	oc_store32(mm, X, 1);
}

static void final(void)
{
	oc_reg("p1", oc_peek32(mm, Y));
}

static bool stale_store_last(void)
{
	return oc_reg_get("p1") == 1;
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARM64, .knobs = {.ets2 = true},
            .actors = {OC_CPU(changer), OC_CPU(writer)},
            .variants = {{.expected = OC_FORBIDDEN, .outcome = stale_store_last}})
