/* reclaim.c: second chance, and taking pages from their spaces in batches. SPDX-License-Identifier: MIT
 *
 * A visit goes to one space: under its lock, held for reading, a few leaf tables are looked through. A
 * young entry is made old: that needs no flush (R1), a TLB that keeps it young costs an aging too few. An old
 * one gives its page to the batch: under the page-table lock it is exchanged for a swap entry, or for nothing
 * if the contents are not wanted any more (OCT_MADV_FREE).
 *
 * Whose page is taken. One that only this entry holds goes at once: under its page-table lock nobody else can
 * get at it. One with more references is looked up in all spaces of its lineage (anon.h): it is taken
 * if no entry is young and the entries that were found hold all its references but those of the swap cache
 * and of reclaim. A reference that comes between that look and the exchange is seen again before the page is
 * given back (oct_swap_finish); until then the page stays where the next fault finds it.
 *
 * A large folio of which nobody else has a page is split when one of its pages is found old, and its pages go
 * on their own, those that are old, in the batch and with the flush that any neighbours share. One that
 * several spaces share stays until they have copied what they store to, or end. One of an object goes as a
 * whole.
 *
 * Why no store is lost (I2, I3). Dirty is what the exchange gave back: hardware sets it until then, and
 * never after (M5). A CPU whose TLB keeps the old entry may store on, without a trace in any entry, until the
 * flush of the batch is complete; and it is complete before the page is read for writing (races 10) and
 * before anything is given back. Who copies the page, hands the entry to a child, or fills the address again
 * meanwhile finds the table behind and completes (R4).
 *
 * Why no one is misled by an entry that is gone (I4, races 8). The lock of the space is given up before the
 * batch is flushed: mprotect, munmap, DONTNEED or clear_refs may come by, find no page, and have nothing to
 * take away. The generation of the batch is the stamp of the table, and all of them join it (R4) before they
 * say that they are done.
 *
 * Why the page comes back. A batch has (space, generation) pairs and completes no others (R6). A space
 * of the batch does not end before the pair is complete: reclaim counts as one who is at work on it (anon.h).
 *
 * Order of locks: space (read; of relatives tried only), registry, page-table lock, swap area. Writing
 * happens with none of them but that of the visited space: a page of an object always (it keeps the areas,
 * and with them the mapping), a private one in oct_madvise_pageout. */
#include "huge.h"
#include "swap.h"
#include <octavo/contpte.h>
#include <octavo/mapping.h>
#include <octavo/pin.h>
#include "../tlb/authority.h"
#include "../notify/notifier.h"

enum {
	VISIT_TABLES = 64, /* leaf tables looked through in one visit */
	ROUNDS = 3, /* of the clock: the rest of one, one that makes entries old, one that takes them */
};

struct item {
	struct oct_folio *folio;
	uint32_t slot;       /* OCT_NO_SLOT: nothing to keep */
	uint32_t references; /* of the entries, and of reclaim: given up after the flush */
	bool write;
};

/* A folio of an object of which an entry of the visited space maps a page. */
struct shown {
	struct oct_mapping *mapping;
	uint64_t index;
	unsigned pages;
};

struct pair {
	struct oct_mm *mm;
	uint64_t generation; /* 0: complete */
};

struct batch {
	struct oct_swap *swap;
	struct oct_mm *mm; /* visited, its lock held for reading: space[0] */
	bool force;        /* young ones too */
	unsigned items, files, most, spaces;
	unsigned given; /* pages given back */
	int error;
	struct item item[OCT_RECLAIM_PAGES];
	struct shown file[OCT_RECLAIM_PAGES];
	struct pair space[OCT_RECLAIM_SPACES];
};

static void batch_begin(struct batch *batch, struct oct_mm *mm, unsigned pages, bool force)
{
	batch->swap = ((struct oct_reclaimer *)(void *)mm->kin.anon)->swap;
	batch->mm = mm;
	batch->force = force;
	batch->items = 0;
	batch->files = 0;
	batch->most = pages < OCT_RECLAIM_PAGES ? pages : OCT_RECLAIM_PAGES;
	batch->spaces = 1;
	batch->given = 0;
	batch->error = 0;
	batch->space[0].mm = mm;
	batch->space[0].generation = 0;
}

/* ---- What the batch owes ------------------------------------------------------------------------------- */

static void complete_pairs(struct batch *batch)
{
	for (unsigned i = 0; i < batch->spaces; i++) {
		struct oct_ticket ticket;

		oct_ticket_init(&ticket, &batch->space[i].mm->space);
		ticket.newest = batch->space[i].generation;
		oct_ticket_complete(&ticket);
		batch->space[i].generation = 0;
	}
}

/* The relatives are no longer needed. The lock of the registry is held. */
static void release_relatives(struct batch *batch)
{
	while (batch->spaces > 1)
		oct_anon_release(batch->space[--batch->spaces].mm);
}

/* A closed lock section of mm: its generation joins the batch. Relatives: the lock of the registry is held.
 */
static void owe(struct batch *batch, struct oct_mm *mm, const struct oct_ticket *ticket)
{
	struct pair *pair = batch->space;

	if (ticket->newest == 0)
		return;
	while (pair < batch->space + batch->spaces && pair->mm != mm)
		pair++;
	if (pair == batch->space + OCT_RECLAIM_SPACES) {
		complete_pairs(batch);
		release_relatives(batch);
		pair = batch->space + 1;
	}
	if (pair == batch->space + batch->spaces) {
		batch->spaces++;
		oct_anon_hold(mm);
		pair->mm = mm;
		pair->generation = 0;
	}
	if (ticket->newest > pair->generation)
		pair->generation = ticket->newest;
}

static void add_item(struct batch *batch, struct oct_folio *folio, uint32_t slot, uint32_t references,
                     bool write)
{
	struct item *item = &batch->item[batch->items++];

	item->folio = folio;
	item->slot = slot;
	item->references = references;
	item->write = write;
}

/* Flush, write, give back. No spinning lock held. */
static void batch_end(struct batch *batch, struct oct_anon *anon)
{
	complete_pairs(batch);
	if (batch->spaces > 1) {
		oct_anon_lock(anon);
		release_relatives(batch);
		oct_anon_unlock(anon);
	}
	for (unsigned i = 0; i < batch->items; i++) {
		struct item *item = &batch->item[i];
		oct_phys_t page = item->folio->page;
		int error = 0;

		for (uint32_t n = item->references; n; n--)
			oct_folio_put(item->folio);
		if (item->slot == OCT_NO_SLOT) {
			batch->given++;
			continue;
		}
		if (item->write)
			error = oct_port_page_write(batch->swap->object, item->slot, page);
		batch->given += oct_swap_finish(batch->swap, item->slot, item->write, error);
		if (error)
			batch->error = error;
	}
	batch->items = 0;
}

/* ---- Taking a page -------------------------------------------------------------------------------- */

/* Did a secondary MMU with notes of its own use the pages, aligned, around what the locked entry maps? It forgets. */
static bool used_elsewhere(const struct oct_pte_guard *guard, size_t pages)
{
	/* Relaxed, a glance: one that is bound now is asked the next time. */
	if (!oct_load(&guard->space->secondary, OCT_RLX))
		return false;
	return oct_secondary_young(guard->space, guard->va & ~(((uintptr_t)pages << OCT_PAGE_SHIFT) - 1),
	                           pages, true);
}

/* Makes a young entry old, and the contiguous block that it is a part of. true: it was young, for a CPU or
 * for a secondary MMU. */
static bool was_young(struct oct_pte_guard *guard, struct oct_ticket *ticket, oct_pte_t pte)
{
	size_t pages = OCT_FORMAT_CONT && oct_pte_cont(pte) ? OCT_CONT_ENTRIES : 1;
	bool young = oct_pte_young(pte);

	if (young)
		(void)oct_clear_young_dirty_ptes(ticket, guard, 1, OCT_PTE_YOUNG);
	return used_elsewhere(guard, pages) || young;
}

/* The entry as it was: its page is to stay after all. */
static void put_back(struct oct_pte_guard *guard, oct_pte_t old)
{
	OCT_COVER("reclaim-put-back");
	oct_entry_put_back(guard, guard->pte, guard->va, old);
}

/* A page whose contents nobody wants (OCT_MADV_FREE): it comes again as zeros. If it is stored to before the
 * exchange, its contents are kept after all. The entry is locked and the only one. */
static void drop_free(struct batch *batch, struct oct_pte_guard *guard, struct oct_ticket *ticket,
                      struct oct_folio *folio)
{
	struct oct_swap_hold hold;
	oct_pte_t old, none;

	(void)!oct_entry_change(ticket, guard, guard->pte, guard->va, 0,
	                        &old); /* the ticket has the verdict */
	if (!oct_folio_alone(folio, 1)) {
		put_back(guard, old);
		return;
	}
	if (!oct_pte_dirty(old)) {
		OCT_COVER("reclaim-free");
		add_item(batch, folio, OCT_NO_SLOT, 1, false);
		return;
	}
	hold = oct_swap_take(batch->swap, folio, 1);
	if (hold.slot == OCT_NO_SLOT) {
		put_back(guard, old);
		return;
	}
	(void)!oct_entry_change(ticket, guard, guard->pte, guard->va, oct_pte_mkswap(old, hold.slot), &none);
	add_item(batch, folio, hold.slot, 0, true);
}

/* The entry is locked, and its reference is the folio's only one. */
static void take_own(struct batch *batch, struct oct_pte_guard *guard, struct oct_ticket *ticket,
                     struct oct_folio *folio, oct_pte_t pte)
{
	struct oct_swap_hold hold;
	oct_pte_t old;

	/* Relaxed: set under the lock of this entry, or by an earlier holder before he gave up his reference.
	 */
	if (!oct_pte_dirty(pte) && (oct_load(&folio->flags, OCT_RLX) &
	                            (OCT_FOLIO_LAZYFREE | OCT_FOLIO_DIRTY)) == OCT_FOLIO_LAZYFREE) {
		drop_free(batch, guard, ticket, folio);
		return;
	}
	hold = oct_swap_take(batch->swap, folio, 1);
	if (hold.slot == OCT_NO_SLOT)
		return;
	OCT_COVER("reclaim-own");
	/* The ticket has the verdict. The entry's reference is the swap cache's now. */
	(void)!oct_entry_change(ticket, guard, guard->pte, guard->va, oct_pte_mkswap(pte, hold.slot), &old);
	if (!oct_folio_alone(folio, 1)) { /* pinned meanwhile (pin.h) */
		put_back(guard, old);
		oct_swap_give_up(batch->swap, hold.slot);
		return;
	}
	add_item(batch, folio, hold.slot, 0, true);
}

/* Entries that map the folio, 0 if one was young or may have been missed. The lock of the registry is held.
 */
static uint32_t count_entries(struct batch *batch, struct oct_folio *folio, uintptr_t va)
{
	struct oct_rmap walk;
	uint32_t entries = 0;
	bool young = false;

	oct_rmap_start(&walk, folio, batch->mm, va, batch->mm);
	while (oct_rmap_next(&walk)) {
		struct oct_ticket ticket;

		oct_ticket_init(&ticket, &walk.mm->space);
		young |= was_young(&walk.guard, &ticket, oct_ptep_get(&walk.guard));
		entries++;
		oct_pte_guard_unlock(&ticket, &walk.guard);
		owe(batch, walk.mm, &ticket); /* what an earlier change of the table waits for */
	}
	return (young && !batch->force) || walk.missed ? 0 : entries;
}

/* Exchanges every entry of the folio for hold's slot. Their number; *dirty: one of them was. The lock
 * of the registry is held. */
static uint32_t take_entries(struct batch *batch, struct oct_folio *folio, uintptr_t va,
                             const struct oct_swap_hold *hold, bool *dirty)
{
	struct oct_rmap walk;
	uint32_t entries = 0;

	oct_rmap_start(&walk, folio, batch->mm, va, batch->mm);
	while (oct_rmap_next(&walk)) {
		struct oct_ticket ticket;
		oct_pte_t old;

		if (oct_folio_pinned(folio)) { /* since it was counted, through this entry */
			oct_pte_guard_unlock(NULL, &walk.guard);
			continue;
		}
		oct_ticket_init(&ticket, &walk.mm->space);
		oct_swap_add(batch->swap, hold->slot);
		/* The ticket has the verdict. */
		(void)!oct_entry_change(&ticket, &walk.guard, walk.guard.pte, walk.guard.va,
		                        oct_pte_mkswap(oct_ptep_get(&walk.guard), hold->slot), &old);
		*dirty |= oct_pte_dirty(old);
		entries++;
		oct_pte_guard_unlock(&ticket, &walk.guard);
		owe(batch, walk.mm, &ticket);
	}
	return entries;
}

/* A page with more than one reference; one of them is the caller's, and given up here. */
static void take_shared(struct batch *batch, struct oct_folio *folio, uintptr_t va)
{
	struct oct_anon *anon = batch->mm->kin.anon;
	struct oct_swap_hold hold = {OCT_NO_SLOT, false, false};
	uint32_t entries, references;
	bool dirty = false;

	oct_anon_lock(anon);
	entries = count_entries(batch, folio, va);
	if (entries)
		hold = oct_swap_take(batch->swap, folio, 0);
	/* Relaxed: a glance; oct_swap_finish looks again. */
	references = oct_load(&folio->refcount, OCT_RLX);
	if (hold.slot != OCT_NO_SLOT && references == entries + (hold.fresh ? 1 : 2)) {
		OCT_COVER("reclaim-shared");
		entries = take_entries(batch, folio, va, &hold, &dirty);
		oct_anon_unlock(anon);
		add_item(batch, folio, hold.slot, entries + (hold.fresh ? 0 : 1), dirty || hold.unwritten);
		return;
	}
	oct_anon_unlock(anon);
	if (hold.slot == OCT_NO_SLOT || !hold.fresh)
		oct_folio_put(folio);
	if (hold.slot != OCT_NO_SLOT)
		oct_swap_finish(batch->swap, hold.slot, false, 0);
}

/* ---- A visit -------------------------------------------------------------------------------------- */

static bool is_full(const struct batch *batch)
{
	return batch->items + batch->files == batch->most;
}

/* Pages of objects, which their mapping unmaps everywhere; dirty ones are written back first. The lock of the
 * visited space, held for reading, keeps the areas that show them, so the mappings are there. */
static void evict_files(struct batch *batch)
{
	for (unsigned i = 0; i < batch->files; i++) {
		struct oct_mapping *mapping = batch->file[i].mapping;
		uint64_t index = batch->file[i].index;
		int busy = oct_mapping_evict(mapping, index), error;

		if (busy) {
			error = oct_mapping_writeback(mapping, index, 1);
			if (error)
				batch->error = error;
			else
				busy = oct_mapping_evict(mapping, index);
		}
		OCT_COVER("reclaim-file");
		batch->given += busy ? 0 : batch->file[i].pages;
	}
	batch->files = 0;
}

/* Behind the contiguous block that the locked entry is a part of, or behind the entry. */
static uintptr_t behind_block(const struct oct_pte_guard *guard)
{
	uintptr_t bytes =
	    OCT_FORMAT_CONT && oct_pte_cont(oct_pte_get(guard)) ? OCT_CONT_BYTES : OCT_PAGE_SIZE;

	return (guard->va | (bytes - 1)) + 1;
}

static void add_file(struct batch *batch, const struct oct_folio *folio)
{
	struct shown *file = batch->file + batch->files;

	if (batch->files && file[-1].mapping == folio->mapping && file[-1].index == folio->index)
		return;
	file->mapping = folio->mapping;
	file->index = folio->index;
	file->pages = 1u << folio->order;
	batch->files++;
}

/* The locked entry maps a page of a large folio of an object, which goes as a whole: it has its second chance
 * with those that follow it in the table, and *next is behind them. */
static OCT_SELDOM void look_large_file(struct batch *batch, const struct oct_pte_guard *guard,
                                       struct oct_ticket *ticket, uintptr_t *next)
{
	const struct oct_folio *folio = oct_folio_of(oct_pte_phys(oct_ptep_get(guard)));
	struct oct_pte_guard at = *guard;
	bool young = false;

	do {
		oct_pte_t pte = oct_ptep_get(&at);

		/* By its address: behind the area may come memory without folios. */
		if (!oct_pte_present(pte) || oct_pte_phys(pte) - folio->page >= OCT_PAGE_SIZE << folio->order)
			break;
		young |= !batch->force && was_young(&at, ticket, pte);
		*next = at.va + OCT_PAGE_SIZE;
	} while (oct_pte_guard_next(&at));
	if (!young)
		add_file(batch, folio);
}

/* The locked entry: takes its page if it is the only one that holds it. A folio, with a reference for the
 * caller, if others have to be asked. A block has its second chance as one: what was young is aged whole, and
 * *next is behind it. */
static struct oct_folio *look(struct batch *batch, struct oct_pte_guard *guard, struct oct_ticket *ticket,
                              uintptr_t *next)
{
	oct_pte_t pte = oct_ptep_get(guard);
	struct oct_folio *folio;

	if (!oct_pte_present(pte) || oct_pte_phys(pte) == batch->mm->zero_page)
		return NULL;
	folio = oct_folio_of(oct_pte_phys(pte));
	if (!folio->mapping && (!folio->lineage || folio->lineage != batch->mm->kin.lineage))
		return NULL;
	if (folio->mapping && folio->order) {
		look_large_file(batch, guard, ticket, next);
		return NULL;
	}
	if (OCT_HUGE_ORDER > 0 && folio->order == OCT_HUGE_ORDER && !folio->mapping) {
		batch->given += oct_split_partly(folio, guard);
		folio = oct_folio_of(oct_pte_phys(pte));
	}
	if (!batch->force && was_young(guard, ticket, pte)) {
		if (folio->order)
			*next = behind_block(guard);
		return NULL;
	}
	if (folio->mapping) {
		add_file(batch, folio);
		return NULL;
	}
	if (folio->order) {
		if (!oct_folio_exclusive_at(folio, guard) || !oct_folio_split(folio, guard))
			return NULL; /* others have pages of it: all stay */
		folio = oct_folio_of(oct_pte_phys(pte));
	}
	if (!oct_folio_exclusive(folio)) {
		oct_folio_get(folio);
		return folio;
	}
	take_own(batch, guard, ticket, folio, pte);
	return NULL;
}

/* To va in the same leaf table; false: it is not in there. */
static bool go_on(struct oct_pte_guard *guard, uintptr_t va)
{
	while (guard->va < va)
		if (!oct_pte_guard_next(guard))
			return false;
	return true;
}

static oct_pte_t make_old(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_mkold(pte);
}

/* The guarded large leaf, of a huge folio, as look() would see its pages: aged as one if it is young; made a
 * table if its pages may go. */
static OCT_SELDOM void look_large(struct batch *batch, struct oct_pte_guard *guard, struct oct_ticket *ticket)
{
	const struct oct_folio *folio = oct_folio_of(oct_pte_leaf_phys(guard->upper, guard->level));
	bool young = oct_pte_young(guard->upper);
	oct_pte_t old;

	if (!batch->force && young)
		(void)!oct_entry_update(ticket, guard, guard->pte, guard->va, make_old, 0, &old);
	if (!batch->force && (used_elsewhere(guard, OCT_TABLE_ENTRIES) || young))
		return;
	if (folio->mapping)
		add_file(batch, folio);
	else if (oct_folio_exclusive_at(folio, guard) && folio->lineage &&
	         folio->lineage == batch->mm->kin.lineage)
		oct_guard_fit(guard, guard->va, guard->va + OCT_PAGE_SIZE);
}

/* One lock section: entries of the leaf table of va, below end. Returns where to go on. */
static uintptr_t visit_announced(struct batch *batch, uintptr_t va, uintptr_t end)
{
	struct oct_folio *folio = NULL;
	struct oct_pte_guard guard;
	struct oct_ticket ticket;

	oct_pte_lock_at(&batch->mm->space, va, &guard);
	oct_ticket_init(&ticket, &batch->mm->space);
	if (guard.level && oct_pte_present(guard.upper))
		look_large(batch, &guard, &ticket);
	if (guard.level) {
		oct_pte_guard_unlock(&ticket, &guard);
		owe(batch, batch->mm, &ticket);
		va = oct_level_next(va, guard.level);
		return va && va < end ? va : end;
	}
	do {
		va = guard.va + OCT_PAGE_SIZE;
		folio = look(batch, &guard, &ticket, &va);
	} while (!folio && va < end && !is_full(batch) && go_on(&guard, va));
	oct_pte_guard_unlock(&ticket, &guard);
	owe(batch, batch->mm, &ticket);
	if (folio)
		take_shared(batch, folio, va - OCT_PAGE_SIZE);
	return va;
}

static uintptr_t visit_leaf(struct batch *batch, uintptr_t va, uintptr_t end)
{
	uintptr_t next = oct_level_next(va, 1);
	struct oct_announced announced;

	oct_announce(&announced, batch->mm, va, next > va && next < end ? next : end);
	va = visit_announced(batch, va, end);
	oct_announce_end(&announced);
	return va;
}

/* The areas that [start, end) meets, until the batch is full or enough was looked at. Returns where it got
 * to; end when it is through. The lock of the space is held for reading. */
static uintptr_t visit(struct batch *batch, uintptr_t start, uintptr_t end)
{
	const struct oct_vma_tree *areas = &batch->mm->areas;
	const struct oct_vma *vma = oct_vma_first(areas, start);
	unsigned tables = 0;

	for (; vma && vma->start < end; vma = oct_vma_first(areas, vma->end)) {
		uintptr_t va = vma->start > start ? vma->start : start;
		uintptr_t last = vma->end < end ? vma->end : end;

		if (oct_vma_kind(vma) == OCT_VMA_SHARED ||
		    (vma->mapping && (vma->mapping->flags & OCT_MAPPING_PFN)))
			continue;
		while (va < last) {
			if (is_full(batch) || tables++ == VISIT_TABLES)
				return va;
			va = visit_leaf(batch, va, last);
		}
	}
	return end;
}

/* ---- Calls ---------------------------------------------------------------------------------------- */

void oct_reclaim_init(struct oct_reclaimer *reclaim, struct oct_swap *swap)
{
	oct_anon_init(&reclaim->anon, &oct_swap_soft);
	reclaim->swap = swap;
	reclaim->device = NULL;
}

int oct_reclaim_add(struct oct_reclaimer *reclaim, struct oct_mm *mm)
{
	return oct_anon_add(&reclaim->anon, mm);
}

/* The space that the clock points to, held; NULL if there is none. *turns is set to ROUNDS visits to the
 * end of each at the first time. */
static struct oct_mm *next_space(struct oct_anon *anon, uintptr_t *start, unsigned *turns)
{
	struct oct_mm *mm;

	oct_anon_lock(anon);
	mm = anon->hand ? anon->hand : anon->first;
	if (mm) {
		anon->hand = mm->kin.next;
		*start = mm->kin.hand;
		oct_anon_hold(mm);
	}
	if (*turns == 0)
		*turns = ROUNDS * anon->spaces;
	oct_anon_unlock(anon);
	return mm;
}

static void leave_space(struct oct_anon *anon, struct oct_mm *mm, uintptr_t hand)
{
	oct_anon_lock(anon);
	mm->kin.hand = hand;
	oct_anon_release(mm);
	oct_anon_unlock(anon);
}

int oct_reclaim(struct oct_reclaimer *reclaim, unsigned pages)
{
	struct oct_anon *anon = &reclaim->anon;
	unsigned given, ends = 0, turns = 0;
	int error = 0;

	if (pages > INT32_MAX)
		pages = INT32_MAX;
	given = oct_swap_shrink(reclaim->swap, pages, &error);
	while (given < pages && (turns == 0 || ends < turns)) {
		uintptr_t start, reached, end;
		struct oct_mm *mm = next_space(anon, &start, &turns);
		struct batch batch;

		if (!mm)
			break;
		end = mm->space.last + 1;
		reached = end;
		batch_begin(&batch, mm, pages - given, false);
		if (oct_rwlock_read_trylock(&mm->lock)) {
			/* Relaxed: a hint. What nobody maps goes before what somebody does. */
			if (oct_load(&mm->space.splits, OCT_RLX))
				batch.given += oct_split_deferred(mm);
			reached = given + batch.given < pages ? visit(&batch, start, end) : start;
			evict_files(&batch);
			oct_rwlock_read_unlock(&mm->lock);
			ends += reached == end;
		} else {
			ends += ROUNDS; /* not this time */
		}
		batch_end(&batch, anon);
		leave_space(anon, mm, reached == end ? 0 : reached);
		given += batch.given;
		if (batch.error)
			error = batch.error;
	}
	return given || !error ? (int)given : error;
}

int oct_madvise_pageout(struct oct_mm *mm, uintptr_t start, uintptr_t end)
{
	int error = 0;

	if (((start | end) & ~OCT_PAGE_MASK) || start < OCT_USER_START || start >= end ||
	    end - 1 > mm->space.last || mm->space.soft != &oct_swap_soft)
		return -OCT_EINVAL;
	oct_rwlock_read_lock(&mm->lock);
	while (start < end) {
		struct batch batch;

		batch_begin(&batch, mm, OCT_RECLAIM_PAGES, true);
		start = visit(&batch, start, end);
		evict_files(&batch);
		batch_end(&batch, mm->kin.anon);
		if (batch.error)
			error = batch.error;
	}
	oct_rwlock_read_unlock(&mm->lock);
	return error;
}
