/* vmsa/ROT.inv+po: the same without a barrier. SPDX-License-Identifier: MIT
 *
 * E(x) in T = p1; E2(x)=T  ||  r=[x]   T not linked, E(x) in T invalid;
 * r=fault at the last level, seen through T: allowed. To tell this fault from one at the upper level, the
 * upper entry of x points at the start to another table, through which x is mapped: the only invalid entry
 * that a walk for x can meet is the one in T. */
#include "litmus.h"

static struct oct_mm *mm;
static oct_pte_t *upper_x, *entry_in_t;
static oct_pte_t link_t, p1;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, X, 1, READ_WRITE);
	oc_map_anon(mm, Y, 1, READ_WRITE); /* makes T; X and Y have the same index in their tables */
	upper_x = oc_pte(mm, X, 1);
	link_t = oc_entry_get(oc_pte(mm, Y, 1));
	entry_in_t = oc_pte(mm, Y);
	p1 = take_entry(mm, Y);
	oc_entry_set(oc_pte(mm, Y, 1), INVALID);
}

static void changer(void)
{
	oc_entry_set(entry_in_t, p1);
	oc_entry_set(upper_x, link_t);
}

static void reader(void)
{
	user_load("r", mm, X);
}

static bool fault_through_t(void)
{
	return oc_reg_get("r") == FAULT;
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64, .knobs = {.ets2 = true},
            .actors = {OC_CPU(changer), OC_CPU(reader)},
            .variants = {{.expected = OC_ALLOWED, .outcome = fault_through_t}})
