/* vmsa/S.RT.ro+dsb-tlbiis-dsb+dsb-isb: a right that was given. SPDX-License-Identifier: MIT
 *
 * E(x)=p1 writable; dsb; tlbi.is x; dsb; [y]=1  ||  a=[y]; dsb; isb; [x]=1   x->p1 read-only, y=0
 * a=1 and the store faults: forbidden. */
#include "litmus.h"

static struct oct_mm *mm;
static oct_pte_t *entry_x;
static oct_pte_t p1_writable;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, X, 1, READ_ONLY);
	oc_map_anon(mm, Y, 1, READ_WRITE);
	oc_map_folio(mm, Z, oc_folio(mm, X), READ_WRITE);
	p1_writable = take_entry(mm, Z);
	entry_x = oc_pte(mm, X);
}

static void changer(void)
{
	oc_entry_set(entry_x, p1_writable);
	invalidate_everywhere(mm, X);
	oc_store32(mm, Y, 1);
}

static void writer(void)
{
	user_load("a", mm, Y);
	oc_dsb();
	oc_isb();
	oc_reg("fault", oc_store32(mm, X, 1) != 0);
}

static bool told_but_fault(void)
{
	return oc_reg_get("a") == 1 && oc_reg_get("fault") == 1;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64, .knobs = {.ets2 = true},
            .actors = {OC_CPU(changer), OC_CPU(writer)},
            .variants = {{.expected = OC_FORBIDDEN, .outcome = told_but_fault}})
