/* core/swap-idle: what two spaces have in swap together. SPDX-License-Identifier: MIT
 *
 * The page of SWAP_VA was swapped out for parent and child; the child read it again and forgot it, so that
 * only the cache holds it: reclaim gives it back, and a fault reads it again, or the fault is faster and maps
 * it. The page of NEXT is mapped by both: paged out it leaves both. no-lock: who looks for idle pages in the
 * cache has no lock. */
#include "../reclaim.h"

enum { NEXT = SWAP_VA + OCT_TABLE_ENTRIES * 0x1000 };

static struct oct_mm *mm, *child;
static bool loaded;

static void setup(void)
{
	uintptr_t at;

	mm = oc_mm();
	child = oc_mm();
	swap_setup(mm);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, NEXT, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, NEXT, OCT_WRITE) == OCT_FAULT_DONE);
	OC_ASSERT(OC_ASSERTION, oct_fork(child, mm) == 0);
	swap_pageout();
	OC_ASSERT(OC_ASSERTION, oct_fault(child, SWAP_VA, OCT_READ) == OCT_FAULT_DONE);
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(child, SWAP_VA, SWAP_VA + OCT_PAGE_SIZE) == 0);
	OC_ASSERT(OC_ASSERTION, oct_swap_used(&swap) == 1);
}

static void load(void)
{
	uint32_t value = 0;

	OC_ASSERT(OC_I2, oc_load32(mm, SWAP_VA, &value) == 0 && value == SWAPPED);
	loaded = true;
}

static void glance(void)
{
	const struct oct_folio *folio = swap.slot[swap.cached].folio;

	if (folio && oct_folio_exclusive(folio))
		oc_cover("idle");
}

static void no_lock(void)
{
	RAW_PARTS(glance, load);
}

static void shrink(void)
{
	int given = oct_reclaim(&reclaim, 1);

	OC_ASSERT(OC_ASSERTION, given == 1 || given == 0);
	oc_cover(given ? "given" : "none");
}

static void now(void)
{
	RAW_PARTS(shrink, load);
}

static void shrink_alone(void)
{
	if (oct_port_cpu_self() == 0)
		OC_ASSERT(OC_ASSERTION, oct_reclaim(&reclaim, 1) == 1);
	else
		OC_ASSERT(OC_ASSERTION, oct_swap_used(&swap) == 1);
}

static void pageout_shared(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_pageout(mm, NEXT, NEXT + OCT_PAGE_SIZE) == 0);
	OC_ASSERT(OC_ASSERTION, !oct_pte_present(oct_table_query(&mm->space, NEXT)));
	OC_ASSERT(OC_ASSERTION, !oct_pte_present(oct_table_query(&child->space, NEXT)));
}

static void shared(void)
{
	RAW_PARTS(pageout_shared, load);
}

static void final(void)
{
	OC_ASSERT(OC_LEAK, !loaded || oct_swap_used(&swap) <= 1);
}

OC_SCENARIO(
        .setup = setup, .final = final, .arch = OC_ARCH_ALL,
        .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
        .variants = {
            {.name = "no-lock", .run = no_lock, .expected = OC_VIOLATES(OC_RACE)},
            {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"given", "swap-read", "swap-cached"}},
            {.name = "now-alone", .run = shrink_alone, .expected = OC_HOLDS},
            {.name = "now-shared", .run = shared, .expected = OC_HOLDS, .cover = {"reclaim-shared"}}})
