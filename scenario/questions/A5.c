/* questions/A5: the contiguous bit cannot be set on all entries of a block at once. SPDX-License-Identifier:
 * MIT
 *
 * Into empty entries it goes one by one: an entry that carries the bit serves the addresses of the others,
 * which are still invalid, and serves them right, since all pages of the folio are there. Over valid entries
 * a TLB may hold one of them and the block (I11, I6): a fold breaks the block first. */
#include "../contpte.h"

static struct oct_pte_guard guard;
static struct oct_ticket ticket;

static void setup(void)
{
	block_setup();
	for (unsigned i = 0; i < BLOCK; i++)
		oc_entry_set(block.entry + i, block.plain[i]);
}

static void lock(void)
{
	oct_ticket_init(&ticket, &block.mm->space);
	oct_pte_lock_at(&block.mm->space, BLOCK_VA, &guard);
}

static void unlock(void)
{
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
}

static void set_over(void)
{
	for (unsigned i = 0; i < BLOCK; i++)
		oc_entry_set(block.entry + i, block_entry(i));
}

/* The block as a whole goes, and comes back as one while the other CPU stores. */
static void now_set(void)
{
	bool was;

	lock();
	was = oct_pte_dirty(oct_get_and_clear_full_ptes(&ticket, &guard, BLOCK));
	unlock();
	lock();
	oct_set_ptes(NULL, &guard, was ? oct_pte_mkdirty(block.plain[0]) : block.plain[0], BLOCK);
	unlock();
}

static void now_fold(void)
{
	lock();
	OC_ASSERT(OC_ASSERTION, oct_contpte_try_fold(&ticket, &guard));
	unlock();
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, oct_pte_cont(oc_entry_get(block.entry)));
	OC_ASSERT(OC_I3,
	          !stored || oct_pte_dirty(oct_ptep_get_lockless(block.entry + 1, BLOCK_VA + OCT_PAGE_SIZE)));
	block_clear();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(contpte_writer)}, .cover = {"stored"},
            .variants = {{.name = "over-valid-entries", .run = set_over, .expected = OC_VIOLATES(OC_I11)},
                         {.name = "now-fold", .run = now_fold, .expected = OC_HOLDS},
                         {.name = "now-set", .run = now_set, .expected = OC_HOLDS}})
