/* core/uffd-object: two supply one page of an object, each for a space of its own. SPDX-License-Identifier:
 * MIT
 *
 * The object has one page, the one that came first; both spaces see it, and what is stored to it is written
 * back. unchecked: as in core/uffd-copy. */
#include "concurrent-faults.h"
#include <octavo/mapping.h>

enum { FILE_VA = 0x30000 };

static struct oct_mapping mapping;
static int object;
static struct oct_mm *child; /* loaded nowhere */
static unsigned wins;

static void map_in(struct oct_mm *where)
{
	uintptr_t at;

	OC_ASSERT(OC_ASSERTION, oct_mmap_file(where, FILE_VA, OCT_PAGE_SIZE, READ_WRITE,
	                                      OCT_MAP_FIXED | OCT_MAP_SHARED, &mapping, 0, &at) == 0);
	OC_ASSERT(OC_ASSERTION,
	          oct_uffd_register(where, FILE_VA, FILE_VA + OCT_PAGE_SIZE, OCT_UFFD_MISSING) == 0);
}

static void setup(void)
{
	faults_setup(2);
	child = oc_mm();
	OC_ASSERT(OC_ASSERTION, oct_mapping_init(&mapping, &object, 1, 0) == 0);
	map_in(mm);
	map_in(child);
}

static void now(void)
{
	unsigned cpu = oct_port_cpu_self();
	int result = oct_uffd_copy(cpu == 0 ? mm : child, FILE_VA, 1, oct_pte_phys(fresh[cpu]), 0);

	OC_ASSERT(OC_ASSERTION, result == 1 || result == -OCT_EEXIST);
	if (result == 1)
		oct_fetch_add(&wins, 1, OCT_RLX);
	OC_ASSERT(OC_I2, store_word(FILE_VA) == 0);
}

static void final(void)
{
	struct oct_folio *folio;

	faults_final(2);
	if (!mapping.cached)
		return; /* unchecked */
	OC_ASSERT(OC_ASSERTION, wins == 1 && mapping.cached == 1);
	OC_ASSERT(OC_ASSERTION, oct_mapping_get(&mapping, 0, &folio) == 0);
	OC_ASSERT(OC_I2, oc_folio(mm, FILE_VA) == folio);
	OC_ASSERT(OC_I2, oc_peek32(mm, FILE_VA) == 1 && oc_peek32(mm, FILE_VA + 4) == 2);
	OC_ASSERT(OC_I3, folio->flags & OCT_FOLIO_DIRTY);
	oct_folio_put(folio);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "unchecked",
                          .run = fault_unchecked,
                          .expected = OC_VIOLATES(OC_I11),
                          .on = {{OC_X86_64, OC_VIOLATES(OC_I2)}}},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"supply-cache"}}})
