/* entries.c: which word is the entry of which address. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "world.h"

enum { SLOTS = 8192 };

static struct entry_of slots[SLOTS];

static unsigned slot_of(uint64_t key)
{
	unsigned h = (unsigned)(key * 0x9e3779b97f4a7c15ull >> 40) % SLOTS;

	while (slots[h].key && slots[h].key != key)
		h = (h + 1) % SLOTS;
	return h;
}

static void gather(oct_phys_t table, unsigned level, uint64_t va, unsigned mm)
{
	for (unsigned i = 0; i < OCT_TABLE_ENTRIES; i++) {
		uint64_t *entry = (uint64_t *)oct_port_phys_to_virt(table) + i;
		uint64_t at = va + ((uint64_t)i << (OCT_PAGE_SHIFT + OCT_TABLE_SHIFT * level));
		struct entry e = decode(*entry, level);

		slots[slot_of((uintptr_t)entry)] =
		    (struct entry_of){(uintptr_t)entry, at, (uint8_t)level, (uint8_t)mm};
		if (level && e.present && e.table)
			gather(e.phys, level - 1, at, mm);
	}
}

void entries_gather(void)
{
	memset(slots, 0, sizeof(slots));
	for (unsigned i = 0; i < world.nmm; i++)
		gather(world.glue->root(world.mm[i]), OCT_LEVELS - 1, 0, i);
}

const struct entry_of *entry_at(uint64_t key)
{
	const struct entry_of *e = &slots[slot_of(key)];

	return e->key ? e : NULL;
}

const struct entry_of *entry_next(const struct entry_of *e)
{
	for (e = e ? e + 1 : slots; e < slots + SLOTS; e++)
		if (e->key)
			return e;
	return NULL;
}
