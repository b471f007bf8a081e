/* vmsa/ROT+dsb-tlbivmallis-dsb: reuse of a table after one. SPDX-License-Identifier: MIT
 *
 * E2(x)=invalid; dsb; tlbi.all.is; dsb; E(x) in T = p2  ||  r=[x]   x->p1=1 through table T;
 * p2=2
 * r=2 forbidden: this is why a table may be reused only after its walk caches are invalid. */
#include "litmus.h"

static struct oct_mm *mm;
static oct_pte_t *upper_x, *entry_x;
static oct_pte_t p2;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, X, 1, READ_WRITE);
	put_word(mm, X, 1);
	oc_map_anon(mm, Z, 1, READ_WRITE);
	put_word(mm, Z, 2);
	p2 = take_entry(mm, Z);
	upper_x = oc_pte(mm, X, 1);
	entry_x = oc_pte(mm, X);
}

static void changer(void)
{
	oc_entry_set(upper_x, INVALID);
	oc_dsb();
	oc_tlbi(mm, 0, 0, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	oc_entry_set(entry_x, p2);
}

static void reader(void)
{
	user_load("r", mm, X);
}

static bool walked_the_reused_table(void)
{
	return oc_reg_get("r") == 2;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64, .knobs = {.ets2 = true},
            .actors = {OC_CPU(changer), OC_CPU(reader)},
            .variants = {{.expected = OC_FORBIDDEN, .outcome = walked_the_reused_table}})
