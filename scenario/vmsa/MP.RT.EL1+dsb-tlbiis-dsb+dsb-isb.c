/* vmsa/MP.RT.EL1+dsb-tlbiis-dsb+dsb-isb: a message that the entry is gone. SPDX-License-Identifier: MIT
 *
 * E(x)=invalid; dsb; tlbi.is x; dsb; [y]=1  ||  a=[y]; dsb; isb; r=[x]
 * a=1 and r=0 (no fault) forbidden. */
#include "litmus.h"

static struct oct_mm *mm;
static oct_pte_t *entry_x;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, X, 1, READ_WRITE);
	oc_map_anon(mm, Y, 1, READ_WRITE);
	entry_x = oc_pte(mm, X);
}

static void changer(void)
{
	oc_entry_set(entry_x, INVALID);
	oc_dsb();
	oc_tlbi(mm, X, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
	oc_store32(mm, Y, 1);
}

static void reader(void)
{
	user_load("a", mm, Y);
	oc_dsb();
	oc_isb();
	user_load("r", mm, X);
}

static bool told_but_no_fault(void)
{
	return oc_reg_get("a") == 1 && oc_reg_get("r") == 0;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64, .knobs = {.ets2 = true},
            .actors = {OC_CPU(changer), OC_CPU(reader)},
            .variants = {{.expected = OC_FORBIDDEN, .outcome = told_but_no_fault}})
