/* collapse.c: the single pages of a block become one large folio. SPDX-License-Identifier: MIT
 *
 * One lock section of the leaf table, as in migrate.c: what is there is looked at; each page is taken, its
 * entry exchanged for a broken one, and compared with what it should have in references; one flush for all;
 * the contents are copied, and the block is stored. If a page turns out to be held by somebody, all are put
 * back as they were taken.
 *
 * Why no store is lost (I2; races 26). A CPU stores through what its TLB has until the flush is complete,
 * before the copy; afterwards it finds a broken entry and waits in its fault for the lock. A device stores
 * through a pin: it was given before the page was taken, and is seen in the count; or it is not given,
 * because the entry has gone (pin.c), or is believed only after the entry has come back. Why no bit is lost
 * (I3, I10). Young and soft-dirty of the block are those of any of its entries as the exchange returned them;
 * dirty is set, since the contents are nowhere else.
 *
 * Why nobody is misled (I4). The lock is held from the first exchange to the last store: who unmaps, forgets
 * or protects finds pages, before or after; who had done so before and not flushed left his stamp, and
 * oct_set_ptes completes that first (F6). Where nothing was mapped the copy has zeros, as a fault would have
 * given. It gives no right that each of the entries did not have, but for those places: there it gives no
 * more than to the others, and says that they were stored to.
 *
 * Why the old pages are not reused too early (I1). Their references go through the ticket. */
#include <octavo/collapse.h>
#include <octavo/contpte.h>
#include <octavo/pin.h>
#include <octavo/userfault.h>
#include "../space/walk.h"
#include "../tlb/authority.h"
#include "../notify/notifier.h"

#if OCT_FOLIO_ORDER > 0

struct block {
	const struct oct_mm *mm;
	struct oct_pte_guard first;     /* locked: the first entry */
	oct_pte_t old[OCT_FOLIO_PAGES]; /* as taken; 0: nothing was there */
};

static bool is_zero(const struct block *block, oct_pte_t pte)
{
	return oct_pte_none(pte) || oct_mm_is_zero(block->mm, pte);
}

/* May the entry of va take part? A glance, but for the lock. It may be one of a contiguous block, of a folio
 * that was split: the first exchange takes that apart. */
static bool may_take(const struct block *block, oct_pte_t pte, uintptr_t va)
{
	const struct oct_folio *folio;

	if (oct_pte_present(pte) && oct_pte_uffd_wp(pte))
		return false; /* the zero page's too: its store is an event */
	if (is_zero(block, pte))
		return true;
	if (!oct_pte_present(pte))
		return false;
	folio = oct_folio_of(oct_pte_frame(pte, 0, va));
	return !folio->order && !folio->mapping && oct_folio_exclusive(folio);
}

/* 0, or why the block is left alone. */
static int look(const struct block *block, unsigned max_none, bool holes)
{
	unsigned zeros = 0;

	for (unsigned i = 0; i < OCT_FOLIO_PAGES; i++) {
		oct_pte_t pte = oct_load(block->first.pte + i, OCT_RLX); /* judged again by the exchange */

		if (!may_take(block, pte, block->first.va + i * OCT_PAGE_SIZE))
			return -OCT_EBUSY;
		if (oct_pte_none(pte) && !holes)
			return -OCT_ENOENT;
		zeros += is_zero(block, pte);
	}
	return zeros > max_none || zeros == OCT_FOLIO_PAGES ? -OCT_ENOENT : 0;
}

static void put_back(struct block *block, unsigned count)
{
	OCT_COVER("collapse-put-back");
	for (unsigned i = 0; i < count; i++)
		if (block->old[i])
			oct_entry_put_back(&block->first, block->first.pte + i,
			                   block->first.va + i * OCT_PAGE_SIZE, block->old[i]);
}

/* false: somebody holds one of the pages; all entries are as they were. */
static bool take(struct block *block, struct oct_ticket *ticket)
{
	for (unsigned i = 0; i < OCT_FOLIO_PAGES; i++) {
		oct_pte_t *entry = block->first.pte + i;

		block->old[i] = 0;
		if (oct_pte_none(oct_load(entry, OCT_RLX))) /* changes under the lock only */
			continue;
		/* The ticket has the verdict. */
		(void)!oct_entry_change(ticket, &block->first, entry, block->first.va + i * OCT_PAGE_SIZE,
		                        oct_pte_broken(), &block->old[i]);
		if (!is_zero(block, block->old[i]) &&
		    !oct_folio_alone(oct_folio_of(oct_pte_phys(block->old[i])), 1)) {
			put_back(block, i + 1);
			return false;
		}
	}
	return true;
}

/* The first entry of the block that takes the place of what was taken. */
static oct_pte_t block_entry(const struct block *block, oct_phys_t page)
{
	unsigned prot = OCT_PROT_MASK;
	bool young = false, soft_dirty = false;
	oct_pte_t pte;

	for (unsigned i = 0; i < OCT_FOLIO_PAGES; i++) {
		oct_pte_t old = block->old[i];

		if (old)
			young |= oct_pte_young(old);
		if (is_zero(block, old))
			continue;
		prot &= oct_pte_prot(old);
		soft_dirty |= oct_pte_soft_dirty(old);
	}
	pte = oct_pte_mkdirty(oct_pte_make(page, prot, OCT_NORMAL));
	if (young)
		pte = oct_pte_mkyoung(pte);
	return soft_dirty || (prot & OCT_WRITE) ? oct_pte_mk_soft_dirty(pte) : pte;
}

/* Flushed: nobody uses the pages by the old entries. */
static void fill(const struct block *block, const struct oct_folio *to)
{
	for (unsigned i = 0; i < OCT_FOLIO_PAGES; i++) {
		oct_phys_t page = to->page + i * OCT_PAGE_SIZE;

		if (is_zero(block, block->old[i]))
			oct_port_page_clear(page, 0);
		else
			oct_port_page_copy(page, oct_pte_phys(block->old[i]), 0);
	}
}

/* The block is locked. Uses folio if it returns 0. */
static int collapse_locked(struct block *block, const struct oct_vma *vma, unsigned max_none,
                           struct oct_folio *folio, struct oct_ticket *ticket)
{
	int error = look(block, max_none, !oct_vma_has_uffd(vma, OCT_UFFD_MISSING));
	oct_pte_t pte;

	if (error)
		return error;
	if (!take(block, ticket))
		return -OCT_EBUSY;
	OCT_COVER("collapsed");
	oct_ticket_flush(ticket, &block->first);
	fill(block, folio);
	oct_anon_born(block->mm, vma, block->first.va, folio);
	pte = block_entry(block, folio->page);
	if (oct_pte_exec(pte))
		oct_port_icache_sync(folio->page, OCT_FOLIO_ORDER);
	oct_set_ptes(NULL, &block->first, pte, OCT_FOLIO_PAGES);
	for (unsigned i = 0; i < OCT_FOLIO_PAGES; i++)
		if (!is_zero(block, block->old[i]))
			oct_ticket_free_page(ticket, &block->first, oct_pte_phys(block->old[i]));
	return 0;
}

static int collapse_in_space(struct oct_mm *mm, uintptr_t start, unsigned max_none, struct oct_folio *folio)
{
	const struct oct_vma *vma = oct_vma_find(&mm->areas, start);
	struct block block = {.mm = mm};
	struct oct_ticket ticket;
	int error = -OCT_ENOENT;

	if (!vma || oct_vma_kind(vma) != OCT_VMA_ANON || vma->end - start < OCT_FOLIO_BYTES ||
	    (vma->flags & OCT_VMA_NOHUGE))
		return -OCT_EINVAL;
	oct_ticket_init(&ticket, &mm->space);
	oct_pte_lock_at(&mm->space, start, &block.first);
	if (block.first.level && oct_pte_present(block.first.upper))
		error = -OCT_EBUSY; /* it is more already */
	if (!block.first.level)
		error = collapse_locked(&block, vma, max_none, folio, &ticket);
	oct_pte_guard_unlock(&ticket, &block.first);
	oct_ticket_complete(&ticket);
	return error;
}

int oct_collapse(struct oct_mm *mm, uintptr_t addr, unsigned max_none)
{
	uintptr_t start = addr & ~(OCT_FOLIO_BYTES - 1);
	struct oct_announced announced;
	struct oct_folio *folio;
	int error;

	if (!oct_mm_range_ok(mm, start, start + OCT_FOLIO_BYTES))
		return -OCT_EINVAL;
	folio = oct_folio_alloc_pages(OCT_FOLIO_ORDER, OCT_FOLIO_PAGES);
	if (!folio)
		return -OCT_ENOMEM;
	oct_rwlock_read_lock(&mm->lock);
	oct_announce(&announced, mm, start, start + OCT_FOLIO_BYTES);
	error = collapse_in_space(mm, start, max_none, folio);
	oct_announce_end(&announced);
	oct_rwlock_read_unlock(&mm->lock);
	if (error)
		oct_folio_put_many(folio, OCT_FOLIO_PAGES);
	return error;
}

#else

int oct_collapse(struct oct_mm *mm, uintptr_t addr, unsigned max_none)
{
	(void)mm;
	(void)addr;
	(void)max_none;
	return -OCT_EINVAL; /* there are no large folios */
}

#endif
