/* core/reclaim-store: a page is reclaimed while another CPU stores to it. SPDX-License-Identifier: MIT
 *
 * The store is in the page that was written out, or in the one that comes back. write-first: the page
 * is read for writing before the flush, and a CPU stores through what it still holds (races 10). reuse: the
 * page is given back before the flush. */
#include "../reclaim.h"

static bool is_raw;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	swap_setup(mm);
	raw_setup(mm);
}

static void store(void)
{
	OC_ASSERT(OC_ASSERTION, oc_store32(swap_mm, SWAP_VA, 7) == 0);
}

static void pageout(void)
{
	RAW_PARTS(swap_pageout, store);
}

static void now(void)
{
	RAW_PARTS(swap_reclaim, store);
}

static void raw_writes_first(void)
{
	is_raw = true;
	raw_write_first();
}

static void write_first(void)
{
	RAW_PARTS(raw_writes_first, raw_writer);
}

static void raw_reuse(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	is_raw = true;
	oc_entry_set(pte, 0);
	oct_pte_unlock(raw.mm, pte);
	oct_port_page_free(oct_pte_phys(raw.writable), 0, OCT_USE_USER);
	raw_flush();
}

static void reuse(void)
{
	RAW_PARTS(raw_reuse, raw_writer);
}

static void final(void)
{
	if (is_raw)
		raw_final();
	else
		OC_ASSERT(OC_I2, swap_word(swap_mm, SWAP_VA) == 7);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "write-first", .run = write_first, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "reuse", .run = reuse, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "pageout", .run = pageout, .expected = OC_HOLDS, .cover = {"reclaim-own"}},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"reclaim-own", "store-through-stale-entry"}}})
