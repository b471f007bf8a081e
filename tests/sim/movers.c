/* movers.c: the mirror's calls that nobody may see a trace of. SPDX-License-Identifier: MIT
 *
 * Pages move to other memory, equal ones become one, empty tables go: what each space contains and may do is
 * what it was, which every later access of the mirror looks at. */
#include "mirror_internal.h"
#include <octavo/collapse.h>
#include <octavo/merge.h>
#include <octavo/migrate.h>

static void call_migrate(struct actor *actor)
{
	struct range range = pick_range(actor);
	struct oct_folio *fresh[4];
	unsigned count = 0;
	int moved;

	while (count < 1 + range.first % 4 && (fresh[count] = oct_folio_alloc()))
		count++;
	moved = oct_migrate_pages(here(actor)->mm, range.start, range.end, fresh, count);
	if (moved < 0 || (unsigned)moved > count || (unsigned)moved > range.pages)
		differ(actor, "%d of %u pages moved", moved, count);
	actor->called[CALL_MIGRATE] += moved > 0;
	while (count > (unsigned)moved)
		oct_folio_put(fresh[--count]);
}

/* Two pages of the running space, or of it and of another. Mostly they are made equal first. */
static void call_merge(struct actor *actor)
{
	struct range one = pick_range(actor), two = pick_range(actor);
	unsigned here_now = actor->running, number = pick(actor, 3) ? here_now : pick(actor, MOST_SPACES);
	struct oct_mm *mm = here(actor)->mm, *other = actor->spaces[number].mm;
	uint64_t value = fresh_value(actor);
	struct mirror_page *first, *second;
	int result;

	if (!other || (mm == other && one.first == two.first))
		return;
	if (pick(actor, 4)) {
		store_value(actor, one.first, value);
		run_space(actor, number);
		store_value(actor, two.first, value);
		run_space(actor, here_now);
	}
	result = oct_merge_pages(mm, one.start, other, two.start);
	if (result < 0 && result != -OCT_ENOENT && result != -OCT_EBUSY && result != -OCT_EAGAIN)
		differ(actor, "a merge returned %d", result);
	first = &actor->spaces[here_now].page[one.first];
	second = &actor->spaces[number].page[two.first];
	first->warm = second->warm = 0;
	if (result != 1)
		return;
	actor->called[CALL_MERGE]++;
	if (!first->mapped || !second->mapped || first->shared || second->shared ||
	    (first->file && !first->copied) || (second->file && !second->copied))
		differ(actor, "pages are merged that are not private");
	if (!first->lazy && !second->lazy && first->value != second->value)
		differ(actor, "pages are merged that say %#llx and %#llx", (unsigned long long)first->value,
		       (unsigned long long)second->value);
}

static void call_retract(struct actor *actor)
{
	struct mirror_object *object = &actor->object[pick(actor, 4) == 0];

	/* No area of the mirror spans a whole table: that one would be a difference. tests/unit and scenarios
	 * retract. */
	if (oct_retract_page_tables(&object->mapping, 0, object->most) != 0)
		differ(actor, "a table was retracted that areas share");
	actor->called[CALL_RETRACT]++;
}

/* Whatever is in the block is replaced by private memory, and some of that stored to. */
static void make_block(struct actor *actor, unsigned first, uintptr_t start)
{
	struct range range = {
	    .first = first, .pages = OCT_FOLIO_PAGES, .start = start, .end = start + OCT_FOLIO_BYTES};
	uintptr_t at;

	if (!as_due(actor, CALL_MMAP, &range,
	            oct_mmap(here(actor)->mm, range.start, OCT_FOLIO_BYTES, OCT_READ | OCT_WRITE,
	                     OCT_MAP_FIXED, &at),
	            0))
		return;
	for (unsigned i = first; i < first + OCT_FOLIO_PAGES; i++) {
		page_unmap(actor, page_at(actor, i));
		page_at(actor, i)->mapped = true;
		page_at(actor, i)->prot = OCT_READ | OCT_WRITE;
	}
	/* Where large folios are welcome a block that is not empty gets single pages. */
	if (oct_madvise(here(actor)->mm, start, start + OCT_PAGE_SIZE, OCT_MADV_POPULATE_READ) == 0)
		page_at(actor, first)->present = true;
	for (unsigned i = pick(actor, 4); i < 4; i++)
		store_value(actor, first + pick(actor, OCT_FOLIO_PAGES), fresh_value(actor));
}

/* The block of a page of the slice, which is mostly made fit for it; one that lies in a private anonymous
 * area may become one folio. */
static void call_collapse(struct actor *actor)
{
	struct range range = pick_range(actor);
	unsigned first = range.first - (unsigned)(range.start >> OCT_PAGE_SHIFT) % OCT_FOLIO_PAGES;
	int result;

	if (pick(actor, 4))
		make_block(actor, first, range.start & ~(OCT_FOLIO_BYTES - 1));
	result = oct_collapse(here(actor)->mm, range.start, pick(actor, OCT_FOLIO_PAGES + 1));
	if (result && result != -OCT_EINVAL && result != -OCT_ENOENT && result != -OCT_EBUSY &&
	    !excused(actor, result))
		differ(actor, "a collapse returned %d", result);
	for (unsigned i = first; i < first + OCT_FOLIO_PAGES; i++) {
		struct mirror_page *page = page_at(actor, i);

		page->warm = 0; /* they were in hand, even if they were put back */
		if (!result && (!page->mapped || page->shared || page->file))
			differ(actor, "a block was collapsed that is not private");
		page->perhaps_soft_dirty |= !result;
	}
	if (!result) {
		perhaps_filled(actor, range.first);
		actor->called[CALL_COLLAPSE]++;
	}
}

void call_mover(struct actor *actor)
{
	unsigned kind = pick(actor, 9);

	if (kind < 4)
		call_migrate(actor);
	else if (kind < 7)
		call_merge(actor);
	else if (kind < 8)
		call_retract(actor);
	else
		call_collapse(actor);
}
