/* swap.c: swap areas: slots, swap cache, faults on swap entries. SPDX-License-Identifier: MIT
 *
 * Who owns what
 *   a slot            the lock of the area: count, folio, busy. Entries that name it are counted, and who
 *                     is at work on it without the lock (I/O) counts for one, so it stays his
 *   its page          while busy, who made it so: he alone reads or writes the page and the area, and
 *                     nobody maps it. Else nobody stores to it: see below
 *   folio->swap       the lock of the area
 *
 * States of a slot
 *   free              count 0, in the list of free slots
 *   out               count, no folio: the contents are in the area only
 *   cached            count, folio: the folio has them; the area has them too unless unwritten
 *   busy              either, with I/O under way: others sleep on busy
 *
 * Why contents are not lost (I2, I3). A slot loses its folio only when the area has what it contains, or
 * when nobody names the slot any more. An entry that is filled from a slot gives its count up; the last one
 * takes the folio out of the cache, so that it may store to it. While others name the slot, the cache's
 * reference makes every store copy first (folio.h), so what the area has stays what they expect. If the
 * slot goes while the page is mapped, the page is marked dirty: nothing else has its contents.
 *
 * Why two who fault agree. The first makes the slot busy and reads; the second sleeps, and finds the folio.
 * Each looks at its entry again under the page-table lock; if it is no longer the same, what it has
 * in hand is given back. The entry is only ever filled over what its table still waits for (I11): the flush
 * of who took the page away is complete then.
 *
 * Order of locks: page-table lock, then the lock of the area. Nothing is waited for with it held. */
#include "swap.h"
#include <octavo/pin.h>
#include "../space/fault.h"
#include "../tlb/authority.h"

/* ---- Slots ------------------------------------------------------------------------------------------ */

int oct_swap_init(struct oct_swap *swap, void *object, struct oct_swap_slot *slot, uint32_t slots)
{
	if (slots == 0 || slots >= OCT_SWAP_DEVICE || !slot)
		return -OCT_EINVAL;
	swap->lock = 0;
	swap->object = object;
	swap->slot = slot;
	swap->slots = slots;
	swap->free = 0;
	swap->cached = OCT_NO_SLOT;
	swap->used = 0;
	swap->device = false;
	for (uint32_t i = 0; i < slots; i++) {
		slot[i].folio = NULL;
		slot[i].count = 0;
		slot[i].busy = 0;
		slot[i].next = i + 1 < slots ? i + 1 : OCT_NO_SLOT;
		slot[i].prev = OCT_NO_SLOT;
		slot[i].unwritten = false;
	}
	return 0;
}

uint32_t oct_swap_used(struct oct_swap *swap)
{
	uint32_t used;

	oct_spin_lock(&swap->lock);
	used = swap->used;
	oct_spin_unlock(&swap->lock);
	return used;
}

/* From here to the end of the section: the lock of the area is held. */

/* Where a folio says which slot of the area it is in. */
static uint32_t *named_in(const struct oct_swap *swap, struct oct_folio *folio)
{
	return swap->device ? &folio->device : &folio->swap;
}

static void cache(struct oct_swap *swap, uint32_t number, struct oct_folio *folio, bool unwritten)
{
	struct oct_swap_slot *slot = &swap->slot[number];

	slot->folio = folio;
	slot->unwritten = unwritten;
	slot->prev = OCT_NO_SLOT;
	slot->next = swap->cached;
	if (slot->next != OCT_NO_SLOT)
		swap->slot[slot->next].prev = number;
	swap->cached = number;
	*named_in(swap, folio) = number + 1;
}

/* The folio, whose reference is the caller's now. */
static struct oct_folio *uncache(struct oct_swap *swap, uint32_t number)
{
	struct oct_swap_slot *slot = &swap->slot[number];
	struct oct_folio *folio = slot->folio;

	if (slot->prev != OCT_NO_SLOT)
		swap->slot[slot->prev].next = slot->next;
	else
		swap->cached = slot->next;
	if (slot->next != OCT_NO_SLOT)
		swap->slot[slot->next].prev = slot->prev;
	slot->folio = NULL;
	*named_in(swap, folio) = 0;
	return folio;
}

static uint32_t slot_alloc(struct oct_swap *swap)
{
	uint32_t number = swap->free;

	if (number != OCT_NO_SLOT) {
		swap->free = swap->slot[number].next;
		swap->used++;
	}
	return number;
}

/* counts fewer name the slot. The folio that left the cache with the last of them, or NULL. references: how
 * many of it are the cache's and the caller's; who has another one has the only copy of the contents. */
static struct oct_folio *slot_put(struct oct_swap *swap, uint32_t number, uint32_t counts,
                                  uint32_t references)
{
	struct oct_swap_slot *slot = &swap->slot[number];
	struct oct_folio *folio = NULL;

	slot->count -= counts;
	if (slot->count)
		return NULL;
	if (slot->folio)
		folio = uncache(swap, number);
	/* Relaxed: who looks at the flag holds the only reference, which he saw by an acquire (folio.h). */
	if (folio && oct_load(&folio->refcount, OCT_RLX) > references)
		oct_fetch_or(&folio->flags, (uint32_t)OCT_FOLIO_DIRTY, OCT_RLX);
	slot->next = swap->free;
	swap->free = number;
	swap->used--;
	return folio;
}

/* ---- For reclaim -------------------------------------------------------------------------------------- */

struct oct_swap_hold oct_swap_take(struct oct_swap *swap, struct oct_folio *folio, uint32_t entries)
{
	struct oct_swap_hold hold = {OCT_NO_SLOT, false, true};

	if (!swap)
		return hold;
	oct_spin_lock(&swap->lock);
	if (*named_in(swap, folio)) {
		struct oct_swap_slot *slot = &swap->slot[*named_in(swap, folio) - 1];

		if (!oct_load(&slot->busy, OCT_RLX)) {
			hold.slot = *named_in(swap, folio) - 1;
			hold.unwritten = slot->unwritten;
			slot->count += 1 + entries;
			oct_store(&slot->busy, 1u, OCT_RLX); /* the lock orders it */
		}
	} else {
		hold.slot = slot_alloc(swap);
		hold.fresh = true;
		if (hold.slot != OCT_NO_SLOT) {
			cache(swap, hold.slot, folio, true);
			swap->slot[hold.slot].count = 1 + entries;
			oct_store(&swap->slot[hold.slot].busy, 1u, OCT_RLX); /* the lock orders it */
		}
	}
	oct_spin_unlock(&swap->lock);
	return hold;
}

void oct_swap_add(struct oct_swap *swap, uint32_t slot)
{
	oct_spin_lock(&swap->lock);
	swap->slot[slot].count++;
	oct_spin_unlock(&swap->lock);
}

/* I/O on the slot is over: the lock is held. */
static void calm(struct oct_swap_slot *slot)
{
	/* Relaxed: who waited takes the lock before he looks; it carries what the I/O did. */
	oct_store(&slot->busy, 0u, OCT_RLX);
}

void oct_swap_give_up(struct oct_swap *swap, uint32_t number)
{
	oct_spin_lock(&swap->lock);
	calm(&swap->slot[number]); /* nobody waits: nobody knew */
	slot_put(swap, number, 2, ~(uint32_t)0);
	oct_spin_unlock(&swap->lock);
}

bool oct_swap_finish(struct oct_swap *swap, uint32_t number, bool wrote, int error)
{
	struct oct_swap_slot *slot = &swap->slot[number];
	struct oct_folio *folio;
	bool given = false;

	oct_spin_lock(&swap->lock);
	calm(slot);
	if (wrote)
		slot->unwritten = error != 0;
	folio = slot_put(swap, number, 1, 1);
	/* Nobody gets a reference of a cached folio that has one but under this lock. */
	if (!folio && slot->folio && !slot->unwritten && oct_folio_exclusive(slot->folio))
		folio = uncache(swap, number);
	oct_spin_unlock(&swap->lock);
	oct_port_wake(&slot->busy, ~0u);
	if (folio) {
		given = oct_folio_exclusive(folio);
		oct_folio_put(folio);
	}
	return given;
}

/* A slot of the cache from *at on whose page nobody maps or holds, with I/O begun; OCT_NO_SLOT for none. */
static uint32_t idle_slot(struct oct_swap *swap, uint32_t *at, bool *unwritten)
{
	uint32_t number = *at;

	oct_spin_lock(&swap->lock);
	if (number == OCT_NO_SLOT)
		number = swap->cached;
	else if (!swap->slot[number].folio) /* it left the list meanwhile */
		number = OCT_NO_SLOT;
	while (number != OCT_NO_SLOT) {
		struct oct_swap_slot *slot = &swap->slot[number];

		*at = slot->next;
		if (!oct_load(&slot->busy, OCT_RLX) && oct_folio_exclusive(slot->folio)) {
			slot->count++;
			oct_store(&slot->busy, 1u, OCT_RLX); /* the lock orders it */
			*unwritten = slot->unwritten;
			break;
		}
		number = slot->next;
	}
	oct_spin_unlock(&swap->lock);
	return number;
}

unsigned oct_swap_shrink(struct oct_swap *swap, unsigned pages, int *error)
{
	uint32_t at = OCT_NO_SLOT, number;
	unsigned given = 0;
	bool unwritten = false;

	if (!swap)
		return 0;
	while (given < pages && (number = idle_slot(swap, &at, &unwritten)) != OCT_NO_SLOT) {
		int result =
		    unwritten ? oct_port_page_write(swap->object, number, swap->slot[number].folio->page) : 0;

		given += oct_swap_finish(swap, number, unwritten, result);
		if (result)
			*error = result;
		if (at == OCT_NO_SLOT)
			break;
	}
	return given;
}

/* ---- Swap entries --------------------------------------------------------------------------------- */

/* The area that the entry pte of space names, and the number of the slot in it. */
static struct oct_swap *area_of(const struct oct_space *space, uint64_t pte, uint32_t *number)
{
	/* The space is the first member of struct oct_mm, the registry that of struct oct_reclaimer. */
	const struct oct_mm *mm = (const struct oct_mm *)(const void *)space;
	const struct oct_reclaimer *reclaim = (const struct oct_reclaimer *)(const void *)mm->kin.anon;
	uint32_t slot = oct_swap_slot_of(pte);

	*number = slot & ~OCT_SWAP_DEVICE;
	return slot & OCT_SWAP_DEVICE ? reclaim->device : reclaim->swap;
}

static uint64_t swap_copy(struct oct_space *space, uint64_t pte)
{
	uint32_t number;
	struct oct_swap *swap = area_of(space, pte, &number);

	oct_swap_add(swap, number);
	/* Userfault write-protection is the parent's alone. */
	return pte & ~(OCT_SWAP_UFFD_WP << OCT_SOFT_VALUE_SHIFT);
}

static void swap_release(struct oct_space *space, uint64_t pte)
{
	struct oct_folio *folio;
	struct oct_swap *swap;
	uint32_t number;

	if (oct_pte_soft_kind(pte) != OCT_SOFT_SWAP)
		return;
	swap = area_of(space, pte, &number);
	oct_spin_lock(&swap->lock);
	folio = slot_put(swap, number, 1, 1);
	oct_spin_unlock(&swap->lock);
	if (folio)
		oct_folio_put(folio);
}

/* ---- Faults -------------------------------------------------------------------------------------------- */

/* The slot is out and busy: reads its page. The folio, with the reference that is the cache's; *error says
 * why there is none. */
static struct oct_folio *read_slot(struct oct_swap *swap, uint32_t number,
                                   const struct oct_fault_state *fault, int *error)
{
	struct oct_folio *folio = oct_folio_alloc();

	*error = -OCT_ENOMEM;
	if (!folio)
		return NULL;
	oct_anon_born(fault->mm, fault->vma, fault->va, folio);
	*error = oct_port_page_read(swap->object, number, folio->page);
	if (*error == 0)
		return folio;
	oct_folio_put(folio);
	return NULL;
}

/* The page of a slot that the caller counts for, with a reference for him. Sleeps. 0, -OCT_ENOMEM or
 * -OCT_EIO. */
static int get_page(struct oct_swap *swap, uint32_t number, const struct oct_fault_state *fault,
                    struct oct_folio **result)
{
	struct oct_swap_slot *slot = &swap->slot[number];
	struct oct_folio *folio;
	int error = 0;

	oct_spin_lock(&swap->lock);
	while (oct_load(&slot->busy, OCT_RLX)) { /* changed under the lock */
		oct_spin_unlock(&swap->lock);
		oct_port_wait(&slot->busy, 1);
		oct_spin_lock(&swap->lock);
	}
	folio = slot->folio;
	if (!folio) {
		oct_store(&slot->busy, 1u, OCT_RLX); /* the lock orders it */
		oct_spin_unlock(&swap->lock);
		folio = read_slot(swap, number, fault, &error);
		OCT_COVER("swap-read");
		oct_spin_lock(&swap->lock);
		calm(slot);
		if (folio)
			cache(swap, number, folio, false);
		oct_port_wake(&slot->busy, ~0u);
	} else {
		OCT_COVER("swap-cached");
	}
	/* Relaxed: the cache has a reference. A page in the cache is pinned only by somebody who will find
	 * that its entry has gone (pin.c): until he lets go it does not come back. */
	if (folio && oct_fetch_add(&folio->refcount, 1u, OCT_RLX) >= OCT_FOLIO_PIN) {
		oct_folio_put(folio);
		folio = NULL;
		error = OCT_FAULT_RETRY;
	}
	oct_spin_unlock(&swap->lock);
	*result = folio;
	return error;
}

/* The entry of a page that comes back. sole: nobody else has it; its slot is gone. */
static oct_pte_t returning_entry(const struct oct_fault_state *fault, const struct oct_folio *folio,
                                 oct_pte_t was, bool sole, bool slot_gone)
{
	uint64_t bits = oct_pte_soft_value(was);
	oct_pte_t pte;

	if (fault->store && sole && !(bits & OCT_SWAP_UFFD_WP))
		return oct_fault_entry(fault, folio);
	/* What is missing for a store, the next fault gives: it copies, or tells of an event. */
	pte = oct_pte_mkyoung(oct_pte_make(folio->page, fault->prot & ~(unsigned)OCT_WRITE, OCT_NORMAL));
	if (slot_gone)
		pte = oct_pte_mkdirty(pte);
	if (bits & OCT_SWAP_SOFT_DIRTY)
		pte = oct_pte_mk_soft_dirty(pte);
	if (bits & OCT_SWAP_UFFD_WP)
		pte = oct_pte_mk_uffd_wp(pte);
	return pte;
}

/* The entry is the same and locked: fill it. The caller's reference becomes the entry's. */
static int fill_entry(struct oct_fault_state *fault, struct oct_swap *swap, uint32_t number,
                      struct oct_folio *folio, oct_pte_t pte)
{
	struct oct_folio *cached;
	oct_pte_t back;
	bool sole;

	oct_spin_lock(&swap->lock);
	cached = slot_put(swap, number, 2, 2); /* the entry's and the caller's */
	oct_spin_unlock(&swap->lock);
	if (cached)
		oct_folio_put(cached);
	sole = cached && oct_folio_exclusive(folio);
	back = returning_entry(fault, folio, pte, sole, cached != NULL);
	oct_fault_install(fault, folio, back);
	/* A store that still lacks its right faults again: it copies, or is an event. */
	return fault->store && !oct_pte_write(back) ? OCT_FAULT_RETRY : OCT_FAULT_DONE;
}

static int swap_fault(struct oct_fault_state *fault, uint64_t pte)
{
	struct oct_folio *folio, *cached;
	struct oct_swap *swap;
	uint32_t number;
	int error;

	if (oct_pte_soft_kind(pte) != OCT_SOFT_SWAP)
		return OCT_FAULT_RETRY;
	swap = area_of(&fault->mm->space, pte, &number);
	oct_swap_add(swap, number); /* the entry names it: it is not free */
	oct_pte_guard_unlock(NULL, &fault->guard);
	error = get_page(swap, number, fault, &folio);
	/* The table may have gone with the entry: then what is found is not the same. */
	oct_pte_lock_at(&fault->mm->space, fault->va, &fault->guard);
	if (!error && oct_pte_soft_same(oct_pte_get(&fault->guard), pte))
		return fill_entry(fault, swap, number, folio, pte);
	OCT_COVER("swap-changed");
	if (!oct_pte_soft_same(oct_pte_get(&fault->guard), pte))
		error = OCT_FAULT_RETRY;
	oct_spin_lock(&swap->lock);
	cached = slot_put(swap, number, 1, folio ? 2 : 1);
	oct_spin_unlock(&swap->lock);
	if (cached)
		oct_folio_put(cached);
	if (folio)
		oct_folio_put(folio);
	return error;
}

const struct oct_soft oct_swap_soft = {swap_fault, swap_copy, swap_release};
