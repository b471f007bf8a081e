/* fault.h: what the files that resolve faults share. SPDX-License-Identifier: MIT */
#ifndef OCT_SPACE_FAULT_H
#define OCT_SPACE_FAULT_H

#include <octavo/contpte.h>
#include <octavo/userfault.h>
#include "walk.h"

/* What one fault is about. The lock of the space is held for reading, so vma stays. From
 * fault_locked() on the leaf entry is locked by guard. */
struct oct_fault_state {
	struct oct_mm *mm;
	const struct oct_vma *vma;
	uintptr_t va;  /* page */
	unsigned prot; /* of the area */
	enum oct_vma_kind kind;
	bool store;
	bool unshare; /* for a pin: a private page that is not the space's alone is copied, for a load too */
	bool protect; /* the page that comes is write-protected for userfault: its marker said so */
	enum oct_uffd_mode event; /* which, where OCT_FAULT_EVENT is the result */
	bool block; /* the entry that oct_fault_get returned is part of a contiguous block */
	struct oct_pte_guard guard;
	struct oct_ticket ticket;
};

enum { OCT_FAULT_LARGE = 0x80 }; /* beside enum oct_fault_result: locked, a large leaf is there */

/* Makes the tables for va, prepares the ticket and locks the leaf entry. 0; OCT_FAULT_LARGE: the guard stands
 * at a large leaf; or -OCT_ENOMEM: nothing is locked. */
int oct_fault_lock(struct oct_fault_state *fault);
/* After oct_fault_lock gave *result other than 0. true: the fault ends with *result, nothing is locked: there
 * was no memory, or the large leaf lets the access through, or it is an event. false: the leaf was made a
 * table, the leaf entry is locked. */
bool oct_fault_large(struct oct_fault_state *fault, int *result);
/* Unlocks, and completes what the fault changed. */
void oct_fault_unlock(struct oct_fault_state *fault);

/* The locked entry, as it would be alone. */
static inline oct_pte_t oct_fault_get(struct oct_fault_state *fault)
{
	oct_pte_t pte = oct_pte_get(&fault->guard);

	fault->block = OCT_FORMAT_CONT && oct_pte_present(pte) && oct_pte_cont(pte);
	return fault->block ? oct_contpte_get(&fault->guard, pte) : pte;
}

/* What a present entry, locked, means for the access: an enum oct_fault_result or an error. */
int oct_fault_present(struct oct_fault_state *fault, oct_pte_t pte);
/* Is a store through the entry an event? */
static inline bool oct_fault_stopped(const struct oct_fault_state *fault, oct_pte_t pte)
{
	return oct_pte_uffd_wp(pte) && !(fault->vma->flags & OCT_VMA_WP_ASYNC);
}
/* Nothing is mapped, and that is an event of this mode, which the area may have. */
static inline bool oct_fault_event(struct oct_fault_state *fault, enum oct_uffd_mode mode)
{
	if (!oct_vma_has_uffd(fault->vma, mode))
		return false;
	fault->event = mode;
	return true;
}
/* What the vacant entry pte says of the access: OCT_FAULT_DONE: nothing against it, and protect is set. */
int oct_fault_vacant(struct oct_fault_state *fault, oct_pte_t pte);
/* The same as oct_fault_present for a soft entry that is no marker. May drop the lock and take it again. */
int oct_fault_soft(struct oct_fault_state *fault, oct_pte_t pte);

/* The entry of a fresh page: the write right only with a store, so that soft-dirty means something. */
oct_pte_t oct_fault_entry(const struct oct_fault_state *fault, const struct oct_folio *folio);

/* Store the entry of a fresh page whose contents are in place, where none or a soft one is locked. What
 * others cleared of this table and did not complete yet is completed in there (I11). */
void oct_fault_install(struct oct_fault_state *fault, const struct oct_folio *folio, oct_pte_t pte);

/* Let the access through the present entry pte, which oct_fault_get returned; with give_write a store gets
 * the right it lacks. OCT_FAULT_DONE. */
int oct_fault_resolve(struct oct_fault_state *fault, oct_pte_t pte, bool give_write);

/* Does a userfault resolution take [start, start + pages)? */
bool oct_uffd_range_ok(const struct oct_mm *mm, uintptr_t start, size_t pages);

/* A fault as for a load, which leaves a page of the space's own at addr if the area is private (pin.h). As
 * oct_fault. */
int oct_fault_unshare(struct oct_mm *mm, uintptr_t addr);

#endif
