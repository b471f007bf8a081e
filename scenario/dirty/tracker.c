/* dirty/tracker: pages are noted where their entries become writable. SPDX-License-Identifier: MIT
 *
 * Write-protect looks only at pages that are noted. note-first: the owner of the object notes the page when
 * it is asked (page_mkwrite), before the entry is writable; a scan in between takes the note and finds
 * nothing to protect, and the stores that follow are noted nowhere. protect, clean: the core notes in the
 * page-table section that gives the right, and a scan takes notes before it takes that lock; by either
 * method. switches: from clean-and-record to write-protect. */
#include "tracker.h"

static uint32_t raw_noted;

static void setup(void)
{
	tracker_setup();
	oc_entry_set(raw.entry, oct_pte_wrprotect(raw.writable));
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
	RAW_PARTS(raw_scan, note_then_write);
}

/* ---- By the core --------------------------------------------------------------------------------- */

static void protecting(void)
{
	tracker_start(OCT_TRACK_WRITE_PROTECT);
	tracker_scan();
}

static void cleaning(void)
{
	tracker_start(OCT_TRACK_CLEAN_RECORD);
	tracker_scan();
}

/* After three scans in which nobody stored, the fourth takes the right away. */
static void switching(void)
{
	OC_ASSERT(OC_ASSERTION,
	          oct_tracker_start(&tracker, &file.mapping, 0, 1, notes, OCT_TRACK_ADAPT) == 0);
	for (unsigned i = 0; i <= OCT_TRACK_PATIENCE; i++)
		tracker_scan();
	OC_ASSERT(OC_ASSERTION, tracker.method == OCT_TRACK_WRITE_PROTECT);
	oct_store(&started, 1, OCT_REL); /* pairs with the acquire in tracker_await */
	tracker_scan();
}

static void writer(void)
{
	tracker_await();
	oc_store32(file.mm, FILE_VA, 1); /* now this CPU may have it writable */
	file_writer();
}

static void protect(void)
{
	RAW_PARTS(protecting, writer);
}

static void clean(void)
{
	RAW_PARTS(cleaning, writer);
}

static void switches(void)
{
	RAW_PARTS(switching, writer);
}

static void final(void)
{
	tracker_final();
	/* With write-protect dirty in the entry says nothing. */
	OC_ASSERT(OC_I3, !raw.stored || dirty.raw_copy == STORED || raw_noted);
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)}, .cover = {"consumed"},
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
                 .cover = {"track-method", "store-through-stale-entry"}}})
