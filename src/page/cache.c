/* cache.c: the radix tree of an object's pages. SPDX-License-Identifier: MIT
 *
 * A node is a page of OCT_USE_CORE: slots of physical addresses, of nodes below or, in a node of level 0, of
 * pages. Bit 0 says that the slot is used, so that page 0 is one like others. The tree is as high as the
 * largest index asked for; a node is at most OCT_INDEX_END's bits deep, so recursion is bounded. */
#include "cache.h"

#ifdef OCT_MODEL
enum { NODE_SHIFT = 3 }; /* what a proof needs is that nodes end */
#else
enum { NODE_SHIFT = OCT_PAGE_SHIFT - 3 };
#endif
enum { SLOTS = 1 << NODE_SHIFT };
#define USED ((oct_phys_t)1)

static oct_phys_t *node_slots(oct_phys_t node)
{
	return oct_port_phys_to_virt(node);
}

static unsigned slot_of(uint64_t index, unsigned level)
{
	return (unsigned)(index >> (level * NODE_SHIFT)) & (SLOTS - 1);
}

/* Is index below what a tree of height covers? */
static bool covers(unsigned height, uint64_t index)
{
	return height * NODE_SHIFT >= 64 || index >> (height * NODE_SHIFT) == 0;
}

/* The slot of index in its node of level 0, NULL if a node is missing. */
static oct_phys_t *find_slot(const struct oct_mapping *mapping, uint64_t index)
{
	oct_phys_t node = mapping->root;

	if (!mapping->height || !covers(mapping->height, index))
		return NULL;
	for (unsigned level = mapping->height - 1; level > 0; level--) {
		oct_phys_t below = node_slots(node)[slot_of(index, level)];

		if (!(below & USED))
			return NULL;
		node = below & ~USED;
	}
	return node_slots(node) + slot_of(index, 0);
}

struct oct_folio *oct_cache_find(const struct oct_mapping *mapping, uint64_t index)
{
	const oct_phys_t *slot = find_slot(mapping, index);

	return slot && (*slot & USED) ? oct_folio_of(*slot & ~USED) : NULL;
}

/* In the node of level whose first index is base. */
static struct oct_folio *next_below(oct_phys_t node, unsigned level, uint64_t base, uint64_t *index,
                                    uint64_t last)
{
	unsigned shift = level * NODE_SHIFT;
	uint64_t slot = *index > base ? (*index - base) >> shift : 0;

	for (; slot < SLOTS && base + (slot << shift) <= last; slot++) {
		oct_phys_t used = node_slots(node)[slot];
		uint64_t first = base + (slot << shift);
		struct oct_folio *folio;

		if (!(used & USED))
			continue;
		if (level == 0) {
			*index = first;
			return oct_folio_of(used & ~USED);
		}
		folio = next_below(used & ~USED, level - 1, first, index, last);
		if (folio)
			return folio;
	}
	return NULL;
}

struct oct_folio *oct_cache_next(const struct oct_mapping *mapping, uint64_t *index, uint64_t last)
{
	if (!mapping->cached || *index > last || !covers(mapping->height, *index))
		return NULL;
	return next_below(mapping->root, mapping->height - 1, 0, index, last);
}

uint64_t oct_cache_last(const struct oct_mapping *mapping, const struct oct_folio *folio, uint64_t index)
{
	uint64_t end = folio->index + ((uint64_t)1 << folio->order);

	while (index + 1 < end && oct_cache_find(mapping, index + 1) == folio)
		index++;
	return index;
}

/* An empty node, OCT_NO_PAGE when there is no memory. */
static oct_phys_t node_alloc(void)
{
	oct_phys_t node = oct_port_page_alloc(0, OCT_USE_CORE);

	for (unsigned i = 0; node != OCT_NO_PAGE && i < SLOTS; i++)
		node_slots(node)[i] = 0;
	return node;
}

int oct_cache_prepare(struct oct_mapping *mapping, uint64_t index)
{
	oct_phys_t node;

	while (!mapping->height || !covers(mapping->height, index)) {
		node = node_alloc();
		if (node == OCT_NO_PAGE)
			return -OCT_ENOMEM;
		if (mapping->height)
			node_slots(node)[0] = mapping->root | USED;
		mapping->root = node;
		mapping->height++;
	}
	node = mapping->root;
	for (unsigned level = mapping->height - 1; level > 0; level--) {
		oct_phys_t *slot = node_slots(node) + slot_of(index, level);

		if (!(*slot & USED)) {
			oct_phys_t below = node_alloc();

			if (below == OCT_NO_PAGE)
				return -OCT_ENOMEM;
			*slot = below | USED;
		}
		node = *slot & ~USED;
	}
	return 0;
}

/* The slot of a page that the caller has made room for, or found. */
static oct_phys_t *slot_there(const struct oct_mapping *mapping, uint64_t index)
{
	oct_phys_t *slot = find_slot(mapping, index);

	if (!slot)
		oct_port_panic("an object's page has no slot");
	return slot;
}

void oct_cache_insert(struct oct_mapping *mapping, struct oct_folio *folio)
{
	*slot_there(mapping, folio->index) = folio->page | USED;
	mapping->cached++;
}

struct oct_folio *oct_cache_replace(struct oct_mapping *mapping, uint64_t index,
                                    const struct oct_folio *folio)
{
	oct_phys_t *slot = slot_there(mapping, index);
	struct oct_folio *old = oct_folio_of(*slot & ~USED);

	*slot = oct_folio_page(folio, index) | USED;
	return old;
}

void oct_cache_remove(struct oct_mapping *mapping, uint64_t index)
{
	*slot_there(mapping, index) = 0;
	mapping->cached--;
}

/* Trims below node, of level. Nothing is left in it. */
static bool trim_node(oct_phys_t node, unsigned level)
{
	bool empty = true;

	for (unsigned i = 0; i < SLOTS; i++) {
		oct_phys_t *slot = node_slots(node) + i;

		if (level > 0 && (*slot & USED) && trim_node(*slot & ~USED, level - 1)) {
			oct_port_page_free(*slot & ~USED, 0, OCT_USE_CORE);
			*slot = 0;
		}
		empty &= !(*slot & USED);
	}
	return empty;
}

void oct_cache_trim(struct oct_mapping *mapping)
{
	if (!mapping->height || !trim_node(mapping->root, mapping->height - 1))
		return;
	oct_port_page_free(mapping->root, 0, OCT_USE_CORE);
	mapping->root = OCT_NO_PAGE;
	mapping->height = 0;
}
