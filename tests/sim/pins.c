/* pins.c: the mirror's pins. SPDX-License-Identifier: MIT
 *
 * A page is pinned, read and stored to by its physical address as a device does it, while the space is
 * forked, its pages are taken, or stores are watched; each time the address must show what the device stored
 * (I5), and a child what was there when it was made. */
#include "mirror_internal.h"
#include <octavo/pin.h>

static int due_pin(const struct actor *actor, const struct mirror_page *page, unsigned access)
{
	if (!page->mapped || !(page->prot & access) || past_end(actor, page) || page->file == 2)
		return -OCT_EFAULT;
	return access == OCT_WRITE && page->present && page->protected_by_userfault ? -OCT_EBUSY : 1;
}

/* The device looks at the page; store: and changes it. */
static void use_pin(struct actor *actor, struct range range, struct oct_folio *folio, bool store)
{
	struct mirror_page *page = page_at(actor, range.first);
	uint64_t *word = oct_port_phys_to_virt(folio->page), value = oct_load(word, OCT_RLX);

	if (page->lazy && value == 0)
		*contents(actor, page) = 0;
	if (value != *contents(actor, page))
		differ(actor, "a pin of %#lx shows %#llx, not %#llx", (unsigned long)range.start,
		       (unsigned long long)value, (unsigned long long)*contents(actor, page));
	if (!store)
		return;
	page->lazy = false;
	*contents(actor, page) = fresh_value(actor);
	oct_store(word, *contents(actor, page), OCT_RLX); /* others may copy it meanwhile */
}

/* What would like to have the page, or to copy it. */
static void meddle(struct actor *actor, struct range range)
{
	unsigned was = actor->running;

	switch (pick(actor, 4)) {
	case 0:
		call_fork(actor);
		run_space(actor, was);
		break;
	case 1:
		if (actor->reclaim)
			as_due(actor, CALL_PAGEOUT, &range,
			       oct_madvise_pageout(here(actor)->mm, range.start, range.end), 0);
		break;
	case 2:
		call_clear_refs(actor, range);
		break;
	default:
		oct_port_relax();
		break;
	}
}

static void check_shown(struct actor *actor, struct range range)
{
	struct mirror_page *page = page_at(actor, range.first);
	uint64_t value = 0;

	if ((page->prot & OCT_READ) &&
	    access_done(actor, range.start, OCT_READ, sim_load64(range.start, &value), 0) &&
	    value != *contents(actor, page))
		differ(actor, "%#lx shows %#llx, not %#llx, while it is pinned", (unsigned long)range.start,
		       (unsigned long long)value, (unsigned long long)*contents(actor, page));
}

void call_pin(struct actor *actor)
{
	struct range range = pick_range(actor);
	struct mirror_page *page = page_at(actor, range.first);
	unsigned access = pick(actor, 2) ? OCT_WRITE : OCT_READ;
	struct oct_folio *folio;
	int result = 0;

	range.pages = 1;
	range.end = range.start + PAGE;
	if (page->perhaps_protected || (may_vanish(actor, page) && page->protected_by_userfault))
		return; /* nobody knows */
	if (pick(actor, 2))
		result = oct_gup_fast(here(actor)->mm, range.start, 1, access, &folio);
	if (result == 0)
		result = oct_gup(here(actor)->mm, range.start, 1, access, &folio);
	else
		actor->called[CALL_PIN_FAST] += result == 1;
	actor->called[CALL_IO_FAILS] += result == -OCT_EIO;
	if (excused(actor, result))
		return;
	if (result != due_pin(actor, page, access))
		differ(actor, "a pin of %#lx for %u returned %d, not %d", (unsigned long)range.start, access,
		       result, due_pin(actor, page, access));
	if (result != 1)
		return;
	actor->called[CALL_PIN]++;
	page_becomes_own(actor, page);
	page->present = page->perhaps_soft_dirty = true;
	page->second_known = false;
	if (access == OCT_READ)
		page->dirty = false; /* of a page that more than one had it is a copy, which nobody stored to */
	page->warm = 0;
	perhaps_filled(actor, range.first);
	for (unsigned i = pick(actor, 3) + 1; i; i--) {
		use_pin(actor, range, folio, access == OCT_WRITE);
		meddle(actor, range);
		check_shown(actor, range);
	}
	oct_unpin(folio, access == OCT_WRITE);
}
