/* core/folio-fork: fork of a large folio against stores to it. SPDX-License-Identifier: MIT
 *
 * The child sees one state of each page for good, the parent keeps its stores. The copy is one page, and the
 * others stay shared. no-flush: fork leaves the other CPU its writable entry. */
#include "../large-folio.h"

static struct oct_mm *child;
static uint32_t child_saw, naive_saw;
static bool forked, naively_forked;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	block_setup(mm);
	raw_setup(mm);
	child = oc_mm();
}

static void now(void)
{
	if (oct_port_cpu_self() == 0) {
		OC_ASSERT(OC_ASSERTION, oct_fork(child, block_mm) == 0);
		child_saw = oc_peek32(child, block_page(1));
		forked = true;
	} else {
		OC_ASSERT(OC_I2, oc_store32(block_mm, block_page(1), 7) == 0);
	}
}

static void no_flush(void)
{
	if (oct_port_cpu_self() == 0) {
		raw_wrprotect();
		naive_saw = oc_peek32(raw.mm, RAW_ALIAS);
		naively_forked = true;
	} else {
		raw_writer();
	}
}

static void final(void)
{
	if (forked) {
		bool copied = oc_folio(block_mm, block_page(1)) != oc_folio(child, block_page(1));

		OC_ASSERT(OC_I2, oc_peek32(block_mm, block_page(1)) == 7);
		OC_ASSERT(OC_I4, oc_peek32(child, block_page(1)) == child_saw);
		OC_ASSERT(OC_ASSERTION, oc_folio(block_mm, BLOCK_VA) == oc_folio(child, BLOCK_VA));
		OC_ASSERT(OC_LEAK,
		          oc_folio(child, BLOCK_VA)->refcount == 2 * BLOCK_PAGES - (copied ? 1u : 0u));
	}
	OC_ASSERT(OC_I4, !naively_forked || oc_peek32(raw.mm, RAW_ALIAS) == naive_saw);
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "no-flush", .run = no_flush, .expected = OC_VIOLATES(OC_I4)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"cow-copy", "fork-wrprotect"}}})
