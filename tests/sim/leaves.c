/* leaves.c: the mirror's large leaf. SPDX-License-Identifier: MIT
 *
 * A part of the common space that no area covers, mapped by the calls of T0 as a host does that keeps its own
 * areas: one large leaf or contiguous blocks, which are split, joined, protected and unmapped piece by piece,
 * while others do to the same space what they like. An access where nothing is mapped is a signal. */
#include "mirror_internal.h"

#define LEAF_BASE ((uintptr_t)0x3000000000) /* in every format's user half */
enum { ORDER = 9 };

static uintptr_t leaf_va(const struct actor *actor, unsigned index)
{
	return LEAF_BASE + ((uintptr_t)actor->cpu << 30) + index * PAGE;
}

static struct range pick_piece(struct actor *actor)
{
	struct range range = {.first = pick(actor, LEAF_PAGES)};

	range.pages = 1 + pick(actor, pick(actor, 2) ? 32 : LEAF_PAGES);
	if (range.pages > LEAF_PAGES - range.first)
		range.pages = LEAF_PAGES - range.first;
	range.start = leaf_va(actor, range.first);
	range.end = leaf_va(actor, range.first + range.pages);
	return range;
}

static void map_leaf(struct actor *actor, struct mirror_leaf *leaf)
{
	struct range range = {
	    .pages = LEAF_PAGES, .start = leaf_va(actor, 0), .end = leaf_va(actor, LEAF_PAGES)};
	unsigned hint = pick(actor, 4) ? OCT_LARGE : OCT_CONT;

	leaf->first = oct_port_page_alloc(ORDER, OCT_USE_USER);
	if (leaf->first == OCT_NO_PAGE)
		return;
	oct_port_page_clear(leaf->first, ORDER);
	if (!as_due(actor, CALL_TABLE_MAP, &range,
	            oct_table_map(&here(actor)->mm->space, range.start, leaf->first, LEAF_PAGES,
	                          OCT_READ | OCT_WRITE | hint, OCT_NORMAL),
	            0)) {
		oct_port_page_free(leaf->first, ORDER, OCT_USE_USER);
		leaf->first = OCT_NO_PAGE;
		return;
	}
	for (unsigned i = 0; i < LEAF_PAGES; i++) {
		leaf->page[i].mapped = true;
		leaf->page[i].prot = OCT_READ | OCT_WRITE;
		leaf->page[i].value = 0;
	}
}

static void unmap_piece(struct actor *actor, struct mirror_leaf *leaf, struct range range)
{
	struct oct_ticket ticket;
	int result;

	oct_ticket_init(&ticket, &here(actor)->mm->space);
	result = oct_table_unmap(ticket.space, range.start, range.end, false, &ticket);
	oct_ticket_complete(&ticket);
	if (as_due(actor, CALL_TABLE_UNMAP, &range, result, 0))
		for (unsigned i = range.first; i < range.first + range.pages; i++)
			leaf->page[i].mapped = false;
}

static void unmap_leaf(struct actor *actor, struct mirror_leaf *leaf)
{
	struct range range = {
	    .pages = LEAF_PAGES, .start = leaf_va(actor, 0), .end = leaf_va(actor, LEAF_PAGES)};
	struct oct_ticket ticket;

	unmap_piece(actor, leaf, range);
	oct_ticket_init(&ticket, &here(actor)->mm->space);
	if (oct_table_trim(ticket.space, range.start, range.end, &ticket))
		differ(actor, "oct_table_trim refuses a range");
	oct_ticket_complete(&ticket);
	oct_port_page_free(leaf->first, ORDER, OCT_USE_USER);
	leaf->first = OCT_NO_PAGE;
}

static void protect_piece(struct actor *actor, struct mirror_leaf *leaf, struct range range)
{
	unsigned prot = pick(actor, 2) ? OCT_READ | OCT_WRITE : OCT_READ;
	struct oct_ticket ticket;
	int result;

	oct_ticket_init(&ticket, &here(actor)->mm->space);
	result = oct_table_protect(ticket.space, range.start, range.end, prot, &ticket);
	oct_ticket_complete(&ticket);
	if (as_due(actor, CALL_TABLE_PROTECT, &range, result, 0))
		for (unsigned i = range.first; i < range.first + range.pages; i++)
			leaf->page[i].prot = (uint8_t)prot;
}

/* Whether there are pieces that can be joined is not known here. */
static void split_or_merge(struct actor *actor, struct range range)
{
	struct oct_ticket ticket;
	int result;

	oct_ticket_init(&ticket, &here(actor)->mm->space);
	if (pick(actor, 2)) {
		result = oct_table_split(ticket.space, range.start, &ticket);
		oct_ticket_complete(&ticket);
		as_due(actor, CALL_TABLE_SPLIT, &range, result, 0);
		return;
	}
	result = oct_table_merge(ticket.space, range.start, 1, &ticket);
	oct_ticket_complete(&ticket);
	if (result != -OCT_EINVAL && result != -OCT_ENOENT)
		as_due(actor, CALL_TABLE_MERGE, &range, result, 0);
}

static void access_leaf(struct actor *actor, struct mirror_leaf *leaf, unsigned index, bool store)
{
	bool mapped = leaf->first != OCT_NO_PAGE && leaf->page[index].mapped;
	unsigned access = store ? OCT_WRITE : OCT_READ;
	uintptr_t va = leaf_va(actor, index);
	uint64_t value = fresh_value(actor);
	int result = store ? sim_store64(va, value) : sim_load64(va, &value);

	if (!access_done(actor, va, access, result,
	                 mapped && (leaf->page[index].prot & access) ? 0 : -OCT_EFAULT))
		return;
	if (store)
		leaf->page[index].value = value;
	else if (value != leaf->page[index].value)
		differ(actor, "a load of %#lx in a leaf sees %#llx, not %#llx", (unsigned long)va,
		       (unsigned long long)value, (unsigned long long)leaf->page[index].value);
}

void call_leaf(struct actor *actor)
{
	struct mirror_leaf *leaf = &actor->leaf;
	struct range range = pick_piece(actor);
	unsigned kind = pick(actor, 64);

	if (actor->running != 0)
		return;
	if (leaf->first == OCT_NO_PAGE)
		map_leaf(actor, leaf);
	else if (kind < 1)
		unmap_leaf(actor, leaf);
	else if (kind < 3)
		unmap_piece(actor, leaf, range);
	else if (kind < 10)
		protect_piece(actor, leaf, range);
	else if (kind < 26)
		split_or_merge(actor, range);
	else
		access_leaf(actor, leaf, range.first, pick(actor, 2));
}

void leaf_finish(struct actor *actor)
{
	if (actor->leaf.first == OCT_NO_PAGE)
		return;
	for (unsigned i = 0; i < LEAF_PAGES; i++)
		access_leaf(actor, &actor->leaf, i, false);
	unmap_leaf(actor, &actor->leaf);
}
