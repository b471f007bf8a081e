/* core/swap-slots: a swap area is used by several at once. SPDX-License-Identifier: MIT
 *
 * Slots, the cache and their counts belong to the lock of the area: two who swap pages out under different
 * page-table locks take different slots; one who gives a slot up, because the page was pinned meanwhile, or
 * looks for idle pages in the cache, is no harm to the others. unlocked: a slot is taken from the free list
 * without the lock. */
#include "../pin.h"

enum { NEXT = SWAP_VA + OCT_TABLE_ENTRIES * 0x1000 }; /* in a table of its own */

static struct oct_mm *mm;

static void setup(void)
{
	uintptr_t at;

	mm = oc_mm();
	swap_setup(mm);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, NEXT, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, NEXT, OCT_WRITE) == OCT_FAULT_DONE);
}

static void take_unlocked(void)
{
	swap.free = swap.slot[swap.free].next;
}

static void pageout_next(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_pageout(mm, NEXT, NEXT + OCT_PAGE_SIZE) == 0);
}

static void take(void)
{
	RAW_PARTS(swap_pageout, pageout_next);
}

static void pin_and_count(void)
{
	pin_to_write();
	OC_ASSERT(OC_ASSERTION, oct_swap_used(&swap) <= 1);
}

static void give_up(void)
{
	RAW_PARTS(swap_pageout, pin_and_count);
}

static void shrink(void)
{
	RAW_PARTS(swap_reclaim, pageout_next);
}

static void final(void)
{
	pin_final(mm, PIN_VA);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "unlocked", .run = take_unlocked, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "take", .run = take, .expected = OC_HOLDS, .cover = {"reclaim-own"}},
                         {.name = "give-up",
                          .run = give_up,
                          .expected = OC_HOLDS,
                          .cover = {"reclaim-own", "reclaim-put-back", "pinned"}},
                         {.name = "shrink", .run = shrink, .expected = OC_HOLDS, .cover = {"reclaim-own"}}})
