/* core/folio-reclaim: a large folio is split and a page of it reclaimed while another CPU stores to it.
 * SPDX-License-Identifier: MIT
 *
 * The store is in the page that was written out, in the one that comes back, or in the one that stays.
 * write-first: the page is read for writing before the flush. now-beside: the store goes to a page that
 * stays. */
#include "../large-folio.h"
#include "../reclaim.h"

static bool is_raw;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	OC_ASSERT(OC_ASSERTION, oct_swap_init(&swap, &swap, swap_slots, SWAP_SLOTS) == 0);
	oct_reclaim_init(&reclaim, &swap);
	OC_ASSERT(OC_ASSERTION, oct_reclaim_add(&reclaim, mm) == 0);
	block_setup(mm);
	swap_mm = mm;
	/* The area has pages before the race begins. */
	for (unsigned i = 0; i < SWAP_SLOTS; i++)
		OC_ASSERT(OC_ASSERTION, oct_port_page_write(&swap, i, oc_folio(mm, BLOCK_VA)->page) == 0);
	raw_setup(mm);
}

static void first_out(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_pageout(block_mm, BLOCK_VA, block_page(1)) == 0);
}

static void now(void)
{
	if (oct_port_cpu_self() == 0)
		first_out();
	else
		OC_ASSERT(OC_ASSERTION, oc_store32(block_mm, BLOCK_VA, 7) == 0);
}

static void now_beside(void)
{
	if (oct_port_cpu_self() == 0)
		first_out();
	else
		OC_ASSERT(OC_ASSERTION, oc_store32(block_mm, block_page(1), 7) == 0);
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

static void final(void)
{
	if (is_raw)
		raw_final();
	else
		OC_ASSERT(OC_I2, swap_word(block_mm, BLOCK_VA) + swap_word(block_mm, block_page(1)) == 7);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "write-first", .run = write_first, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "now-beside",
                          .run = now_beside,
                          .expected = OC_HOLDS,
                          .cover = {"folio-split", "reclaim-own"}},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"folio-split", "reclaim-own", "store-through-stale-entry"}}})
