/* core/concurrent-faults: two CPUs touch one page that is not there. SPDX-License-Identifier: MIT
 *
 * One page is made; both stores are in it. */
#include <octavo/check.h>

enum { VA = 0x10000 };

static struct oct_mm *mm;

static void setup(void)
{
	uintptr_t where;

	mm = oc_mm();
	oc_map_anon(mm, VA + OCT_PAGE_SIZE, 1, OCT_READ | OCT_WRITE); /* the table is there */
	OC_ASSERT(OC_ASSERTION,
	          oct_mmap(mm, VA, OCT_PAGE_SIZE, OCT_READ | OCT_WRITE, OCT_MAP_FIXED, &where) == 0);
}

static void first(void)
{
	OC_ASSERT(OC_I2, oc_store32(mm, VA, 7) == 0);
}

static void second(void)
{
	OC_ASSERT(OC_I2, oc_store32(mm, VA + 4, 1) == 0);
}

static void final(void)
{
	OC_ASSERT(OC_I2, oc_peek32(mm, VA) == 7);
	OC_ASSERT(OC_I2, oc_peek32(mm, VA + 4) == 1);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL, .actors = {OC_CPU(first), OC_CPU(second)},
            .cover = {"zero-fill"}, .variants = {{.name = "now", .expected = OC_HOLDS}})
