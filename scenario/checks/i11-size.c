/* checks/i11-size: a large leaf in the place of a table, and back (I11). SPDX-License-Identifier: MIT
 *
 * Eight pages that lie one after the other are mapped by a table, or by one leaf a level up. A TLB that may
 * hold one form must not meet the other: between them the entry is invalid, and the invalidation reaches
 * every address. Pages, rights and contents are the same in both, so hardware that lets sizes mix
 * (BBM level 2, x86-64) needs no more than a flush afterwards. */
#include "parts.h"

enum { VA = 0x10000, PAGES = 8, SECOND = VA + 0x1000 };

static struct oct_mm *mm;
static oct_phys_t pages;
static oct_pte_t *upper, table, large;

static void setup(void)
{
	uintptr_t at;

	mm = oc_mm();
	pages = oct_port_page_alloc(3, OCT_USE_USER);
	oct_port_page_clear(pages, 3);
	oc_map_anon(mm, VA, 1, OCT_READ);
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, VA, OCT_PAGE_SIZE) == 0);
	oc_map_anon(mm, VA, 1, OCT_READ);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, VA, PAGES * OCT_PAGE_SIZE, OCT_NONE, OCT_MAP_FIXED, &at) == 0);
	if (!oc_pte(mm, VA)) /* the table went with its last page */
		OC_ASSERT(OC_ASSERTION, oct_table_prepare(&mm->space, VA, VA + OCT_PAGE_SIZE) == 0);
	for (unsigned i = 0; i < PAGES; i++)
		oc_entry_set(oc_pte(mm, VA) + i,
		             oct_pte_mkyoung(oct_pte_make(pages + i * OCT_PAGE_SIZE, OCT_READ, OCT_NORMAL)));
	upper = oc_pte(mm, VA, 1);
	table = oc_entry_get(upper);
	large = oct_pte_mkyoung(oct_pte_make_leaf(pages, 1, OCT_READ, OCT_NORMAL));
}

static void flush_pages(unsigned n, unsigned level)
{
	oc_dsb();
	oc_tlbi(mm, VA, n, OC_BROADCAST, level);
	oc_dsb();
}

static void collapse_in_place(void)
{
	oc_entry_set(upper, large);
	flush_pages(PAGES, OC_ALL_LEVELS);
}

static void collapse(unsigned n)
{
	oc_entry_set(upper, 0);
	flush_pages(n, OC_ALL_LEVELS);
	oc_entry_set(upper, large);
}

static void collapse_one(void)
{
	collapse(1);
}

static void collapse_all(void)
{
	collapse(PAGES);
}

/* A leaf is one entry of a TLB: an invalidation of any of its addresses, leaves alone, drops it. */
static void split(bool flush_between)
{
	collapse_all();
	oc_cover("collapsed");
	oc_entry_set(upper, 0);
	if (flush_between)
		flush_pages(1, OC_LEAF);
	oc_entry_set(upper, table);
}

static void split_in_place(void)
{
	split(false);
}

static void split_by_break(void)
{
	split(true);
}

static void reader(void)
{
	uint32_t value;

	if (oc_load32(mm, SECOND, &value) == 0)
		oc_cover("loaded");
}

static void final(void)
{
	oc_entry_set(upper, table);
	for (unsigned i = 0; i < PAGES; i++)
		oc_entry_set(oc_pte(mm, VA) + i, 0);
}

#define MIXES                                                                                                \
	{                                                                                                    \
		{                                                                                            \
			OC_X86_64, OC_HOLDS                                                                  \
		}                                                                                            \
	}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .variants = {
                {.name = "broken", .run = collapse_in_place, .expected = OC_VIOLATES(OC_I11), .on = MIXES},
                {.name = "broken-one-address",
                 .run = collapse_one,
                 .expected = OC_VIOLATES(OC_I11), /* with all levels a fence there has no address */
                 .on = {{OC_X86_64, OC_HOLDS}, {OC_RISCV64, OC_HOLDS}}},
                {.name = "broken-split", .run = split_in_place, .expected = OC_VIOLATES(OC_I11), .on = MIXES},
                {.name = "bbm2",
                 .run = collapse_in_place,
                 .expected = OC_HOLDS,
                 .on = {{OC_RISCV64, OC_VIOLATES(OC_I11)}},
                 .knobs = {.bbm = 2},
                 .cover = {"loaded"}},
                {.name = "repaired", .run = collapse_all, .expected = OC_HOLDS, .cover = {"loaded"}},
                {.name = "repaired-split",
                 .run = split_by_break,
                 .expected = OC_HOLDS,
                 .cover = {"loaded", "collapsed"}}})
