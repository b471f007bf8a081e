/* core/fault-munmap: a store against the end of its area. SPDX-License-Identifier: MIT
 *
 * When munmap has returned, nobody stores to the page any more, stale entry or fault. */
#include <octavo/check.h>

enum { VA = 0x10000, ALIAS = 0x20000 };

static struct oct_mm *mm;
static uint32_t after;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
	oc_map_folio(mm, ALIAS, oc_folio(mm, VA), OCT_READ | OCT_WRITE);
}

static void unmapper(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, VA, OCT_PAGE_SIZE) == 0);
	after = oc_peek32(mm, ALIAS);
}

static void writer(void)
{
	oc_cover(oc_store32(mm, VA, 7) == 0 ? "stored" : "refused");
}

static void final(void)
{
	OC_ASSERT(OC_I4, oc_peek32(mm, ALIAS) == after);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL, .actors = {OC_CPU(unmapper), OC_CPU(writer)},
            .cover = {"stored", "refused"}, .variants = {{.name = "now", .expected = OC_HOLDS}})
