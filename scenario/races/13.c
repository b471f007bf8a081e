/* races/13: userfault write-protect against copy-on-write. SPDX-License-Identifier: MIT
 *
 * Write-protection is set and taken off again before its deferred flush; a fault then copies the
 * page, and a store through a stale entry goes to the old one. */
#include "../cow.h"

static oct_pte_t protect_and_mark(oct_pte_t entry)
{
	return oct_pte_mk_uffd_wp(oct_pte_wrprotect(entry));
}

static void change(oct_pte_t (*to)(oct_pte_t))
{
	oct_pte_t *pte = oct_pte_lock(cow.mm, COW_VA);

	oc_entry_update(pte, to);
	oct_pte_unlock(cow.mm, pte);
}

static void old(void)
{
	change(protect_and_mark);
	change(oct_pte_clear_uffd_wp);
	oc_dsb();
	oc_tlbi(cow.mm, COW_VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

static void now(void)
{
	oct_uffd_writeprotect(cow.mm, COW_VA, COW_VA + OCT_PAGE_SIZE, true);
	oct_uffd_writeprotect(cow.mm, COW_VA, COW_VA + OCT_PAGE_SIZE, false);
}

static void setup(void)
{
	cow_setup(oc_mm());
}

OC_SCENARIO(.setup = setup, .final = cow_final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(cow_copier), OC_CPU(cow_writer)},
            .cover = {"cow-copy", "store-through-stale-entry"},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
