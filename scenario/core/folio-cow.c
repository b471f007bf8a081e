/* core/folio-cow: a store to a large folio of which another space has a part. SPDX-License-Identifier: MIT
 *
 * Two spaces have the first half of a block, and no more references are left than it has pages. now: a store
 * copies, and the other space keeps what it saw. now-last: the other space gives its half up meanwhile: the
 * store copies, or finds the folio its own, and neither is lost. by-count: a handler that takes a folio for
 * its own if it has no more references than pages. */
#include "../large-folio.h"

enum { HALF = BLOCK_PAGES / 2 };

static struct oct_mm *child;
static struct oct_folio *folio;
static bool gone;

static void setup(void)
{
	block_setup(oc_mm());
	child = oc_mm();
	folio = oc_folio(block_mm, BLOCK_VA);
	OC_ASSERT(OC_ASSERTION, oct_fork(child, block_mm) == 0);
	OC_ASSERT(OC_ASSERTION,
	          oct_madvise_dontneed(block_mm, block_page(HALF), block_page(BLOCK_PAGES)) == 0);
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(child, block_page(HALF), block_page(BLOCK_PAGES)) == 0);
	OC_ASSERT(OC_ASSERTION, folio->refcount == BLOCK_PAGES);
}

static void store(void)
{
	OC_ASSERT(OC_I2, oc_store32(block_mm, BLOCK_VA, 7) == 0);
}

static void give_up(unsigned first)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(child, block_page(first), block_page(HALF)) == 0);
}

static void now(void)
{
	if (oct_port_cpu_self() == 0)
		store();
	else
		give_up(1);
}

static void now_last(void)
{
	if (oct_port_cpu_self() == 0) {
		store();
	} else {
		gone = true;
		give_up(0);
	}
}

static void by_count(void)
{
	if (oct_port_cpu_self() == 0) {
		oct_pte_t *pte = oct_pte_lock(block_mm, BLOCK_VA);

		if (oct_load(&folio->refcount, OCT_ACQ) <= BLOCK_PAGES)
			oc_entry_update(pte, oct_pte_mkwrite);
		oct_pte_unlock(block_mm, pte);
		store();
	} else {
		give_up(1);
	}
}

static void final(void)
{
	OC_ASSERT(OC_I2, oc_peek32(block_mm, BLOCK_VA) == 7);
	OC_ASSERT(OC_I2, gone || oc_peek32(child, BLOCK_VA) == 0);
	OC_ASSERT(OC_LEAK,
	          !gone || folio->refcount == (oc_folio(block_mm, BLOCK_VA) == folio ? HALF : HALF - 1));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "by-count", .run = by_count, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "now-last",
                          .run = now_last,
                          .expected = OC_HOLDS,
                          .cover = {"cow-copy", "cow-reuse"}},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"cow-copy"}}})
