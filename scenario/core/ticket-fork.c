/* core/ticket-fork: the sibling of a thread that forks. SPDX-License-Identifier: MIT
 *
 * fork shares a page with the child. naive: the parent's entry is write-protected and the flush
 * left for later; a sibling thread of the parent still stores through its stale entry, and the child
 * sees the page change after fork returned. */
#include <octavo/check.h>

enum { VA = 0x10000, ALIAS = 0x18000 };

static struct oct_mm *mm, *child;
static uint32_t child_saw;
static bool forked;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
	oc_map_folio(mm, ALIAS, oc_folio(mm, VA), OCT_READ | OCT_WRITE); /* a store after the fork copies */
	child = oc_mm();
}

/* The child would map the page as it is: ALIAS shows it. */
static void naive(void)
{
	oct_pte_t *pte = oct_pte_lock(mm, VA);

	oc_entry_update(pte, oct_pte_wrprotect);
	oct_pte_unlock(mm, pte);
	child_saw = oc_peek32(mm, ALIAS);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

static void now(void)
{
	forked = oct_fork(child, mm) == 0;
	child_saw = oc_peek32(child, VA);
}

static void sibling(void)
{
	oc_store32(mm, VA, 7);
}

static void final(void)
{
	OC_ASSERT(OC_I2, oc_peek32(mm, VA) == 7);
	OC_ASSERT(OC_I4, (forked ? oc_peek32(child, VA) : oc_peek32(mm, ALIAS)) == child_saw);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(sibling)},
            .variants = {{.name = "naive", .run = naive, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"fork-wrprotect", "cow-copy", "store-through-stale-entry"}}})
