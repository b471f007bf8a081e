/* raw.h: the kernel of the mails, in raw entries. SPDX-License-Identifier: MIT
 *
 * Broken variants are written against this, not against the core: a page-table lock, entry stores,
 * invalidations, and copy-on-write as a handler would do it, with no tickets behind them.
 *
 * The page at RAW_VA lies in an area that may only be read, though its entry may be writable: a
 * store succeeds through a writable entry, current or stale, and otherwise faults for good. So the
 * only copy-on-write of that page is the one the variant spells out, by break, flush, make. */
#ifndef SCENARIO_RAW_H
#define SCENARIO_RAW_H

#include <octavo/check.h>

enum { RAW_VA = 0x20000, RAW_SPARE = 0x28000, RAW_ALIAS = 0x30000 };
enum { READ_WRITE = OCT_READ | OCT_WRITE };

struct raw {
	struct oct_mm *mm;
	oct_pte_t *entry;   /* of RAW_VA */
	oct_pte_t writable; /* the page of RAW_VA: writable, young, dirty */
	oct_pte_t fresh;    /* the same for the page that a copy goes to */
	bool stored;        /* the writer's store did not fault */
};

static struct raw raw;

/* RAW_VA mapped writable; any CPU may have cached it. */
static inline void raw_setup(struct oct_mm *mm)
{
	raw.mm = mm;
	oc_map_anon(mm, RAW_VA, 1, OCT_READ);
	oc_map_folio(mm, RAW_ALIAS, oc_folio(mm, RAW_VA), READ_WRITE);
	oc_map_anon(mm, RAW_SPARE, 1, READ_WRITE);
	raw.writable = oc_entry_get(oc_pte(mm, RAW_ALIAS));
	raw.fresh = oc_entry_get(oc_pte(mm, RAW_SPARE));
	raw.entry = oc_pte(mm, RAW_VA);
	oc_entry_set(raw.entry, raw.writable);
}

/* The area of va loses its rights and the entry stays: an access succeeds through a valid entry, current
 * or stale, and otherwise fails for good instead of making a page. */
static inline void raw_forbid_faults(struct oct_mm *mm, uintptr_t va)
{
	struct oct_pte_guard guard;
	oct_pte_t value;

	oct_pte_lock_at(&mm->space, va, &guard);
	value = oct_ptep_get(&guard); /* in no block */
	oct_pte_guard_unlock(NULL, &guard);
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, va, OCT_PAGE_SIZE, OCT_NONE) == 0);
	oc_entry_set(oc_pte(mm, va), value);
}

/* Before the end: the entry that the references belong to. */
static inline void raw_restore(void)
{
	oc_entry_set(raw.entry, oct_pte_wrprotect(raw.writable));
}

/* Invalidate RAW_VA everywhere and wait until that is complete. */
static inline void raw_flush(void)
{
	oc_dsb();
	oc_tlbi(raw.mm, RAW_VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

static inline void raw_wrprotect(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_update(pte, oct_pte_wrprotect);
	oct_pte_unlock(raw.mm, pte);
}

/* Where the first page is still mapped: writable again. */
static inline void raw_allow(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_cas(pte, oct_pte_wrprotect(raw.writable), raw.writable);
	oct_pte_unlock(raw.mm, pte);
}

static inline void raw_copy(void)
{
	oct_port_page_copy(oct_pte_phys(raw.fresh), oct_pte_phys(raw.writable), 0);
}

/* The copy takes the place of the page; page-table lock held. */
static inline void raw_install(oct_pte_t *pte)
{
	oc_entry_set(pte, 0);
	raw_flush();
	oc_entry_set(pte, raw.fresh);
	oc_cover("raw-copy-installed");
}

/* The page is copied before its entry goes: what is stored until the flush is lost. */
static inline void raw_copy_too_early(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	raw_copy();
	raw_install(pte);
	oct_pte_unlock(raw.mm, pte);
}

/* The page is copied out, and brought in again at once, before the flush: what is stored meanwhile is lost.
 */
static inline void raw_write_first(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_set(pte, 0);
	raw_copy();
	raw_flush();
	oc_entry_set(pte, raw.fresh);
	oct_pte_unlock(raw.mm, pte);
}

/* The entry says that a store must copy. */
static inline bool raw_must_copy(oct_pte_t entry)
{
	return entry == oct_pte_wrprotect(raw.writable);
}

/* The user writes with what its TLB has. */
static inline void raw_writer(void)
{
	raw.stored = oc_store32(raw.mm, RAW_VA, 7) == 0;
}

static inline void raw_final(void)
{
	OC_ASSERT(OC_I2, !raw.stored || oc_peek32(raw.mm, RAW_VA) == 7);
	raw_restore();
}

/* ---- The counter of pending flushes, as Linux has it: one for a space ------------------------ */

static uint32_t raw_pending;

/* Before the entries change: the page-table lock carries it to whoever sees the change. */
static inline void raw_raise_pending(void)
{
	oct_fetch_add(&raw_pending, 1, OCT_RLX);
}

/* After the flush is complete; pairs with the acquire in raw_is_pending(). */
static inline void raw_drop_pending(void)
{
	oct_fetch_sub(&raw_pending, 1, OCT_REL);
}

static inline bool raw_is_pending(void)
{
	return oct_load(&raw_pending, OCT_ACQ) != 0;
}

/* Copy on write that asks and flushes under the lock, and copies there. */
static inline void raw_cow_under_lock(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	if (raw_must_copy(oc_entry_get(pte))) {
		if (raw_is_pending())
			raw_flush();
		raw_copy();
		raw_install(pte);
	}
	oct_pte_unlock(raw.mm, pte);
}

/* ---- Parts ---------------------------------------------------------------------------------- */

/* What each CPU does in a variant where all actors differ. */
#define RAW_PARTS(...)                                                                                       \
	do {                                                                                                 \
		void (*const parts[])(void) = {__VA_ARGS__};                                                 \
		parts[oct_port_cpu_self()]();                                                                \
	} while (0)

#endif
