/* core/object-collapse: pages of an object become one folio while somebody uses, forgets or copies them.
 * SPDX-License-Identifier: MIT
 *
 * What is stored is in the page that the object has in the end, and the page is dirty. copied-first: K
 * copies, then takes the entry away and flushes; what is stored meanwhile is lost. */
#include "../object.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	object_setup(mm, OCT_MAP_SHARED);
	raw_setup(mm);
}

static void copied_first(void)
{
	RAW_PARTS(raw_copy_too_early, raw_writer);
}

static void store(void)
{
	RAW_PARTS(object_collapse, object_store);
}

static void dontneed(void)
{
	RAW_PARTS(object_collapse_and_look, object_forget);
}

static void unmap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(object.mm, OBJECT_VA, OCT_PAGE_SIZE) == 0);
}

static void munmap_part(void)
{
	RAW_PARTS(object_collapse, unmap);
}

static void collapse_too(void)
{
	RAW_PARTS(object_collapse, object_collapse_and_look);
}

static void final(void)
{
	OC_ASSERT(OC_I2, !raw.stored || oc_peek32(raw.mm, RAW_VA) == WRITTEN);
	raw_restore();
	object_kept();
}

#define HELD(n, fn, ...)                                                                                     \
	{                                                                                                    \
		.name = (n), .run = (fn), .expected = OC_HOLDS, .cover = { "collapsed", __VA_ARGS__ }        \
	}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "copied-first", .run = copied_first, .expected = OC_VIOLATES(OC_I2)},
                         HELD("now-store", store, "file-mkwrite"),
                         HELD("now-dontneed", dontneed),
                         HELD("now-munmap-part", munmap_part),
                         HELD("now-collapse", collapse_too)})
