/* questions/C2: is it enough to test anon_vma again under the lock, or that all entries are none?
 * SPDX-License-Identifier: MIT
 *
 * What U puts in is a private page, or a marker that a page which comes here later is write-protected: a
 * marker is no private page, so the first test does not see it (I4: a right that was taken away is given). */
#include "../retract.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	retract_setup(mm, 0);
	OC_ASSERT(OC_ASSERTION, oct_uffd_register(mm, TABLE_VA, TABLE_VA + TABLE_BYTES, OCT_UFFD_WP) == 0);
	retract_raw_setup(mm);
}

static void race(unsigned looks, void (*u)(void))
{
	if (oct_port_cpu_self() == 0)
		raw_retract(looks);
	else
		u();
}

static void anon_vma(void)
{
	race(ANON_VMA_AGAIN, raw_insert);
}

static void anon_vma_marker(void)
{
	race(ANON_VMA_AGAIN, raw_mark);
}

static void both(void)
{
	race(ANON_VMA_AGAIN | MARKERS_AGAIN, raw_insert);
}

static void both_marker(void)
{
	race(ANON_VMA_AGAIN | MARKERS_AGAIN, raw_mark);
}

static void all_none(void)
{
	race(ENTRIES, raw_insert);
}

static void all_none_marker(void)
{
	race(ENTRIES, raw_mark);
}

static void now(void)
{
	RAW_PARTS(retract_now, retract_store);
}

static void now_marker(void)
{
	RAW_PARTS(retract_now, retract_mark);
}

#define HELD(n, fn)                                                                                          \
	{                                                                                                    \
		.name = (n), .run = (fn), .expected = OC_HOLDS, .cover = { "raw-retracted", "raw-skipped" }  \
	}

OC_SCENARIO(.setup = setup, .final = retract_final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                HELD("anon-vma-again", anon_vma),
                {.name = "anon-vma-again-marker", .run = anon_vma_marker, .expected = OC_VIOLATES(OC_I4)},
                HELD("both-again", both),
                HELD("both-again-marker", both_marker),
                HELD("all-none", all_none),
                HELD("all-none-marker", all_none_marker),
                {.name = "now",
                 .run = now,
                 .expected = OC_HOLDS,
                 .cover = {"retracted", "retract-skipped", "file-copy"}},
                {.name = "now-marker",
                 .run = now_marker,
                 .expected = OC_HOLDS,
                 .cover = {"retracted", "retract-skipped"}}})
