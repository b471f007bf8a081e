/* questions/B2: what recording promises. SPDX-License-Identifier: MIT
 *
 * (a) What was stored before the call, through an entry that is still mapped when the walk arrives, is
 * recorded; (b) what is stored later is recorded, or its entry is dirty, or both. The page was stored to (a),
 * and a writer stores to it again (b). software: by hardware that sets no bits. second: two recorders at
 * once, to one bitmap. written: write-back cleans the entry as well, and what it took is in what it writes.
 * zapped, reclaimed: the entry goes, and its dirty bit to the folio. zap-forgets: a zap that drops dirty, as
 * of 2013. */
#include "../dirty.h"

static bool promised; /* by one that recorded alone */
static bool others;   /* take dirty away too, and keep it elsewhere */

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	file_setup(mm, OCT_WRITE);
	raw_setup(mm);
	dirty_setup();
}

static void record_alone(void)
{
	dirty_record();
	promised = true;
}

static void hardware(void)
{
	RAW_PARTS(record_alone, file_writer, nobody);
}

static void second(void)
{
	RAW_PARTS(dirty_record, file_writer, dirty_record);
}

static void writeback(void)
{
	others = true;
	file_writeback();
}

static void written(void)
{
	RAW_PARTS(dirty_record, file_writer, writeback);
}

static void dontneed(void)
{
	others = true;
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(file.mm, FILE_VA, FILE_VA + FILE_PAGE) == 0);
}

static void zapped(void)
{
	RAW_PARTS(dirty_record, file_writer, dontneed);
}

/* Dirty: unmapped, and stays. */
static void evict(void)
{
	others = true;
	OC_ASSERT(OC_ASSERTION, oct_mapping_evict(&file.mapping, 0) == -OCT_EBUSY);
}

static void reclaimed(void)
{
	RAW_PARTS(dirty_record, file_writer, evict);
}

static void zap_forgets(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_xchg(pte, 0);
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
}

static void raw_recorder(void)
{
	raw_clean_and_record();
	raw_flush();
}

static void forgets(void)
{
	RAW_PARTS(raw_recorder, raw_writer, zap_forgets);
}

static void final(void)
{
	oct_pte_t entry = oc_entry_get(oc_pte(file.mm, FILE_VA));
	bool known = dirty.words[0] || oct_pte_dirty(entry);

	file_final();
	OC_ASSERT(OC_I3, dirty.words[0] || !promised); /* (a) */
	OC_ASSERT(OC_I3, !file.stored || known || others);
	raw_dirty_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .cover = {"store-through-stale-entry"},
            .variants = {{.name = "zap-forgets", .run = forgets, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "hardware", .run = hardware, .expected = OC_HOLDS, .cover = {"recorded"}},
                         {.name = "software",
                          .run = hardware,
                          .expected = OC_HOLDS,
                          .knobs = {.sw_ad = true},
                          .cover = {"recorded"}},
                         {.name = "second", .run = second, .expected = OC_HOLDS, .cover = {"recorded"}},
                         {.name = "written",
                          .run = written,
                          .expected = OC_HOLDS,
                          .cover = {"recorded", "page-written", "file-mkwrite"}},
                         {.name = "zapped",
                          .run = zapped,
                          .expected = OC_HOLDS,
                          .cover = {"recorded", "zap-dirty", "file-map"}},
                         {.name = "reclaimed",
                          .run = reclaimed,
                          .expected = OC_HOLDS,
                          .cover = {"recorded", "zap-dirty", "file-map"}}})
