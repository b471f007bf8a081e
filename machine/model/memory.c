/* memory.c: arena, snapshot, and the places that events happen at. SPDX-License-Identifier: MIT
 *
 * The race starts from a snapshot of the arena and of the scenario's own data. Write hooks mark
 * pages dirty, and only those are copied back. Atomic accesses of the race never touch native
 * memory: their values live in the graph. So the native contents of a place is its initial value,
 * taken when an execution first touches it (plain initialisation before that is seen). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "world.h"

enum { PAGE = 4096, MAX_REGIONS = 8, HASH = 4096 };

struct region {
	char *base;
	size_t size;
	char *image;
	uint8_t *dirty;
	uint32_t *list;
	unsigned ndirty;
};

static struct region regions[MAX_REGIONS];
static unsigned nregions;
static uint16_t hash[HASH]; /* id + 1 */

void memory_add_region(void *base, size_t size)
{
	struct region *r;
	uintptr_t start = (uintptr_t)base & ~(uintptr_t)(PAGE - 1);
	uintptr_t end = ((uintptr_t)base + size + PAGE - 1) & ~(uintptr_t)(PAGE - 1);

	if (nregions == MAX_REGIONS)
		abort();
	r = &regions[nregions++];
	r->base = (char *)start;
	r->size = end - start;
	r->image = malloc(r->size);
	r->dirty = calloc(r->size / PAGE, 1);
	r->list = calloc(r->size / PAGE, sizeof(uint32_t));
	r->ndirty = 0;
	if (!r->image || !r->dirty || !r->list)
		abort();
}

static void drop_regions(unsigned from)
{
	while (nregions > from) {
		struct region *r = &regions[--nregions];

		free(r->image);
		free(r->dirty);
		free(r->list);
	}
}

void memory_init(void)
{
	size_t size = OBJECT_BYTES + (size_t)FRAMES * PAGE;
	void *arena;

	if (world.arena)
		return;
	arena = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED)
		abort();
	world.arena = arena;
	memory_add_region(arena, size);
	memcpy(regions[0].image, arena, size);
}

/* Forget the scenario before: the arena is zero, places are unknown. */
void memory_reset(void)
{
	drop_regions(1);
	for (unsigned i = 0; i < regions[0].size / PAGE; i++)
		regions[0].dirty[i] = 0;
	regions[0].ndirty = 0;
	memset(world.arena, 0, regions[0].size);
	memset(hash, 0, sizeof(hash));
	world.nplaces = 0;
	world.objects_used = 0;
	world.setup_frames = 0;
	world.nobjects = 0;
	memset(world.frames_taken, 0, sizeof(world.frames_taken));
	memset(world.frame_use, 0, sizeof(world.frame_use));
	memset(world.frame_freed, 0, sizeof(world.frame_freed));
}

static uint8_t use_at_start[FRAME_BASE + FRAMES];
static unsigned setup_frames_at_start; /* .final may take pages too */

void memory_snapshot(void)
{
	for (unsigned i = 0; i < nregions; i++) {
		memcpy(regions[i].image, regions[i].base, regions[i].size);
		for (unsigned k = 0; k < regions[i].ndirty; k++)
			regions[i].dirty[regions[i].list[k]] = 0;
		regions[i].ndirty = 0;
	}
	memcpy(use_at_start, world.frame_use, sizeof(use_at_start));
	setup_frames_at_start = world.setup_frames;
}

void memory_restore(void)
{
	for (unsigned i = 0; i < nregions; i++) {
		struct region *r = &regions[i];

		for (unsigned k = 0; k < r->ndirty; k++) {
			size_t at = (size_t)r->list[k] * PAGE;

			memcpy(r->base + at, r->image + at, PAGE);
			r->dirty[r->list[k]] = 0;
		}
		r->ndirty = 0;
	}
	memcpy(world.frame_use, use_at_start, sizeof(use_at_start));
	world.setup_frames = setup_frames_at_start;
	memset(world.frame_freed, 0, sizeof(world.frame_freed));
	memset(world.frames_taken, 0, sizeof(world.frames_taken));
	world.execution++;
}

void memory_touched(const void *address, size_t size)
{
	for (unsigned i = 0; i < nregions; i++) {
		struct region *r = &regions[i];
		size_t offset = (size_t)((const char *)address - r->base);

		if (offset >= r->size)
			continue;
		for (size_t page = offset / PAGE; page <= (offset + size - 1) / PAGE && page < r->size / PAGE;
		     page++)
			if (!r->dirty[page]) {
				r->dirty[page] = 1;
				r->list[r->ndirty++] = (uint32_t)page;
			}
		return;
	}
}

void *memory_object(size_t size)
{
	void *object = world.arena + world.objects_used;

	world.objects_used += (size + 63) & ~(size_t)63;
	if (world.objects_used > OBJECT_BYTES) {
		fprintf(stderr, "octavo: a scenario's setup needs too much memory\n");
		exit(2);
	}
	return object;
}

void memory_roots(void (*found)(const char *base, size_t size))
{
	found(world.arena, world.objects_used);
	for (unsigned i = 1; i < nregions; i++)
		found(regions[i].base, regions[i].size);
}

bool in_arena(const void *address)
{
	return (size_t)((const char *)address - world.arena) < OBJECT_BYTES + (size_t)FRAMES * PAGE;
}

unsigned frame_of(const void *address)
{
	size_t offset = (size_t)((const char *)address - world.arena);

	if (offset < OBJECT_BYTES || offset >= OBJECT_BYTES + (size_t)FRAMES * PAGE)
		return 0;
	return FRAME_BASE + (unsigned)((offset - OBJECT_BYTES) / PAGE);
}

char *frame_address(unsigned frame)
{
	return world.arena + OBJECT_BYTES + (size_t)(frame - FRAME_BASE) * PAGE;
}

/* ---- places ----------------------------------------------------------------------------------- */

static uint16_t find_place(uint64_t key)
{
	unsigned h = (unsigned)(key * 0x9e3779b97f4a7c15ull >> 40) % HASH;

	while (hash[h] && world.places[hash[h] - 1].key != key)
		h = (h + 1) % HASH;
	if (hash[h])
		return (uint16_t)(hash[h] - 1);
	if (world.nplaces == MAX_LOCATIONS) {
		fprintf(stderr, "octavo: a scenario uses too many shared places\n");
		exit(2);
	}
	hash[h] = (uint16_t)(world.nplaces + 1);
	world.places[world.nplaces] = (struct place_of){.key = key};
	return (uint16_t)world.nplaces++;
}

/* Has this execution touched a place of the graph that is exactly this memory? */
bool place_known(const void *address, unsigned size)
{
	uint64_t key = (uintptr_t)address;
	unsigned h = (unsigned)(key * 0x9e3779b97f4a7c15ull >> 40) % HASH;

	while (hash[h] && world.places[hash[h] - 1].key != key)
		h = (h + 1) % HASH;
	return hash[h] && world.places[hash[h] - 1].touched == world.execution &&
	       world.places[hash[h] - 1].size == size;
}

static uint64_t native_value(const void *address, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, address, size);
	return value;
}

/* Slots of tables that the race makes are cleared by events of it: those that somebody looks at, which is
 * learnt. */
static void learn_slot(const struct place_of *p, const void *address)
{
	unsigned slot = (unsigned)((uintptr_t)address & (PAGE - 1)) / 8;

	if (!in_race() || p->size != 8 || p->frame < FRAME_BASE + SETUP_FRAMES ||
	    world.frame_use[p->frame] != 1 + OCT_USE_TABLE || slot >= 64 || (world.table_slots >> slot & 1))
		return;
	world.table_slots |= 1ull << slot;
	search_again();
}

uint16_t place(const void *address, unsigned size)
{
	uint16_t id = find_place((uintptr_t)address);
	struct place_of *p = &world.places[id];

	if (p->touched == world.execution)
		return id;
	p->touched = world.execution;
	p->size = (uint8_t)size;
	p->frame = (uint16_t)frame_of(address);
	p->kind = PLACE_WORD;
	if (p->frame && world.frame_use[p->frame] == 1 + OCT_USE_USER)
		p->kind = PLACE_FRAME;
	learn_slot(p, address);
	world.rules.init[id] = native_value(address, size);
	return id;
}

uint16_t place_made_up(uint64_t key, enum place kind, uint64_t initial)
{
	uint16_t id = find_place(key);
	struct place_of *p = &world.places[id];

	p->size = 8;
	p->frame = 0;
	p->kind = (uint8_t)kind;
	p->touched = world.execution;
	world.rules.init[id] = initial;
	return id;
}

uint64_t root_key(unsigned cpu, unsigned asid)
{
	return 0x1000 + cpu * 256 + asid;
}

void memory_settle(void)
{
	const struct graph *g = explore_graph();

	for (unsigned id = 0; id < world.nplaces && id < g->nloc; id++) {
		const struct place_of *p = &world.places[id];
		void *address = (void *)(uintptr_t)p->key;

		if (p->kind == PLACE_ROOT || g->loc[id].last == NO_EVENT)
			continue;
		memcpy(address, &g->ev[g->loc[id].last].value, p->size);
		memory_touched(address, p->size);
	}
}

/* ---- the scenario's own data between variants ---------------------------------------------------- */

static char *originals[MAX_REGIONS];

void memory_data_keep(void)
{
	for (unsigned i = 1; i < nregions; i++) {
		originals[i] = malloc(regions[i].size);
		if (!originals[i])
			abort();
		memcpy(originals[i], regions[i].base, regions[i].size);
	}
}

void memory_data_restore(void)
{
	for (unsigned i = 1; i < nregions; i++) {
		memcpy(regions[i].base, originals[i], regions[i].size);
		free(originals[i]);
		originals[i] = NULL;
	}
	drop_regions(1);
}
