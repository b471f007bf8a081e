/* core/uffd-evict: a page of an object is write-protected for userfault while it is evicted.
 * SPDX-License-Identifier: MIT
 *
 * When both have returned, a store is an event: the protection is in the entry, or in the marker that the
 * eviction leaves. read-first: what is left is chosen by a value that was read before the entry's lock was
 * taken. */
#include "../file.h"

static bool raw_protected;

static void setup(void)
{
	file_setup(oc_mm(), OCT_READ);
	OC_ASSERT(OC_ASSERTION,
	          oct_uffd_register(file.mm, FILE_VA, FILE_VA + OCT_PAGE_SIZE, OCT_UFFD_WP) == 0);
	raw_setup(file.mm);
}

static void evict_raw(void)
{
	bool protected = oct_pte_uffd_wp(oc_entry_get(raw.entry));
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_set(pte, protected ? oct_pte_mksoft(OCT_SOFT_MARKER, OCT_MARKER_UFFD_WP) : 0);
	oct_pte_unlock(raw.mm, pte);
}

static void protect_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	if (oct_pte_none(oc_entry_get(pte)))
		oc_entry_set(pte, oct_pte_mksoft(OCT_SOFT_MARKER, OCT_MARKER_UFFD_WP));
	else
		oc_entry_update(pte, oct_pte_mk_uffd_wp);
	raw_protected = true;
	oct_pte_unlock(raw.mm, pte);
}

static void read_first(void)
{
	RAW_PARTS(evict_raw, protect_raw);
}

static void evict(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mapping_evict(&file.mapping, 0) == 0);
}

static void protect(void)
{
	OC_ASSERT(OC_ASSERTION, oct_uffd_writeprotect(file.mm, FILE_VA, FILE_VA + OCT_PAGE_SIZE, true) == 0);
}

static void now(void)
{
	RAW_PARTS(evict, protect);
}

static void final(void)
{
	oct_pte_t pte = oc_entry_get(raw.entry);

	if (raw_protected)
		OC_ASSERT(OC_I4, oct_pte_present(pte) ? oct_pte_uffd_wp(pte)
		                                      : oct_pte_marked(pte, OCT_MARKER_UFFD_WP));
	else
		OC_ASSERT(OC_I4, oct_fault(file.mm, FILE_VA, OCT_WRITE) == OCT_FAULT_EVENT);
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "read-first", .run = read_first, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
