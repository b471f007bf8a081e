/* vmsa/MP.RTf.inv+dmb+po: the same without a barrier at the reader. SPDX-License-Identifier: MIT
 *
 * E(x)=p1; dmb; [y]=1  ||  a=[y]; r=[x]   x invalid, y=0
 * a=1 and r=fault allowed: the walk may come before the load. */
#include "litmus.h"

static struct oct_mm *mm;
static oct_pte_t *entry_x;
static oct_pte_t p1;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, X, 1, READ_WRITE);
	oc_map_anon(mm, Y, 1, READ_WRITE);
	entry_x = oc_pte(mm, X);
	p1 = take_entry(mm, X);
}

static void changer(void)
{
	oc_entry_set(entry_x, p1);
	oc_dmb();
	oc_store32(mm, Y, 1);
}

static void reader(void)
{
	user_load("a", mm, Y);
	user_load("r", mm, X);
}

static bool told_but_fault(void)
{
	return oc_reg_get("a") == 1 && oc_reg_get("r") == FAULT;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64, .knobs = {.ets2 = true},
            .actors = {OC_CPU(changer), OC_CPU(reader)},
            .variants = {{.expected = OC_ALLOWED, .outcome = told_but_fault}})
