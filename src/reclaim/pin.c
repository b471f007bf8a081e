/* pin.c: pins: pages that stay where they are. SPDX-License-Identifier: MIT
 *
 * Who owns what
 *   refcount       everybody's, changed by read-modify-writes: references below OCT_FOLIO_PIN, pins above
 *   entry          its page-table lock. oct_gup_fast holds none, so it believes an entry only after it has
 * the pin and has read it again tables         interrupts off: a table that was unlinked is freed after every
 * CPU has had them on (F5)
 *
 * Why a pin that was given is of the mapped page (I5). There are two sides, and one word where they meet.
 *   G  oct_gup_fast: reads the entry; pins: a compare-and-swap of refcount that fails unless there is one
 *      reference or a pin (P); reads the entry again (R).
 *   M  who takes the page (reclaim, migration): takes the entry away (X); compares refcount with what it
 *      should be, and swaps it for itself (T): a read-modify-write that changes nothing.
 * P and T change one word, so one comes first. P first: T finds a pin, and M puts the entry back as it was. T
 * first: P reads what T stored or something later in the same release sequence, so T synchronises with P, and
 * R, after P, sees X or something later: the entry is gone, and G lets go. No fence is needed on either side:
 * what full barriers do between two words, the order of changes does in one (races 18; questions/D2 has the
 * other form).
 *   X  fork, which shares the page: takes the write right, and adds its reference with a
 *      read-modify-write that tells it whether there was a pin. P first: it sees the pin, takes the
 *      reference back and copies. The reference first: P fails, there are two. So no sequence count is needed
 *      around fork (races 19).
 *
 * Why the page that P found cannot be another one by the time of R. It was freed and is somebody else's page
 * now: between the entry's going and the frame's next life stands oct_folio_alloc, which stores refcount with
 * release order; P reads that or later, so R sees that the entry has gone. From P on the frame is not freed.
 * The entry was taken away and came back with the same page, from the swap cache, where another space still
 * names it: who fills an entry from the cache adds his reference in the same way as fork, and waits while
 * there is a pin (swap.c).
 *
 * Why nothing is pinned through a table that has gone. It is not freed before this CPU has had interrupts on.
 * Who empties a table before he unlinks it does it by exchanges that R sees as above. Who unlinks it first,
 * and takes the entries later, is seen by reading the upper entry once more, after P and R (races 26).
 *
 * Pages of large folios, of objects, and those with more than one reference are left to oct_gup, which has
 * the page-table lock: under it no reference and no entry comes or goes. */
#include <octavo/mapping.h>
#include <octavo/pin.h>
#include "../space/fault.h"
#include "../table/table_internal.h"

/* ---- The word ------------------------------------------------------------------------------------ */

enum { PINS_MAX = 2048 }; /* half of what there is room for */

/* One more pin. shared: the page may have other references. false: it may not, and has; or has no reference
 * or too many pins. */
static bool pin_more(struct oct_folio *folio, bool shared)
{
	uint32_t now = 1;

	do {
		if (now == 0 || now >= PINS_MAX * OCT_FOLIO_PIN ||
		    (!shared && now != 1 && now < OCT_FOLIO_PIN))
			return false;
		/* Acquire: pairs with the release in oct_folio_alone, oct_folio_put and oct_folio_alloc: what
		 * is read from now on is not older than what led to the count. A failure read another number.
		 */
	} while (!oct_cas(&folio->refcount, &now, now + OCT_FOLIO_PIN, OCT_ACQ));
	return true;
}

bool oct_folio_alone(struct oct_folio *folio, uint32_t references)
{
	uint32_t now = references;

	/* Release: pairs with the acquire in pin_more: a pin from now on sees that the entries are gone.
	 * Acquire: pairs with the release of the puts that left so many. */
	return oct_cas(&folio->refcount, &now, references, OCT_ACQ_REL);
}

void oct_pin(struct oct_folio *folio)
{
	oct_fetch_add(&folio->head->refcount, OCT_FOLIO_PIN, OCT_RLX); /* the caller's pin orders it */
}

void oct_unpin(struct oct_folio *folio, bool dirty)
{
	folio = folio->head;
	if (dirty)
		/* Release: what was stored; pairs with the acquire of who takes dirty off. */
		oct_fetch_or(&folio->flags, (uint32_t)OCT_FOLIO_DIRTY, OCT_REL);
	oct_folio_put_many(folio, OCT_FOLIO_PIN);
}

/* ---- Without locks -------------------------------------------------------------------------------- */

/* Where a walk found the leaf entry of va. */
struct place {
	oct_pte_t *entry, *upper; /* upper links the leaf table */
	oct_phys_t table;
};

static bool grants(oct_pte_t pte, unsigned access)
{
	return oct_pte_present(pte) && !(access & ~oct_pte_prot(pte));
}

static bool find_place(const struct oct_space *space, uintptr_t va, struct place *place)
{
	place->table = space->root;
	for (unsigned level = OCT_LEVELS - 1; level > 0; level--) {
		oct_pte_t link;

		place->upper = oct_table_entries(place->table) + oct_table_index(va, level);
		/* Acquire: pairs with the release in oct_entry_install that linked the table. */
		link = oct_load(place->upper, OCT_ACQ);
		if (!oct_pte_is_table(link, level))
			return false;
		place->table = oct_pte_phys(link);
	}
	place->entry = oct_table_entries(place->table) + oct_table_index(va, 0);
	return true;
}

/* Does the place still show page for access? The pin comes before, by its acquire. */
static bool is_still(const struct place *place, uintptr_t va, oct_phys_t page, unsigned access)
{
	/* Acquire: pairs with the release of the store that made the entry, and so with what the
	 * descriptor was given before. Hardware may have set bits. */
	oct_pte_t pte = oct_load(place->entry, OCT_ACQ), link;

	if (!grants(pte, access) || oct_pte_frame(pte, 0, va) != page)
		return false;
	/* Relaxed: what unlinked the table before the pin's count was made is seen all the same. */
	link = oct_load(place->upper, OCT_RLX);
	return oct_pte_is_table(link, 1) && oct_pte_phys(link) == place->table;
}

/* Interrupts off. NULL: not this way. */
static struct oct_folio *pin_fast(const struct oct_mm *mm, uintptr_t va, unsigned access)
{
	struct oct_folio *folio;
	struct place place;
	oct_phys_t page;
	oct_pte_t pte;

	if (!find_place(&mm->space, va, &place))
		return NULL;
	pte = oct_load(place.entry, OCT_RLX); /* read again once it is pinned */
	if (!grants(pte, access) || oct_mm_is_zero(mm, pte))
		return NULL;
	page = oct_pte_frame(pte, 0, va);
	folio = oct_port_folio_of(page);
	if (!folio || !pin_more(folio, false))
		return NULL;
	if (is_still(&place, va, page, access) && !folio->order && !folio->mapping)
		return folio;
	OCT_COVER("gup-fast-backs-out");
	oct_unpin(folio, false);
	return NULL;
}

static bool range_ok(const struct oct_mm *mm, uintptr_t start, size_t pages, unsigned access)
{
	return (access == OCT_READ || access == OCT_WRITE) && pages > 0 && pages <= INT32_MAX &&
	       pages <= (mm->space.last >> OCT_PAGE_SHIFT) &&
	       oct_mm_range_ok(mm, start, start + (pages << OCT_PAGE_SHIFT));
}

int oct_gup_fast(struct oct_mm *mm, uintptr_t start, size_t pages, unsigned access, struct oct_folio **folios)
{
	unsigned long state;
	size_t n = 0;

	if (!range_ok(mm, start, pages, access))
		return -OCT_EINVAL;
	state = oct_cpu_enter();
	while (n < pages && (folios[n] = pin_fast(mm, start + (n << OCT_PAGE_SHIFT), access)) != NULL)
		n++;
	oct_cpu_leave(state);
	return (int)n;
}

/* ---- With them ------------------------------------------------------------------------------------ */

enum { NEEDS_FAULT = 0x100, NEEDS_COPY }; /* beside errors and 0 */

/* The locked entry of vma. 0: *result is pinned. */
static int pin_locked(const struct oct_mm *mm, const struct oct_vma *vma, const struct oct_pte_guard *guard,
                      unsigned access, struct oct_folio **result)
{
	oct_pte_t pte = oct_pte_get(guard);
	bool shared = vma->flags & OCT_MAP_SHARED;
	struct oct_folio *folio;
	oct_phys_t page;

	if (guard->level || !grants(pte, access))
		return NEEDS_FAULT;
	if (!shared && oct_mm_is_zero(mm, pte))
		return NEEDS_COPY;
	page = oct_pte_frame(pte, 0, guard->va);
	folio = oct_folio_of(page);
	if (!shared && folio->mapping)
		return NEEDS_COPY;
	if (folio->order && !folio->mapping) { /* a large folio is split, or the page copied out of it */
		if (!oct_folio_exclusive_at(folio, guard))
			return NEEDS_COPY;
		if (!oct_folio_split(folio, guard))
			return NEEDS_FAULT; /* again */
		folio = oct_folio_of(page);
	}
	/* With the write right it is this space's alone, whoever else holds a reference. */
	if (!pin_more(folio, shared || oct_pte_write(pte)))
		return oct_load(&folio->refcount, OCT_RLX) < PINS_MAX * OCT_FOLIO_PIN ? NEEDS_COPY
		                                                                      : -OCT_EBUSY;
	*result = oct_port_folio_of(page);
	return 0;
}

/* One turn: 0, an error, or what is needed. */
static int pin_in_area(struct oct_mm *mm, uintptr_t va, unsigned access, struct oct_folio **result)
{
	const struct oct_vma *vma = oct_vma_find(&mm->areas, va);
	struct oct_pte_guard guard;
	int needs;

	if (!vma)
		return NEEDS_FAULT; /* a stack may grow */
	if (!(vma->prot & access) || (vma->mapping && (vma->mapping->flags & OCT_MAPPING_PFN)))
		return -OCT_EFAULT;
	oct_pte_lock_page(&mm->space, va, &guard);
	needs = pin_locked(mm, vma, &guard, access, result);
	oct_pte_guard_unlock(NULL, &guard);
	return needs;
}

static int pin_one(struct oct_mm *mm, uintptr_t va, unsigned access, struct oct_folio **result)
{
	for (;;) {
		int needs, fault;

		oct_rwlock_read_lock(&mm->lock);
		needs = pin_in_area(mm, va, access, result);
		oct_rwlock_read_unlock(&mm->lock);
		if (needs <= 0)
			return needs;
		/* Somebody has the page in hand: again, as an access would. */
		fault = needs == NEEDS_COPY ? oct_fault_unshare(mm, va) : oct_fault(mm, va, access);
		if (fault < 0)
			return fault;
		if (fault == OCT_FAULT_EVENT)
			return -OCT_EBUSY;
		if (fault == OCT_FAULT_SIGNAL)
			return -OCT_EFAULT;
	}
}

int oct_gup(struct oct_mm *mm, uintptr_t start, size_t pages, unsigned access, struct oct_folio **folios)
{
	if (!range_ok(mm, start, pages, access))
		return -OCT_EINVAL;
	for (size_t n = 0; n < pages; n++) {
		int error = pin_one(mm, start + (n << OCT_PAGE_SHIFT), access, &folios[n]);

		if (error)
			return n ? (int)n : error;
	}
	return (int)pages;
}
