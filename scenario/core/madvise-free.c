/* core/madvise-free: contents that are given up, unless somebody stores. SPDX-License-Identifier: MIT
 *
 * When MADV_FREE has returned, a store to the page makes it dirty, so it is not dropped (I3). A page that
 * others hold, too, and what is not there stay as they are. no-flush: the entry is made clean and no TLB
 * told: the store goes through an entry that was dirty, and nobody learns of it. */
#include <octavo/check.h>

enum { VA = 0x10000, SHARED = 0x11000, EMPTY = 0x12000, READ_WRITE = OCT_READ | OCT_WRITE };

static struct oct_mm *mm;
static oct_pte_t *entry;
static uint32_t after;
static bool returned;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 3, READ_WRITE);
	oct_folio_get(oc_folio(mm, SHARED));
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, EMPTY, EMPTY + OCT_PAGE_SIZE) == 0);
	entry = oc_pte(mm, VA);
}

static void writer(void)
{
	if (oc_store32(mm, VA, 7) == 0)
		oc_cover("stored");
}

static void done(void)
{
	after = oc_peek32(mm, VA);
	returned = true;
}

static void no_flush(void)
{
	oc_entry_update(entry, oct_pte_mkclean);
	done();
}

static void now(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise(mm, VA, VA + OCT_PAGE_SIZE, OCT_MADV_FREE) == 0);
	done();
}

/* Its neighbours. */
static void held(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise(mm, SHARED, EMPTY + OCT_PAGE_SIZE, OCT_MADV_FREE) == 0);
	OC_ASSERT(OC_I3, oct_pte_dirty(oct_table_query(&mm->space, SHARED)));
	OC_ASSERT(OC_ASSERTION, oct_pte_none(oct_table_query(&mm->space, EMPTY)));
}

static void final(void)
{
	OC_ASSERT(OC_I3, !returned || oc_peek32(mm, VA) == after || oct_pte_dirty(oc_entry_get(entry)));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer)}, .cover = {"stored"},
            .variants = {{.name = "no-flush", .run = no_flush, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "now", .run = now, .expected = OC_HOLDS},
                         {.name = "held", .run = held, .expected = OC_HOLDS}})
