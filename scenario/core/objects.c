/* core/objects: calls on areas that show an object against the truncation of the object.
 * SPDX-License-Identifier: MIT
 *
 * The lock of the mapping keeps the areas that show it together with their entries: a truncation finds an
 * area with all its entries, or finds neither and the call sees the new size. unlocked: who looks at the
 * areas without it looks at what changes. Where a private page of the object is looked for by two, the second
 * looks again. */
#include "../file.h"

enum { PRIVATE = FILE_VA + 2 * FILE_PAGE, EMPTY = PRIVATE + 2 * FILE_PAGE, MOVED = EMPTY + 2 * FILE_PAGE };

static struct oct_mm *child;
static struct oct_folio *cached;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();
	uintptr_t at;

	child = oc_mm();
	OC_ASSERT(OC_ASSERTION, oct_table_prepare(&child->space, FILE_VA, FILE_VA + FILE_PAGE) == 0);
	file_setup(mm, OCT_WRITE);
	cached = oc_folio(mm, FILE_VA);
	oct_folio_get(cached);
	for (uintptr_t va = PRIVATE; va <= EMPTY; va += EMPTY - PRIVATE)
		OC_ASSERT(OC_ASSERTION, oct_mmap_file(mm, va, FILE_PAGE, READ_WRITE, OCT_MAP_FIXED,
		                                      &file.mapping, 0, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, PRIVATE, OCT_READ) == OCT_FAULT_DONE);
}

/* The object ends, the other does fn. */
static void against_truncate(void (*fn)(void))
{
	if (oct_port_cpu_self() == 0)
		oct_mapping_truncate(&file.mapping, 0);
	else
		fn();
}

static void look(void)
{
	if (file.mapping.areas)
		oc_cover("shown");
}

static void unmap_file(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(file.mm, FILE_VA, FILE_PAGE) == 0);
}

static void map_file(void)
{
	uintptr_t at;

	OC_ASSERT(OC_ASSERTION, oct_mmap_file(file.mm, MOVED, FILE_PAGE, READ_WRITE,
	                                      OCT_MAP_FIXED | OCT_MAP_SHARED, &file.mapping, 0, &at) == 0);
}

static void move_file(void)
{
	uintptr_t at;

	OC_ASSERT(OC_ASSERTION, oct_mremap(file.mm, PRIVATE, FILE_PAGE, FILE_PAGE,
	                                   OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, MOVED, &at) == 0);
}

static void fork_file(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, file.mm) == 0);
}

/* unlocked and unmap: the area goes on the first CPU. */
static void unlocked(void)
{
	if (oct_port_cpu_self() == 0)
		unmap_file();
	else
		look();
}

static void unmap(void)
{
	against_truncate(unmap_file);
}

static void map(void)
{
	against_truncate(map_file);
}

static void move(void)
{
	against_truncate(move_file);
}

static void forked(void)
{
	against_truncate(fork_file);
}

/* The areas of a space that are written back are its lock's. */
static void msync(void)
{
	if (oct_port_cpu_self() == 0)
		unmap_file();
	else
		OC_ASSERT(OC_ASSERTION, oct_msync(file.mm, FILE_VA, FILE_VA + FILE_PAGE) == 0);
}

/* A load and a store fill one place of a private area: the store gets a copy, whoever is first. */
static void filled_by_two(void)
{
	uint32_t value = 0;

	if (oct_port_cpu_self() == 0)
		OC_ASSERT(OC_I2, oc_store32(file.mm, EMPTY, STORED) == 0);
	else
		OC_ASSERT(OC_I2, oc_load32(file.mm, EMPTY, &value) == 0 && (value == 0 || value == STORED));
}

static void final(void)
{
	OC_ASSERT(OC_I4, *(uint32_t *)oct_port_phys_to_virt(cached->page) == 0);
	if (file.mapping.pages)
		return;
	OC_ASSERT(OC_I4, file.mapping.cached == 0 && oct_folio_exclusive(cached));
	for (uintptr_t va = FILE_VA; va <= MOVED; va += FILE_PAGE) {
		OC_ASSERT(OC_I4, oct_pte_none(oct_table_query(&file.mm->space, va)));
		OC_ASSERT(OC_I4, oct_pte_none(oct_table_query(&child->space, va)));
	}
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "unlocked", .run = unlocked, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "unmap", .run = unmap, .expected = OC_HOLDS},
                         {.name = "map", .run = map, .expected = OC_HOLDS},
                         {.name = "move", .run = move, .expected = OC_HOLDS},
                         {.name = "fork", .run = forked, .expected = OC_HOLDS},
                         {.name = "msync", .run = msync, .expected = OC_HOLDS},
                         {.name = "filled-by-two",
                          .run = filled_by_two,
                          .expected = OC_HOLDS,
                          .cover = {"file-copy", "file-map"}}})
