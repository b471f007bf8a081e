/* huge.c: the pages of a leaf table become one huge folio. SPDX-License-Identifier: MIT
 *
 * As collapse.c, but the table is taken, not its entries. One lock section, of the slot that links the table
 * and of the table:
 *   look     each page is the space's alone; large folios are made single pages
 *   take     the link is exchanged for a broken entry; then the count of each page is compared with what it
 *            should be (oct_folio_alone). If somebody holds a page the link is stored again
 *   flush    all levels: no walker is in the table, no TLB has its entries
 *   make     entries are read for what hardware has set in them until then, pages copied, the leaf stored
 *
 * Why no store is lost (I2), no bit (I3, I10). Hardware stores, and sets young and dirty, by what it read of
 * the table until the flush is complete; entries and contents are read after it. Afterwards an access finds a
 * broken entry and waits in its fault for the lock.
 *
 * Why a pin is of the page that stays mapped (I5; races 26). oct_gup_fast walks without the lock, so it may
 * read an entry of the table that still matches. It pins; then it reads the entry and the upper entry again.
 * The pin and the comparison here change one word: a pin that was first is seen, and the link comes back; one
 * that comes later reads the count from then on, so it sees the broken entry, and lets go. The frame that it
 * pinned meanwhile may be in its next life already: the same release led there. The table outlives its walk,
 * because interrupts are off there and the table goes through the ticket (R5; races 27).
 *
 * Why nobody else misses the table (I1, I4), so that the lock of the space is held for reading only. All
 * others come by oct_pte_lock_at, which reads the slot under the lock that is held here from the first change
 * to the last: they find the table, before, or the leaf. Who needs a leaf table splits it (oct_guard_fit),
 * from a table that was put by before anything was changed. Nobody keeps a pointer into a table without its
 * lock: what drops the lock to wait looks again (swap.c), and mremap and fork hold the lock of the space for
 * writing. Linux, which keeps such pointers and copies without the page-table lock, needs the lock of the
 * space for writing. The price here: who faults in the range meanwhile spins for the copy of OCT_HUGE_PAGES
 * pages.
 *
 * Deferred split. A leaf becomes a table in the lock section that takes a page out of it, or takes it for
 * itself, so a folio that is mapped in part belongs to a leaf that was split. The space remembers where that
 * was, under the lock of the deposit that a split takes anyway; nothing is written where a page is unmapped.
 * Reclaim looks there before it takes pages: these are hints, decided by the entries under their lock, and
 * what is forgotten (there is room for OCT_SPLIT_LEAVES, and mremap may move entries) the clock finds as it
 * goes by. Why nobody misses a page that is given back: essay of folio.c.
 *
 * What others had taken away and not flushed (I4, I11) is complete with the flush of the table, which is
 * younger. */
#include <octavo/collapse.h>
#include <octavo/pin.h>
#include <octavo/userfault.h>
#include "../notify/notifier.h"
#include "../space/walk.h"
#include "../table/table_internal.h"
#include "huge.h"

#if OCT_HUGE_ORDER > 0

struct huge {
	const struct oct_mm *mm;
	struct oct_pte_guard slot; /* locked, of level 1 */
	oct_pte_t *entries;        /* of the leaf table that it links */
};

/* Relaxed: under the lock; bits that hardware sets are read when it no longer can. */
static oct_pte_t entry(const struct huge *huge, unsigned i)
{
	return oct_load(huge->entries + i, OCT_RLX);
}

static bool is_zero(const struct huge *huge, oct_pte_t pte)
{
	return oct_pte_none(pte) || oct_mm_is_zero(huge->mm, pte);
}

static oct_phys_t page_of(const struct huge *huge, oct_pte_t pte, unsigned i)
{
	return oct_pte_frame(pte, 0, huge->slot.va + i * OCT_PAGE_SIZE);
}

/* The guard of entry i. */
static struct oct_pte_guard leaf_guard(const struct huge *huge, unsigned i)
{
	struct oct_pte_guard guard = huge->slot;

	guard.pte = huge->entries + i;
	guard.va += i * OCT_PAGE_SIZE;
	guard.level = 0;
	return guard;
}

/* The folio of entry i, which is pte; NULL: nothing, or zeros. */
static struct oct_folio *folio_at(const struct huge *huge, unsigned i, oct_pte_t pte)
{
	return is_zero(huge, pte) ? NULL : oct_folio_of(page_of(huge, pte, i));
}

/* May the page of entry i, which is pte, take part? *large: it is one of a large folio. */
static bool may_take(const struct huge *huge, unsigned i, oct_pte_t pte, bool *large)
{
	struct oct_pte_guard guard = leaf_guard(huge, i);
	const struct oct_folio *folio;

	if (oct_pte_present(pte) && oct_pte_uffd_wp(pte))
		return false; /* the zero page's too: its store is an event */
	if (is_zero(huge, pte))
		return true;
	if (!oct_pte_present(pte))
		return false;
	folio = folio_at(huge, i, pte);
	*large |= folio->order > 0;
	return oct_folio_exclusive_at(folio, &guard);
}

/* Makes single pages of large folios. false: one is pinned for a moment. */
static bool split_folios(const struct huge *huge)
{
	for (unsigned i = 0; i < OCT_HUGE_PAGES; i++) {
		struct oct_folio *folio = folio_at(huge, i, entry(huge, i));
		struct oct_pte_guard guard = leaf_guard(huge, i);

		if (folio && folio->order && !oct_folio_split(folio, &guard))
			return false;
	}
	return true;
}

/* 0, or why the table is left alone. */
static int look(const struct huge *huge, unsigned max_none, bool holes)
{
	unsigned zeros = 0;
	bool large = false;

	for (unsigned i = 0; i < OCT_HUGE_PAGES; i++) {
		oct_pte_t pte = entry(huge, i);

		if (!may_take(huge, i, pte, &large))
			return -OCT_EBUSY;
		if (oct_pte_none(pte) && !holes)
			return -OCT_ENOENT;
		zeros += is_zero(huge, pte);
	}
	if (zeros > max_none || zeros == OCT_HUGE_PAGES)
		return -OCT_ENOENT;
	return !large || split_folios(huge) ? 0 : -OCT_EBUSY;
}

/* false: somebody holds one of the pages; the table is linked as it was. */
static bool take(struct huge *huge, struct oct_ticket *ticket)
{
	oct_pte_t link;

	/* The ticket has the verdict. */
	(void)!oct_entry_change(ticket, &huge->slot, huge->slot.pte, huge->slot.va, oct_pte_broken(), &link);
	for (unsigned i = 0; i < OCT_HUGE_PAGES; i++) {
		struct oct_folio *folio = folio_at(huge, i, entry(huge, i));

		if (!folio || oct_folio_alone(folio, 1))
			continue;
		OCT_COVER("collapse-huge-put-back");
		oct_entry_put_back(&huge->slot, huge->slot.pte, huge->slot.va, link);
		return false;
	}
	return true;
}

/* The leaf that takes the place of the table, which nobody walks any more. */
static oct_pte_t leaf_of(const struct huge *huge, oct_phys_t page)
{
	unsigned prot = OCT_PROT_MASK;
	bool young = false, soft_dirty = false;
	oct_pte_t leaf;

	for (unsigned i = 0; i < OCT_HUGE_PAGES; i++) {
		oct_pte_t pte = entry(huge, i);

		young |= oct_pte_present(pte) && oct_pte_young(pte);
		if (is_zero(huge, pte))
			continue;
		prot &= oct_pte_prot(pte);
		soft_dirty |= oct_pte_soft_dirty(pte);
	}
	leaf = oct_pte_mkdirty(oct_pte_make_leaf(page, 1, prot, OCT_NORMAL));
	if (young)
		leaf = oct_pte_mkyoung(leaf);
	return soft_dirty || (prot & OCT_WRITE) ? oct_pte_mk_soft_dirty(leaf) : leaf;
}

static void fill(const struct huge *huge, const struct oct_folio *to)
{
	for (unsigned i = 0; i < OCT_HUGE_PAGES; i++) {
		oct_phys_t page = to->page + i * OCT_PAGE_SIZE;
		oct_pte_t pte = entry(huge, i);

		if (is_zero(huge, pte))
			oct_port_page_clear(page, 0);
		else
			oct_port_page_copy(page, page_of(huge, pte, i), 0);
	}
}

/* The table is locked. Uses folio, and one table that was put by, if it returns 0. */
static int collapse_locked(struct huge *huge, const struct oct_vma *vma, unsigned max_none,
                           struct oct_folio *folio, struct oct_ticket *ticket)
{
	int error = look(huge, max_none, !oct_vma_has_uffd(vma, OCT_UFFD_MISSING));
	oct_phys_t table = oct_pte_phys(oct_pte_get(&huge->slot));
	oct_pte_t leaf;

	if (error)
		return error;
	if (!take(huge, ticket))
		return -OCT_EBUSY;
	OCT_COVER("collapsed-huge");
	oct_ticket_flush(ticket, &huge->slot);
	fill(huge, folio);
	oct_anon_born(huge->mm, vma, huge->slot.va, folio);
	leaf = leaf_of(huge, folio->page);
	if (oct_pte_exec(leaf))
		oct_port_icache_sync(folio->page, OCT_HUGE_ORDER);
	oct_entry_install(&huge->slot, huge->slot.pte, huge->slot.va, leaf);
	for (unsigned i = 0; i < OCT_HUGE_PAGES; i++) {
		oct_pte_t pte = entry(huge, i);

		if (!is_zero(huge, pte))
			oct_ticket_free_page(ticket, &huge->slot, page_of(huge, pte, i));
	}
	oct_ticket_free_table(ticket, &huge->slot, table, 0);
	return 0;
}

static int collapse_in_space(struct oct_mm *mm, uintptr_t start, unsigned max_none, struct oct_folio *folio)
{
	const struct oct_vma *vma = oct_vma_find(&mm->areas, start);
	struct huge huge = {.mm = mm};
	struct oct_ticket ticket;
	int error = -OCT_ENOENT;

	if (!vma || oct_vma_kind(vma) != OCT_VMA_ANON || vma->end - start < OCT_HUGE_BYTES ||
	    (vma->flags & OCT_VMA_NOHUGE))
		return -OCT_EINVAL;
	oct_ticket_init(&ticket, &mm->space);
	oct_pte_lock_at(&mm->space, start, &huge.slot);
	if (huge.slot.level == 0) { /* one lock has the slot and the leaf table */
		huge.entries = huge.slot.pte;
		huge.slot.pte = oct_table_find(&mm->space, start, 1);
		huge.slot.level = 1;
		error = collapse_locked(&huge, vma, max_none, folio, &ticket);
	} else if (oct_pte_present(huge.slot.upper)) {
		error = -OCT_EBUSY; /* it is one already */
	}
	oct_pte_guard_unlock(&ticket, &huge.slot);
	oct_ticket_complete(&ticket);
	return error;
}

/* ---- Deferred split ------------------------------------------------------------------------------- */

unsigned oct_split_partly(struct oct_folio *folio, const struct oct_pte_guard *guard)
{
	/* Relaxed: asked again, with the entries, by oct_folio_exclusive_at. */
	uint32_t mapped = oct_load(&folio->refcount, OCT_RLX), pages = 1u << folio->order;

	if (mapped >= pages || !oct_folio_exclusive_at(folio, guard) || !oct_folio_split(folio, guard))
		return 0;
	OCT_COVER("split-deferred");
	return pages - mapped;
}

/* The leaf table of va. *rest: a huge folio is still there. */
static unsigned split_in_table(struct oct_mm *mm, uintptr_t va, bool *rest)
{
	const struct oct_vma *vma = NULL;
	const struct oct_folio *seen = NULL; /* of which the entries were counted */
	struct oct_pte_guard guard;
	unsigned given = 0;

	*rest = false;
	oct_pte_lock_at(&mm->space, va, &guard);
	if (guard.level == 0) {
		do {
			oct_pte_t pte = oct_pte_get(&guard);
			struct oct_folio *folio;
			unsigned pages;

			if (!oct_pte_present(pte))
				continue;
			if (!vma || guard.va >= vma->end)
				vma = oct_vma_find(&mm->areas, guard.va);
			if (!vma || oct_vma_kind(vma) != OCT_VMA_ANON)
				continue; /* it may be memory without folios */
			folio = oct_folio_of(oct_pte_frame(pte, 0, guard.va));
			if (folio == seen || folio->order != OCT_HUGE_ORDER)
				continue;
			pages = oct_split_partly(folio, &guard);
			given += pages;
			*rest |= !pages;
			seen = folio;
		} while (oct_pte_guard_next(&guard));
	}
	oct_pte_guard_unlock(NULL, &guard);
	return given;
}

unsigned oct_split_deferred(struct oct_mm *mm)
{
	unsigned given = 0;
	uintptr_t va;
	bool rest;

	/* Each stays where it is, or another takes its place in the list. */
	for (uint32_t at = 0; oct_split_noted(&mm->space, at, &va); at += rest) {
		given += split_in_table(mm, va, &rest);
		if (!rest)
			oct_split_forget(&mm->space, va);
	}
	return given;
}

/* ---- The call ---------------------------------------------------------------------------------------- */

int oct_collapse_huge(struct oct_mm *mm, uintptr_t addr, unsigned max_none)
{
	uintptr_t start = addr & ~(OCT_HUGE_BYTES - 1);
	struct oct_announced announced;
	struct oct_folio *folio;
	int error;

	if (!oct_mm_range_ok(mm, start, start + OCT_HUGE_BYTES))
		return -OCT_EINVAL;
	if (oct_deposit_add(&mm->space, 1))
		return -OCT_ENOMEM;
	folio = oct_folio_alloc_pages(OCT_HUGE_ORDER, OCT_HUGE_PAGES);
	error = folio ? 0 : -OCT_ENOMEM;
	if (!error) {
		oct_rwlock_read_lock(&mm->lock);
		oct_announce(&announced, mm, start, start + OCT_HUGE_BYTES);
		error = collapse_in_space(mm, start, max_none, folio);
		oct_announce_end(&announced);
		oct_rwlock_read_unlock(&mm->lock);
	}
	if (!error)
		return 0;
	oct_deposit_drop(&mm->space, 1);
	if (folio)
		oct_folio_put_many(folio, OCT_HUGE_PAGES);
	return error;
}

#else

unsigned oct_split_partly(struct oct_folio *folio, const struct oct_pte_guard *guard)
{
	(void)folio;
	(void)guard;
	return 0;
}

unsigned oct_split_deferred(struct oct_mm *mm)
{
	(void)mm;
	return 0;
}

int oct_collapse_huge(struct oct_mm *mm, uintptr_t addr, unsigned max_none)
{
	(void)mm;
	(void)addr;
	(void)max_none;
	return -OCT_EINVAL; /* there are no huge folios */
}

#endif
