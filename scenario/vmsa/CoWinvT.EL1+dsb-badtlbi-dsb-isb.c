/* vmsa/CoWinvT.EL1+dsb-badtlbi-dsb-isb: an invalidation of another page. SPDX-License-Identifier: MIT
 *
 * E(x)=invalid; dsb; tlbi.is y; dsb; isb; r=[x]   r=0 (no fault) allowed. */
#include "litmus.h"

static struct oct_mm *mm;
static oct_pte_t *entry_x;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, X, 1, READ_WRITE);
	entry_x = oc_pte(mm, X);
}

static void changer(void)
{
	oc_entry_set(entry_x, INVALID);
	invalidate_everywhere(mm, Y);
	oc_isb();
	user_load("r", mm, X);
}

static bool no_fault(void)
{
	return oc_reg_get("r") == 0;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64, .knobs = {.ets2 = true}, .actors = {OC_CPU(changer)},
            .variants = {{.expected = OC_ALLOWED, .outcome = no_fault}})
