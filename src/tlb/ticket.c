/* ticket.c: changing entries, and the tickets that say what a change still owes.
 * SPDX-License-Identifier: MIT
 *
 * The rules that tlb.c's essay builds on are enforced here: no live entry changes but through
 * oct_entry_change, oct_entry_update and oct_entry_install; a lock section that took something away
 * draws a generation and stamps its table before it ends (F1, I7); pages queued on a ticket are
 * released after it is complete (F5, I1). */
#include "authority.h"
#include "range.h"

/* ---- Judging ------------------------------------------------------------------------------------- */
static enum oct_flush judge_leaf(oct_pte_t old, oct_pte_t new_pte)
{
	if (oct_pte_phys(old) != oct_pte_phys(new_pte) || oct_pte_type(old) != oct_pte_type(new_pte) ||
	    oct_pte_cont(old) != oct_pte_cont(new_pte) || oct_pte_global(old) != oct_pte_global(new_pte))
		return OCT_BREAK_FIRST;
	if ((oct_pte_write(old) && !oct_pte_write(new_pte)) ||
	    (oct_pte_user(old) && !oct_pte_user(new_pte)) || (oct_pte_exec(old) && !oct_pte_exec(new_pte)) ||
	    (oct_pte_dirty(old) && !oct_pte_dirty(new_pte)))
		return OCT_FLUSH_AFTER;
	return OCT_FLUSH_NONE;
}

enum oct_flush oct_entry_judge(oct_pte_t old, oct_pte_t new_pte, unsigned level)
{
	bool was_table, is_table;

	if (!oct_pte_present(old))
		return OCT_FLUSH_NONE;
	if (!oct_pte_present(new_pte))
		return OCT_FLUSH_AFTER;
	was_table = oct_pte_is_table(old, level);
	is_table = oct_pte_is_table(new_pte, level);
	if (!was_table && !is_table)
		return judge_leaf(old, new_pte);
	if (old == new_pte)
		return OCT_FLUSH_NONE;
	return OCT_BBM_LEVEL < 2 || was_table == is_table ? OCT_BREAK_FIRST : OCT_FLUSH_AFTER;
}

/* ---- The ticket's open section ---------------------------------------------------------------------- */
void oct_ticket_init(struct oct_ticket *ticket, struct oct_space *space)
{
	ticket->space = space;
	ticket->newest = 0;
	ticket->start = 0;
	ticket->end = 0;
	ticket->pending = false;
	ticket->unit = 0;
	ticket->all_levels = false;
	ticket->tables = false;
	ticket->runs = false;
	ticket->queued = 0;
}

/* The entry for va at level was changed, which linked a table or was a leaf. */
static void owe(struct oct_ticket *ticket, unsigned level, uintptr_t va, bool table)
{
	uintptr_t start = va & ~(oct_level_bytes(level) - 1);

	oct_owe_range(ticket, start, start + (oct_level_bytes(level) - 1), table ? 0 : level, table);
}

void oct_ticket_join(struct oct_ticket *ticket, struct oct_pte_guard *guard)
{
	uint64_t completed, generation = oct_tlb_behind(guard, &completed);

	if (generation > ticket->newest)
		ticket->newest = generation;
}

void oct_ticket_close(struct oct_ticket *ticket, struct oct_pte_guard *guard)
{
	struct oct_space *space = ticket->space;
	uint64_t generation, range;

	if (!ticket->pending)
		return;
	/* SC: F2 in tlb.c, pairs with the switch's read of generation; as a release it carries the entry
	 * stores of this section, as an acquire those of all generations before. */
	generation = oct_fetch_add(&space->generation, 1, OCT_SC) + 1;
	range = oct_range_pack(generation, ticket->start, ticket->end, ticket->unit, ticket->all_levels);
	oct_store(&space->ranges[oct_range_slot(generation)], range, OCT_RLX); /* judged by its tag */
	guard->ptl->stamp = (uint32_t)generation != 0 ? (uint32_t)generation : 1;
	ticket->newest = generation;
	ticket->pending = false;
	ticket->all_levels = false;
}

/* ---- Changing entries --------------------------------------------------------------------------------- */
enum oct_flush oct_entry_change(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_pte_t *entry,
                                uintptr_t va, oct_pte_t new_pte, oct_pte_t *old)
{
	oct_pte_t stored = new_pte;
	enum oct_flush flush;

	if (oct_pte_present(new_pte)) {
		/* Relaxed: page, type and size change under the lock only; hardware's bits do not matter. */
		oct_pte_t now = oct_load(entry, OCT_RLX);

		if (!oct_pte_present(now))
			oct_tlb_rely(guard); /* F6 */
		else if (oct_entry_judge(now, new_pte, guard->level) == OCT_BREAK_FIRST)
			stored = oct_pte_broken();
	}
	/* Release: who sees the new value sees what was stored before (a page's contents, a table);
	 * acquire: the dirty bit that comes back follows the hardware's reads that led to it. */
	*old = oct_xchg(entry, stored, OCT_ACQ_REL);
	flush = oct_entry_judge(*old, new_pte, guard->level);
	if (flush != OCT_FLUSH_NONE)
		owe(ticket, guard->level, va, oct_pte_is_table(*old, guard->level));
	else if (!oct_pte_present(new_pte))
		oct_ticket_join(ticket, guard);
	if (oct_in_block(*old, guard->level) && !oct_in_block(new_pte, guard->level))
		oct_block_unfold(ticket, guard, entry, va, old);
	return flush;
}

void oct_entry_put_back(struct oct_pte_guard *guard, oct_pte_t *entry, uintptr_t va, oct_pte_t old)
{
	/* No reliance (F6): nothing else was valid here since the exchange, and what TLBs keep is this value.
	 * Nor is a link published: who finds it away waits for the lock, and finds it in his fault. A block that
	 * the entry was a part of is none any more. Release: as oct_entry_install. */
	oct_store(entry, guard->level > 0 ? old : oct_pte_single(old, 0, va), OCT_REL);
}

enum oct_flush oct_entry_update(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_pte_t *entry,
                                uintptr_t va, oct_pte_t (*change)(oct_pte_t pte, unsigned long arg),
                                unsigned long arg, oct_pte_t *old)
{
	oct_pte_t now = oct_load(entry, OCT_RLX); /* judged again by the exchange */
	oct_pte_t wanted;
	enum oct_flush flush;

	/* Under the lock only hardware interferes, which can set young once and dirty once. */
	do {
		wanted = change(now, arg);
		if (wanted == now) {
			*old = now;
			oct_ticket_join(ticket, guard);
			return OCT_FLUSH_NONE;
		}
		if (oct_in_block(now, guard->level)) {
			oct_block_unfold(ticket, guard, entry, va, NULL);
			now = oct_load(entry, OCT_RLX);
			wanted = change(now, arg);
		}
	} while (!oct_cas(entry, &now, wanted, OCT_ACQ_REL)); /* as in oct_entry_change */
	*old = now;
	flush = oct_entry_judge(now, wanted, guard->level);
	if (flush == OCT_BREAK_FIRST)
		oct_port_panic("oct_entry_update: the change replaces the page of a valid entry");
	if (flush != OCT_FLUSH_NONE)
		owe(ticket, guard->level, va, false);
	return flush;
}

#if OCT_TIER > 0 /* for areas */
void oct_entry_update_first(struct oct_ticket *ticket, struct oct_pte_guard *guard,
                            oct_pte_t (*change)(oct_pte_t pte, unsigned long arg), unsigned long arg,
                            struct oct_entry_run *run)
{
	run->flush = oct_entry_update(ticket, guard, guard->pte, guard->va, change, arg, &run->seen);
	run->wanted = change(run->seen, arg);
	run->known = oct_pte_present(run->seen) && !oct_in_block(run->seen, 0);
}

void oct_entries_update(struct oct_ticket *ticket, struct oct_pte_guard *guard, size_t pages,
                        oct_pte_t (*change)(oct_pte_t pte, unsigned long arg), unsigned long arg, bool revoke)
{
	struct oct_entry_run run = {0, 0, OCT_FLUSH_NONE, false};

	for (;; guard->va += OCT_PAGE_SIZE, guard->pte++) {
		oct_pte_t now = oct_load(guard->pte, OCT_RLX); /* judged again by the exchange */

		if (oct_entry_update_next(ticket, guard, &run, &now)) {
			/* as its neighbour */
		} else if (oct_begins_block(guard->va, now, pages)) {
			/* Whole blocks stay blocks. The guard goes to the last of their entries. */
			size_t passed = oct_blocks_update(ticket, guard, pages, change, arg, revoke) - 1;

			guard->va += passed * OCT_PAGE_SIZE;
			guard->pte += passed;
			pages -= passed;
		} else if (!oct_pte_none(now)) {
			oct_entry_update_first(ticket, guard, change, arg, &run);
			if (run.flush == OCT_FLUSH_NONE && revoke)
				oct_ticket_join(ticket, guard);
		} else if (revoke) {
			oct_ticket_join(ticket, guard);
		}
		if (--pages == 0)
			return;
	}
}
#endif

void oct_entry_install(struct oct_pte_guard *guard, oct_pte_t *entry, uintptr_t va, oct_pte_t new_pte)
{
	(void)va;
	oct_tlb_rely(guard); /* F6 */
	/* Release: the page's contents, or the cleared table, are seen by who uses the entry. */
	oct_store(entry, new_pte, OCT_REL);
	if (guard->space->kernel || guard->level > 0)
		oct_mmu_publish();
}

/* ---- Queue -------------------------------------------------------------------------------------------- */
enum { QUEUE_ORDER_MASK = 0x1f, QUEUE_TABLE = 0x20, QUEUE_MORE = 0x40 }; /* more: how many follow the first */

_Static_assert((uintptr_t)OCT_FOLIO_PAGES * QUEUE_MORE <= OCT_PAGE_SIZE, "a run of pages fits an item of the queue");

static void table_release(void *arg)
{
	uintptr_t item = (uintptr_t)arg;

	oct_page_give_back(item & OCT_PAGE_MASK, item & QUEUE_ORDER_MASK, OCT_USE_TABLE);
}

/* How many pages an item of pages has: those of a leaf, a run, or mostly one. */
static inline unsigned item_pages(unsigned low)
{
	if (OCT_TIER > 0 && __builtin_expect(low == 0, 1)) /* T0 has to be small */
		return 1;
	return (1u << (low & QUEUE_ORDER_MASK)) + low / QUEUE_MORE;
}

/* The ticket is complete: nothing reaches the queued pages through a translation. */
static void release_queue(struct oct_ticket *ticket)
{
	struct oct_space *space = ticket->space;
	struct oct_system *system = space->system;

	if (ticket->tables && system->defer == NULL)
		oct_grace_wait(system); /* F5 */
	for (unsigned i = 0; i < ticket->queued; i++) {
		oct_phys_t item = ticket->queue[i];
		oct_phys_t page = item & OCT_PAGE_MASK;

		if (!(item & QUEUE_TABLE) && space->page_release != NULL)
			space->page_release(space, page, item_pages((unsigned)(item & ~OCT_PAGE_MASK)));
		else if (!(item & QUEUE_TABLE))
			oct_page_give_back(page, item & QUEUE_ORDER_MASK, OCT_USE_USER);
		else if (system->defer != NULL)
			system->defer(table_release, (void *)(uintptr_t)(item & ~(oct_phys_t)QUEUE_TABLE));
		else
			oct_page_give_back(page, item & QUEUE_ORDER_MASK, OCT_USE_TABLE);
	}
	ticket->queued = 0;
	ticket->tables = false;
}

static void complete_drawn(struct oct_ticket *ticket)
{
	uint64_t completed;

	if (ticket->newest == 0)
		return;
	/* Acquire: pairs with the release in oct_tlb_complete: others did the work, it is done. */
	completed = oct_load(&ticket->space->completed, OCT_ACQ);
	if (completed < ticket->newest)
		oct_tlb_complete(ticket->space, ticket->newest, completed);
	else
		OCT_COUNT_HERE(ticket->space, joined);
	ticket->newest = 0;
}

static void enqueue(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_phys_t item)
{
	if (ticket->queued == OCT_GATHER_PAGES) {
		oct_ticket_flush(ticket, guard);
		release_queue(ticket);
	}
	ticket->queue[ticket->queued++] = item;
}

/* The page goes with the item that was queued last, if it comes right after it in one aligned block. */
static __attribute__((noinline)) void enqueue_run(struct oct_ticket *ticket, struct oct_pte_guard *guard,
                                                  oct_phys_t page)
{
	oct_phys_t *item = ticket->queue + ticket->queued - 1, next;

	if (ticket->queued > 0 && !(*item & (QUEUE_ORDER_MASK | QUEUE_TABLE))) {
		next = (*item & OCT_PAGE_MASK) + (1 + (*item & ~OCT_PAGE_MASK) / QUEUE_MORE) * OCT_PAGE_SIZE;
		if (page == next && (page & (OCT_FOLIO_BYTES - 1)) != 0) {
			*item += QUEUE_MORE;
			return;
		}
	}
	enqueue(ticket, guard, page);
}

void oct_ticket_free_page(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_phys_t page)
{
	if (OCT_FOLIO_ORDER > 0 && ticket->runs)
		enqueue_run(ticket, guard, page);
	else
		enqueue(ticket, guard, page);
}

void oct_ticket_free_pages(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_phys_t page,
                           unsigned order)
{
	enqueue(ticket, guard, page | order);
}

void oct_ticket_free_table(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_phys_t table,
                           unsigned order)
{
	enqueue(ticket, guard, table | order | QUEUE_TABLE);
	ticket->tables = true;
}

/* ---- Completing --------------------------------------------------------------------------------------- */
void oct_ticket_flush(struct oct_ticket *ticket, struct oct_pte_guard *guard)
{
	if (ticket->pending && guard == NULL)
		oct_port_panic("oct_ticket_flush: changes are pending and no guard is given");
	oct_ticket_close(ticket, guard);
	complete_drawn(ticket);
}

void oct_ticket_complete(struct oct_ticket *ticket)
{
	if (ticket->pending)
		oct_port_panic("oct_ticket_complete: the lock section of a change was not closed");
	complete_drawn(ticket);
	release_queue(ticket);
}
