/* core/pin-reuse: a pin without locks is of a page that has become another one. SPDX-License-Identifier: MIT
 *
 * The private page of the address goes, its frame becomes the page of an object, and the address shows that. Who pins
 * began with the old entry, finds one reference, the new page's first, and the frame in the new entry: he sees
 * what the page is by then, and leaves it to those who have the lock. glance: the descriptor is looked at by an entry
 * that was read without order. */
#include "../file.h"
#include <octavo/pin.h>

static struct oct_mm *mm;
static struct oct_folio *first, *pinned;

static void setup(void)
{
	uintptr_t at;

	mm = oc_mm();
	file.mm = mm;
	oct_mapping_init(&file.mapping, &file.object, 1, 0);
	OC_ASSERT(OC_ASSERTION, oct_mmap_file(mm, FILE_VA, FILE_PAGE, READ_WRITE, OCT_MAP_FIXED, &file.mapping, 0,
	                                      &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, FILE_VA, OCT_WRITE) == OCT_FAULT_DONE);
	OC_ASSERT(OC_ASSERTION, oct_mapping_evict(&file.mapping, 0) == 0);
	first = oc_folio(mm, FILE_VA);
}

/* What a load does that finds nothing. */
static void change(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, FILE_VA, FILE_VA + FILE_PAGE) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, FILE_VA, OCT_READ) == OCT_FAULT_DONE);
	if (oc_folio(mm, FILE_VA) == first)
		oc_cover("used-again");
}

static void look(void)
{
	oct_pte_t pte = oct_load(oc_pte(mm, FILE_VA), OCT_RLX);

	if (oct_pte_present(pte) && oct_port_folio_of(oct_pte_phys(pte))->mapping)
		oc_cover("seen");
}

static void pin(void)
{
	if (oct_gup_fast(mm, FILE_VA, 1, OCT_READ, &pinned) == 1)
		oc_cover("pinned");
}

static void glance(void)
{
	RAW_PARTS(change, look);
}

static void now(void)
{
	RAW_PARTS(change, pin);
}

static void final(void)
{
	if (pinned) {
		OC_ASSERT(OC_I5, !pinned->mapping);
		oct_unpin(pinned, false);
	}
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL, .knobs = {.reuse = true},
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)}, .cover = {"used-again"},
            .variants = {{.name = "glance", .run = glance, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"pinned", "gup-fast-backs-out"}}})
