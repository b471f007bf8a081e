/* core/table-missing: two CPUs touch a page whose table is not there. SPDX-License-Identifier: MIT
 *
 * One table and one page are made; both stores are in it. On riscv64 a CPU may have kept that there was no
 * table: it faults without need until it has dropped that as well, and who links a table drops it on
 * his own CPU. unchecked: who saw none links his own, and what the first has put into his is gone. */
#include <octavo/check.h>

enum { VA = 0x10000, NEXT = 0x10004, NAIVE_VA = 0x20000, READ_WRITE = OCT_READ | OCT_WRITE };
enum { DONORS = 0x30000, DONOR_BYTES = 0x8000 }; /* a table each, with a page where NAIVE_VA's would be */

static struct oct_mm *mm;
static oct_pte_t *naive_upper, donor[2];
static bool stored[2];

static void setup(void)
{
	uintptr_t where;

	mm = oc_mm();
	for (unsigned i = 0; i < 2; i++) {
		oc_map_anon(mm, DONORS + (uintptr_t)i * DONOR_BYTES, 1, READ_WRITE);
		donor[i] = oc_entry_get(oc_pte(mm, DONORS + (uintptr_t)i * DONOR_BYTES, 1));
	}
	naive_upper = oc_pte(mm, NAIVE_VA, 1);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, NAIVE_VA, OCT_PAGE_SIZE, OCT_NONE, OCT_MAP_FIXED, &where) == 0);
	OC_ASSERT(OC_ASSERTION,
	          oct_mmap(mm, VA, OCT_PAGE_SIZE, OCT_READ | OCT_WRITE, OCT_MAP_FIXED, &where) == 0);
}

static void now(void)
{
	if (oct_port_cpu_self() == 0)
		OC_ASSERT(OC_I2, oc_store32(mm, VA, 7) == 0);
	else
		OC_ASSERT(OC_I2, oc_store32(mm, NEXT, 1) == 0);
}

static void unchecked(void)
{
	unsigned cpu = oct_port_cpu_self();

	if (oct_pte_none(oc_entry_get(naive_upper)))
		oc_entry_set(naive_upper, donor[cpu]);
	stored[cpu] = oc_store32(mm, NAIVE_VA + 4 * (uintptr_t)cpu, cpu + 1) == 0;
}

static void final(void)
{
	bool naive = !oct_pte_none(oc_entry_get(naive_upper));

	for (unsigned cpu = 0; cpu < 2; cpu++)
		OC_ASSERT(OC_I2, !stored[cpu] || oc_peek32(mm, NAIVE_VA + 4 * (uintptr_t)cpu) == cpu + 1);
	oc_entry_set(naive_upper, 0);
	if (naive)
		return;
	OC_ASSERT(OC_I2, oc_peek32(mm, VA) == 7);
	OC_ASSERT(OC_I2, oc_peek32(mm, NEXT) == 1);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "unchecked", .run = unchecked, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"zero-fill"}}})
