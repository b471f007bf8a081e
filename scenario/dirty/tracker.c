/* dirty/tracker: pages are noted where their entries become writable. SPDX-License-Identifier: MIT
 *
 * Write-protect looks only at pages that are noted. note-first: the owner of the object notes the page when
 * it is asked (page_mkwrite), before the entry is writable; a scan in between takes the note and finds
 * nothing to protect, and the stores that follow are noted nowhere. protect, clean: the core notes in the
 * page-table section that gives the right, and a scan takes notes before it takes that lock; by either
 * method. switches: from clean-and-record to write-protect. written, unmapped: write-back and munmap take
 * dirty away meanwhile. */
#include "../dirty.h"

static struct oct_tracker tracker;
static uint64_t notes[1];
static uint32_t started;
static uint32_t raw_noted;
static oct_phys_t page; /* of the object */

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	file_setup(mm, OCT_WRITE);
	page = oc_folio(mm, FILE_VA)->page;
	raw_setup(mm);
	oc_entry_set(raw.entry, oct_pte_wrprotect(raw.writable));
	dirty_setup();
}

/* ---- In raw entries ------------------------------------------------------------------------------ */

static oct_pte_t make_writable(oct_pte_t entry)
{
	return oct_pte_mkdirty(oct_pte_mkwrite(entry));
}

static void note_then_write(void)
{
	oct_pte_t *pte;

	oct_fetch_or(&raw_noted, 1, OCT_REL);
	pte = oct_pte_lock(raw.mm, RAW_VA);
	oc_entry_update(pte, make_writable);
	oct_pte_unlock(raw.mm, pte);
	raw_writer();
}

static void raw_scan(void)
{
	if (!oct_fetch_and(&raw_noted, 0, OCT_ACQ))
		return;
	raw_wrprotect();
	raw_flush();
	dirty.raw_copy = oc_peek32(raw.mm, RAW_ALIAS);
	oc_cover("consumed");
}

static void note_first(void)
{
	RAW_PARTS(raw_scan, note_then_write, nobody);
}

/* ---- By the core --------------------------------------------------------------------------------- */

static void start(enum oct_track_method method)
{
	OC_ASSERT(OC_ASSERTION, oct_tracker_start(&tracker, &file.mapping, 0, 1, notes, method) == 0);
	oct_store(&started, 1, OCT_REL); /* pairs with the acquires below */
}

static void scan(void)
{
	struct oct_track_result result;

	OC_ASSERT(OC_ASSERTION, oct_tracker_scan(&tracker, &dirty.bitmap, &result) == 0);
	if (dirty_taken()) {
		oct_port_page_copy(file.buffer->page, page, 0);
		oc_cover("consumed");
	}
}

static void protecting(void)
{
	start(OCT_TRACK_WRITE_PROTECT);
	scan();
}

static void cleaning(void)
{
	start(OCT_TRACK_CLEAN_RECORD);
	scan();
}

/* After three scans in which nobody stored, the fourth takes the right away. */
static void switching(void)
{
	OC_ASSERT(OC_ASSERTION,
	          oct_tracker_start(&tracker, &file.mapping, 0, 1, notes, OCT_TRACK_ADAPT) == 0);
	for (unsigned i = 0; i <= OCT_TRACK_PATIENCE; i++)
		scan();
	OC_ASSERT(OC_ASSERTION, tracker.method == OCT_TRACK_WRITE_PROTECT);
	oct_store(&started, 1, OCT_REL); /* pairs with the acquires below */
	scan();
}

static void writer(void)
{
	oc_await(oct_load(&started, OCT_ACQ));
	oc_store32(file.mm, FILE_VA, 1); /* now this CPU may have it writable */
	file_writer();
}

static void store_once(void)
{
	oc_await(oct_load(&started, OCT_ACQ));
	file_writer();
}

static void writeback(void)
{
	oc_await(oct_load(&started, OCT_ACQ));
	file_writeback();
}

static void unmap(void)
{
	oc_await(oct_load(&started, OCT_ACQ));
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(file.mm, FILE_VA, FILE_VA + FILE_PAGE) == 0);
}

static void protect(void)
{
	RAW_PARTS(protecting, writer, nobody);
}

static void clean(void)
{
	RAW_PARTS(cleaning, writer, nobody);
}

static void switches(void)
{
	RAW_PARTS(switching, writer, nobody);
}

static void written(void)
{
	RAW_PARTS(cleaning, store_once, writeback);
}

static void unmapped(void)
{
	RAW_PARTS(cleaning, store_once, unmap);
}

static void final(void)
{
	uint32_t *copy = oct_port_phys_to_virt(file.buffer->page);
	bool found = tracker.method == OCT_TRACK_CLEAN_RECORD && /* it looks at every entry */
	             oct_pte_dirty(oc_entry_get(oc_pte(file.mm, FILE_VA)));

	OC_ASSERT(OC_I3, !file.stored || *copy == STORED || dirty.words[0] || notes[0] || found);
	/* With write-protect dirty in the entry says nothing. */
	OC_ASSERT(OC_I3, !raw.stored || dirty.raw_copy == STORED || raw_noted);
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_THREAD(OC_VARIANT)}, .cover = {"consumed"},
            .variants = {
                {.name = "note-first", .run = note_first, .expected = OC_VIOLATES(OC_I3)},
                {.name = "protect",
                 .run = protect,
                 .expected = OC_HOLDS,
                 .cover = {"store-through-stale-entry", "file-mkwrite"}},
                {.name = "clean", .run = clean, .expected = OC_HOLDS, .cover = {"store-through-stale-entry"}},
                {.name = "switches",
                 .run = switches,
                 .expected = OC_HOLDS,
                 .cover = {"track-method", "store-through-stale-entry"}},
                {.name = "written", .run = written, .expected = OC_HOLDS, .cover = {"page-written"}},
                {.name = "unmapped", .run = unmapped, .expected = OC_HOLDS, .cover = {"zap-dirty"}}})
