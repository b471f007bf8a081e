/* supply.c: the mirror's handler of a userfault. SPDX-License-Identifier: MIT
 *
 * From time to time an actor maps a region whose missing pages are events, is its own handler for a while,
 * and unmaps it. Other CPUs access the second words meanwhile: whatever they meet, it makes no page. */
#include "mirror_internal.h"
#include <octavo/userfault.h>

enum { PAGES = 16 };
#define SUPPLY_BASE ((uintptr_t)0x18000000) /* near enough for all to share a leaf table */

/* What a page must be. */
struct supplied {
	bool there, protected, lost;
	uint64_t value;
};

struct region {
	struct actor *actor;
	struct oct_mm *mm;
	struct supplied page[PAGES];
};

static uintptr_t region_va(unsigned cpu, unsigned index)
{
	return SUPPLY_BASE + (uintptr_t)(cpu * PAGES + index) * PAGE;
}

static uintptr_t va_of(const struct region *region, unsigned index)
{
	return region_va(region->actor->cpu, index);
}

/* Is result what is due: 1 page, or an error? true: it was done. */
static bool one_done(const struct region *region, enum mirror_call call, unsigned index, int result, int due)
{
	struct actor *actor = region->actor;

	if (excused(actor, result))
		return false;
	if (result != due)
		differ(actor, "%s of %#lx returned %d, not %d", mirror_call_name(call),
		       (unsigned long)va_of(region, index), result, due);
	actor->called[call] += result == 1;
	return result == 1;
}

static int fill_page(void *arg, uintptr_t va, oct_phys_t to)
{
	uint64_t *words = oct_port_phys_to_virt(to);

	(void)va;
	oct_port_page_clear(to, 0);
	words[0] = *(uint64_t *)arg;
	return 0;
}

static void call_copy(struct region *region, unsigned index)
{
	struct supplied *page = &region->page[index];
	unsigned flags = pick(region->actor, 3) ? 0 : OCT_UFFD_PROTECTED, how = pick(region->actor, 3);
	int result, due = page->there ? -OCT_EEXIST : 1;
	uint64_t value = fresh_value(region->actor);

	if (how == 0) {
		struct oct_folio *folio = oct_folio_alloc();

		if (!folio)
			return;
		fill_page(&value, 0, folio->page);
		result = oct_uffd_copy(region->mm, va_of(region, index), 1, folio->page, flags);
		oct_folio_put(folio);
	} else if (how == 1) {
		result = oct_uffd_fill(region->mm, va_of(region, index), 1, fill_page, &value, flags);
	} else {
		result = oct_uffd_zeropage(region->mm, va_of(region, index), 1, flags);
		value = 0;
	}
	if (one_done(region, how == 2 ? CALL_UFFD_ZEROPAGE : CALL_UFFD_COPY, index, result, due))
		*page = (struct supplied){true, page->protected || flags, false, value};
}

static void call_move(struct region *region, unsigned to, unsigned from)
{
	struct supplied *page = &region->page[to], *source = &region->page[from];
	int result, due = page->there ? -OCT_EEXIST : source->there ? 1 : -OCT_ENOENT;

	if (to == from)
		return;
	result = oct_uffd_move(region->mm, va_of(region, to), va_of(region, from), 1, 0);
	if (region->actor->reclaim && result == -OCT_EBUSY && due == 1)
		return; /* it is at work on the page */
	if (!one_done(region, CALL_UFFD_MOVE, to, result, due))
		return;
	*page = (struct supplied){true, page->protected, false, source->value};
	*source = (struct supplied){false, false, false, 0};
}

static void call_poison(struct region *region, unsigned index)
{
	struct supplied *page = &region->page[index];

	if (one_done(region, CALL_UFFD_POISON, index, oct_uffd_poison(region->mm, va_of(region, index), 1),
	             page->there ? -OCT_EEXIST : 1))
		page->lost = true;
}

static void call_protect(struct region *region, unsigned index)
{
	unsigned pages = 1 + pick(region->actor, PAGES - index);
	const struct range range = {index, pages, va_of(region, index), va_of(region, index) + pages * PAGE};
	bool enable = pick(region->actor, 3);

	if (as_due(region->actor, CALL_USERFAULT, &range,
	           oct_uffd_writeprotect(region->mm, range.start, range.end, enable), 0))
		for (unsigned i = index; i < index + pages; i++)
			region->page[i].protected = enable;
}

static void call_forget(struct region *region, unsigned index)
{
	const struct range range = {index, 1, va_of(region, index), va_of(region, index) + PAGE};

	if (as_due(region->actor, CALL_DONTNEED, &range,
	           oct_madvise_dontneed(region->mm, range.start, range.end), 0))
		region->page[index] = (struct supplied){false, false, false, 0};
}

static void access_page(struct region *region, unsigned index)
{
	struct supplied *page = &region->page[index];
	unsigned access = pick(region->actor, 2) ? OCT_WRITE : OCT_READ;
	uint64_t value = fresh_value(region->actor);
	uintptr_t va = va_of(region, index);
	struct oct_uffd_event event = {0};
	int due = page->lost ? -OCT_EFAULT : !page->there ? -OCT_EBUSY : 0, result;

	if (access == OCT_WRITE && page->protected && !due)
		due = -OCT_EBUSY;
	if (due == -OCT_EBUSY && pick(region->actor, 2)) {
		unsigned tries = 0;

		/* From swap it comes first, and the access is made again. */
		do
			result = oct_uffd_fault(region->mm, va, access, &event);
		while (result == OCT_FAULT_DONE && page->there && region->actor->reclaim && ++tries < 16);
		if (!excused(region->actor, result) && result != OCT_FAULT_RETRY &&
		    (result != OCT_FAULT_EVENT || event.va != va ||
		     event.mode != (page->there ? OCT_UFFD_WP : OCT_UFFD_MISSING)))
			differ(region->actor, "a fault at %#lx returned %d, mode %u", (unsigned long)va,
			       result, (unsigned)event.mode);
		region->actor->called[CALL_UFFD_EVENT] += result == OCT_FAULT_EVENT;
		return;
	}
	if (due != -OCT_EBUSY)
		oct_uffd_wait(region->mm, va, access); /* nothing to wait for */
	result = access == OCT_WRITE ? sim_store64(va, value) : sim_load64(va, &value);
	if (!access_done(region->actor, va, access, result, due))
		return;
	if (access == OCT_READ && value != page->value)
		differ(region->actor, "a load of %#lx sees %#llx, not %#llx", (unsigned long)va,
		       (unsigned long long)value, (unsigned long long)page->value);
	page->value = value;
}

static void handle(struct region *region)
{
	unsigned index = pick(region->actor, PAGES);

	switch (pick(region->actor, 16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		call_copy(region, index);
		break;
	case 4:
	case 5:
		call_move(region, index, pick(region->actor, PAGES));
		break;
	case 6:
		call_poison(region, index);
		break;
	case 7:
		call_protect(region, index);
		break;
	case 8:
		call_forget(region, index);
		break;
	default:
		access_page(region, index);
		break;
	}
	oct_uffd_wake(region->mm);
}

/* A region of somebody else: any answer is fine. */
static void touch_others(struct actor *actor)
{
	uintptr_t va = region_va(pick(actor, actor->cpus), pick(actor, PAGES)) + 8;
	uint64_t value;

	if (pick(actor, 2))
		(void)!sim_store64(va, fresh_value(actor));
	else
		(void)!sim_load64(va, &value);
}

void call_supply(struct actor *actor)
{
	struct region region = {.actor = actor, .mm = here(actor)->mm};
	const struct range range = {0, PAGES, region_va(actor->cpu, 0), region_va(actor->cpu, PAGES)};
	uintptr_t at;

	for (unsigned i = pick(actor, 8); actor->running == 0 && i > 0; i--)
		touch_others(actor);
	if (!as_due(actor, CALL_MMAP, &range,
	            oct_mmap(region.mm, range.start, PAGES * PAGE, OCT_NONE, OCT_MAP_FIXED_NOREPLACE, &at),
	            0))
		return;
	/* Others get at it when missing pages are events, not before. */
	if (as_due(actor, CALL_UFFD_REGISTER, &range,
	           oct_uffd_register(region.mm, range.start, range.end, OCT_UFFD_MISSING | OCT_UFFD_WP), 0) &&
	    as_due(actor, CALL_MPROTECT, &range,
	           oct_mprotect(region.mm, range.start, PAGES * PAGE, OCT_READ | OCT_WRITE), 0))
		for (unsigned i = 16 + pick(actor, 32); i > 0; i--)
			handle(&region);
	if (oct_munmap(region.mm, range.start, PAGES * PAGE))
		differ(actor, "unmapping a whole region fails");
}
