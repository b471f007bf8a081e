/* folio.c: references to pages that hold contents. SPDX-License-Identifier: MIT
 *
 * Who owns what: the count is everybody's, changed by read-modify-writes only. All else in the
 * descriptor belongs to who holds the only reference. Reaching zero is seen by exactly one put,
 * so the page is given back once; and by then every entry that mapped it has been completed
 * by its ticket, since an entry's reference goes through one (I1). */
#include <octavo/folio.h>
#include <octavo/port.h>
#include "../tlb/authority.h"

struct oct_folio *oct_folio_alloc(void)
{
	oct_phys_t page = oct_port_page_alloc(0, OCT_USE_USER);
	struct oct_folio *folio;

	if (page == OCT_NO_PAGE)
		return NULL;
	folio = oct_port_folio_of(page);
	folio->page = page;
	folio->order = 0;
	folio->mapping = NULL;
	folio->lineage = 0;
	folio->swap = 0;
	/* Relaxed: published by the entry that maps the page, stored with the table's lock held. */
	oct_store(&folio->refcount, 1u, OCT_RLX);
	oct_store(&folio->flags, (uint32_t)OCT_FOLIO_ANON, OCT_RLX);
	return folio;
}

void oct_folio_get(struct oct_folio *folio)
{
	/* Relaxed: the caller's claim to the folio already orders it before any last put. */
	oct_fetch_add(&folio->refcount, 1u, OCT_RLX);
}

void oct_folio_put(struct oct_folio *folio)
{
	/* Release: what this holder did to the page comes before its next life; pairs with the
	 * acquire of the put that reaches zero and with that of oct_folio_exclusive. */
	uint32_t before = oct_fetch_sub(&folio->refcount, 1u, OCT_ACQ_REL);

	if (before == 0)
		oct_port_panic("folio put without a reference");
	if (before == 1)
		oct_page_give_back(folio->page, folio->order, OCT_USE_USER);
}

bool oct_folio_exclusive(const struct oct_folio *folio)
{
	/* Acquire: pairs with the release of the puts that left one reference. */
	return oct_load(&folio->refcount, OCT_ACQ) == 1;
}
