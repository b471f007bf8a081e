/* fork.c: a copy of an address space that shares its pages. SPDX-License-Identifier: MIT
 *
 * The parent's lock is held for writing: no fault, no other call changes the parent meanwhile. User
 * code of its other threads goes on, through tables and TLBs.
 *
 * Why neither side sees the other's stores (I2, I4). A private page gets its second reference and loses
 * the parent's write right in one section of the parent's page-table lock; the child's entry never
 * had it. Parent threads may still store through what their TLBs hold, into a page that is now the
 * child's as well, so the parent's flush is complete before the lock is dropped and the call
 * returns (R4): it is another space that relies on it, and stamps do not answer across spaces. An
 * entry that had lost it already joins what its table still waits for. A store before that completion
 * counts as made before the fork. Contiguous blocks lose the right as blocks, and that is flushed at once
 * (block.c); the child gets a block where its area has all of it, single entries where not.
 *
 * A pinned page is not shared (I5): a store by the parent would copy it, and leave the pin with a page that
 * the parent does not see. Whether it is pinned is what the read-modify-write says that adds the child's
 * reference: a pin that comes later finds two and is not given (races 19).
 *
 * Failure. The child's tables, and copies of pinned pages, are the only memory asked for after the areas were
 * reserved; if they cannot be had, what the child got goes back through a ticket of its own. The parent keeps
 * its pages; the next store to each finds it exclusive again and gets its right back. The child joins its
 * parent's lineage last, so one that could not be made was never found. */
#include "../table/table_internal.h"
#include <octavo/contpte.h>
#include "walk.h"
#include "../page/shown.h"
#include <octavo/pin.h>
#include <octavo/userfault.h>
#include "../notify/notifier.h"

static oct_pte_t take_write(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_present(pte) ? oct_pte_wrprotect(pte) : pte;
}

/* The child's soft entry means the same. The page may be one that a CPU of the parent still stores to: what
 * took it away may not be flushed yet, and is before the call returns (R4). */
static void copy_soft(struct oct_ticket *ticket, struct oct_pte_guard *from, struct oct_pte_guard *to,
                      oct_pte_t pte)
{
	const struct oct_soft *soft = from->space->soft;

	if (oct_pte_marked(pte, OCT_MARKER_POISON))
		oct_entry_install(to, to->pte, to->va, oct_pte_mksoft(OCT_SOFT_MARKER, OCT_MARKER_POISON));
	if (!soft || oct_pte_vacant(pte) || oct_pte_soft_kind(pte) == OCT_SOFT_BROKEN)
		return;
	oct_ticket_join(ticket, from);
	oct_entry_install(to, to->pte, to->va, soft->copy(from->space, pte));
}

/* References of a large folio that entries of the child have and that are not counted yet: until the
 * page-table locks are dropped the parent's entries keep it. */
struct uncounted {
	struct oct_folio *folio;
	uint32_t entries;
};

static __attribute__((noinline)) void count_large(struct uncounted *uncounted, struct oct_folio *folio)
{
	if (folio != uncounted->folio) {
		if (uncounted->entries)
			oct_folio_get_many(uncounted->folio, uncounted->entries);
		uncounted->folio = folio;
		uncounted->entries = 0;
	}
	uncounted->entries++;
}

/* One more reference for the child. false: the page is pinned, or very many have it: then the child has none.
 */
static bool add_reference(struct oct_folio *folio)
{
	/* Relaxed: the parent's entry, under its lock, has one, and orders it. A pin and this change one
	 * word: who comes second sees the other (src/reclaim/pin.c). */
	if (oct_fetch_add(&folio->refcount, 1u, OCT_RLX) < OCT_FOLIO_PIN / 2 || folio->mapping)
		return true;
	oct_folio_put(folio);
	return false;
}

/* A pinned page stays the parent's alone (I5): the child's entry gets a copy. Stores of the parent's other
 * threads meanwhile are in it or not. false: no memory. */
static OCT_SELDOM bool copy_page(const struct oct_pte_guard *to, oct_pte_t pte, const struct oct_folio *folio)
{
	struct oct_folio *copy = oct_folio_alloc();
	oct_pte_t entry;

	if (!copy)
		return false;
	OCT_COVER("fork-pinned");
	copy->lineage = folio->lineage;
	copy->index = folio->index;
	oct_port_page_copy(copy->page, folio->page, 0);
	entry = oct_pte_mkdirty(oct_pte_mkyoung(oct_pte_make(copy->page, oct_pte_prot(pte), OCT_NORMAL)));
	if (oct_pte_exec(entry))
		oct_port_icache_sync(copy->page, 0);
	if (oct_pte_soft_dirty(pte))
		entry = oct_pte_mk_soft_dirty(entry);
	OCT_RELIED(to->pte, to->va);
	oct_store(to->pte, entry, OCT_RLX); /* as below */
	return true;
}

/* The child's entry for page, that of pte, which the parent's entry has become. false: no memory. */
static inline __attribute__((always_inline)) bool share_page(const struct oct_pte_guard *to, oct_pte_t pte,
                                                             oct_phys_t page, bool shared,
                                                             oct_phys_t zero_page,
                                                             struct uncounted *uncounted)
{
	if (page != zero_page) {
		struct oct_folio *folio = oct_port_folio_of(page);

		/* A large one is never pinned, but for a moment by somebody who will let go. */
		if (folio->order)
			count_large(uncounted, folio->head);
		else if (shared)
			oct_folio_get_many(folio, 1);
		else if (!add_reference(folio))
			return copy_page(to, pte, folio);
	}
	/* Relaxed, and without reliance (F6): nobody else knows the child until the call returns, or until
	 * its locks are dropped. Nothing was ever taken out of it. */
	OCT_RELIED(to->pte, to->va);
	oct_store(to->pte, oct_pte_clear_uffd_wp(pte), OCT_RLX);
	return true;
}

/* One parent entry, pte as read, that is unlike the one before. false: no memory. */
static bool share_entry(struct oct_ticket *ticket, struct oct_pte_guard *from, struct oct_pte_guard *to,
                        oct_pte_t pte, bool shared, oct_phys_t zero_page, struct oct_entry_run *run,
                        struct uncounted *uncounted)
{
	if (!oct_pte_present(pte)) {
		copy_soft(ticket, from, to, pte);
		return true;
	}
	if (!shared) {
		/* An entry without the write right joins what its table waits for to the ticket. */
		oct_entry_update_first(ticket, from, take_write, 0, run);
		if (run->flush != OCT_FLUSH_NONE)
			OCT_COVER("fork-wrprotect");
		pte = run->wanted;
	}
	if (oct_in_block(pte, 0)) /* the child may get a part of it only */
		pte = oct_contpte_get(from, pte);
	return share_page(to, pte, oct_pte_phys(pte), shared, zero_page, uncounted);
}

/* The contiguous blocks from from on, as far as they lie in pages: the child gets blocks, of small folios,
 * which may be pinned, single entries. Both guards go to the last of their entries. Returns how many that
 * were. *done: false: no memory. */
static OCT_SELDOM size_t share_blocks(struct oct_ticket *ticket, struct oct_pte_guard *from,
                                      struct oct_pte_guard *to, size_t pages, bool shared,
                                      oct_phys_t zero_page, struct uncounted *uncounted, bool *done)
{
	size_t count = OCT_CONT_ENTRIES;

	OCT_COVER("fork-blocks");
	while (count + OCT_CONT_ENTRIES <= pages && oct_in_block(oct_load(from->pte + count, OCT_RLX), 0))
		count += OCT_CONT_ENTRIES;
	if (!shared)
		oct_wrprotect_ptes(ticket, from, count);
	for (size_t i = 0;; i++) {
		oct_pte_t pte = oct_load(from->pte, OCT_RLX); /* hardware sets state only */

		oct_phys_t page = oct_pte_frame(pte, 0, from->va);

		if (oct_port_folio_of(page)->order == 0)
			pte = oct_contpte_get(from, pte);
		*done = share_page(to, pte, page, shared, zero_page, uncounted);
		if (!*done || i + 1 == count)
			return i + 1;
		from->pte++, to->pte++;
		from->va += OCT_PAGE_SIZE, to->va += OCT_PAGE_SIZE;
	}
}

/* The pages entries of from, a leaf table, to their places in the other one. false: no memory. */
static bool share_entries(struct oct_ticket *ticket, struct oct_pte_guard *from, struct oct_pte_guard *to,
                          size_t pages, bool shared, oct_phys_t zero_page)
{
	struct oct_entry_run run = {0, 0, OCT_FLUSH_NONE, false};
	struct uncounted uncounted = {NULL, 0};
	bool done;

	for (;;) {
		oct_pte_t now = oct_load(from->pte, OCT_RLX); /* judged again by the exchange */

		if (oct_entry_update_next(ticket, from, &run, &now)) {
			/* In no block: else the run would not know it. */
			done = share_page(to, now ^ run.seen ^ run.wanted, oct_pte_phys(now), shared,
			                  zero_page, &uncounted);
		} else if (oct_begins_block(from->va, now, pages)) {
			pages -=
			    share_blocks(ticket, from, to, pages, shared, zero_page, &uncounted, &done) - 1;
			run.known = false;
		} else {
			done = share_entry(ticket, from, to, now, shared, zero_page, &run, &uncounted);
		}
		if (!done || --pages == 0)
			break;
		from->pte++, to->pte++;
		from->va += OCT_PAGE_SIZE, to->va += OCT_PAGE_SIZE;
	}
	if (uncounted.entries)
		oct_folio_get_many(uncounted.folio, uncounted.entries);
	return done;
}

/* The entries of [va, end), which lies in one leaf table that both spaces have. 0 or -OCT_ENOMEM. */
static int fork_leaf(struct oct_mm *child, struct oct_mm *parent, uintptr_t va, uintptr_t end, bool shared,
                     struct oct_ticket *ticket)
{
	struct oct_pte_guard from, to;
	bool done;

	oct_pte_lock_at(&parent->space, va, &from);
	oct_pte_lock_at(&child->space, va, &to);
	done = share_entries(ticket, &from, &to, (end - va) >> OCT_PAGE_SHIFT, shared, parent->zero_page);
	oct_pte_guard_unlock(NULL, &to);
	oct_pte_guard_unlock(ticket, &from);
	return done ? 0 : -OCT_ENOMEM;
}

/* The large leaf that the parent had at va, [.., next) of the area. If the area has all of it, the child gets
 * one too, with the tables that its split takes; else it becomes a table. 0 or -OCT_ENOMEM. */
static OCT_SELDOM int fork_large(struct oct_mm *child, struct oct_mm *parent, const struct oct_vma *vma,
                                 uintptr_t va, uintptr_t next, struct oct_ticket *ticket)
{
	struct oct_pte_guard from, to;
	oct_pte_t pte;
	bool large;
	int error;

	oct_pte_lock_at(&parent->space, va, &from);
	oct_guard_fit(&from, vma->start, vma->end);
	large = from.level == 1 && oct_pte_present(from.upper);
	oct_pte_guard_unlock(NULL, &from);
	if (!large) {
		error = oct_table_prepare(&child->space, va, next);
		return error ? error
		             : fork_leaf(child, parent, va, next, vma->flags & OCT_MAP_SHARED, ticket);
	}
	error = oct_table_prepare_slot(&child->space, va);
	if (!error)
		error = oct_deposit_add(&child->space, 1);
	if (error)
		return error;
	OCT_COVER("fork-leaf");
	oct_pte_lock_at(&parent->space, va, &from); /* nobody may change its size meanwhile */
	oct_pte_lock_at(&child->space, va, &to);
	pte = oct_pte_get(&from);
	if (!(vma->flags & OCT_MAP_SHARED)) {
		/* The verdict is the ticket's; without the write right it joins what the leaf waits for. */
		(void)!oct_entry_update(ticket, &from, from.pte, va, take_write, 0, &pte);
		pte = oct_pte_wrprotect(pte);
	}
	oct_folio_get_many(oct_folio_of(oct_pte_leaf_phys(pte, 1)), OCT_TABLE_ENTRIES);
	OCT_RELIED(to.pte, va);
	oct_store(to.pte, oct_pte_clear_uffd_wp(pte), OCT_RLX); /* as in share_page */
	oct_pte_guard_unlock(NULL, &to);
	oct_pte_guard_unlock(ticket, &from);
	return 0;
}

static int fork_area(struct oct_mm *child, struct oct_mm *parent, const struct oct_vma *vma,
                     struct oct_ticket *ticket)
{
	uintptr_t va = vma->start;

	while (va < vma->end) {
		oct_pte_t *slot;
		unsigned level = 1;
		uintptr_t next;

		/* Skip what the parent has no table for; nobody removes one meanwhile. */
		while (!(slot = oct_table_find(&parent->space, va, level)) && level < OCT_LEVELS - 1)
			level++;
		next = oct_level_next(va, level);
		if (next <= va || next > vma->end)
			next = vma->end;
		if (oct_table_find(&parent->space, va, 0)) {
			int error = oct_table_prepare(&child->space, va, next);

			if (!error)
				error =
				    fork_leaf(child, parent, va, next, vma->flags & OCT_MAP_SHARED, ticket);
			if (error)
				return error;
		} else if (level == 1 && oct_pte_present(oct_load(slot, OCT_RLX))) {
			int error = fork_large(child, parent, vma, va, next, ticket);

			if (error)
				return error;
		}
		va = next;
	}
	return 0;
}

/* An area that shows an object. The lock of the mapping is held from the child's area coming into the reverse
 * map to the last entry: a truncation that has seen to the parent's entries finds no copy of one in an area
 * that it passed before (I1), write-back neither (I3). Shared pages are not copied: the child finds them in
 * the cache. */
static int fork_shown(struct oct_mm *child, struct oct_mm *parent, const struct oct_vma *vma,
                      struct oct_vma *copy, struct oct_ticket *ticket)
{
	int error = 0;

	oct_rwlock_write_lock(&vma->mapping->lock);
	oct_shown_insert(copy, &child->space);
	if (!(vma->flags & OCT_MAP_SHARED))
		error = fork_area(child, parent, vma, ticket);
	oct_rwlock_write_unlock(&vma->mapping->lock);
	return error;
}

static int fork_locked(struct oct_mm *child, struct oct_mm *parent)
{
	struct oct_ticket ticket;
	const struct oct_vma *vma;
	struct oct_vma *copy;
	int error = oct_vma_reserve(&child->areas, parent->areas.count);

	if (error)
		return error;
	oct_anon_fork_begin(child, parent);
	oct_ticket_init(&ticket, &parent->space);
	for (vma = oct_vma_first(&parent->areas, 0); vma && !error;
	     vma = oct_vma_first(&parent->areas, vma->end)) {
		copy = oct_vma_insert(&child->areas, vma->start, vma->end, vma->prot,
		                      vma->flags & ~(unsigned)OCT_VMA_UFFD);
		copy->mapping = vma->mapping;
		copy->pgoff = vma->pgoff;
		if (vma->mapping)
			error = fork_shown(child, parent, vma, copy, &ticket);
		else
			error = fork_area(child, parent, vma, &ticket);
	}
	oct_ticket_complete(&ticket);
	if (error) {
		oct_walk_remove(child, OCT_USER_START, child->space.last + 1);
		oct_vma_trim(&child->areas);
		oct_anon_fork_undo(child);
		return error;
	}
	oct_vma_trim(&child->areas);
	child->policy = parent->policy;
	child->large = parent->large;
	child->stack_bytes = parent->stack_bytes;
	oct_anon_fork(child, parent);
	return 0;
}

int oct_fork(struct oct_mm *child, struct oct_mm *parent)
{
	struct oct_announced announced;
	bool known;
	int error;

	if (child == parent || child->areas.root || (child->kin.anon && child->kin.anon != parent->kin.anon))
		return -OCT_EINVAL;
	oct_rwlock_write_lock(&parent->lock);
	/* Reclaim, which only tries, may come to a child that is in a registry before it is complete. Others
	 * it finds when they are. */
	known = child->kin.anon;
	if (known)
		oct_rwlock_write_lock(&child->lock);
	oct_announce(&announced, parent, OCT_USER_START, parent->space.last + 1);
	error = fork_locked(child, parent);
	oct_announce_end(&announced);
	if (known)
		oct_rwlock_write_unlock(&child->lock);
	oct_rwlock_write_unlock(&parent->lock);
	return error;
}
