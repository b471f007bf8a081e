/* vmsa/BBM+dsb-tlbiis-dsb: break before make, seen by a reader. SPDX-License-Identifier: MIT
 *
 * E(x)=invalid; dsb; tlbi.is x; dsb; E(x)=p2  ||  r=[x]   r=0 allowed: the access came first. */
#include "litmus.h"

static struct oct_mm *mm;
static oct_pte_t *entry_x;
static oct_pte_t p2;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, X, 1, READ_WRITE);
	oc_map_anon(mm, Z, 1, READ_WRITE);
	put_word(mm, Z, 2);
	p2 = take_entry(mm, Z);
	entry_x = oc_pte(mm, X);
}

static void changer(void)
{
	oc_entry_set(entry_x, INVALID);
	invalidate_everywhere(mm, X);
	oc_entry_set(entry_x, p2);
}

static void reader(void)
{
	user_load("r", mm, X);
}

static bool old_page(void)
{
	return oc_reg_get("r") == 0;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64, .knobs = {.ets2 = true},
            .actors = {OC_CPU(changer), OC_CPU(reader)},
            .variants = {{.expected = OC_ALLOWED, .outcome = old_page}})
