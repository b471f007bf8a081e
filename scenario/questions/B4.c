/* questions/B4: the exact set of pages that were stored to, by write-protect, then clean.
 * SPDX-License-Identifier: MIT
 *
 * Exact: once the pages are recorded and copied, and until the recorder lets go, no entry may be written or
 * is dirty, and the contents are those of the copy. held: new writers wait in page_mkwrite, on a lock that
 * they hold until their entry is writable; the flush of the write-protection is complete before entries are
 * cleaned. not-held: a writer comes between the two. one-flush: held, but the only flush comes after the
 * cleaning; enough, since a stale entry lets a store through only if it is dirty or memory says that it may.
 * now: the core takes right and dirty away in one exchange, and holds writers up by the lock of the object.
 */
#include "../dirty.h"

static struct oct_rwlock hold; /* as the lock of a page in page_mkwrite */

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	oct_rwlock_init(&hold);
	file_setup(mm, OCT_WRITE);
	raw_setup(mm);
	dirty_setup();
}

static oct_pte_t make_writable(oct_pte_t entry)
{
	return oct_pte_mkdirty(oct_pte_mkwrite(entry));
}

/* A store, and the fault of one that has no right. */
static void raw_fault_writer(void)
{
	oct_pte_t *pte;

	raw_writer();
	if (raw.stored)
		return;
	oct_rwlock_read_lock(&hold);
	pte = oct_pte_lock(raw.mm, RAW_VA);
	oc_entry_update(pte, make_writable);
	oct_pte_unlock(raw.mm, pte);
	oct_rwlock_read_unlock(&hold);
	raw_writer();
	oc_cover("mkwrite");
}

static void check_exact(oct_pte_t entry, uint32_t copy, uint32_t contents)
{
	OC_ASSERT(OC_ASSERTION, !oct_pte_write(entry) && !oct_pte_dirty(entry) && copy == contents);
}

static void raw_exact(bool held, bool flush_between)
{
	if (held)
		oct_rwlock_write_lock(&hold);
	raw_wrprotect();
	if (flush_between)
		raw_flush();
	raw_clean_and_record();
	raw_flush();
	raw_consume();
	check_exact(oc_entry_get(raw.entry), dirty.raw_copy, oc_peek32(raw.mm, RAW_ALIAS));
	if (held)
		oct_rwlock_write_unlock(&hold);
}

static void exact_held(void)
{
	raw_exact(true, true);
}

static void exact_not_held(void)
{
	raw_exact(false, true);
}

static void exact_one_flush(void)
{
	raw_exact(true, false);
}

static void copy_frozen(void *arg)
{
	oct_pte_t *entry = oc_pte(file.mm, FILE_VA);

	(void)arg;
	dirty_consume();
	check_exact(oc_entry_get(entry), dirty.copy, oc_peek32(file.mm, FILE_VA));
}

static void freeze(void)
{
	struct oct_track_result result;

	OC_ASSERT(OC_ASSERTION, oct_freeze_shared_mapping_range(&file.mapping, 0, 1, &dirty.bitmap,
	                                                        copy_frozen, NULL, &result) == 0);
}

static void held(void)
{
	RAW_PARTS(exact_held, raw_fault_writer);
}

static void not_held(void)
{
	RAW_PARTS(exact_not_held, raw_fault_writer);
}

static void one_flush(void)
{
	RAW_PARTS(exact_one_flush, raw_fault_writer);
}

static void now(void)
{
	RAW_PARTS(freeze, file_writer);
}

static void final(void)
{
	dirty_final();
	raw_dirty_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .cover = {"consumed", "store-through-stale-entry"},
            .variants = {{.name = "not-held", .run = not_held, .expected = OC_VIOLATES(OC_ASSERTION)},
                         {.name = "held", .run = held, .expected = OC_HOLDS, .cover = {"mkwrite"}},
                         {.name = "one-flush", .run = one_flush, .expected = OC_HOLDS},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"file-mkwrite"}}})
