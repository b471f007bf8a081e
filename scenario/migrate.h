/* migrate.h: a page that moves while it is used: raw entries, and the core's public calls.
 * SPDX-License-Identifier: MIT
 *
 * The page at MIGRATE_VA is writable and clean, with MOVED in its first word; any CPU may have cached the
 * entry. */
#ifndef SCENARIO_MIGRATE_H
#define SCENARIO_MIGRATE_H

#include "pin.h"

enum { MIGRATE_VA = PIN_VA, MIGRATE_NEXT = MIGRATE_VA + 0x1000, MOVED = SWAPPED };

static struct oct_folio *fresh[2];
static unsigned fresh_count = 1;
static bool raw_dirty, migrate_stored;

static inline void make_clean(oct_pte_t *entry)
{
	oc_entry_set(entry, oct_pte_mkclean(oct_pte_mkyoung(oc_entry_get(entry))));
}

static inline void migrate_setup(struct oct_mm *mm, unsigned pages)
{
	swap_setup(mm);
	fresh_count = pages;
	for (unsigned i = 0; i < pages; i++)
		fresh[i] = oct_folio_alloc();
	make_clean(oc_pte(mm, MIGRATE_VA));
	pin_raw_setup(mm);
	make_clean(raw.entry);
}

static inline void migrate(void)
{
	OC_ASSERT(OC_ASSERTION,
	          oct_migrate_pages(swap_mm, MIGRATE_VA, MIGRATE_VA + fresh_count * OCT_PAGE_SIZE, fresh,
	                            fresh_count) >= 0);
}

static inline void migrate_writer(void)
{
	OC_ASSERT(OC_I2, oc_store32(swap_mm, MIGRATE_VA, 7) == 0);
	migrate_stored = true;
}

/* The store is in the page that is mapped, and that is on record. */
static inline void migrate_final(void)
{
	if (!migrate_stored)
		return;
	OC_ASSERT(OC_I2, oc_peek32(swap_mm, MIGRATE_VA) == 7);
	OC_ASSERT(OC_I3, oct_pte_dirty(oc_entry_get(oc_pte(swap_mm, MIGRATE_VA))));
}

/* The entry of RAW_VA goes; dirty is what it said: by a copy read before, or by the exchange. */
static inline void raw_collect(bool returned)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	oct_pte_t before = oc_entry_get(pte);
	oct_pte_t old = oc_entry_xchg(pte, 0);

	raw_dirty = oct_pte_dirty(returned ? old : before);
	raw_flush();
	oct_pte_unlock(raw.mm, pte);
}

static inline void raw_collect_final(void)
{
	OC_ASSERT(OC_I3, !raw.stored || raw_dirty || oct_pte_dirty(oc_entry_get(raw.entry)));
}

/* ---- Against DONTNEED -------------------------------------------------------------------------------- */

static bool raw_forgotten;
static uint32_t raw_after;

/* The entry goes, the lock is dropped, the flush comes after it or before. */
static inline void raw_take(bool in_lock)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_set(pte, 0);
	if (in_lock)
		raw_flush();
	oct_pte_unlock(raw.mm, pte);
	if (!in_lock)
		raw_flush();
}

/* DONTNEED: nothing is there, so nothing is to be done. What the page holds when it has returned is what it
 * keeps. */
static inline void raw_dontneed(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	raw_forgotten = oct_pte_none(oc_entry_get(pte));
	oct_pte_unlock(raw.mm, pte);
	if (raw_forgotten) {
		oc_cover("raw-found-none");
		raw_after = oc_peek32(raw.mm, RAW_ALIAS);
	}
}

static inline void raw_dontneed_final(void)
{
	OC_ASSERT(OC_I4, !raw_forgotten || oc_peek32(raw.mm, RAW_ALIAS) == raw_after);
}

/* Forget the page, and look: zeros, or what was stored later. */
static inline void dontneed_and_look(void)
{
	uint32_t value = MOVED;

	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(swap_mm, MIGRATE_VA, MIGRATE_VA + OCT_PAGE_SIZE) == 0);
	oc_load32(swap_mm, MIGRATE_VA, &value);
	OC_ASSERT(OC_I4, value != MOVED);
}

static inline void migrate_reader(void)
{
	uint32_t value;

	oc_load32(swap_mm, MIGRATE_VA, &value);
}

static inline void take_setup(void)
{
	migrate_setup(oc_mm(), 1);
	raw_forbid_faults(raw.mm, RAW_VA);
}

static inline void raw_take_then_flush(void)
{
	raw_take(false);
}

static inline void take_now(void)
{
	RAW_PARTS(migrate, dontneed_and_look, migrate_reader);
}

static inline void take_final(void)
{
	raw_dontneed_final();
	raw_restore();
}

#endif
