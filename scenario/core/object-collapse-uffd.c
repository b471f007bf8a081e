/* core/object-collapse-uffd: a handler maps a page of an object, or protects it, while the pages become one
 * folio. SPDX-License-Identifier: MIT
 *
 * What a handler maps is the page that the object has; what he protected stays so, mapped or not.
 * looked-first: U finds the page in the cache, and maps it when it has gone; marker-forgotten: K takes the
 * entry away with its protection. */
#include "../object.h"

static uint32_t raw_cached = 1; /* the page at RAW_VA is the object's */
static bool raw_kept, raw_protected;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	object_setup(mm, OCT_MAP_SHARED);
	OC_ASSERT(OC_ASSERTION, oct_uffd_register(mm, OBJECT_VA, OBJECT_KEPT, OCT_UFFD_WP) == 0);
	OC_ASSERT(OC_ASSERTION, oct_uffd_register(mm, OBJECT_KEPT, OBJECT_END, OCT_UFFD_MINOR) == 0);
	raw_setup(mm);
}

static void look_first(void)
{
	oct_pte_t *pte;

	if (!oct_load(&raw_cached, OCT_ACQ))
		return;
	pte = oct_pte_lock(raw.mm, RAW_VA);
	if (oct_pte_none(oc_entry_get(pte)))
		oc_entry_set(pte, raw.writable);
	oct_pte_unlock(raw.mm, pte);
	raw_writer();
	raw_kept = raw.stored;
}

/* The object has the page of RAW_SPARE then. */
static void collapse_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_xchg(pte, 0);
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
	raw_copy();
	oct_store(&raw_cached, 0, OCT_REL);
}

static void looked_first(void)
{
	RAW_PARTS(collapse_raw, look_first);
}

static void protect_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	oct_pte_t now = oc_entry_get(pte);

	if (oct_pte_present(now)) {
		oc_entry_update(pte, oct_pte_wrprotect);
		raw_protected = true;
	}
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
	raw_writer();
	OC_ASSERT(OC_I4, !raw_protected || !raw.stored);
}

static void map_again(void)
{
	oct_pte_t *pte;

	collapse_raw();
	pte = oct_pte_lock(raw.mm, RAW_VA);
	oc_entry_set(pte, raw.fresh);
	oct_pte_unlock(raw.mm, pte);
}

static void marker_forgotten(void)
{
	RAW_PARTS(map_again, protect_raw);
}

static void proceed(void)
{
	uint32_t value = 0;

	OC_ASSERT(OC_I2, oct_uffd_continue(object.mm, OBJECT_KEPT, 1, 0) == 1);
	/* Unmapped since, it is an event again. */
	OC_ASSERT(OC_I2, oc_load32(object.mm, OBJECT_KEPT, &value) != 0 || value == KEPT);
}

static void now_continue(void)
{
	RAW_PARTS(object_collapse, proceed);
}

static void protect(void)
{
	OC_ASSERT(OC_ASSERTION, oct_uffd_writeprotect(object.mm, OBJECT_VA, OBJECT_KEPT, true) == 0);
	OC_ASSERT(OC_I4, oc_store32(object.mm, OBJECT_VA, WRITTEN) != 0);
}

static void now_protect(void)
{
	RAW_PARTS(object_collapse, protect);
}

static void final(void)
{
	OC_ASSERT(OC_I2, !raw_kept || oc_peek32(raw.mm, RAW_SPARE) == WRITTEN);
	raw_restore();
	object_kept();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "looked-first", .run = looked_first, .expected = OC_VIOLATES(OC_I2)},
                {.name = "marker-forgotten", .run = marker_forgotten, .expected = OC_VIOLATES(OC_I4)},
                {.name = "now-continue",
                 .run = now_continue,
                 .expected = OC_HOLDS,
                 .cover = {"collapsed", "supply-continue"}},
                {.name = "now-protect", .run = now_protect, .expected = OC_HOLDS, .cover = {"collapsed"}}})
