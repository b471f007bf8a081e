/* core/object-collapse-pin: a device stores to a page of an object by a pin, while the pages become one
 * folio. SPDX-License-Identifier: MIT
 *
 * A pin that was given keeps the page, which the object and the address show in the end (I5). counted-first:
 * K looks for pins, then takes the entry away. */
#include "../object.h"

enum { RAW_PIN = 1024 };

static bool raw_pinned;

static struct oct_folio *raw_page(void)
{
	return oct_port_folio_of(oct_pte_phys(raw.writable));
}

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	object_setup(mm, OCT_MAP_SHARED);
	raw_setup(mm);
}

static void count_first(void)
{
	oct_pte_t *pte;

	if (oct_load(&raw_page()->refcount, OCT_ACQ) >= RAW_PIN)
		return;
	pte = oct_pte_lock(raw.mm, RAW_VA);
	raw_install(pte); /* what a copy would hold */
	oct_pte_unlock(raw.mm, pte);
}

static void pin_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	raw_pinned = oc_entry_get(pte) == raw.writable;
	if (raw_pinned)
		oct_fetch_add(&raw_page()->refcount, RAW_PIN, OCT_RLX); /* the lock orders it */
	oct_pte_unlock(raw.mm, pte);
}

static void counted_first(void)
{
	RAW_PARTS(count_first, pin_raw);
}

static void store_by_pin(void)
{
	struct oct_folio *page;
	uint32_t value = 0;

	OC_ASSERT(OC_ASSERTION, oct_gup(object.mm, OBJECT_VA, 1, OCT_WRITE, &page) == 1);
	oct_store((uint32_t *)oct_port_phys_to_virt(page->page), (uint32_t)WRITTEN, OCT_RLX);
	OC_ASSERT(OC_I5, oc_load32(object.mm, OBJECT_VA, &value) == 0 && value == WRITTEN);
	oct_unpin(page, true);
	object.stored = true;
	object.used[oct_port_cpu_self()] = true;
}

static void now(void)
{
	RAW_PARTS(object_collapse, store_by_pin);
}

static void final(void)
{
	OC_ASSERT(OC_I5, !raw_pinned || oc_entry_get(raw.entry) == raw.writable);
	if (raw_pinned)
		oct_fetch_sub(&raw_page()->refcount, RAW_PIN, OCT_RLX);
	raw_restore();
	object_kept();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "counted-first", .run = counted_first, .expected = OC_VIOLATES(OC_I5)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"collapsed", "left-alone"}}})
