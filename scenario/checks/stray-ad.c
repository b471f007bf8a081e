/* checks/stray-ad: accessed and dirty set in an entry that was just made non-present (I3).
 * SPDX-License-Identifier: MIT
 *
 * An erratum of x86-64 parts: the walker of a store may still set both bits after the entry was taken
 * away. Who keeps something in these bits of a non-present entry, here where the page went, finds it
 * changed. */
#include "space.h"

enum { SLOT = 5 };

static oct_pte_t put, found;

static void setup(void)
{
	space_setup();
	oc_entry_set(entry, oct_pte_mkclean(original));
}

static void take_away(oct_pte_t away)
{
	put = away;
	oc_entry_xchg(entry, away); /* a flush would come after the harm */
	found = oc_entry_get(entry);
	if (found != put)
		oc_cover("stray");
}

static void in_low_bits(void)
{
	take_away((oct_pte_t)SLOT << 1); /* bits 1 to 6: a slot below 64 */
	OC_ASSERT(OC_I3, (found >> 1 & 63) == SLOT);
}

static void in_soft_entry(void)
{
	take_away(oct_pte_mksoft(OCT_SOFT_MARKER, SLOT));
	OC_ASSERT(OC_I3, !oct_pte_none(found) && oct_pte_soft_value(found) == SLOT &&
	                     oct_pte_soft_kind(found) == OCT_SOFT_MARKER);
}

static void writer(void)
{
	oc_store32(mm, VA, 7);
}

static void final(void)
{
	oc_entry_set(entry, original);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_X86_64, .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer)},
            .variants = {{.name = "broken",
                          .run = in_low_bits,
                          .expected = OC_VIOLATES(OC_I3),
                          .knobs = {.stray_ad = true}},
                         {.name = "other-parts", .run = in_low_bits, .expected = OC_HOLDS},
                         {.name = "repaired",
                          .run = in_soft_entry,
                          .expected = OC_HOLDS,
                          .knobs = {.stray_ad = true},
                          .cover = {"stray"}}})
