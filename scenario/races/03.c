/* races/03: a page without rights is moved while the flush that took them is to come.
 * SPDX-License-Identifier: MIT
 *
 * Balancing between nodes takes all rights away and leaves the flush for later. Migration finds an entry that
 * grants nothing, so there is nothing to flush, and copies; a CPU still stores to the old page. counter: it
 * asks whether a flush is pending. now: mprotect against migration; and clear_refs, which holds the lock of
 * the space for reading as migration does, so that the two overlap. */
#include "../migrate.h"

static void setup(void)
{
	migrate_setup(oc_mm(), 1);
	oc_entry_set(raw.entry, raw.writable);
	raw_forbid_faults(raw.mm, RAW_VA);
}

static oct_pte_t take_rights(oct_pte_t pte)
{
	return oct_pte_present(pte) ? oct_pte_modify(pte, OCT_NONE) : pte;
}

static void raw_balance(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	raw_raise_pending();
	oc_entry_update(pte, take_rights);
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
	raw_drop_pending();
}

/* Who meets the page waits for its new entry: it comes when the race is over. */
static void raw_migrate(bool honour)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	oct_pte_t before = oc_entry_get(pte);

	if (!oct_pte_user(before)) {
		oc_entry_set(pte, oct_pte_broken());
		if (honour && raw_is_pending())
			raw_flush();
		raw_copy();
		oc_cover("raw-moved");
	}
	oct_pte_unlock(raw.mm, pte);
}

static void migrate_at_once(void)
{
	raw_migrate(false);
}

static void migrate_by_counter(void)
{
	raw_migrate(true);
}

static void old(void)
{
	RAW_PARTS(raw_balance, migrate_at_once, raw_writer);
}

static void counter(void)
{
	RAW_PARTS(raw_balance, migrate_by_counter, raw_writer);
}

static void protect(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mprotect(swap_mm, MIGRATE_VA, OCT_PAGE_SIZE, OCT_READ) == 0);
}

static void clear_refs(void)
{
	OC_ASSERT(OC_ASSERTION, oct_clear_refs(swap_mm, MIGRATE_VA, MIGRATE_VA + OCT_PAGE_SIZE) == 0);
}

static void writer(void)
{
	migrate_stored = oc_store32(swap_mm, MIGRATE_VA, 7) == 0;
}

static void now(void)
{
	RAW_PARTS(protect, migrate, writer);
}

static void now_clear_refs(void)
{
	RAW_PARTS(clear_refs, migrate, writer);
}

static void final(void)
{
	migrate_final();
	if (!oct_pte_present(oc_entry_get(raw.entry)))
		oc_entry_set(raw.entry, raw.fresh);
	raw_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "counter",
                          .run = counter,
                          .expected = OC_HOLDS,
                          .cover = {"raw-moved", "store-through-stale-entry"}},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"migrate-move", "store-through-stale-entry"}},
                         {.name = "now-clear-refs",
                          .run = now_clear_refs,
                          .expected = OC_HOLDS,
                          .cover = {"migrate-move", "store-through-stale-entry"}}})
