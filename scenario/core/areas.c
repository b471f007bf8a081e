/* core/areas: calls that look at areas against calls that change them. SPDX-License-Identifier: MIT
 *
 * The lock of the space keeps areas and entries together: a call finds the area whole or gone, and
 * never leaves a page where no area is. */
#include <octavo/check.h>

enum { VA = 0x10000, NEXT = VA + 0x1000, SPARE = 0x50000, READ_WRITE = OCT_READ | OCT_WRITE };

static struct oct_mm *mm, *child;

static void setup(void)
{
	mm = oc_mm();
	child = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
	oc_map_anon(mm, SPARE, 1, READ_WRITE);
}

static void unmap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, VA, OCT_PAGE_SIZE) == 0);
}

static void dontneed(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, VA, VA + OCT_PAGE_SIZE) == 0);
}

static void clear_refs(void)
{
	OC_ASSERT(OC_ASSERTION, oct_clear_refs(mm, VA, VA + OCT_PAGE_SIZE) == 0);
}

static void map_folio(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, VA, VA + OCT_PAGE_SIZE) == 0);
	if (oct_mm_map_folio(mm, VA, oc_folio(mm, SPARE), READ_WRITE) == 0)
		oc_cover("mapped");
}

static void map_next(void)
{
	uintptr_t where;

	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, NEXT, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &where) == 0);
}

static void protect(void)
{
	int error = oct_mprotect(mm, VA, OCT_PAGE_SIZE, OCT_READ);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_ENOMEM);
}

static void fork(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, mm) == 0);
}

/* One unmaps, the other does fn. */
static void against_unmap(void (*fn)(void))
{
	if (oct_port_cpu_self() == 0)
		unmap();
	else
		fn();
}

static void unmap_dontneed(void)
{
	against_unmap(dontneed);
}

static void unmap_clear_refs(void)
{
	against_unmap(clear_refs);
}

static void unmap_map_folio(void)
{
	against_unmap(map_folio);
}

static void unmap_map(void)
{
	against_unmap(map_next);
}

static void unmap_protect(void)
{
	against_unmap(protect);
}

static void unmap_fork(void)
{
	against_unmap(fork);
}

static void unmap_unmap(void)
{
	unmap();
}

static void final(void)
{
	const struct oct_vma *vma = oct_vma_find(&mm->areas, VA);

	OC_ASSERT(OC_ASSERTION, !vma && oct_pte_none(oct_table_query(&mm->space, VA)));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "dontneed", .run = unmap_dontneed, .expected = OC_HOLDS},
                {.name = "clear-refs", .run = unmap_clear_refs, .expected = OC_HOLDS},
                {.name = "map-folio", .run = unmap_map_folio, .expected = OC_HOLDS, .cover = {"mapped"}},
                {.name = "map", .run = unmap_map, .expected = OC_HOLDS},
                {.name = "protect", .run = unmap_protect, .expected = OC_HOLDS},
                {.name = "fork", .run = unmap_fork, .expected = OC_HOLDS},
                {.name = "unmap", .run = unmap_unmap, .expected = OC_HOLDS}})
