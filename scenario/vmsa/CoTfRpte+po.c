/* vmsa/CoTfRpte+po: a fault, then a read of the entry. SPDX-License-Identifier: MIT
 *
 * E(x)=invalid  ||  r=[x]; a=E(x)   r=fault and a=p1 forbidden: an
 * exception comes after the translation that caused it. */
#include "litmus.h"

static struct oct_mm *mm;
static oct_pte_t *entry_x;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, X, 1, READ_WRITE);
	entry_x = oc_pte(mm, X);
}

static void changer(void)
{
	oc_entry_set(entry_x, INVALID);
}

static void reader(void)
{
	user_load("r", mm, X);
	oc_reg("a", oc_entry_get(entry_x) != INVALID);
}

static bool backwards(void)
{
	return oc_reg_get("r") == FAULT && oc_reg_get("a") == 1;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64, .knobs = {.ets2 = true},
            .actors = {OC_CPU(changer), OC_CPU(reader)},
            .variants = {{.expected = OC_FORBIDDEN, .outcome = backwards}})
