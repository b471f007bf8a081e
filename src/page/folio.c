/* folio.c: references to pages that hold contents. SPDX-License-Identifier: MIT
 *
 * Who owns what: the count is everybody's, changed by read-modify-writes only. All else in the
 * descriptor belongs to who holds the only reference. Reaching zero is seen by exactly one put,
 * so the pages are given back once; and by then every entry that mapped them has been completed
 * by its ticket, since an entry's reference goes through one (I1).
 *
 * A large folio is split by who holds the page-table lock of all entries that have references of it, and
 * finds no other reference. Why nobody is misled: a descriptor is looked up by who has a reference, or the
 * page-table lock of an entry that has one. The first kind there is none of, and what they did comes
 * before the split, because their puts release and the count is read with acquire; the second kind comes
 * after it, by the lock. An entry that was cleared and is not complete yet has its reference still, on the
 * ticket that cleared it, so a page that is given back here was completed before (I1). */
#include <octavo/folio.h>
#include <octavo/port.h>
#include <octavo/table.h>
#include "../tlb/authority.h"

_Static_assert(OCT_FOLIO_ORDER <= OCT_TABLE_SHIFT, "a large folio lies in one leaf table");
_Static_assert(OCT_HUGE_ORDER == 0 || OCT_HUGE_ORDER == OCT_TABLE_SHIFT, "a huge folio is a leaf of level 1");

/* The descriptor of the pages from page on, which are nobody's yet. */
static inline struct oct_folio *describe(oct_phys_t page, unsigned order, uint32_t references)
{
	struct oct_folio *folio = oct_port_folio_of(page);

	folio->page = page;
	folio->order = order;
	folio->head = folio;
	folio->mapping = NULL;
	folio->lineage = 0;
	folio->swap = 0;
	folio->device = 0;
	/* Release: pairs with the acquire of a pin that a stale entry led here (src/reclaim/pin.c): it sees
	 * that the entry has gone. Who maps the page publishes it by the entry. */
	oct_store(&folio->refcount, references, OCT_REL);
	oct_store(&folio->flags, (uint32_t)OCT_FOLIO_ANON, OCT_RLX);
	return folio;
}

struct oct_folio *oct_folio_alloc(void)
{
	oct_phys_t page = oct_port_page_alloc(0, OCT_USE_USER);

	return page == OCT_NO_PAGE ? NULL : describe(page, 0, 1);
}

struct oct_folio *oct_folio_alloc_pages(unsigned order, uint32_t references)
{
	oct_phys_t page = oct_port_page_alloc(order, OCT_USE_USER);
	struct oct_folio *folio;

	if (page == OCT_NO_PAGE)
		return NULL;
	folio = describe(page, order, references);
	for (uint32_t i = 1; i < 1u << order; i++) {
		struct oct_folio *other = oct_port_folio_of(page + i * OCT_PAGE_SIZE);

		other->page = page + i * OCT_PAGE_SIZE;
		other->head = folio;
		other->order = order;
	}
	return folio;
}

void oct_folio_get(struct oct_folio *folio)
{
	oct_folio_get_many(folio, 1);
}

static inline void put(struct oct_folio *folio, uint32_t count)
{
	/* Release: what these holders did to the pages comes before their next life; pairs with the
	 * acquire of the put that reaches zero and with that of oct_folio_exclusive. */
	uint32_t before = oct_fetch_sub(&folio->refcount, count, OCT_ACQ_REL);

	if (before < count)
		oct_port_panic("folio put without a reference");
	if (before == count)
		oct_page_give_back(folio->page, folio->order, OCT_USE_USER);
}

void oct_folio_put(struct oct_folio *folio)
{
	put(folio, 1);
}

void oct_folio_put_many(struct oct_folio *folio, uint32_t count)
{
	put(folio, count);
}

bool oct_folio_exclusive(const struct oct_folio *folio)
{
	/* Acquire: pairs with the release of the puts that left one reference. */
	return oct_load(&folio->refcount, OCT_ACQ) == 1;
}

/* ---- Large folios ------------------------------------------------------------------------------- */

/* Does an entry of the guarded leaf table map page i of folio, where the guarded one maps one, and the others
 * would lie beside it? */
static inline bool maps_beside(const struct oct_folio *folio, const struct oct_pte_guard *guard, uint32_t at,
                               uint32_t i)
{
	uint32_t index = oct_table_index(guard->va, 0);
	uintptr_t va = guard->va + i * OCT_PAGE_SIZE - at * OCT_PAGE_SIZE;
	oct_pte_t pte;

	if (index + i < at || index + i - at >= OCT_TABLE_ENTRIES)
		return false; /* another table's */
	/* Relaxed: under the lock, and hardware does not change the page. */
	pte = oct_load(guard->pte + i - at, OCT_RLX);
	return oct_pte_present(pte) && oct_pte_frame(pte, 0, va) == folio->page + i * OCT_PAGE_SIZE;
}

/* Which page of folio the guarded entry of a leaf table maps. */
static uint32_t page_at(const struct oct_folio *folio, const struct oct_pte_guard *guard)
{
	return (uint32_t)((oct_pte_frame(oct_pte_get(guard), 0, guard->va) - folio->page) >> OCT_PAGE_SHIFT);
}

/* How many pages of folio entries of the guarded leaf table map. */
static OCT_SELDOM uint32_t mapped_beside(const struct oct_folio *folio, const struct oct_pte_guard *guard)
{
	uint32_t at = page_at(folio, guard), mapped = 0;

	for (uint32_t i = 0; i < 1u << folio->order; i++)
		mapped += maps_beside(folio, guard, at, i);
	return mapped;
}

bool oct_folio_exclusive_at(const struct oct_folio *folio, const struct oct_pte_guard *guard)
{
	/* Acquire: as in oct_folio_exclusive. */
	uint32_t references = oct_load(&folio->refcount, OCT_ACQ);

	if (OCT_FOLIO_MOST == 0 || folio->order == 0 || references == 1)
		return (references == 1 || references >= OCT_FOLIO_PIN) && !folio->mapping;
	if (references > 1u << folio->order || folio->mapping)
		return false;
	return references == (guard->level ? 1u << folio->order : mapped_beside(folio, guard));
}

bool oct_folio_split(struct oct_folio *folio, const struct oct_pte_guard *guard)
{
	uint32_t at = page_at(folio, guard), pages = 1u << folio->order;
	/* Relaxed: the flags of a folio that nobody else holds. */
	uint32_t flags = oct_load(&folio->flags, OCT_RLX);
	struct oct_folio whole = {.page = folio->page, .index = folio->index, .lineage = folio->lineage};
	oct_phys_t page = folio->page;
	uint32_t one = 1;

	/* With one reference it may be pinned for a moment (src/reclaim/pin.c), with none it is not. Release:
	 * as in describe. */
	if (mapped_beside(folio, guard) == 1 && !oct_cas(&folio->refcount, &one, 0u, OCT_ACQ_REL))
		return false;
	OCT_COVER("folio-split");
	for (uint32_t i = 0; i < pages; i++, page += OCT_PAGE_SIZE) {
		struct oct_folio *single;

		if (!maps_beside(&whole, guard, at, i)) {
			oct_page_give_back(page, 0, OCT_USE_USER);
			continue;
		}
		single = describe(page, 0, 1);
		single->lineage = whole.lineage;
		single->index = whole.index + i;
		/* Relaxed: the lock publishes them. */
		oct_store(&single->flags, flags, OCT_RLX);
	}
	return true;
}
