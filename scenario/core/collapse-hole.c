/* core/collapse-hole: a block with a place where nothing is becomes one folio. SPDX-License-Identifier: MIT
 *
 * The first page of the block is missing. If the second is pinned while it is taken, all that was taken goes
 * back, and the missing place is missing as before: whoever stores there gets a page. Where a handler
 * supplies missing pages (userfault) the block is left to it. all-taken: the missing place is taken too, and
 * nobody puts back what was not there. */
#include "../collapse.h"

enum { PINNED = COLLAPSE_VA + OCT_PAGE_SIZE, HANDLED = COLLAPSE_END };

static struct oct_mm *mm;

static void setup(void)
{
	uintptr_t at;

	mm = oc_mm();
	collapse_setup(mm);
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, COLLAPSE_VA, PINNED) == 0);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, HANDLED, OCT_FOLIO_BYTES, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, HANDLED, OCT_WRITE) == OCT_FAULT_DONE);
	OC_ASSERT(OC_ASSERTION,
	          oct_uffd_register(mm, HANDLED, HANDLED + OCT_FOLIO_BYTES, OCT_UFFD_MISSING) == 0);
}

static void collapse_block(void)
{
	int error = oct_collapse(mm, COLLAPSE_VA, 3);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_EBUSY);
	OC_ASSERT(OC_ASSERTION, oct_collapse(mm, HANDLED, 3) == -OCT_ENOENT);
}

static void take_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(mm, COLLAPSE_VA);
	oct_pte_t old = oc_entry_xchg(pte, oct_pte_broken());

	if (oct_folio_exclusive(oct_port_folio_of(oct_pte_phys(oc_entry_get(pte + 1)))))
		oc_entry_set(pte, old);
	oct_pte_unlock(mm, pte);
}

static void pin(void)
{
	if (oct_gup_fast(mm, PINNED, 1, OCT_WRITE, &collapse_pin) == 1)
		oc_cover("pinned");
}

static void all_taken(void)
{
	RAW_PARTS(take_raw, pin);
}

static void now(void)
{
	RAW_PARTS(collapse_block, pin);
}

static void final(void)
{
	oct_pte_t pte = oc_entry_get(oc_pte(mm, COLLAPSE_VA));

	OC_ASSERT(OC_I9, oct_pte_present(pte) || oct_pte_none(pte));
	if (collapse_pin) {
		OC_ASSERT(OC_I5, oc_folio(mm, PINNED) == collapse_pin);
		oct_unpin(collapse_pin, false);
	}
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "all-taken", .run = all_taken, .expected = OC_VIOLATES(OC_I9)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"collapsed", "collapse-put-back", "pinned"}}})
