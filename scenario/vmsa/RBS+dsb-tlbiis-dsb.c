/* vmsa/RBS+dsb-tlbiis-dsb: read of a page reused after break. SPDX-License-Identifier: MIT
 *
 * E(x)=invalid; dsb; tlbi.is x; dsb; [y]=2  ||  r=[x]   x and y map one page; r=2 forbidden:
 * the invalidation is complete only when accesses through the old entry are done. */
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

static void reader(void)
{
	user_load("r", mm, X);
}

static bool new_content(void)
{
	return oc_reg_get("r") == 2;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64, .knobs = {.ets2 = true},
            .actors = {OC_CPU(changer), OC_CPU(reader)},
            .variants = {{.expected = OC_FORBIDDEN, .outcome = new_content}})
