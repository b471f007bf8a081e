/* races/34: a table moves under a walker of the reverse map (CVE-2022-41222). SPDX-License-Identifier: MIT
 *
 * V moves a leaf table to another address, and its CPU stores to the page there. M has found the entry by the
 * old address, takes the page away, and flushes the old address: what V's TLB keeps of the new one is not
 * named. old: nothing holds M off while the table moves. now: the table of an object's area moves with the
 * lock of the object held; page cleaning finds the entry at one address or at the other. */
#include "../file.h"

enum {
	RAW_TO = RAW_VA + 0x20000,
	FILE_TO = FILE_VA + 0x40000,
	TABLE = OCT_TABLE_ENTRIES * OCT_PAGE_SIZE,
};

static oct_pte_t *from, *to; /* the slots above the leaf table of RAW_VA, and where it goes */
static oct_pte_t link, to_link;
static bool taken;
static uint32_t after; /* what the page holds when it has been taken */

static void setup(void)
{
	struct oct_mm *mm = oc_mm();
	uintptr_t at;

	file_setup(mm, OCT_WRITE);
	OC_ASSERT(OC_ASSERTION, oct_mmap_file(mm, FILE_VA + FILE_PAGE, TABLE - FILE_PAGE, READ_WRITE,
	                                      OCT_MAP_FIXED | OCT_MAP_SHARED, &file.mapping, 1, &at) == 0);
	raw_setup(mm);
	raw_forbid_faults(mm, RAW_VA);
	oc_map_anon(mm, RAW_TO, 1, READ_WRITE);
	raw_forbid_faults(mm, RAW_TO);
	from = oc_pte(mm, RAW_VA, 1);
	to = oc_pte(mm, RAW_TO, 1);
	link = oc_entry_get(from);
	to_link = oc_entry_xchg(to, 0);
}

static void move_raw(void)
{
	oc_entry_set(from, 0);
	oc_dsb();
	oc_tlbi(raw.mm, RAW_VA, OCT_TABLE_ENTRIES, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	oc_entry_set(to, link);
	oc_cover(oc_store32(raw.mm, RAW_TO, 7) == 0 ? "raw-stored" : "raw-refused");
}

static void take_raw(void)
{
	taken = oct_pte_present(oc_entry_xchg(raw.entry, 0));
	raw_flush();
	after = oc_peek32(raw.mm, RAW_ALIAS);
}

static void old(void)
{
	RAW_PARTS(move_raw, take_raw);
}

static void move_and_store(void)
{
	uintptr_t where;

	OC_ASSERT(OC_ASSERTION, oct_mremap(file.mm, FILE_VA, TABLE, TABLE,
	                                   OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, FILE_TO, &where) == 0);
	file.stored = oc_store32(file.mm, FILE_TO, STORED) == 0;
}

static void now(void)
{
	RAW_PARTS(move_and_store, file_writeback);
}

static void final(void)
{
	file_final();
	OC_ASSERT(OC_I4, !taken || oc_peek32(raw.mm, RAW_ALIAS) == after);
	oc_entry_set(from, link);
	oc_entry_set(to, to_link);
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "old", .run = old, .expected = OC_VIOLATES(OC_I4)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"mremap-table", "page-written"}}})
