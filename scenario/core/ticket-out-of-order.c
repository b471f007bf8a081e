/* core/ticket-out-of-order: generations that complete out of order. SPDX-License-Identifier: MIT
 *
 * Generation 1 takes the right to write from one page, generation 2 from another page of the same
 * table, and 2 is flushed first, by address. naive takes the newer number for both and copies the first
 * page under a writable stale entry. */
#include "../naive.h"
#include "../zap.h"

enum { RAW_NEIGHBOUR = RAW_VA + 0x1000 };

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	zap_setup(mm);
	raw_setup(mm);
	oc_map_anon(mm, RAW_NEIGHBOUR, 1, READ_WRITE);
}

static void protect(void)
{
	uint32_t generation = naive_wrprotect();

	raw_flush();
	naive_complete(generation);
}

static void protect_neighbour(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_NEIGHBOUR);
	uint32_t generation;

	oc_entry_update(pte, oct_pte_wrprotect);
	generation = naive_draw();
	oct_store(&naive_stamp, generation, OCT_RLX);
	oct_pte_unlock(raw.mm, pte);
	oc_dsb();
	oc_tlbi(raw.mm, RAW_NEIGHBOUR, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
	naive_complete(generation);
}

static void protect_neighbour_and_copy(void)
{
	protect_neighbour();
	naive_cow();
}

static void zap_neighbour_and_page(void)
{
	zap_neighbour();
	zap_page_and_look();
}

static void nothing(void)
{
}

static void naive(void)
{
	RAW_PARTS(protect, protect_neighbour_and_copy, raw_writer);
}

static void now(void)
{
	RAW_PARTS(zap_page, zap_neighbour_and_page, nothing);
}

OC_SCENARIO(.setup = setup, .final = raw_final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "naive", .run = naive, .expected = OC_VIOLATES(OC_I2)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"rely-behind", "zero-fill"}}})
