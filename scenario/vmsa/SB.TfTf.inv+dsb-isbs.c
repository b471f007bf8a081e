/* vmsa/SB.TfTf.inv+dsb-isbs: store buffering with entries. SPDX-License-Identifier: MIT
 *
 * E(x)=p1; dsb; isb; a=[y]  ||  E(y)=p2; dsb; isb; r=[x]   x, y invalid
 * a=fault and r=fault forbidden. */
#include "litmus.h"

static struct oct_mm *mm;
static oct_pte_t *entry_x, *entry_y;
static oct_pte_t p1, p2;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, X, 1, READ_WRITE);
	oc_map_anon(mm, Y, 1, READ_WRITE);
	entry_x = oc_pte(mm, X);
	entry_y = oc_pte(mm, Y);
	p1 = take_entry(mm, X);
	p2 = take_entry(mm, Y);
}

static void left(void)
{
	oc_entry_set(entry_x, p1);
	oc_dsb();
	oc_isb();
	user_load("a", mm, Y);
}

static void right(void)
{
	oc_entry_set(entry_y, p2);
	oc_dsb();
	oc_isb();
	user_load("r", mm, X);
}

static bool both_fault(void)
{
	return oc_reg_get("a") == FAULT && oc_reg_get("r") == FAULT;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64, .knobs = {.ets2 = true},
            .actors = {OC_CPU(left), OC_CPU(right)},
            .variants = {{.expected = OC_FORBIDDEN, .outcome = both_fault}})
