/* checks/free-table-updated: a table goes while a walker wants to set dirty in it (I1).
 * SPDX-License-Identifier: MIT
 *
 * The page is clean and writable: a store by a translation that is kept looks at the entry in memory once
 * more. Whoever frees the table has to wait for that too. */
#include <octavo/check.h>

enum { VA = 0x10000 };

static struct oct_mm *mm;
static oct_pte_t *upper;
static oct_phys_t table;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
	oc_entry_update(oc_pte(mm, VA), oct_pte_mkclean);
	upper = oc_pte(mm, VA, 1);
	table = oct_pte_phys(oc_entry_get(upper));
}

static void no_flush(void)
{
	oc_entry_set(upper, 0);
	oct_port_page_free(table, 0, OCT_USE_TABLE);
}

static void now(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, VA, OCT_PAGE_SIZE) == 0);
}

static void writer(void)
{
	if (oc_store32(mm, VA, 7) == 0)
		oc_cover("stored");
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer)},
            .variants = {{.name = "broken", .run = no_flush, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"stored"}}})
