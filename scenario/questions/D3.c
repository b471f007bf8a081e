/* questions/D3: may the flush stay batched for exclusive pages? SPDX-License-Identifier: MIT
 *
 * Entries are cleared and looked for pins one by one; one flush comes after the last. What needs the flush is
 * the copy: before it, a CPU still stores to the page. Whether a page is pinned needs none (D2). */
#include "../migrate.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();
	uintptr_t at;

	migrate_setup(mm, 2);
	OC_ASSERT(OC_ASSERTION,
	          oct_mmap(mm, MIGRATE_NEXT, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, MIGRATE_NEXT, OCT_WRITE) == OCT_FAULT_DONE);
}

/* The first of a batch; the others do not race. */
static void raw_migrate(bool flush_first)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	oct_pte_t old = oc_entry_xchg(pte, 0);

	oct_fence(OCT_SC); /* CLEAR_THEN_TEST */
	if (oct_load(&raw_page()->refcount, OCT_RLX) >= RAW_PIN) {
		oc_entry_set(pte, old);
	} else {
		if (flush_first)
			raw_flush();
		raw_copy();
		if (!flush_first)
			raw_flush();
		oct_fence(OCT_REL); /* the copy, before the entry: pairs with the walk that reads it */
		oc_entry_set(pte, raw.fresh);
		raw_shared = true;
		oc_cover("raw-moved");
	}
	oct_pte_unlock(raw.mm, pte);
}

static void raw_pin(void)
{
	raw_gup_fast(LOOK_AGAIN | ALL_BARRIERS);
}

static void raw_copy_then_flush(void)
{
	raw_migrate(false);
}

static void raw_flush_then_copy(void)
{
	raw_migrate(true);
}

static void copied_before_the_flush(void)
{
	RAW_PARTS(raw_copy_then_flush, raw_pin, raw_writer);
}

static void batched(void)
{
	RAW_PARTS(raw_flush_then_copy, raw_pin, raw_writer);
}

static void now(void)
{
	RAW_PARTS(migrate, pin_to_write, migrate_writer);
}

static void final(void)
{
	OC_ASSERT(OC_I5, !(raw_pinned && raw_shared));
	OC_ASSERT(OC_I2, !raw.stored || oc_peek32(raw.mm, RAW_VA) == 7);
	pin_raw_final();
	if (pin_folio)
		pin_final(swap_mm, MIGRATE_VA);
	migrate_final();
}

OC_SCENARIO(
        .setup = setup, .final = final, .arch = OC_ARCH_ALL,
        .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
        .variants = {
            {.name = "copied-before", .run = copied_before_the_flush, .expected = OC_VIOLATES(OC_I2)},
            {.name = "batched", .run = batched, .expected = OC_HOLDS, .cover = {"raw-moved", "raw-pinned"}},
            {.name = "now",
             .run = now,
             .expected = OC_HOLDS,
             .cover = {"migrate-move", "migrate-put-back", "pinned", "not-pinned"}}})
