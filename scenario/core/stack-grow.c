/* core/stack-grow: a stack grows to where another call maps. SPDX-License-Identifier: MIT
 *
 * What a fault has seen of the areas under the lock held for reading has to be seen again when it holds it
 * for writing. Either the stack gets the page, or the mapping; a store goes to the one that did. */
#include <octavo/check.h>

enum { VA = 0x10000, BELOW = VA - OCT_PAGE_SIZE, READ_WRITE = OCT_READ | OCT_WRITE };

static struct oct_mm *mm;
static bool stored, mapped;

static void setup(void)
{
	uintptr_t where;

	mm = oc_mm();
	oct_mmap(mm, VA, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_GROWSDOWN, &where);
	oct_table_prepare(&mm->space, BELOW, VA);
}

static void not_again(void)
{
	struct oct_vma *vma;

	oct_rwlock_read_lock(&mm->lock);
	vma = oct_vma_first(&mm->areas, BELOW);
	oct_rwlock_read_unlock(&mm->lock);
	oct_rwlock_write_lock(&mm->lock);
	if (vma->start == VA)
		oct_vma_resize(&mm->areas, vma, BELOW, vma->end);
	oct_rwlock_write_unlock(&mm->lock);
	stored = oc_store32(mm, BELOW, 7) == 0;
}

static void now(void)
{
	stored = oc_store32(mm, BELOW, 7) == 0;
}

static void mapper(void)
{
	uintptr_t where;
	int error = oct_mmap(mm, BELOW, OCT_PAGE_SIZE, OCT_READ, OCT_MAP_FIXED_NOREPLACE, &where);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_EEXIST);
	mapped = error == 0;
	oc_cover(mapped ? "mapped" : "grown");
}

static void final(void)
{
	const struct oct_vma *below = oct_vma_first(&mm->areas, BELOW);

	OC_ASSERT(OC_ASSERTION, below->start == BELOW && below->end == (mapped ? VA : VA + OCT_PAGE_SIZE));
	OC_ASSERT(OC_ASSERTION, oct_vma_find(&mm->areas, VA)->start == (mapped ? VA : BELOW));
	OC_ASSERT(OC_ASSERTION, stored == !mapped);
	OC_ASSERT(OC_I2, !stored || oc_peek32(mm, BELOW) == 7);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(mapper)},
            .variants = {
                {.name = "not-again", .run = not_again, .expected = OC_VIOLATES(OC_ASSERTION)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"grow-down", "grown", "mapped"}}})
