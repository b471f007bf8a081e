/* core/object-modes: the modes of an area change while its object takes pages away. SPDX-License-Identifier:
 * MIT
 *
 * Who comes from an object holds its lock and no space's, and looks at the area's modes to know what stays of
 * an entry. unlocked: they are changed under the lock of the space alone. */
#include "../object.h"

static uint32_t modes; /* stands for an area's */

static void setup(void)
{
	object_setup(oc_mm(), OCT_MAP_SHARED);
}

static void evict(void)
{
	int error = oct_mapping_evict(&object.mapping, 0);

	OC_ASSERT(OC_ASSERTION, error == 0);
	oc_cover("evicted");
}

static void change_raw(void)
{
	oct_rwlock_write_lock(&object.mm->lock);
	modes |= OCT_UFFD_WP;
	oct_rwlock_write_unlock(&object.mm->lock);
}

static void look_raw(void)
{
	oct_rwlock_write_lock(&object.mapping.lock);
	oc_cover(modes & OCT_UFFD_WP ? "marked" : "not-marked");
	oct_rwlock_write_unlock(&object.mapping.lock);
}

static void unlocked(void)
{
	RAW_PARTS(look_raw, change_raw);
}

static void want(void)
{
	OC_ASSERT(OC_ASSERTION, oct_uffd_register(object.mm, OBJECT_VA, OBJECT_END, OCT_UFFD_WP) == 0);
	OC_ASSERT(OC_ASSERTION, oct_uffd_writeprotect(object.mm, OBJECT_VA, OBJECT_KEPT, true) == 0);
	OC_ASSERT(OC_I4, oc_store32(object.mm, OBJECT_VA, WRITTEN) != 0);
}

static void now(void)
{
	RAW_PARTS(evict, want);
}

static void now_collapse(void)
{
	RAW_PARTS(object_collapse, want);
}

static void final(void)
{
	object_kept();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "unlocked", .run = unlocked, .expected = OC_VIOLATES(OC_RACE)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"evicted"}},
                {.name = "now-collapse", .run = now_collapse, .expected = OC_HOLDS, .cover = {"collapsed"}}})
