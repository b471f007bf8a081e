/* vmsa/stale-store-order: a stale load among two stores. SPDX-License-Identifier: MIT
 *
 * E(x)=invalid; dsb; tlbi.is x; dsb; [p1]=1  ||  r=[x]  ||  [p1]=2
 * 5 executions: the load faults (two orders of the stores), or it is stale and then reads 0 (two orders) or
 * 2 (that store first); never 1. An explorer whose notion of a maximal step ignores completion loses r=2. */
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
	oc_store32(mm, Y, 1);
}

static void reader(void)
{
	user_load("r", mm, X);
}

static void other_writer(void)
{
	oc_store32(mm, Y, 2);
}

static bool stale_load_between(void)
{
	return oc_reg_get("r") == 2;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64, .knobs = {.ets2 = true},
            .actors = {OC_CPU(changer), OC_CPU(reader), OC_CPU(other_writer)},
            .variants = {{.expected = OC_ALLOWED, .outcome = stale_load_between}})
