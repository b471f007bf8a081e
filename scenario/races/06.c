/* races/06: a flush that is forced forgets that tables were freed. SPDX-License-Identifier: MIT
 *
 * Whoever finishes an unmapping while another flush of the space is pending cannot rely on what it gathered:
 * it forgets what that was, flushes all that it was asked to unmap, and forgets that it unlinked a table as
 * well: leaves only, and the table is freed while a walk cache still leads to it. union: what was gathered
 * and what is forced are joined. Not on x86-64, where no invalidation leaves walk caches alone. now: each
 * generation says what it changed, and whoever completes several takes all levels if one of them needs it. */
#include "../raw.h"

enum { VA = 0x10000, TABLE = OCT_TABLE_ENTRIES * OCT_PAGE_SIZE };

static oct_pte_t *upper;
static oct_pte_t link;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	oc_map_anon(mm, VA, 1, READ_WRITE);
	oc_map_anon(mm, VA + TABLE, 1, READ_WRITE);
	raw_setup(mm);
	raw_forbid_faults(mm, RAW_VA);
	upper = oc_pte(mm, RAW_VA, 1);
	link = oc_entry_get(upper);
}

static void flush_table(unsigned level)
{
	oc_dsb();
	oc_tlbi(raw.mm, RAW_VA, OCT_TABLE_ENTRIES, OC_BROADCAST, level);
	oc_dsb();
}

static void unmap_raw(bool joined)
{
	bool nested;

	raw_raise_pending();
	oc_entry_set(raw.entry, 0);
	oc_entry_set(upper, 0);
	nested = oct_load(&raw_pending, OCT_ACQ) > 1;
	flush_table(nested && !joined ? OC_LEAF : OC_ALL_LEVELS);
	oc_cover(nested ? "raw-nested" : "raw-alone");
	raw_drop_pending();
	oct_port_page_free(oct_pte_phys(link), 0, OCT_USE_TABLE);
}

static void unmap_forgetful(void)
{
	unmap_raw(false);
}

static void unmap_joined(void)
{
	unmap_raw(true);
}

/* Another page, in another table, which stays. */
static void zap_other(void)
{
	raw_raise_pending();
	oc_entry_update(oc_pte(raw.mm, RAW_SPARE), oct_pte_wrprotect);
	oc_dsb();
	oc_tlbi(raw.mm, RAW_SPARE, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
	raw_drop_pending();
}

static void old(void)
{
	RAW_PARTS(unmap_forgetful, zap_other, raw_writer);
}

static void joined(void)
{
	RAW_PARTS(unmap_joined, zap_other, raw_writer);
}

static void unmap(uintptr_t va)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(raw.mm, va, OCT_PAGE_SIZE) == 0);
}

static void unmap_one(void)
{
	unmap(VA);
}

static void unmap_other(void)
{
	unmap(VA + TABLE);
}

static void reader(void)
{
	uint32_t value;

	oc_cover(oc_load32(raw.mm, VA, &value) == 0 ? "loaded" : "refused");
}

static void now(void)
{
	RAW_PARTS(unmap_one, unmap_other, reader);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "old", .run = old, .expected = OC_VIOLATES(OC_I1)},
                {.name = "union", .run = joined, .expected = OC_HOLDS, .cover = {"raw-nested", "raw-alone"}},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"loaded", "refused"}}})
