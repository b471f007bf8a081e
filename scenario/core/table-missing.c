/* core/table-missing: two CPUs touch a page whose table is not there. SPDX-License-Identifier: MIT
 *
 * One table and one page are made; both stores are in it. On riscv64 a CPU may have kept that there was no
 * table: it faults without need until it has dropped that as well, and who links a table drops it on
 * his own CPU. */
#include <octavo/check.h>

enum { VA = 0x10000, NEXT = 0x10004 };

static struct oct_mm *mm;

static void setup(void)
{
	uintptr_t where;

	mm = oc_mm();
	OC_ASSERT(OC_ASSERTION,
	          oct_mmap(mm, VA, OCT_PAGE_SIZE, OCT_READ | OCT_WRITE, OCT_MAP_FIXED, &where) == 0);
}

static void first(void)
{
	OC_ASSERT(OC_I2, oc_store32(mm, VA, 7) == 0);
}

static void second(void)
{
	OC_ASSERT(OC_I2, oc_store32(mm, NEXT, 1) == 0);
}

static void final(void)
{
	OC_ASSERT(OC_I2, oc_peek32(mm, VA) == 7);
	OC_ASSERT(OC_I2, oc_peek32(mm, NEXT) == 1);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL, .actors = {OC_CPU(first), OC_CPU(second)},
            .cover = {"zero-fill"}, .variants = {{.name = "now", .expected = OC_HOLDS}})
