/* vmsa/CoRpteT.EL1+dsb-tlbi-dsb-isb: who saw the change invalidates. SPDX-License-Identifier: MIT
 *
 * E(x)=invalid  ||  a=E(x); dsb; tlbi x; dsb; isb; r=[x]   a=invalid and r=0 forbidden: a store
 * that was read before the invalidation counts as made before it. */
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
}

static void reader(void)
{
	oc_reg("a", oc_entry_get(entry_x) == INVALID);
	oc_dsb();
	oc_tlbi(mm, X, 1, OC_LOCAL, OC_LEAF);
	oc_dsb();
	oc_isb();
	user_load("r", mm, X);
}

static bool seen_and_used(void)
{
	return oc_reg_get("a") == 1 && oc_reg_get("r") == 0;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64, .knobs = {.ets2 = true},
            .actors = {OC_CPU(changer), OC_CPU(reader)},
            .variants = {{.expected = OC_FORBIDDEN, .outcome = seen_and_used}})
