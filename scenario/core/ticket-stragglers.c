/* core/ticket-stragglers: waiting for another's generation. SPDX-License-Identifier: MIT
 *
 * naive: who needs a generation to be complete waits, under the page-table lock, for its owner; the
 * owner needs that lock once more before it gets to flush. Nobody waits for another's generation:
 * who needs it invalidates by himself. */
#include "../cow.h"
#include "../naive.h"

enum { COW_NEXT_TABLE = COW_VA + 0x8000 };

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	cow_setup(mm);
	oc_map_anon(mm, COW_NEXT_TABLE, 1, READ_WRITE);
	raw_setup(mm);
}

/* A range in two lock sections, then one flush. */
static void protect_in_two_sections(void)
{
	uint32_t generation = naive_wrprotect();
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oct_pte_unlock(raw.mm, pte);
	raw_flush();
	naive_complete(generation);
}

static void copy_when_complete(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	if (raw_must_copy(oc_entry_get(pte))) {
		oc_await(oct_load(&naive_completed, OCT_ACQ) >= oct_load(&naive_stamp, OCT_RLX));
		raw_copy();
		raw_install(pte);
	}
	oct_pte_unlock(raw.mm, pte);
}

static void nothing(void)
{
}

/* Two leaf tables: two lock sections, then one flush. */
static void clear_refs_two_tables(void)
{
	oct_clear_refs(cow.mm, COW_VA, COW_NEXT_TABLE + OCT_PAGE_SIZE);
}

static void naive(void)
{
	RAW_PARTS(protect_in_two_sections, copy_when_complete, nothing);
}

static void now(void)
{
	RAW_PARTS(clear_refs_two_tables, cow_copier, nothing);
}

static void final(void)
{
	raw_final();
	cow_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "naive", .run = naive, .expected = OC_VIOLATES(OC_DEADLOCK)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"cow-copy", "rely-behind"}}})
