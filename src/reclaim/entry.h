/* entry.h: an entry whose page is replaced by another with the same contents. SPDX-License-Identifier: MIT */
#ifndef OCT_RECLAIM_ENTRY_H
#define OCT_RECLAIM_ENTRY_H

#include <octavo/pte.h>

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

#endif
