/* huge.c: the mirror's huge folio. SPDX-License-Identifier: MIT
 *
 * An area of one large leaf's size in each space. Its pages become one leaf (oct_collapse_huge), are stored
 * to, shared by fork, forgotten, watched and paged out in pieces, which takes the leaf apart, and are
 * collapsed again. */
#include "mirror_internal.h"
#include <octavo/collapse.h>

#define HUGE_BASE ((uintptr_t)0x3800000000) /* in every format's user half */

static uintptr_t huge_va(const struct actor *actor, unsigned index)
{
	return HUGE_BASE + ((uintptr_t)actor->cpu << 30) + index * PAGE;
}

static struct range pick_piece(struct actor *actor)
{
	struct range range = {.first = pick(actor, LEAF_PAGES)};

	range.pages = 1 + pick(actor, pick(actor, 2) ? 32 : LEAF_PAGES);
	if (range.pages > LEAF_PAGES - range.first)
		range.pages = LEAF_PAGES - range.first;
	if (pick(actor, 8) == 0)
		range = (struct range){.pages = LEAF_PAGES};
	range.start = huge_va(actor, range.first);
	range.end = huge_va(actor, range.first + range.pages);
	return range;
}

/* Nothing was stored to it yet. replace: whatever was there goes. */
static void map_huge(struct actor *actor, struct mirror_huge *huge, bool replace)
{
	struct range range = {
	    .pages = LEAF_PAGES, .start = huge_va(actor, 0), .end = huge_va(actor, LEAF_PAGES)};
	unsigned flags = replace ? OCT_MAP_FIXED : OCT_MAP_FIXED_NOREPLACE;
	uintptr_t at;

	if (!as_due(
	        actor, CALL_MMAP, &range,
	        oct_mmap(here(actor)->mm, range.start, LEAF_PAGES * PAGE, OCT_READ | OCT_WRITE, flags, &at),
	        0))
		return;
	huge->there = true;
	for (unsigned i = 0; i < LEAF_PAGES; i++)
		huge->value[i] = 0;
}

static void forget(struct mirror_huge *huge, struct range range)
{
	for (unsigned i = range.first; i < range.first + range.pages; i++)
		huge->value[i] = 0;
}

static void access_huge(struct actor *actor, struct mirror_huge *huge, unsigned index, bool store)
{
	uintptr_t va = huge_va(actor, index);
	uint64_t value = fresh_value(actor);
	int result = store ? sim_store64(va, value) : sim_load64(va, &value);

	if (!access_done(actor, va, store ? OCT_WRITE : OCT_READ, result, huge->there ? 0 : -OCT_EFAULT))
		return;
	if (store)
		huge->value[index] = value;
	else if (value != huge->value[index])
		differ(actor, "a load of %#lx in a huge folio sees %#llx, not %#llx", (unsigned long)va,
		       (unsigned long long)value, (unsigned long long)huge->value[index]);
}

/* Of what is there, which may be shared, or out; or of what is made fit for it: then reclaim alone may
 * object. */
static void collapse(struct actor *actor, struct mirror_huge *huge)
{
	bool fit = pick(actor, 2);
	int result;

	if (fit) {
		map_huge(actor, huge, true);
		for (unsigned i = 1 + pick(actor, 4); i > 0; i--)
			access_huge(actor, huge, pick(actor, LEAF_PAGES), true);
	}
	result = oct_collapse_huge(here(actor)->mm, huge_va(actor, pick(actor, LEAF_PAGES)),
	                           fit || pick(actor, 2) ? LEAF_PAGES : pick(actor, LEAF_PAGES));
	if (result && result != -OCT_ENOENT && result != -OCT_EBUSY && !excused(actor, result))
		differ(actor, "a collapse to a leaf returned %d", result);
	actor->called[CALL_COLLAPSE_HUGE] += !result;
}

void call_huge(struct actor *actor)
{
	struct mirror_huge *huge = &here(actor)->huge;
	struct oct_mm *mm = here(actor)->mm;
	struct range range = pick_piece(actor);
	unsigned kind = pick(actor, 64);

	if (!huge->there) {
		map_huge(actor, huge, false);
	} else if (kind < 1) {
		range = (struct range){
		    .pages = LEAF_PAGES, .start = huge_va(actor, 0), .end = huge_va(actor, LEAF_PAGES)};
		if (as_due(actor, CALL_MUNMAP, &range, oct_munmap(mm, range.start, range.pages * PAGE), 0))
			huge->there = false;
	} else if (kind < 3) {
		if (as_due(actor, CALL_DONTNEED, &range, oct_madvise_dontneed(mm, range.start, range.end), 0))
			forget(huge, range);
	} else if (kind < 4) {
		as_due(actor, CALL_CLEAR_REFS, &range, oct_clear_refs(mm, range.start, range.end), 0);
	} else if (kind < 5 && actor->reclaim) {
		as_due(actor, CALL_PAGEOUT, &range, oct_madvise_pageout(mm, range.start, range.start + PAGE),
		       0);
	} else if (kind < 14) {
		collapse(actor, huge);
	} else {
		access_huge(actor, huge, range.first, pick(actor, 2));
	}
}

void huge_finish(struct actor *actor)
{
	struct mirror_huge *huge = &here(actor)->huge;

	for (unsigned i = 0; huge->there && i < LEAF_PAGES; i++)
		access_huge(actor, huge, i, false);
}
