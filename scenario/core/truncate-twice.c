/* core/truncate-twice: an object shrinks, and grows again while the first waits for I/O.
 * SPDX-License-Identifier: MIT
 *
 * Shrinking lets go of the mapping's lock while a page past the new end is being written. beside: whoever
 * grows the object in that gap makes the page valid again, gets it and stores to it; then the first goes on
 * and drops it with what was stored. now: the second truncation waits until the first has ended. */
#include "../file.h"

static void setup(void)
{
	struct oct_folio *folio;

	file_setup(oc_mm(), 0);
	OC_ASSERT(OC_ASSERTION, oct_mapping_get(&file.mapping, 0, &folio) == 0);
	oct_folio_mark_dirty(folio);
	oct_folio_put(folio);
}

static void shrink(void)
{
	oct_mapping_truncate(&file.mapping, 0);
}

/* As a file is written by a call; an end that is lower again by now is no place for it. */
static void append(void)
{
	struct oct_folio *folio;

	if (oct_mapping_get(&file.mapping, 0, &folio))
		return;
	oct_folio_mark_dirty(folio);
	oct_folio_put(folio);
}

static void grow_beside(void)
{
	oct_rwlock_write_lock(&file.mapping.lock);
	file.mapping.pages = 1;
	oct_rwlock_write_unlock(&file.mapping.lock);
	append();
}

static void grow(void)
{
	oct_mapping_truncate(&file.mapping, 1);
	append();
}

static void beside(void)
{
	RAW_PARTS(grow_beside, shrink);
}

static void now(void)
{
	RAW_PARTS(grow, shrink);
}

/* Where the object has its page in the end, the shrinking came first. */
static void final(void)
{
	OC_ASSERT(OC_I3, file.mapping.cached == file.mapping.pages);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(file_writeback)},
            .variants = {{.name = "beside", .run = beside, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
