/* calls.c: the mirror's calls beyond the first: advice, policy, reset, reclaim. SPDX-License-Identifier: MIT
 */
#include "mirror_internal.h"

/* ---- Advice ------------------------------------------------------------------------------------------ */
static void call_free(struct actor *actor, struct range range)
{
	bool other = false;
	int result;

	for (unsigned i = range.first; i < range.first + range.pages; i++)
		other |= page_at(actor, i)->shared || page_at(actor, i)->file;
	result = oct_madvise(here(actor)->mm, range.start, range.end, OCT_MADV_FREE);
	if (!as_due(actor, CALL_FREE, &range, result, other ? -OCT_EINVAL : 0))
		return;
	for (unsigned i = range.first; i < range.first + range.pages; i++) {
		struct mirror_page *page = page_at(actor, i);

		page->lazy |= page->mapped;
		page->dirty = page->second_known = false;
		page->aged = true;
		page->warm = 0;
	}
}

/* What the fault of populate says of one page. */
static int due_populate(const struct actor *actor, const struct mirror_page *page, unsigned access)
{
	if (!page->mapped)
		return -OCT_ENOMEM;
	if (!(page->prot & access) || past_end(actor, page))
		return -OCT_EACCES;
	return access == OCT_WRITE && page->present && page->protected_by_userfault ? -OCT_EBUSY : 0;
}

static void call_populate(struct actor *actor, struct range range, unsigned access)
{
	unsigned last = range.first;
	int result, due = 0;

	for (unsigned i = range.first; i < range.first + range.pages; i++)
		if (page_at(actor, i)->perhaps_protected ||
		    (page_at(actor, i)->file && (actor->may_fail || actor->io_fails)) ||
		    (may_vanish(actor, page_at(actor, i)) && page_at(actor, i)->protected_by_userfault))
			return; /* nobody knows */
	while (last < range.first + range.pages && !(due = due_populate(actor, page_at(actor, last), access)))
		last++;
	result = oct_madvise(here(actor)->mm, range.start, range.end,
	                     access == OCT_WRITE ? OCT_MADV_POPULATE_WRITE : OCT_MADV_POPULATE_READ);
	actor->called[CALL_IO_FAILS] += result == -OCT_EIO;
	if (excused(actor, result)) {
		/* Some of them came, or were written. */
		for (unsigned i = range.first; i < last; i++) {
			struct mirror_page *page = page_at(actor, i);

			page->warm = 0;
			page->perhaps_present |= !page->present;
			page->perhaps_soft_dirty |= access == OCT_WRITE;
		}
		return;
	}
	as_due(actor, CALL_POPULATE, &range, result, due);
	for (unsigned i = range.first; i < last; i++) {
		struct mirror_page *page = page_at(actor, i);

		page->present = true;
		page->warm = 0;
		if (access == OCT_WRITE) {
			page_becomes_own(actor, page);
			page->soft_dirty = page->dirty = true; /* lazy: with what was left of it */
			perhaps_filled(actor, i);
		}
	}
}

static void call_large(struct actor *actor, struct range range)
{
	static const enum oct_advice advice[] = {OCT_MADV_HUGEPAGE, OCT_MADV_NOHUGEPAGE, OCT_MADV_NORMAL};
	bool hole = false;

	for (unsigned i = range.first; i < range.first + range.pages; i++)
		hole |= !page_at(actor, i)->mapped;
	as_due(actor, CALL_ADVISE, &range,
	       oct_madvise(here(actor)->mm, range.start, range.end, advice[pick(actor, 3)]),
	       hole ? -OCT_ENOMEM : 0);
}

static void call_pageout(struct actor *actor, struct range range)
{
	if (actor->reclaim)
		as_due(actor, CALL_PAGEOUT, &range,
		       oct_madvise_pageout(here(actor)->mm, range.start, range.end), 0);
}

static void call_reclaim(struct actor *actor)
{
	const struct range nowhere = {0};
	int result;

	if (!actor->reclaim)
		return;
	result = oct_reclaim(actor->reclaim, 1 + pick(actor, 32));
	if (result < 0)
		as_due(actor, CALL_RECLAIM, &nowhere, result, 0);
	else
		actor->reclaimed += (unsigned)result;
	actor->called[CALL_RECLAIM]++;
}

/* ---- Moving ------------------------------------------------------------------------------------------- */
/* All mapped, with equal rights, shared or not, pages of an object in a row. They need not be one area for
 * that. */
static bool uniform(struct actor *actor, struct range range)
{
	const struct mirror_page *first = page_at(actor, range.first);

	for (unsigned i = range.first; i < range.first + range.pages; i++)
		if (!page_at(actor, i)->mapped || page_at(actor, i)->prot != first->prot ||
		    page_at(actor, i)->shared != first->shared || page_at(actor, i)->file != first->file ||
		    page_at(actor, i)->through != first->through ||
		    page_at(actor, i)->index != first->index + (first->file ? i - range.first : 0))
			return false;
	return true;
}

/* A page that grows at index, like its neighbour, which is apart pages before it. */
static void page_grow(struct actor *actor, unsigned index, const struct mirror_page *like, unsigned apart)
{
	struct mirror_page *page = page_at(actor, index);

	page->mapped = true;
	page->prot = like->prot;
	page->shared = like->shared;
	page->file = like->file;
	page->through = like->through;
	page->index = like->file ? like->index + apart : 0;
	if (page->shared) {
		page->cell = cell_take(actor);
		page->present = true;
		page->soft_dirty = like->prot & OCT_WRITE;
	}
}

static void page_move(struct actor *actor, unsigned from, unsigned to)
{
	*page_at(actor, to) = *page_at(actor, from);
	*page_at(actor, from) = (struct mirror_page){0};
	page_at(actor, to)->perhaps_soft_dirty = true; /* if there was an entry */
	page_at(actor, to)->aged = true;
	/* Where others may have touched it. */
	if (actor->cpus > 1 && from < NEAR_PAGES && page_at(actor, to)->mapped &&
	    !page_at(actor, to)->present)
		page_at(actor, to)->perhaps_present = true;
	page_at(actor, to)->warm = 0;
}

/* from [0, pages) becomes new_pages long; to: where. What it replaces is gone. */
static void moved(struct actor *actor, struct range from, struct range to)
{
	const struct mirror_page like = *page_at(actor, from.first);
	bool elsewhere = from.first != to.first;

	for (unsigned i = 0; elsewhere && i < to.pages; i++)
		page_unmap(actor, page_at(actor, to.first + i));
	for (unsigned i = 0; i < from.pages || i < to.pages; i++) {
		if (i >= to.pages)
			page_unmap(actor, page_at(actor, from.first + i));
		else if (i >= from.pages)
			page_grow(actor, to.first + i, &like, i);
		else if (elsewhere)
			page_move(actor, from.first + i, to.first + i);
		if (i < to.pages)
			second_settle(actor, page_at(actor, to.first + i));
	}
}

static void call_mremap(struct actor *actor)
{
	struct range from = pick_range(actor), to = pick_range(actor);
	unsigned flags = OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED;
	bool there = false, same = uniform(actor, from);
	uintptr_t at = 0;
	int result, due = 0;

	if (pick(actor, 3) == 0) { /* in place */
		to.first = from.first;
		to.start = from.start;
		flags = 0;
		if (same && (to.pages > SLICE_PAGES - to.first ||
		             (to.first < NEAR_PAGES && to.first + to.pages > NEAR_PAGES)))
			return;
	} else if (to.start < from.end && from.start < to.end) {
		return;
	}
	/* Others store to pages there, and would make them the space's own. */
	if (same && actor->cpus > 1 && page_at(actor, from.first)->file &&
	    !page_at(actor, from.first)->through && to.first < NEAR_PAGES)
		return;
	for (unsigned i = flags ? 0 : from.pages; i < to.pages && to.first + i < SLICE_PAGES; i++)
		there |= page_at(actor, to.first + i)->mapped;
	if (same && there && flags == 0)
		due = -OCT_ENOMEM;
	else if (same && there && page_at(actor, from.first)->shared && to.pages > from.pages)
		due = -OCT_EINVAL; /* it would fill what it must not replace */
	result = oct_mremap(here(actor)->mm, from.start, from.pages * PAGE, to.pages * PAGE, flags,
	                    flags ? to.start : 0, &at);
	if (!same || result == -OCT_EFAULT) { /* neighbours that were moved are areas of their own */
		if (result == 0 || (same && from.pages == 1))
			differ(actor, "mremap [%#lx, %#lx) returned %d", (unsigned long)from.start,
			       (unsigned long)from.end, result);
		return;
	}
	if (!as_due(actor, CALL_MREMAP, &from, result, due))
		return;
	if (at != to.start)
		differ(actor, "mremap put it at %#lx, not %#lx", (unsigned long)at, (unsigned long)to.start);
	moved(actor, from, to);
	actor->moves += flags != 0;
}

/* ---- The space ----------------------------------------------------------------------------------------- */
/* Only of spaces that nobody else runs. */
static void call_policy(struct actor *actor)
{
	const struct range everything = {.start = 0, .end = ~(uintptr_t)0};
	unsigned policy = pick(actor, 4) | (actor->large ? OCT_MM_LARGE_FOLIOS : 0);

	if (actor->running == 0 && actor->cpus > 1)
		return;
	if (as_due(actor, CALL_POLICY, &everything, oct_mm_set_policy(here(actor)->mm, policy), 0))
		here(actor)->no_write_exec = policy & OCT_MM_NO_WRITE_EXEC;
}

static void call_reset(struct actor *actor)
{
	if (actor->running == 0)
		return;
	oct_mm_reset(here(actor)->mm);
	actor->called[CALL_RESET]++;
	here(actor)->stack.there = here(actor)->stack.blocked = false;
	here(actor)->huge.there = false;
	for (unsigned i = 0; i < SLICE_PAGES; i++)
		page_unmap(actor, page_at(actor, i));
}

/* This CPU goes on without user addresses for a while; others change the tables of the space meanwhile, and
 * so does it. */
static void call_lazy(struct actor *actor)
{
	unsigned was = actor->running;

	oct_space_switch_lazy(actor->system);
	actor->called[CALL_LAZY]++;
	if (pick(actor, 2))
		call_free(actor, pick_range(actor));
	if (pick(actor, 2))
		call_reclaim(actor);
	for (unsigned i = pick(actor, 4); actor->cpus > 1 && i; i--)
		oct_port_relax();
	run_space(actor, pick(actor, 4) ? was : 0);
}

/* A page that the host has: nothing may be there. */
static void call_map_folio(struct actor *actor)
{
	struct mirror_page *page;
	struct oct_folio *folio;
	struct range range;
	unsigned tries = 0;
	uint64_t *words;

	do {
		if (++tries > 32)
			return;
		range = pick_range(actor);
		page = page_at(actor, range.first);
	} while (range.first < NEAR_PAGES || !page->mapped || page->present || page->perhaps_present ||
	         page->file || page->shared || !(page->prot & OCT_READ));
	folio = oct_folio_alloc();
	if (!folio) {
		as_due(actor, CALL_MAP_FOLIO, &range, -OCT_ENOMEM, 0);
		return;
	}
	oct_port_page_clear(folio->page, 0);
	words = oct_port_phys_to_virt(folio->page);
	words[0] = fresh_value(actor);
	if (as_due(actor, CALL_MAP_FOLIO, &range,
	           oct_mm_map_folio(here(actor)->mm, range.start, folio, page->prot), 0)) {
		page->value = words[0];
		page->present = true;
		page->perhaps_soft_dirty = true;
		page->dirty = page->prot & OCT_WRITE;
		page->lazy = page->second_known = page->protected_by_userfault = false;
		page->warm = 0;
	}
	oct_folio_put(folio);
}

void call_other(struct actor *actor)
{
	unsigned kind = pick(actor, 56);

	if (kind < 5)
		call_free(actor, pick_range(actor));
	else if (kind < 9)
		call_populate(actor, pick_range(actor), OCT_READ);
	else if (kind < 13)
		call_populate(actor, pick_range(actor), OCT_WRITE);
	else if (kind < 15)
		call_large(actor, pick_range(actor));
	else if (kind < 20)
		call_pageout(actor, pick_range(actor));
	else if (kind < 27)
		call_reclaim(actor);
	else if (kind < 30)
		call_policy(actor);
	else if (kind < 31)
		call_reset(actor);
	else if (kind < 34)
		call_lazy(actor);
	else if (kind < 37)
		call_map_folio(actor);
	else if (kind < 46)
		call_mremap(actor);
	else if (kind < 48)
		call_supply(actor);
	else
		call_mover(actor);
}
