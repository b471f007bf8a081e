/* core/collapse: the pages of a block become one folio while somebody uses, forgets, protects or copies them.
 * SPDX-License-Identifier: MIT
 *
 * What is stored is in the page that is mapped in the end, and a page that nobody stored to keeps its
 * contents (I2); a right that was taken away is not there (I4). copied-first: K copies, then breaks the entry
 * and flushes. */
#include "../collapse.h"

enum { EMPTY = COLLAPSE_VA + 3 * OCT_PAGE_SIZE };

static struct oct_mm *child;
static bool forgotten, revoked, stored_empty;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	child = oc_mm();
	collapse_setup(mm);
	raw_setup(mm);
}

static void copied_first(void)
{
	RAW_PARTS(raw_copy_too_early, raw_writer);
}

static void store(void)
{
	RAW_PARTS(collapse, collapse_store);
}

static void fill_empty(void)
{
	stored_empty = oc_store32(collapse_mm, EMPTY, WRITTEN) == 0;
}

static void fault(void)
{
	RAW_PARTS(collapse, fill_empty);
}

static void look(uintptr_t va)
{
	uint32_t value = 0;

	OC_ASSERT(OC_I2, oc_load32(collapse_mm, va, &value) == 0 && value == KEPT);
}

static void forget(void)
{
	OC_ASSERT(OC_ASSERTION,
	          oct_madvise_dontneed(collapse_mm, COLLAPSE_VA, COLLAPSE_VA + OCT_PAGE_SIZE) == 0);
	forgotten = true;
	look(COLLAPSE_VA + OCT_PAGE_SIZE);
}

static void dontneed(void)
{
	RAW_PARTS(collapse, forget);
}

static void clone(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, collapse_mm) == 0);
	collapse_store(); /* the child keeps what was */
	OC_ASSERT(OC_I2, oc_peek32(child, COLLAPSE_VA) == KEPT);
}

static void forked(void)
{
	RAW_PARTS(collapse, clone);
}

static void revoke(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mprotect(collapse_mm, COLLAPSE_VA, OCT_FOLIO_BYTES, OCT_READ) == 0);
	OC_ASSERT(OC_I4, oc_store32(collapse_mm, COLLAPSE_VA, WRITTEN) != 0);
	revoked = true;
}

static void mprotect(void)
{
	RAW_PARTS(collapse, revoke);
}

static void collapse_and_look(void)
{
	collapse();
	look(COLLAPSE_VA);
}

static void collapse_too(void)
{
	RAW_PARTS(collapse, collapse_and_look);
}

static void final(void)
{
	OC_ASSERT(OC_I2, !raw.stored || oc_peek32(raw.mm, RAW_VA) == WRITTEN);
	oc_entry_set(raw.entry, oct_pte_wrprotect(raw.writable)); /* whose references they are */
	OC_ASSERT(OC_I4, !revoked || !oct_pte_write(oct_table_query(&collapse_mm->space, COLLAPSE_VA)));
	OC_ASSERT(OC_I2, oc_peek32(collapse_mm, EMPTY) == (stored_empty ? WRITTEN : 0));
	OC_ASSERT(OC_I2, oc_peek32(collapse_mm, COLLAPSE_VA) == (forgotten         ? 0
	                                                         : collapse_stored ? WRITTEN
	                                                                           : KEPT));
}

#define HELD(n, fn)                                                                                          \
	{                                                                                                    \
		.name = (n), .run = (fn), .expected = OC_HOLDS, .cover = { "collapsed" }                     \
	}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "copied-first", .run = copied_first, .expected = OC_VIOLATES(OC_I2)},
                         HELD("now-store", store),
                         HELD("now-fault", fault),
                         HELD("now-dontneed", dontneed),
                         HELD("now-fork", forked),
                         HELD("now-mprotect", mprotect),
                         HELD("now-collapse", collapse_too)})
