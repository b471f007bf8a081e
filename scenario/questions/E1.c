/* questions/E1: copy-on-write while another CPU still writes through a stale entry.
 * SPDX-License-Identifier: MIT
 *
 * uffd-deferred: a page is write-protected for userfault and the flush deferred; the protection is
 * taken off again, which leaves the entry read-only; a store copies the page while another CPU
 * still writes to the old one. clear-refs-gather: the flush is left to a gather that freed
 * nothing, so there is none. Both as of December 2020. */
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

static void uffd_deferred(void)
{
	change(protect_and_mark);
	change(oct_pte_clear_uffd_wp);
	oc_dsb();
	oc_tlbi(cow.mm, COW_VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

static void clear_refs_gather(void)
{
	change(oct_pte_wrprotect);
}

static void uffd_now(void)
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
            .variants = {
                {.name = "uffd-deferred", .run = uffd_deferred, .expected = OC_VIOLATES(OC_I2)},
                {.name = "clear-refs-gather", .run = clear_refs_gather, .expected = OC_VIOLATES(OC_I2)},
                {.name = "uffd-now", .run = uffd_now, .expected = OC_HOLDS},
                {.name = "now", .run = cow_clear_refs, .expected = OC_HOLDS}})
