/* contpte/teardown: six ways to clear a block entry by entry, or at once. SPDX-License-Identifier: MIT
 *
 * Another CPU stores; the gather may be full after any entry, and flushes all that was cleared. Between two
 * calls the block is read as one: what it says of dirty, once set, stays set (I10). At the end a store that
 * was made is on record (I3). unfold       each call takes the block apart first: right, and a flush for each
 * block two-loops    the first revision: gather from the others in one loop, store it in a second (I3)
 *   no-store     the same as posted: the second loop stored nothing (I10)
 *   leave        the second revision: the others are left as they are (I10)
 *   neighbour    to one neighbour, by load and store (I3), or atomically: nothing is lost, and nobody sees it
 * go now          what was merged: a run in one call, nobody looks in between */
#include "../contpte.h"

static bool unfolded;

static bool remaining_dirty(unsigned from)
{
	bool any = false;

	for (unsigned i = from; i < BLOCK; i++)
		any |= oct_pte_dirty(oc_entry_get(block.entry + i));
	return any;
}

/* clear(i) for each; it is looked at before the first and after it. */
static void each(void (*clear)(unsigned i))
{
	unsigned full = oc_choose(BLOCK);
	bool before = remaining_dirty(0);

	for (unsigned i = 0; i < BLOCK; i++) {
		clear(i);
		if (i == 0 && before) {
			oc_cover("dirty-before");
			OC_ASSERT(OC_I10, remaining_dirty(1));
		}
		if (i == full)
			block_flush(0, i + 1);
	}
	contpte_finish();
}

static void unfold_first(unsigned i)
{
	bool gathered = false;

	if (!unfolded) {
		for (unsigned j = 0; j < BLOCK; j++)
			gathered |= oct_pte_dirty(oc_entry_xchg(block.entry + j, 0));
		block_flush(0, BLOCK);
		for (unsigned j = 0; j < BLOCK; j++)
			oc_entry_set(block.entry + j, gathered ? set_dirty(block.plain[j]) : block.plain[j]);
	}
	unfolded = true;
	take(i);
}

static void gather_and(unsigned i, bool store)
{
	oct_pte_t found[BLOCK];
	bool gathered = take(i);

	for (unsigned j = i + 1; j < BLOCK; j++) {
		found[j] = oc_entry_get(block.entry + j);
		gathered |= oct_pte_dirty(found[j]);
	}
	for (unsigned j = i + 1; store && j < BLOCK; j++)
		oc_entry_set(block.entry + j, gathered ? set_dirty(found[j]) : found[j]);
}

static void two_loops(unsigned i)
{
	gather_and(i, i == 0);
}

static void no_store(unsigned i)
{
	gather_and(i, false);
}

static void leave(unsigned i)
{
	take(i);
}

static void neighbour_stored(unsigned i)
{
	bool was = take(i);
	oct_pte_t next;

	if (i + 1 == BLOCK)
		return;
	next = oc_entry_get(block.entry + i + 1);
	oc_entry_set(block.entry + i + 1, was ? set_dirty(next) : next);
}

static void neighbour_atomic(unsigned i)
{
	if (take(i) && i + 1 < BLOCK)
		oc_entry_update(block.entry + i + 1, set_dirty_if_valid);
}

static void run_unfold(void)
{
	each(unfold_first);
}

static void run_two_loops(void)
{
	each(two_loops);
}

static void run_no_store(void)
{
	each(no_store);
}

static void run_leave(void)
{
	each(leave);
}

static void run_neighbour_stored(void)
{
	each(neighbour_stored);
}

static void run_neighbour_atomic(void)
{
	each(neighbour_atomic);
}

static void now(void)
{
	bool before = remaining_dirty(0);

	if (before)
		oc_cover("dirty-before");
	contpte_core_clears(0, BLOCK, true);
	OC_ASSERT(OC_I10, !before || dirty);
}

OC_SCENARIO(.setup = contpte_setup, .final = contpte_final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(contpte_writer)}, .cover = {"stored", "dirty-before"},
            .variants = {
                {.name = "unfold", .run = run_unfold, .expected = OC_HOLDS},
                {.name = "two-loops", .run = run_two_loops, .expected = OC_VIOLATES(OC_I3)},
                {.name = "no-store", .run = run_no_store, .expected = OC_VIOLATES(OC_I10)},
                {.name = "leave", .run = run_leave, .expected = OC_VIOLATES(OC_I10)},
                {.name = "neighbour-stored", .run = run_neighbour_stored, .expected = OC_VIOLATES(OC_I3)},
                {.name = "neighbour-atomic", .run = run_neighbour_atomic, .expected = OC_HOLDS},
                {.name = "now", .run = now, .expected = OC_HOLDS}})
