/* entries.c: which word is the entry of which address. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "world.h"

enum { SLOTS = 8192, ANY_LEVEL = OCT_LEVELS };

static struct entry_of slots[SLOTS];
static unsigned used;

/* The slot of an entry of this level under its parent: where it is, or an empty one. A page may be a table of
 * one level in one execution, of another in the next. */
static struct entry_of *slot_of(uint64_t key, uint64_t parent, unsigned level)
{
	unsigned h = (unsigned)(key * 0x9e3779b97f4a7c15ull >> 40) % SLOTS;

	while (slots[h].key && (slots[h].key != key || slots[h].parent != parent || slots[h].level != level))
		h = (h + 1) % SLOTS;
	return &slots[h];
}

/* Where the addresses end that one root has entries for: above are those of the kernel's half. */
static uint64_t end_of_root(void)
{
	return (uint64_t)1 << (OCT_PAGE_SHIFT + OCT_TABLE_SHIFT * OCT_LEVELS);
}

static void gather(oct_phys_t table, unsigned level, uint64_t va, unsigned mm, uint64_t parent)
{
	for (unsigned i = 0; i < OCT_TABLE_ENTRIES; i++) {
		uint64_t *entry = (uint64_t *)frame_address((unsigned)(table >> OCT_PAGE_SHIFT)) + i;
		uint64_t at = va + ((uint64_t)i << (OCT_PAGE_SHIFT + OCT_TABLE_SHIFT * level));
		struct entry e = decode(*entry, level);
		struct entry_of *slot = slot_of((uintptr_t)entry, parent, level);

		if (level == OCT_LEVELS - 1 && world.glue->shared_root && i >= OCT_TABLE_ENTRIES / 2)
			at |= 0 - end_of_root(); /* addresses are sign-extended */
		used += !slot->key;
		*slot = (struct entry_of){(uintptr_t)entry, at, parent, (uint8_t)level, (uint8_t)mm};
		if (!parent && level && e.present && e.table)
			gather(e.phys, level - 1, at, mm, 0);
	}
}

void entries_gather(void)
{
	memset(slots, 0, sizeof(slots));
	used = 0;
	for (unsigned i = 0; i < world.nmm; i++)
		gather(world.glue->root(world.mm[i]), OCT_LEVELS - 1, 0, i, 0);
	if (world.kernel_root && world.nmm && !world.glue->shared_root)
		gather(world.kernel_root, OCT_LEVELS - 1, 0 - end_of_root(), 0, 0);
}

/* Which addresses a table serves is the same in most executions that link it, so what was learnt is kept;
 * whether this execution links it there is asked of the graph. */
void entries_linked(const struct entry_of *p, uint64_t value)
{
	struct entry e = decode(value, p->level);
	char *table = frame_address((unsigned)(e.phys >> OCT_PAGE_SHIFT));

	if (!p->level || !e.present || !e.table || !frame_of(table))
		return;
	if (slot_of((uintptr_t)table, 0, p->level - 1u)->key) /* one of those at the start */
		return;
	if (used > SLOTS - SLOTS / 4)
		explore_fail("too many tables are linked");
	gather(e.phys, p->level - 1u, p->va, p->mm, p->key);
}

/* The first store of this execution that links the table of p where p says. */
static uint16_t link_of(const struct entry_of *p)
{
	const struct graph *g = explore_graph();
	const void *parent = (void *)(uintptr_t)p->parent;
	uint16_t w;

	if (!place_known(parent, sizeof(uint64_t)))
		return NO_EVENT;
	for (w = g->loc[place(parent, sizeof(uint64_t))].first; w != NO_EVENT; w = g->ev[w].co_next) {
		struct entry e = decode(g->ev[w].value, p->level + 1u);

		if (e.present && e.table && e.phys >> OCT_PAGE_SHIFT == frame_of((void *)(uintptr_t)p->key))
			break;
	}
	return w;
}

static bool exists(const struct entry_of *p);

/* level: of the entry; ANY_LEVEL. */
static const struct entry_of *entry_find(uint64_t key, unsigned level)
{
	unsigned h = (unsigned)(key * 0x9e3779b97f4a7c15ull >> 40) % SLOTS;

	for (; slots[h].key; h = (h + 1) % SLOTS)
		if (slots[h].key == key && (level == ANY_LEVEL || slots[h].level == level) &&
		    exists(&slots[h]))
			return &slots[h];
	return NULL;
}

static bool exists(const struct entry_of *p)
{
	return p->key && (!p->parent || (link_of(p) != NO_EVENT && entry_find(p->parent, p->level + 1u)));
}

const struct entry_of *entry_at(uint64_t key)
{
	return entry_find(key, ANY_LEVEL);
}

const struct entry_of *entry_next(const struct entry_of *e)
{
	for (e = e ? e + 1 : slots; e < slots + SLOTS; e++)
		if (exists(e))
			return e;
	return NULL;
}

bool entry_was_hidden(const struct entry_of *p, uint16_t next)
{
	uint16_t link = p->parent ? link_of(p) : NO_EVENT;

	return link != NO_EVENT && next != NO_EVENT && hb_before(explore_graph(), next, link);
}
