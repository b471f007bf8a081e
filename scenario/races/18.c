/* races/18: a pin without a lock, and who takes the page away. SPDX-License-Identifier: MIT
 *
 * G adds its pin and looks at the entry again; M clears the entry and looks for pins. old: as relaxed as the
 * processor likes, each misses the other, and the page is pinned and shared. now: both change one word, so
 * the second sees the first: the pin wins and the entry comes back as it was, or the page goes and the pin is
 * taken back. */
#include "../pin.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	swap_setup(mm);
	pin_raw_setup(mm);
}

static void old(void)
{
	if (oct_port_cpu_self() == 0)
		raw_try_share(0);
	else
		raw_gup_fast(LOOK_AGAIN);
}

static void now(void)
{
	RAW_PARTS(swap_pageout, pin_to_write);
}

static void now_to_read(void)
{
	RAW_PARTS(swap_pageout, pin_to_read);
}

static void final(void)
{
	pin_raw_final();
	pin_final(swap_mm, PIN_VA);
	OC_ASSERT(OC_I2, swap_word(swap_mm, SWAP_VA) == SWAPPED);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I5)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"pinned", "not-pinned", "reclaim-put-back", "gup-fast-backs-out"}},
                         {.name = "now-to-read",
                          .run = now_to_read,
                          .expected = OC_HOLDS,
                          .cover = {"pinned", "not-pinned", "reclaim-put-back", "gup-fast-backs-out"}}})
