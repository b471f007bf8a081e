/* entry.h: entries whose pages move. SPDX-License-Identifier: MIT */
#ifndef OCT_RECLAIM_ENTRY_H
#define OCT_RECLAIM_ENTRY_H

#include <octavo/folio.h>
#include "../space/walk.h"

/* The entry old, present and in no block, for page: rights, state and the bits of software are old's. */
static inline oct_pte_t oct_pte_for_page(oct_pte_t old, oct_phys_t page)
{
	oct_pte_t pte = oct_pte_make(page, oct_pte_prot(old), oct_pte_type(old));

	if (oct_pte_young(old))
		pte = oct_pte_mkyoung(pte);
	if (oct_pte_dirty(old))
		pte = oct_pte_mkdirty(pte);
	if (oct_pte_soft_dirty(old))
		pte = oct_pte_mk_soft_dirty(pte);
	return oct_pte_uffd_wp(old) ? oct_pte_mk_uffd_wp(pte) : pte;
}

/* Does the locked entry map a small private page that seems to be its alone? A glance, but for the lock. */
static inline bool oct_mm_movable(const struct oct_mm *mm, oct_pte_t pte)
{
	const struct oct_folio *folio;

	if (!oct_pte_present(pte) || oct_mm_is_zero(mm, pte))
		return false;
	folio = oct_folio_of(oct_pte_phys(pte));
	return !folio->order && !folio->mapping && oct_folio_exclusive(folio);
}

#endif
