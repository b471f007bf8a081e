/* questions/A7: markers stored into cleared slots: do they fold, unfold, or count as accessed and dirty?
 * SPDX-License-Identifier: MIT
 *
 * The second revision with a userfault marker: each entry is exchanged for a soft one, the neighbours stay
 * folded. A marker is not valid, so it disagrees with nobody (I6), no walker sets bits in it, and it has no
 * state: whoever gathers looks at present entries only. A gather that takes its bits for state reports a
 * store that nobody made; one that looks between two calls misses dirty as without markers (I10). The core
 * clears the run and stores the markers after it. */
#include "../contpte.h"

static oct_pte_t marker(void)
{
	return oct_pte_mksoft(OCT_SOFT_MARKER, 1);
}

/* Of the entries that remain. */
static bool remaining_dirty(unsigned from)
{
	bool any = false;

	for (unsigned i = from; i < BLOCK; i++)
		any |= oct_pte_dirty(oc_entry_get(block.entry + i));
	return any;
}

static void each(bool look)
{
	for (unsigned i = 0; i < BLOCK; i++) {
		bool before = look && i == 0 && remaining_dirty(0);

		dirty |= oct_pte_dirty(oc_entry_xchg(block.entry + i, marker()));
		OC_ASSERT(OC_I10, !before || remaining_dirty(i + 1));
	}
	contpte_finish();
}

static void second_revision(void)
{
	each(false);
}

static void second_revision_looked_at(void)
{
	each(true);
}

static void now(void)
{
	struct oct_pte_guard guard;
	struct oct_ticket ticket;
	oct_pte_t old;

	oct_ticket_init(&ticket, &block.mm->space);
	oct_pte_lock_at(&block.mm->space, BLOCK_VA, &guard);
	dirty |= oct_pte_dirty(oct_get_and_clear_full_ptes(&ticket, &guard, BLOCK));
	for (unsigned i = 0; i < BLOCK; i++)
		(void)!oct_entry_change(&ticket, &guard, guard.pte + i, BLOCK_VA + i * OCT_PAGE_SIZE,
		                        marker(), &old);
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
}

static void final(void)
{
	for (unsigned i = 0; i < BLOCK; i++)
		OC_ASSERT(OC_ASSERTION, oc_entry_get(block.entry + i) == marker());
	contpte_final();
}

OC_SCENARIO(.setup = contpte_setup, .final = final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(contpte_writer)}, .cover = {"stored"},
            .variants = {
                {.name = "each", .run = second_revision, .expected = OC_HOLDS},
                {.name = "each-looked-at", .run = second_revision_looked_at, .expected = OC_VIOLATES(OC_I10)},
                {.name = "now", .run = now, .expected = OC_HOLDS}})
