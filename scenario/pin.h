/* pin.h: pins against who takes the page: raw entries, and the core's public calls. SPDX-License-Identifier:
 * MIT
 *
 * The kernel of the mails: a pin is a large reference; an anonymous page is "exclusive" by a flag of its own.
 * G pins without a lock: reads the entry, adds the pin, reads the entry again, looks at the flag. M clears
 * the entry, looks for pins, clears the flag and from then on shares the page, or puts the entry back.
 * Barriers stand or fall by a flag each.
 *
 * With the core the page at PIN_VA is private and may be paged out. A pin that was given is of the page that
 * the address shows in the end (I5). */
#ifndef SCENARIO_PIN_H
#define SCENARIO_PIN_H

#include "reclaim.h"

enum { PIN_VA = SWAP_VA, RAW_PIN = 1024 };

/* Barriers, named by what they separate. */
enum {
	PIN_THEN_READ = 1,        /* G: the pin, and the second look at the entry; full */
	CLEAR_THEN_TEST = 2,      /* M: the entry that is cleared, and the look for pins; full */
	READ_THEN_EXCLUSIVE = 4,  /* G: the second look, and the flag; of reads */
	EXCLUSIVE_THEN_STORE = 8, /* M: the flag, and the entry that shares the page; of writes */
	ALL_BARRIERS = 15,
	LOOK_AGAIN = 16, /* G: the second look */
	FLUSH = 32,      /* M: the invalidation is complete before the look for pins */
};

static struct oct_folio *pin_folio; /* what G pinned */
static bool raw_pinned, raw_shared;

static inline struct oct_folio *raw_page(void)
{
	return oct_port_folio_of(oct_pte_phys(raw.writable));
}

static inline void pin_raw_setup(struct oct_mm *mm)
{
	raw_setup(mm);
	oct_store(&raw_page()->flags, (uint32_t)(OCT_FOLIO_ANON | OCT_FOLIO_ANON_EXCLUSIVE), OCT_RLX);
}

/* Orders are the caller's: each pairs with the one of the same number on the other side. */
static inline void barrier_if(unsigned which, unsigned barriers)
{
	if (!(barriers & which))
		return;
	if (which & (PIN_THEN_READ | CLEAR_THEN_TEST))
		oct_fence(OCT_SC); /* PIN_THEN_READ and CLEAR_THEN_TEST pair */
	else if (which == READ_THEN_EXCLUSIVE)
		oct_fence(OCT_ACQ); /* pairs with EXCLUSIVE_THEN_STORE */
	else
		oct_fence(OCT_REL); /* pairs with READ_THEN_EXCLUSIVE */
}

static inline void raw_gup_fast(unsigned how)
{
	oct_pte_t seen;

	oc_irqs_off();
	seen = oc_entry_get(raw.entry);
	if (oct_pte_present(seen) && oct_pte_phys(seen) == oct_pte_phys(raw.writable)) {
		oct_fetch_add(&raw_page()->refcount, RAW_PIN, OCT_RLX);
		barrier_if(PIN_THEN_READ, how);
		raw_pinned = !(how & LOOK_AGAIN) || oc_entry_get(raw.entry) == seen;
		barrier_if(READ_THEN_EXCLUSIVE, how);
		/* Relaxed: ordered by the barrier, or not. */
		raw_pinned = raw_pinned && (oct_load(&raw_page()->flags, OCT_RLX) & OCT_FOLIO_ANON_EXCLUSIVE);
		if (!raw_pinned)
			oct_fetch_sub(&raw_page()->refcount, RAW_PIN, OCT_RLX);
		else
			oc_cover("raw-pinned");
	}
	oc_irqs_on();
}

/* What a merge of equal pages, or a migration, does to the page. */
static inline void raw_try_share(unsigned how)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	oct_pte_t old = oc_entry_xchg(pte, 0);

	if (how & FLUSH)
		raw_flush();
	barrier_if(CLEAR_THEN_TEST, how);
	if (oct_load(&raw_page()->refcount, OCT_RLX) >= RAW_PIN) {
		oc_entry_set(pte, old);
	} else {
		oct_fetch_and(&raw_page()->flags, ~(uint32_t)OCT_FOLIO_ANON_EXCLUSIVE, OCT_RLX);
		barrier_if(EXCLUSIVE_THEN_STORE, how);
		oc_entry_set(pte, oct_pte_wrprotect(old));
		raw_shared = true;
		oc_cover("raw-shared");
	}
	oct_pte_unlock(raw.mm, pte);
}

static inline void pin_raw_final(void)
{
	OC_ASSERT(OC_I5, !(raw_pinned && raw_shared));
	if (raw_pinned)
		oct_fetch_sub(&raw_page()->refcount, RAW_PIN, OCT_RLX);
	raw_restore();
}

/* ---- The core ------------------------------------------------------------------------------------------ */

static inline void pin_fast(unsigned access)
{
	oc_cover(oct_gup_fast(swap_mm, PIN_VA, 1, access, &pin_folio) == 1 ? "pinned" : "not-pinned");
}

static inline void pin_to_read(void)
{
	pin_fast(OCT_READ);
}

static inline void pin_to_write(void)
{
	pin_fast(OCT_WRITE);
}

/* A page that is pinned is mapped, and a store does not copy it. */
static inline void pin_final(struct oct_mm *mm, uintptr_t va)
{
	if (pin_folio) {
		OC_ASSERT(OC_I5, oc_folio(mm, va) == pin_folio);
		OC_ASSERT(OC_I5,
		          oct_fault(mm, va, OCT_WRITE) == OCT_FAULT_DONE && oc_folio(mm, va) == pin_folio);
		oct_unpin(pin_folio, false);
	}
}

#endif
