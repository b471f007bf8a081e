/* contpte.c: runs of entries of one folio. SPDX-License-Identifier: MIT
 *
 * Who may do what to a block, and why no flush is missing, stands in octavo/contpte.h; how a block is broken
 * and made, in src/tlb/block.c. */
#include <octavo/contpte.h>
#include "table_internal.h"

static void check_run(const struct oct_pte_guard *guard, size_t pages)
{
	if (guard->level != 0 || pages == 0 || pages > OCT_TABLE_ENTRIES - oct_table_index(guard->va, 0))
		oct_port_panic("contpte: the run leaves its leaf table");
}

static unsigned index_in_block(uintptr_t va)
{
	return oct_table_index(va, 0) & (OCT_CONT_ENTRIES - 1);
}

/* The guard of the page-th entry of the run. */
static struct oct_pte_guard entry_of_run(const struct oct_pte_guard *guard, size_t page)
{
	struct oct_pte_guard at = *guard;

	at.va += page * OCT_PAGE_SIZE;
	at.pte += page;
	return at;
}

/* ---- Looking ------------------------------------------------------------------------------------ */
/* The entries of the block that entry, of va and as read pte, lies in: pte alone, with the state of all.
 * *whole: all of them are of one block. */
static oct_pte_t gather(const oct_pte_t *entry, uintptr_t va, oct_pte_t pte, bool *whole)
{
	const oct_pte_t *first = entry - index_in_block(va);
	oct_pte_t single = oct_pte_single(pte, 0, va);
	oct_pte_t form = oct_pte_block_form(pte, 0);

	*whole = true;
	for (unsigned i = 0; i < OCT_CONT_ENTRIES && *whole; i++) {
		oct_pte_t other = oct_load(first + i, OCT_RLX); /* only its state is used */

		*whole = oct_in_block(other, 0) && oct_pte_block_form(other, i) == form;
		if (*whole)
			single = oct_pte_with_state(single, other);
	}
	return single;
}

OCT_SELDOM oct_pte_t oct_contpte_get(const struct oct_pte_guard *guard, oct_pte_t pte)
{
	bool whole;

	return gather(guard->pte, guard->va, pte, &whole); /* under the lock it is */
}

oct_pte_t oct_ptep_get_lockless(const oct_pte_t *entry, uintptr_t va)
{
	/* Acquire: pairs with the release that stored the entry: the page's contents, its folio. */
	oct_pte_t pte = oct_load(entry, OCT_ACQ), all;
	bool whole;

	if (!oct_in_block(pte, 0))
		return pte;
	all = gather(entry, va, pte, &whole);
	return whole ? all : oct_pte_single(pte, 0, va);
}

size_t oct_pte_batch(const struct oct_pte_guard *guard, size_t most)
{
	size_t table = OCT_TABLE_ENTRIES - oct_table_index(guard->va, 0), count = 0;
	oct_pte_t wanted = 0;

	if (guard->level != 0)
		return 0;
	for (; count < most && count < table; count++) {
		uintptr_t va = guard->va + count * OCT_PAGE_SIZE;
		oct_pte_t pte = oct_load(guard->pte + count, OCT_RLX); /* judged again by who changes it */

		if (!oct_pte_present(pte))
			break;
		pte = oct_pte_mkclean(oct_pte_mkold(oct_pte_single(pte, 0, va)));
		if (count > 0 && pte != wanted)
			break;
		wanted = oct_pte_advance(pte, OCT_PAGE_SIZE);
	}
	return count;
}

/* ---- Making ------------------------------------------------------------------------------------- */
/* The block that va lies in is covered by the run, and pte, of va, is aligned as it is. */
static bool covers_block(const struct oct_pte_guard *guard, size_t pages, uintptr_t va, oct_pte_t pte)
{
	uintptr_t first = va & ~(OCT_CONT_BYTES - 1);

	return OCT_FORMAT_CONT && first >= guard->va &&
	       (first - guard->va) / OCT_PAGE_SIZE + OCT_CONT_ENTRIES <= pages &&
	       ((oct_pte_phys(pte) ^ va) & (OCT_CONT_BYTES - 1) & OCT_PAGE_MASK) == 0;
}

void oct_set_ptes(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_pte_t pte, size_t pages)
{
	check_run(guard, pages);
	(void)oct_tlb_rely(guard); /* F6, for all of the run: nothing in this section is behind */
	for (size_t i = 0; i < pages; i++, pte = oct_pte_advance(pte, OCT_PAGE_SIZE)) {
		uintptr_t va = guard->va + i * OCT_PAGE_SIZE;

		if (i > 0)
			OCT_RELIED(guard->pte + i, va);
		/* Release: as in oct_entry_install. */
		oct_store(guard->pte + i, covers_block(guard, pages, va, pte) ? oct_pte_mk_cont(pte) : pte,
		          OCT_REL);
	}
	if (guard->space->kernel)
		oct_mmu_publish();
	if (ticket != NULL) {
		struct oct_pte_guard last = entry_of_run(guard, pages - 1);

		(void)oct_contpte_try_fold(ticket, guard);
		if ((guard->va ^ last.va) >= OCT_CONT_BYTES)
			(void)oct_contpte_try_fold(ticket, &last);
	}
}

/* The entries from first on, of va, are whole and no block yet. */
static bool foldable(const oct_pte_t *first)
{
	oct_pte_t form = 0;

	for (unsigned i = 0; i < OCT_CONT_ENTRIES; i++) {
		oct_pte_t pte = oct_load(first + i, OCT_RLX); /* changes under the lock only, but for state */

		if (!oct_pte_present(pte) || oct_pte_cont(pte))
			return false;
		if (i == 0)
			form = oct_pte_block_form(pte, 0);
		if (oct_pte_block_form(pte, i) != form)
			return false;
	}
	return (oct_pte_phys(form) & (OCT_CONT_BYTES - 1)) == 0;
}

OCT_SELDOM bool oct_contpte_try_fold(struct oct_ticket *ticket, struct oct_pte_guard *guard)
{
	unsigned index = index_in_block(guard->va);

	if (!OCT_FORMAT_CONT || guard->level != 0 || !foldable(guard->pte - index))
		return false;
	oct_block_fold(ticket, guard, guard->pte - index, guard->va - index * OCT_PAGE_SIZE);
	return true;
}

OCT_SELDOM void oct_contpte_try_unfold(struct oct_ticket *ticket, struct oct_pte_guard *guard)
{
	if (oct_in_block(oct_pte_get(guard), guard->level))
		oct_block_unfold(ticket, guard, guard->pte, guard->va, NULL);
}

/* Blocks that the run covers in part. */
static void unfold_ends(struct oct_ticket *ticket, struct oct_pte_guard *guard, size_t pages)
{
	if (!OCT_FORMAT_CONT)
		return;
	if (index_in_block(guard->va) != 0)
		oct_contpte_try_unfold(ticket, guard);
	if (index_in_block(guard->va + pages * OCT_PAGE_SIZE) != 0) {
		struct oct_pte_guard last = entry_of_run(guard, pages - 1);

		oct_contpte_try_unfold(ticket, &last);
	}
}

/* ---- Taking away --------------------------------------------------------------------------------- */
oct_pte_t oct_get_and_clear_full_ptes(struct oct_ticket *ticket, struct oct_pte_guard *guard, size_t pages)
{
	struct oct_pte_guard at = *guard;
	oct_pte_t first;

	check_run(guard, pages);
	unfold_ends(ticket, guard, pages);
	/* Blocks are in the run whole, so the addresses that are owed are theirs (R9). */
	first = oct_pte_single(oct_entry_clear(ticket, &at), 0, at.va);
	while (--pages > 0) {
		at.va += OCT_PAGE_SIZE;
		at.pte++;
		first = oct_pte_with_state(first, oct_entry_clear(ticket, &at));
	}
	return first;
}

void oct_clear_full_ptes(struct oct_ticket *ticket, struct oct_pte_guard *guard, size_t pages)
{
	(void)oct_get_and_clear_full_ptes(ticket, guard, pages);
}

static oct_pte_t take_write(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_present(pte) ? oct_pte_wrprotect(pte) : pte;
}

void oct_wrprotect_ptes(struct oct_ticket *ticket, struct oct_pte_guard *guard, size_t pages)
{
	struct oct_pte_guard at = *guard;

	check_run(guard, pages);
	oct_entries_update(ticket, &at, pages, take_write, 0, true);
}

static oct_pte_t take_state(oct_pte_t pte, unsigned long state)
{
	if (!oct_pte_present(pte))
		return pte;
	if (state & OCT_PTE_YOUNG)
		pte = oct_pte_mkold(pte);
	return (state & OCT_PTE_DIRTY) && oct_pte_dirty(pte) ? oct_pte_mkclean(pte) : pte;
}

static unsigned state_of(oct_pte_t pte)
{
	if (!oct_pte_present(pte))
		return 0;
	return (oct_pte_young(pte) ? OCT_PTE_YOUNG : 0) | (oct_pte_dirty(pte) ? OCT_PTE_DIRTY : 0);
}

struct state_change {
	struct oct_ticket *ticket;
	oct_pte_t (*change)(oct_pte_t pte, unsigned long state);
	unsigned state;
	unsigned had; /* by any entry */
	bool changed; /* was one */
};

/* Entries from guard on. Returns the last as it was. */
static oct_pte_t change_entries(struct state_change *c, struct oct_pte_guard at, size_t pages)
{
	oct_pte_t old = 0;

	for (; pages > 0; pages--, at.va += OCT_PAGE_SIZE, at.pte++) {
		old = oct_entry_update_state(c->ticket, &at, at.pte, at.va, c->change, c->state);
		c->had |= state_of(old);
		c->changed |= c->change(old, c->state) != old;
	}
	return old;
}

/* The run, and what it lacks of the blocks at its ends. Whether there is one is seen in what was exchanged:
 * for an entry in no block nothing else is read. */
static void change_state(struct state_change *c, const struct oct_pte_guard *guard, size_t pages)
{
	unsigned before = index_in_block(guard->va);
	unsigned behind = OCT_CONT_ENTRIES - 1 - index_in_block(guard->va + (pages - 1) * OCT_PAGE_SIZE);
	bool first = oct_in_block(change_entries(c, *guard, 1), 0), last = first;
	struct oct_pte_guard at = *guard;

	if (pages > 1)
		last = oct_in_block(change_entries(c, entry_of_run(guard, 1), pages - 1), 0);
	if (first) {
		at.va -= before * OCT_PAGE_SIZE;
		at.pte -= before;
		(void)change_entries(c, at, before);
	}
	if (last)
		(void)change_entries(c, entry_of_run(guard, pages), behind);
}

unsigned oct_clear_young_dirty_ptes(struct oct_ticket *ticket, struct oct_pte_guard *guard, size_t pages,
                                    unsigned state)
{
	struct state_change c = {ticket, take_state, state, 0, false};

	check_run(guard, pages);
	if (state & OCT_PTE_DIRTY)
		unfold_ends(ticket, guard, pages);
	change_state(&c, guard, pages);
	if ((state & ~c.had & OCT_PTE_DIRTY) != 0)
		oct_ticket_join(ticket, guard); /* R4: who cleaned them may not have flushed yet */
	return c.had & state;
}

/* ---- A fault ------------------------------------------------------------------------------------- */
static oct_pte_t give_state(oct_pte_t pte, unsigned long state)
{
	if (!oct_pte_present(pte))
		return pte;
	if (state & OCT_PTE_YOUNG)
		pte = oct_pte_mkyoung(pte);
	return (state & OCT_PTE_DIRTY) && !oct_pte_dirty(pte) ? oct_pte_mkdirty(pte) : pte;
}

bool oct_ptep_set_access_flags(struct oct_pte_guard *guard, unsigned state)
{
	struct state_change c = {NULL, give_state, state, 0, false}; /* nothing is taken: nothing to owe */

	check_run(guard, 1);
	change_state(&c, guard, 1);
	return c.changed;
}

/* ---- Changing what is in use --------------------------------------------------------------------- */
oct_pte_t oct_ptep_modify_prot_start(struct oct_ticket *ticket, struct oct_pte_guard *guard)
{
	check_run(guard, 1);
	oct_contpte_try_unfold(ticket, guard);
	/* Relaxed: what is stored is not present; the commit publishes, or owes. */
	return oct_xchg(guard->pte, oct_pte_broken(), OCT_RLX);
}

void oct_ptep_modify_prot_commit(struct oct_ticket *ticket, struct oct_pte_guard *guard, oct_pte_t old,
                                 oct_pte_t pte)
{
	enum oct_flush flush = oct_entry_judge(old, pte, 0);

	if (flush != OCT_FLUSH_NONE)
		oct_owe_range(ticket, guard->va, guard->va + (OCT_PAGE_SIZE - 1), 0, false);
	if (flush == OCT_BREAK_FIRST) {
		oct_ticket_flush(ticket, guard);
		oct_entry_install(guard, guard->pte, guard->va, pte);
		return;
	}
	/* Release: as in oct_entry_install. The page is the one that was there, so nothing else can be live
	 * (F6). */
	oct_store(guard->pte, pte, OCT_REL);
	if (guard->space->kernel)
		oct_mmu_publish();
}
