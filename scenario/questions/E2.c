/* questions/E2: where does copy-on-write ask whether a flush is pending?
 * SPDX-License-Identifier: MIT
 *
 * The page starts write-protected with no flush pending. One CPU makes it writable and protects it
 * again, with the counter raised over the flush; one copies it on write; one writes as long as its
 * TLB lets it. The handler may ask, and flush, under the lock; after unlocking and before it
 * copies, where the entry may come back with equal bits; or under the next lock, after it copied.
 * under-lock-relaxed asks whether the lock alone orders the counter before the copy: it does not,
 * since the lock was last released before the flush. */
#include "../cow.h"
#include "../raw.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	cow_setup(mm);
	raw_setup(mm);
	oc_entry_set(raw.entry, oct_pte_wrprotect(raw.writable));
}

static void allow_and_protect(void)
{
	raw_allow();
	raw_raise_pending();
	raw_wrprotect();
	raw_flush();
	raw_drop_pending();
}

static bool must_copy(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	bool must = raw_must_copy(oc_entry_get(pte));

	oct_pte_unlock(raw.mm, pte);
	return must;
}

static void install_if_same(bool ask)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	if (ask && raw_is_pending())
		raw_flush();
	if (raw_must_copy(oc_entry_get(pte)))
		raw_install(pte);
	oct_pte_unlock(raw.mm, pte);
}

static void cow_after_next_lock(void)
{
	if (must_copy()) {
		raw_copy();
		install_if_same(true);
	}
}

static void cow_after_unlock(void)
{
	if (must_copy()) {
		if (raw_is_pending())
			raw_flush();
		raw_copy();
		install_if_same(false);
	}
}

static void cow_under_lock_relaxed(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	if (raw_must_copy(oc_entry_get(pte))) {
		if (oct_load(&raw_pending, OCT_RLX) != 0)
			raw_flush();
		raw_copy();
		raw_install(pte);
	}
	oct_pte_unlock(raw.mm, pte);
}

static void after_next_lock(void)
{
	RAW_PARTS(allow_and_protect, cow_after_next_lock, raw_writer);
}

static void after_unlock(void)
{
	RAW_PARTS(allow_and_protect, cow_after_unlock, raw_writer);
}

static void under_lock_relaxed(void)
{
	RAW_PARTS(allow_and_protect, cow_under_lock_relaxed, raw_writer);
}

static void under_lock(void)
{
	RAW_PARTS(allow_and_protect, raw_cow_under_lock, raw_writer);
}

static void now(void)
{
	RAW_PARTS(cow_clear_refs, cow_copier, cow_writer);
}

static void final(void)
{
	raw_final();
	cow_final();
}

OC_SCENARIO(
        .setup = setup, .final = final, .arch = OC_ARCH_ALL,
        .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
        .cover = {"store-through-stale-entry"},
        .variants = {
            {.name = "after-next-lock", .run = after_next_lock, .expected = OC_VIOLATES(OC_I2)},
            {.name = "after-unlock", .run = after_unlock, .expected = OC_VIOLATES(OC_I2)},
            {.name = "under-lock-relaxed", .run = under_lock_relaxed, .expected = OC_VIOLATES(OC_I2)},
            {.name = "under-lock", .run = under_lock, .expected = OC_HOLDS, .cover = {"raw-copy-installed"}},
            {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"cow-copy", "rely-behind"}}})
