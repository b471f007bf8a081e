/* core/shadow: a shadow MMU fills an entry while it is taken away. SPDX-License-Identifier: MIT
 *
 * The shadow is software: a page and whether it may be stored to, for one address. When all is done it shows
 * nothing that the space does not (I8), and it never uses a page that was given back (I1). no-retry: it fills
 * in what it saw, whatever has happened since. before: the sequence is raised before the entry changes, and
 * not after it, so who looks in between sees the old entry and the new sequence. */
#include "../raw.h"
#include <octavo/interval.h>
#include <octavo/migrate.h>
#include <octavo/pin.h>

enum { VA = 0x10000, END = VA + 0x1000 };

static struct oct_mm *mm;
static struct oct_intervals intervals;
static struct oct_interval interval;
static struct oct_folio *fresh;
static uint32_t busy;          /* atomic: lock of the shadow */
static oct_phys_t shadow_page; /* what it shows, OCT_NO_PAGE: nothing */
static bool shadow_write, no_retry, unmapped;
static int device; /* where it puts what it reads */

static void lock(void)
{
	uint32_t open;

	oc_await((open = 0, oct_cas(&busy, &open, 1u, OCT_ACQ)));
}

static void unlock(void)
{
	oct_store(&busy, 0u, OCT_REL);
}

static void invalidate(struct oct_interval *of, uintptr_t start, uintptr_t end)
{
	OC_ASSERT(OC_ASSERTION, of == &interval && start == VA && end == END);
	lock();
	oc_cover(shadow_page == OCT_NO_PAGE ? "dropped-nothing" : "dropped");
	shadow_page = OCT_NO_PAGE;
	unlock();
}

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
	fresh = oct_folio_alloc();
	oct_port_page_write(&device, 0, oc_folio(mm, VA)->page);
	shadow_page = OCT_NO_PAGE;
	interval.invalidate = invalidate;
	oct_intervals_bind(&intervals, &mm->space);
	OC_ASSERT(OC_ASSERTION, oct_interval_insert(&intervals, &interval, VA, END) == 0);
}

/* Fills in what it saw, and reads it. */
static void fill(oct_phys_t page, bool write, uint32_t seen)
{
	lock();
	if (no_retry || !oct_interval_read_retry(&interval, seen)) {
		shadow_page = page;
		shadow_write = write;
		oct_port_page_write(&device, 0, page);
		oc_cover("filled");
	} else {
		oc_cover("again");
	}
	unlock();
}

static void look(void)
{
	uint32_t seen = oct_interval_read_begin(&interval);
	oct_pte_t pte = oct_table_query(&mm->space, VA);

	if (oct_pte_present(pte))
		fill(oct_pte_phys(pte), oct_pte_write(pte), seen);
}

static void look_once(void)
{
	no_retry = true;
	look();
}

static void look_by_pin(void)
{
	uint32_t seen = oct_interval_read_begin(&interval);
	struct oct_folio *folio;

	if (oct_gup(mm, VA, 1, OCT_WRITE, &folio) == 1) {
		fill(folio->page, true, seen);
		oct_unpin(folio, true);
	}
}

static void protect(void)
{
	OC_ASSERT(OC_ASSERTION, oct_clear_refs(mm, VA, END) == 0);
}

/* The bracket's first half alone. */
static void protect_raw(void)
{
	oct_pte_t *pte;

	oct_secondary_invalidate(&mm->space, VA, 1, OCT_LEAF);
	pte = oct_pte_lock(mm, VA);
	oc_entry_update(pte, oct_pte_wrprotect);
	oct_pte_unlock(mm, pte);
}

static void migrate(void)
{
	OC_ASSERT(OC_ASSERTION, oct_migrate_pages(mm, VA, END, &fresh, 1) >= 0);
}

static void unmap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, VA, OCT_PAGE_SIZE) == 0);
	unmapped = true;
}

static void without_retry(void)
{
	RAW_PARTS(protect, look_once);
}

static void before(void)
{
	RAW_PARTS(protect_raw, look);
}

static void now(void)
{
	RAW_PARTS(protect, look);
}

static void now_migrate(void)
{
	RAW_PARTS(migrate, look);
}

static void now_munmap(void)
{
	RAW_PARTS(unmap, look_by_pin);
}

static void final(void)
{
	oct_pte_t pte = unmapped ? 0 : oct_table_query(&mm->space, VA);

	if (shadow_page == OCT_NO_PAGE)
		return;
	OC_ASSERT(OC_I8, oct_pte_present(pte) && oct_pte_phys(pte) == shadow_page);
	OC_ASSERT(OC_I8, !shadow_write || oct_pte_write(pte));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {
                {.name = "no-retry", .run = without_retry, .expected = OC_VIOLATES(OC_I8)},
                {.name = "before", .run = before, .expected = OC_VIOLATES(OC_I8)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"filled", "again", "dropped"}},
                {.name = "now-migrate",
                 .run = now_migrate,
                 .expected = OC_HOLDS,
                 .cover = {"filled", "again", "dropped", "migrate-move"}},
                {.name = "now-munmap",
                 .run = now_munmap,
                 .expected = OC_HOLDS,
                 .cover = {"filled", "again", "dropped"}}})
