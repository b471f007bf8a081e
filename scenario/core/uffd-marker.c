/* core/uffd-marker: a page that is not there is write-protected for userfault, and a store makes it.
 * SPDX-License-Identifier: MIT
 *
 * When the call has returned, nothing is stored any more without an event: the page was there and lost its
 * right, or comes with a marker. unregistered: without the mode absent pages are left alone. two-walks: one
 * that protects pages, one that marks what is still absent; a page comes in between. now-reader: the page
 * comes by a load, and is protected. */
#include "../uffd.h"

static oct_pte_t *raw_absent; /* no page, in raw entries */
static uint32_t after;
static bool protected, raw_protected;

static void setup(void)
{
	uffd_setup(oc_mm(), OCT_UFFD_WP);
	raw_setup(uffd_mm);
	raw_absent = raw.entry;
	oc_entry_set(raw_absent, 0);
}

static uint32_t contents(void)
{
	return oc_folio(uffd_mm, UFFD_VA) ? oc_peek32(uffd_mm, UFFD_VA) : 0;
}

static void protect(void)
{
	uffd_protect(true);
	after = contents();
	protected = true;
}

static void store(void)
{
	oc_cover(oc_store32(uffd_mm, UFFD_VA, 7) == 0 ? "stored" : "event");
}

static void load_and_store(void)
{
	uint32_t value;

	OC_ASSERT(OC_I4, oc_load32(uffd_mm, UFFD_VA, &value) == 0);
	store();
}

/* The mode ends before the race: setup is one for all. */
static void unregistered(void)
{
	if (oct_port_cpu_self() == 0) {
		uffd_want(UFFD_VA, 0);
		protect();
	} else {
		store();
	}
}

static void protect_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	bool absent = oct_pte_none(oc_entry_get(pte));

	if (!absent)
		oc_entry_update(pte, oct_pte_mk_uffd_wp);
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
	pte = oct_pte_lock(raw.mm, RAW_VA);
	if (oct_pte_none(oc_entry_get(pte)))
		oc_entry_set(pte, oct_pte_mksoft(OCT_SOFT_MARKER, OCT_MARKER_UFFD_WP));
	oct_pte_unlock(raw.mm, pte);
	raw_protected = true;
}

static void fault_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	if (oct_pte_none(oc_entry_get(pte)))
		oc_entry_set(pte, raw.fresh);
	oct_pte_unlock(raw.mm, pte);
}

static void two_walks(void)
{
	RAW_PARTS(protect_raw, fault_raw);
}

static void now_reader(void)
{
	RAW_PARTS(protect, load_and_store);
}

static void now(void)
{
	RAW_PARTS(protect, store);
}

static void final(void)
{
	oct_pte_t pte = oc_entry_get(raw_absent);

	OC_ASSERT(OC_I4, !protected || contents() == after);
	OC_ASSERT(OC_I4, !raw_protected || !oct_pte_present(pte) || oct_pte_uffd_wp(pte));
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "unregistered", .run = unregistered, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "two-walks", .run = two_walks, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now-reader",
                          .run = now_reader,
                          .expected = OC_HOLDS,
                          .cover = {"stored", "event", "fault-marker"}},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"stored", "event"}}})
