/* core/object-io: pages of an object become one folio while one of them is evicted, or written.
 * SPDX-License-Identifier: MIT
 *
 * The cache is looked at and changed under the lock of the object. A page that is being written is left
 * alone; when that is over and the old pages have gone, their frames may be anything: the I/O came before.
 * no-lock: the cache is looked at without. */
#include "../object.h"

static void setup(void)
{
	struct oct_folio *folio;

	object_setup(oc_mm(), OCT_MAP_SHARED);
	OC_ASSERT(OC_ASSERTION, oct_mapping_get(&object.mapping, 0, &folio) == 0);
	oct_folio_mark_dirty(folio);
	oct_folio_put(folio);
	/* Nothing is mapped, so no flush orders anything. */
	OC_ASSERT(OC_ASSERTION, oct_munmap(object.mm, OBJECT_VA, OBJECT_END - OBJECT_VA) == 0);
}

static void evict_page(void)
{
	int error = oct_mapping_evict(&object.mapping, 2);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_EBUSY);
}

static void look(void)
{
	if (object.mapping.cached == OBJECT_PAGES)
		oc_cover("all-there");
}

static void no_lock(void)
{
	RAW_PARTS(look, evict_page);
}

static void collapse_or_again(void)
{
	int error = oct_collapse_mapping(&object.mapping, 0, 0);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_ENOENT || error == -OCT_EAGAIN);
	oc_cover(error ? "left-alone" : "collapsed");
}

static void evict(void)
{
	RAW_PARTS(collapse_or_again, evict_page);
}

static void write_back(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mapping_writeback(&object.mapping, 0, 1) == 0);
}

/* A page is anybody's, maybe one of the old ones. */
static void collapse_and_use(void)
{
	struct oct_folio *fresh;

	object_collapse();
	fresh = oct_folio_alloc();
	oct_folio_put(fresh);
}

static void writeback(void)
{
	RAW_PARTS(collapse_and_use, write_back);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "no-lock", .run = no_lock, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "now-evict",
                          .run = evict,
                          .expected = OC_HOLDS,
                          .cover = {"collapsed", "left-alone"}},
                         {.name = "now-writeback",
                          .run = writeback,
                          .expected = OC_HOLDS,
                          .knobs = {.reuse = true},
                          .cover = {"collapsed", "left-alone", "page-written"}}})
