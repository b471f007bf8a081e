/* core/track-store: stores that are watched for. SPDX-License-Identifier: MIT
 *
 * When clear_refs or a userfault write-protection has returned, a store that changes the page is
 * seen: clear_refs finds it marked soft-dirty, userfault has stopped it. no-flush: the entry is
 * changed and the flush left out; a stale entry lets the store through, and nobody notices. */
#include <octavo/check.h>

enum { VA = 0x10000 };

static struct oct_mm *mm;
static uint32_t after;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
}

static oct_pte_t protect(oct_pte_t entry)
{
	return oct_pte_clear_soft_dirty(oct_pte_wrprotect(entry));
}

static void no_flush(void)
{
	oct_pte_t *pte = oct_pte_lock(mm, VA);

	oc_entry_update(pte, protect);
	oct_pte_unlock(mm, pte);
	after = oc_peek32(mm, VA);
}

static void clear_refs(void)
{
	OC_ASSERT(OC_ASSERTION, oct_clear_refs(mm, VA, VA + OCT_PAGE_SIZE) == 0);
	after = oc_peek32(mm, VA);
}

static void uffd(void)
{
	OC_ASSERT(OC_ASSERTION, oct_uffd_writeprotect(mm, VA, VA + OCT_PAGE_SIZE, true) == 0);
	after = oc_peek32(mm, VA);
}

static void writer(void)
{
	oc_cover(oc_store32(mm, VA, 7) == 0 ? "stored" : "stopped");
}

static void final(void)
{
	oct_pte_t entry = oc_entry_get(oc_pte(mm, VA));

	/* An entry under userfault says nothing by its soft-dirty bit: the store must not happen. */
	OC_ASSERT(OC_I4,
	          oc_peek32(mm, VA) == after || (!oct_pte_uffd_wp(entry) && oct_pte_soft_dirty(entry)));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer)}, .cover = {"store-through-stale-entry"},
            .variants = {{.name = "no-flush", .run = no_flush, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "clear-refs", .run = clear_refs, .expected = OC_HOLDS},
                         {.name = "uffd", .run = uffd, .expected = OC_HOLDS, .cover = {"stopped"}}})
