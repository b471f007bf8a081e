/* core/ticket-out-of-order: generations that complete out of order. SPDX-License-Identifier: MIT
 *
 * Generation 1 takes the right to write from one page, generation 2 from another page of the same
 * table, and 2 is flushed first, by address. naive takes the newer number for both and copies the first
 * page under a writable stale entry. */
#include "../cow.h"
#include "../naive.h"

enum { RAW_NEIGHBOUR = RAW_VA + 0x1000, COW_NEIGHBOUR = COW_VA + 0x1000 };

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	cow_setup(mm);
	oc_map_anon(mm, COW_NEIGHBOUR, 1, READ_WRITE);
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

static void clear_neighbour_and_copy(void)
{
	oct_clear_refs(cow.mm, COW_NEIGHBOUR, COW_NEIGHBOUR + OCT_PAGE_SIZE);
	cow_copier();
}

static void naive(void)
{
	RAW_PARTS(protect, protect_neighbour_and_copy, raw_writer);
}

static void now(void)
{
	RAW_PARTS(cow_clear_refs, clear_neighbour_and_copy, cow_writer);
}

static void final(void)
{
	raw_final();
	cow_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "naive", .run = naive, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"cow-copy", "rely-behind", "store-through-stale-entry"}}})
