/* vmsa/MP.RT.EL1+dsb-shootdown-dsb+dsb-isb: shootdown by hand. SPDX-License-Identifier: MIT
 *
 * E(x)=invalid; dsb; [f]=1; b=[f]; dsb; [y]=1
 *   ||  c=[f]; in an exception: dsb; tlbi x; dsb; isb, return; [f]=2; a=[y]; dsb; isb; r=[x]
 * c=1, b=2, a=1 and r=0 (no fault) forbidden. Entry to and return from the exception synchronise the
 * context, as isb does: that is what stands for them here. */
#include "litmus.h"

static struct oct_mm *mm;
static oct_pte_t *entry_x;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, X, 1, READ_WRITE);
	oc_map_anon(mm, Y, 1, READ_WRITE);
	oc_map_anon(mm, Z, 1, READ_WRITE); /* f */
	entry_x = oc_pte(mm, X);
}

static void changer(void)
{
	oc_entry_set(entry_x, INVALID);
	oc_dsb();
	oc_store32(mm, Z, 1);
	user_load("b", mm, Z);
	oc_dsb();
	oc_store32(mm, Y, 1);
}

static void reader(void)
{
	user_load("c", mm, Z);
	oc_isb(); /* exception entry */
	oc_dsb();
	oc_tlbi(mm, X, 1, OC_LOCAL, OC_LEAF);
	oc_dsb();
	oc_isb();
	oc_isb(); /* exception return */
	oc_store32(mm, Z, 2);
	user_load("a", mm, Y);
	oc_dsb();
	oc_isb();
	user_load("r", mm, X);
}

static bool shot_down_but_no_fault(void)
{
	return oc_reg_get("c") == 1 && oc_reg_get("b") == 2 && oc_reg_get("a") == 1 && oc_reg_get("r") == 0;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64, .knobs = {.ets2 = true},
            .actors = {OC_CPU(changer), OC_CPU(reader)},
            .variants = {{.expected = OC_FORBIDDEN, .outcome = shot_down_but_no_fault}})
