/* pin.h: pages that stay where they are: pins. SPDX-License-Identifier: MIT
 *
 * A pin is a reference of a folio that also fixes the page: while it is held, the page that was mapped when
 * it was taken stays the one that the address shows (I5), whatever reclaim, migration, fork and
 * copy-on-write would like to do, until the owner of the space unmaps it or forgets its contents. A device
 * that reads and writes the page by its physical address and the CPUs that use the address see the same
 * memory.
 *
 * One word. Pins are counted in the upper bits of the reference count. So "mapped here alone" and "pinned"
 * are read and changed together, and whoever decides by one of them and changes the other does it in one
 * read-modify-write:
 *
 *   who                               in one step                      and if that fails
 *   a pin of a private page           one reference: one pin more      takes the page for itself: a copy
 *   fork shares a private page        no pin: one reference more       gives the child a copy at once
 *   reclaim, migration: take a page   no pin, no other reference, yes  puts the entry back as it was
 *
 * A private page is pinned only while it has one reference, its entry's, or a pin already; so a pinned
 * private page is nobody else's, and a store to it never copies. A page that has more is copied before it is
 * pinned ("unshare"), for reading too: else a store by the other space would leave the pin with a page that
 * the address no longer shows, or show it the other's data (races 22, CVE-2020-29374). Pages of shared areas
 * are never copied, and are pinned as they are.
 *
 * Who takes an entry away and then decides (reclaim, migration), and who pins and then looks whether the
 * entry is still there (oct_gup_fast), meet in that word as well: the one who comes second sees the first
 * (the essay in src/reclaim/pin.c; races 18, 19). */
#ifndef OCTAVO_PIN_H
#define OCTAVO_PIN_H

#include <octavo/folio.h>
#include <octavo/mm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Is the folio pinned? Any context. A private page: stable under the page-table lock of its entry as far as
 * yes is concerned; whoever needs no to be stable asks oct_folio_alone. */
static inline bool oct_folio_pinned(const struct oct_folio *folio)
{
	return oct_load(&folio->refcount, OCT_RLX) >=
	       OCT_FOLIO_PIN; /* a number; what follows is ordered by the lock */
}

/* Pins the pages pages from start (page aligned) of mm for access, OCT_READ or OCT_WRITE; one folio for each
 * goes to folios, whose page (folio->page) is the one pinned; of a large folio of an object, which is pinned
 * whole, the descriptor of that page, for its page, oct_pin and oct_unpin alone. Faults in what is missing as
 * an access would. For OCT_WRITE the entry has the write right; what the holder stores counts as stored when
 * he says so to oct_unpin. Pages without a folio cannot be pinned. May sleep (it takes the lock of the space
 * for reading, for each page); interrupts on, no lock held. TLB after: as oct_fault. How many were pinned,
 * from the first on: 1 .. pages. None: -OCT_EINVAL: start, pages or access; -OCT_EFAULT: no area there, or it
 * does not grant the access, or shows memory without folios; -OCT_ENOMEM, -OCT_EIO; -OCT_EBUSY: a userfault
 * event, or the page has more pins than can be counted. */
int oct_gup(struct oct_mm *mm, uintptr_t start, size_t pages, unsigned access, struct oct_folio **folios);

/* The same, from start on, without any lock and without sleeping, as far as it goes: pages that are mapped, grant the access
 * and are this space's alone. Stops before the first other one: oct_gup goes on there. It has interrupts off
 * while it walks, which keeps tables from being freed (R5); a page that it pinned and that turns out not to
 * be the mapped one it lets go. The caller keeps mm from ending. Where memory without folios is mapped,
 * oct_port_folio_of answers NULL for it. Any context; changes no entry and no TLB.
 * How many were pinned, 0 .. pages; -OCT_EINVAL. */
int oct_gup_fast(struct oct_mm *mm, uintptr_t start, size_t pages, unsigned access,
                 struct oct_folio **folios);

/* One more pin of a folio of which the caller holds one. Any context. */
void oct_pin(struct oct_folio *folio);

/* Gives one pin up. dirty: the holder has stored to the page, which becomes dirty before it is let go. The
 * last of pins and references gives the page back. Any context. */
void oct_unpin(struct oct_folio *folio, bool dirty);

/* ---- For who takes pages from their entries ------------------------------------------------------- */

/* The caller has taken the entries of folio away, under their page-table locks, and wants its page.
 * references: how many the folio has by his count. true: these are all, nobody has it pinned, and a pin that
 * comes later finds its entry gone and backs out. false: there are more; the caller puts the entries back as
 * they were, with the values that the exchanges returned. Any context. */
bool oct_folio_alone(struct oct_folio *folio, uint32_t references);

#ifdef __cplusplus
}
#endif
#endif
