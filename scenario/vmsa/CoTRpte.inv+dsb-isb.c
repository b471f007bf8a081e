/* vmsa/CoTRpte.inv+dsb-isb: a translation, then a read of its entry. SPDX-License-Identifier: MIT
 *
 * E(x)=p1  ||  r=[x]; dsb; isb; a=E(x)   x invalid, y->p1=1; r=1 and
 * a=invalid forbidden: a read does not go back before what the walker used. */
#include "litmus.h"

static struct oct_mm *mm;
static oct_pte_t *entry_x;
static oct_pte_t p1;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, X, 1, READ_WRITE);
	put_word(mm, X, 1);
	oc_map_folio(mm, Y, oc_folio(mm, X), READ_WRITE);
	entry_x = oc_pte(mm, X);
	p1 = take_entry(mm, X);
}

static void changer(void)
{
	oc_entry_set(entry_x, p1);
}

static void reader(void)
{
	user_load("r", mm, X);
	oc_dsb();
	oc_isb();
	oc_reg("a", oc_entry_get(entry_x) != INVALID);
}

static bool backwards(void)
{
	return oc_reg_get("r") == 1 && oc_reg_get("a") == 0;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64, .knobs = {.ets2 = true},
            .actors = {OC_CPU(changer), OC_CPU(reader)},
            .variants = {{.expected = OC_FORBIDDEN, .outcome = backwards}})
