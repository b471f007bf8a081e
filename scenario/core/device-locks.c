/* core/device-locks: pages that could not go come back while others want the space. SPDX-License-Identifier:
 * MIT
 *
 * Who loads a page on its way sleeps with the lock of the space held for reading, and a writer may wait for
 * it. So whoever has pages on their way waits for no lock of the space before all of them are decided.
 * in-turn: one page comes back, which takes that lock, while the other is still on its way. */
#include "../device.h"

enum { NEXT = SWAP_VA + 0x1000, ELSEWHERE = 0x20000 };

static struct oct_mm *mm;

static void setup(void)
{
	uintptr_t at;

	mm = oc_mm();
	device_setup(mm);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, NEXT, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, NEXT, OCT_WRITE) == OCT_FAULT_DONE);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, ELSEWHERE, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
}

static void in_turn(void)
{
	struct oct_migrate_vma first, second;

	oct_migrate_vma_setup(&first, mm, SWAP_VA, NEXT);
	oct_migrate_vma_setup(&second, mm, NEXT, NEXT + OCT_PAGE_SIZE);
	oct_migrate_vma_finalize(&first);
	oct_migrate_vma_finalize(&second);
}

static void now(void)
{
	struct oct_migrate_vma migrate;

	OC_ASSERT(OC_ASSERTION, oct_migrate_vma_setup(&migrate, mm, SWAP_VA, NEXT + OCT_PAGE_SIZE) == 2);
	oct_migrate_vma_finalize(&migrate);
}

static void load(void)
{
	uint32_t value;

	OC_ASSERT(OC_ASSERTION, oc_load32(mm, NEXT, &value) == 0);
}

/* Takes the lock for writing. */
static void protect(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, ELSEWHERE, OCT_PAGE_SIZE, OCT_READ) == 0);
}

static void final(void)
{
	OC_ASSERT(OC_I2, swap_word(mm, SWAP_VA) == SWAPPED);
	OC_ASSERT(OC_LEAK, oct_swap_used(&device) == 0);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_CPU(load), OC_THREAD(protect)},
            .variants = {
                {.name = "in-turn", .run = in_turn, .expected = OC_VIOLATES(OC_DEADLOCK)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"device-take", "swap-cached"}}})
