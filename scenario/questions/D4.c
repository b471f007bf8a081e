/* questions/D4: a pin before the entry is cleared, and one during or after. SPDX-License-Identifier: MIT
 *
 * Before: whoever takes the page finds the pin and stores the entry again, with what hardware set in it until
 * it was cleared. During or after: one of the two comes second, sees the other and backs out. */
#include "../migrate.h"

static void setup(void)
{
	migrate_setup(oc_mm(), 1);
}

/* Pinned: the entry is put back as a copy said that was read before. */
static void raw_put_back(bool returned)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	oct_pte_t before = oc_entry_get(pte);
	oct_pte_t old = oc_entry_xchg(pte, 0);

	oc_entry_set(pte, returned ? old : before);
	oct_pte_unlock(raw.mm, pte);
	raw_dirty = false;
}

static void raw_put_copy_back(void)
{
	raw_put_back(false);
}

static void raw_put_returned_back(void)
{
	raw_put_back(true);
}

static void restored_from_copy(void)
{
	RAW_PARTS(raw_put_copy_back, raw_writer);
}

static void restored_as_returned(void)
{
	RAW_PARTS(raw_put_returned_back, raw_writer);
}

static void pin_and_migrate(void)
{
	pin_to_write();
	migrate();
}

static void before(void)
{
	RAW_PARTS(pin_and_migrate, migrate_writer);
}

static void during(void)
{
	RAW_PARTS(migrate, pin_to_write);
}

static void final(void)
{
	raw_collect_final();
	raw_restore();
	migrate_final();
	pin_final(swap_mm, MIGRATE_VA);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "restored-from-copy", .run = restored_from_copy, .expected = OC_VIOLATES(OC_I3)},
                {.name = "restored-as-returned", .run = restored_as_returned, .expected = OC_HOLDS},
                {.name = "now-before", .run = before, .expected = OC_HOLDS, .cover = {"pinned"}},
                {.name = "now",
                 .run = during,
                 .expected = OC_HOLDS,
                 .cover = {"pinned", "not-pinned", "migrate-put-back", "gup-fast-backs-out"}}})
