/* vmsa/ROT+dmb: reuse of a table without an invalidation. SPDX-License-Identifier: MIT
 *
 * E2(x)=invalid; dmb; E(x) in T = p2  ||  r=[x]   x->p1=1 through table T; p2=2
 * r=2 allowed: a walk cache may still hold the way to T. */
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
	oc_dmb();
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
            .variants = {{.expected = OC_ALLOWED, .outcome = walked_the_reused_table}})
