/* core/merge-pin: equal pages are merged while one is pinned without a lock. SPDX-License-Identifier: MIT
 *
 * Either the pin wins, and its page stays the one that the address shows, to be stored to without a copy
 * (I5); or the merge does, and the pin is not given. no-barrier: the look for pins may come before the entry
 * has changed (races 18). */
#include "../pin.h"
#include <octavo/merge.h>

enum { OTHER = 0x18000 };

static bool is_raw;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	swap_setup(mm);
	oc_map_anon(mm, OTHER, 1, READ_WRITE);
	oc_store32(mm, OTHER, SWAPPED);
	pin_raw_setup(mm);
}

static void share_without_barrier(void)
{
	is_raw = true;
	raw_try_share(ALL_BARRIERS & ~(unsigned)CLEAR_THEN_TEST);
}

static void pin_raw(void)
{
	raw_gup_fast(ALL_BARRIERS | LOOK_AGAIN);
}

static void no_barrier(void)
{
	RAW_PARTS(share_without_barrier, pin_raw);
}

static void merge(void)
{
	int result = oct_merge_pages(swap_mm, PIN_VA, swap_mm, OTHER);

	OC_ASSERT(OC_ASSERTION, result == 1 || result == -OCT_EBUSY);
}

static void merge_away(void)
{
	int result = oct_merge_pages(swap_mm, OTHER, swap_mm, PIN_VA);

	OC_ASSERT(OC_ASSERTION, result == 1 || result == -OCT_EBUSY);
}

static void now(void)
{
	RAW_PARTS(merge, pin_to_read);
}

static void now_write(void)
{
	RAW_PARTS(merge_away, pin_to_write);
}

static void final(void)
{
	if (is_raw)
		pin_raw_final();
	else
		pin_final(swap_mm, PIN_VA);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "no-barrier", .run = no_barrier, .expected = OC_VIOLATES(OC_I5)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"pinned", "not-pinned", "merged", "merge-pinned"}},
                         {.name = "now-write",
                          .run = now_write,
                          .expected = OC_HOLDS,
                          .cover = {"pinned", "not-pinned", "merged", "merge-pinned"}}})
