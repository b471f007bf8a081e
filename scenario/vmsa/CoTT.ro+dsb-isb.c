/* vmsa/CoTT.ro+dsb-isb: two translations may go backwards. SPDX-License-Identifier: MIT
 *
 * E(x)=p2  ||  a=[x]; dsb; isb; b=[x]   p1=0, p2=1, both read-only; a=1 and
 * b=0 allowed: the second used an older entry from the TLB. No break before make here, on purpose. */
#include "litmus.h"

static struct oct_mm *mm;
static oct_pte_t *entry_x;
static oct_pte_t p2;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, X, 1, READ_ONLY);
	oc_map_anon(mm, Y, 1, READ_WRITE);
	put_word(mm, Y, 1);
	oc_map_folio(mm, Z, oc_folio(mm, Y), READ_ONLY);
	p2 = take_entry(mm, Z);
	entry_x = oc_pte(mm, X);
}

static void changer(void)
{
	oc_entry_set(entry_x, p2);
}

static void reader(void)
{
	user_load("a", mm, X);
	oc_dsb();
	oc_isb();
	user_load("b", mm, X);
}

static bool backwards(void)
{
	return oc_reg_get("a") == 1 && oc_reg_get("b") == 0;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64, .knobs = {.ets2 = true},
            .actors = {OC_CPU(changer), OC_CPU(reader)},
            .variants = {{.expected = OC_ALLOWED, .outcome = backwards}})
