/* core/ticket-lock-dropped: equal bits, other stamp. SPDX-License-Identifier: MIT
 *
 * A handler compares stamp and completion under the lock, drops it to copy, and takes it again.
 * Meanwhile the entry was made writable and protected once more: the bits are equal, the flush is
 * not. entry-only compares the entry alone; entry-and-stamp compares both. */
#include "../cow.h"
#include "../naive.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	cow_setup(mm);
	raw_setup(mm);
	oc_entry_set(raw.entry, oct_pte_wrprotect(raw.writable));
}

static void allow_and_protect(void)
{
	uint32_t generation;

	raw_allow();
	generation = naive_wrprotect();
	raw_flush();
	naive_complete(generation);
}

static void copy_without_lock(bool compare_stamp)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	uint32_t stamp = oct_load(&naive_stamp, OCT_RLX);
	bool must = raw_must_copy(oc_entry_get(pte));

	if (must && naive_is_behind())
		raw_flush();
	oct_pte_unlock(raw.mm, pte);
	if (!must)
		return;
	raw_copy();
	pte = oct_pte_lock(raw.mm, RAW_VA);
	if (raw_must_copy(oc_entry_get(pte)) && (!compare_stamp || oct_load(&naive_stamp, OCT_RLX) == stamp))
		raw_install(pte);
	oct_pte_unlock(raw.mm, pte);
}

static void copy_comparing_entry(void)
{
	copy_without_lock(false);
}

static void copy_comparing_both(void)
{
	copy_without_lock(true);
}

static void nothing(void)
{
}

/* Protected, made writable by a store, and protected again. */
static void clear_refs_store_clear_refs(void)
{
	cow_clear_refs();
	cow_writer();
	cow_clear_refs();
}

static void entry_only(void)
{
	RAW_PARTS(allow_and_protect, copy_comparing_entry, raw_writer);
}

static void entry_and_stamp(void)
{
	RAW_PARTS(allow_and_protect, copy_comparing_both, raw_writer);
}

static void now(void)
{
	RAW_PARTS(clear_refs_store_clear_refs, cow_copier, nothing);
}

static void final(void)
{
	raw_final();
	cow_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "entry-only", .run = entry_only, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "entry-and-stamp",
                          .run = entry_and_stamp,
                          .expected = OC_HOLDS,
                          .cover = {"raw-copy-installed"}},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"cow-copy", "cow-reuse", "rely-behind"}}})
