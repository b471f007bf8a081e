/* core/mprotect-store: a right taken away while it is used. SPDX-License-Identifier: MIT
 *
 * When mprotect has returned, the page does not change any more. */
#include <octavo/check.h>

enum { VA = 0x10000 };

static struct oct_mm *mm;
static uint32_t after;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
}

static void protecter(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, VA, OCT_PAGE_SIZE, OCT_READ) == 0);
	after = oc_peek32(mm, VA);
}

static void writer(void)
{
	oc_cover(oc_store32(mm, VA, 7) == 0 ? "stored" : "refused");
}

static void final(void)
{
	OC_ASSERT(OC_I4, oc_peek32(mm, VA) == after);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(protecter), OC_CPU(writer)},
            .cover = {"stored", "refused", "store-through-stale-entry"},
            .variants = {{.name = "now", .expected = OC_HOLDS}})
