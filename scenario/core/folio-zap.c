/* core/folio-zap: parts of a large folio go while others use or give back other parts.
 * SPDX-License-Identifier: MIT
 *
 * The folio goes when the last entry's reference does, and each of these is given up after its own flush.
 * half-free: what is unmapped of the folio is given back before its flush, as if nobody else could know the
 * page. two-counts: the references are counted down by load and store, so that two who give up the last parts
 * both think that the other has it. now-store: a store to the part that stays. now-refill: a store to the
 * page that went fills that one alone, since the block is not empty. */
#include "../large-folio.h"

enum { HALF = BLOCK_PAGES / 2 };

static struct oct_folio *folio;
static uint32_t count = 2, freed;
static bool stays, refilled, ran_naive;

static void setup(void)
{
	block_setup(oc_mm());
	folio = oc_folio(block_mm, BLOCK_VA);
}

static void zap_half(unsigned first)
{
	OC_ASSERT(OC_ASSERTION,
	          oct_madvise_dontneed(block_mm, block_page(first), block_page(first + HALF)) == 0);
}

static void now(void)
{
	zap_half(oct_port_cpu_self() * HALF);
}

static void now_store(void)
{
	if (oct_port_cpu_self() == 0) {
		zap_half(0);
	} else {
		stays = true;
		OC_ASSERT(OC_ASSERTION, oc_store32(block_mm, block_page(HALF), 7) == 0);
	}
}

static void now_refill(void)
{
	if (oct_port_cpu_self() == 0) {
		OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(block_mm, BLOCK_VA, block_page(1)) == 0);
		refilled = true;
		OC_ASSERT(OC_I2, oc_store32(block_mm, BLOCK_VA, 5) == 0);
	} else {
		OC_ASSERT(OC_I2, oc_store32(block_mm, block_page(HALF), 7) == 0);
	}
}

/* The last page: a store through what a TLB has still. */
static void half_free(void)
{
	if (oct_port_cpu_self() == 0) {
		ran_naive = true;
		block_clear(BLOCK_PAGES - 1, 1);
		oct_port_page_free(folio->page + (BLOCK_PAGES - 1) * OCT_PAGE_SIZE, 0, OCT_USE_USER);
		block_flush(BLOCK_PAGES - 1, 1);
	} else {
		(void)!oc_store32(block_mm, block_page(BLOCK_PAGES - 1), 7);
	}
}

static void two_counts(void)
{
	unsigned first = oct_port_cpu_self() * HALF;
	uint32_t left;

	if (first == 0)
		ran_naive = true;
	block_clear(first, HALF);
	block_flush(first, HALF);
	left = oct_load(&count, OCT_ACQ) - 1;
	oct_store(&count, left, OCT_REL);
	if (left == 0)
		oct_fetch_add(&freed, 1u, OCT_RLX);
}

static void final(void)
{
	if (ran_naive) {
		OC_ASSERT(OC_LEAK, count == 2 || freed == 1);
	} else if (refilled) {
		OC_ASSERT(OC_I2, oc_peek32(block_mm, BLOCK_VA) == 5);
		OC_ASSERT(OC_I2, oc_peek32(block_mm, block_page(HALF)) == 7);
		OC_ASSERT(OC_LEAK, oc_folio(block_mm, block_page(HALF)) == folio &&
		                       folio->refcount == BLOCK_PAGES - 1);
	} else if (stays) {
		OC_ASSERT(OC_I2, oc_peek32(block_mm, block_page(HALF)) == 7);
		OC_ASSERT(OC_LEAK, oc_folio(block_mm, block_page(HALF)) == folio && folio->refcount == HALF);
	} else {
		OC_ASSERT(OC_LEAK, folio->refcount == 0);
	}
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "half-free", .run = half_free, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "two-counts", .run = two_counts, .expected = OC_VIOLATES(OC_LEAK)},
                         {.name = "now-refill", .run = now_refill, .expected = OC_HOLDS},
                         {.name = "now-store", .run = now_store, .expected = OC_HOLDS},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
