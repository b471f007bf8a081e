/* leaks.c: what the race allocated and nobody can free any more. SPDX-License-Identifier: MIT
 *
 * At the end of an execution, with its final values in memory. User pages have references: a page that was
 * not freed is mapped as often as it has some; the cache of an object or of a swap area has one more. Tables
 * and the core's own pages have none: such a page is lost when nothing leads to it, neither the tables of a
 * space nor any word of memory that could be its address. That is judged as by a conservative garbage
 * collector, so what is reported is lost, and not all that is lost is reported. What only a local variable of
 * a thread still knew is lost: all threads have ended. */
#include <string.h>

#include "world.h"

static uint8_t mapped[FRAME_BASE + FRAMES]; /* how often in the tables of spaces that setup made */
static uint8_t reached[FRAME_BASE + FRAMES];
static uint16_t list[FRAMES];
static unsigned nlist;

static void count_mappings(oct_phys_t table, unsigned level)
{
	for (unsigned i = 0; i < OCT_TABLE_ENTRIES; i++) {
		struct entry e = decode(((uint64_t *)oct_port_phys_to_virt(table))[i], level);
		unsigned frame = (unsigned)(e.phys >> OCT_PAGE_SHIFT);

		if (!e.present || frame < FRAME_BASE || frame >= FRAME_BASE + FRAMES)
			continue;
		/* A large leaf has a reference for each page that it maps, all of one folio. */
		mapped[frame] = (uint8_t)(mapped[frame] + (e.table ? 1u : 1u << level * OCT_TABLE_SHIFT));
		if (e.table)
			count_mappings(e.phys, level - 1);
	}
}

static bool is_kept(unsigned frame) /* a table or a page of the core's that is not free */
{
	return (world.frame_use[frame] == 1 + OCT_USE_TABLE || world.frame_use[frame] == 1 + OCT_USE_CORE) &&
	       !world.frame_freed[frame];
}

static void reach(unsigned frame)
{
	unsigned head = world.frame_head[frame];

	if (!is_kept(frame) || reached[head])
		return;
	reached[head] = 1;
	list[nlist++] = (uint16_t)head;
}

/* A word that may be the address of a page, or into one. */
static void reach_word(uint64_t word)
{
	unsigned frame = frame_of((const void *)(uintptr_t)word);
	uint64_t number = word >> OCT_PAGE_SHIFT;

	if (frame)
		reach(frame);
	else if (number >= FRAME_BASE && number < FRAME_BASE + FRAMES)
		reach((unsigned)number);
}

static void reach_from(const char *base, size_t size)
{
	for (size_t at = 0; at + 8 <= size; at += 8) {
		uint64_t word;

		memcpy(&word, base + at, 8);
		reach_word(word);
	}
}

/* What a table or a page of the core's leads to. The level of a table is not known here. */
static void reach_from_page(unsigned frame)
{
	const char *base = frame_address(frame);

	reach_from(base, OCT_PAGE_SIZE);
	for (unsigned i = 0; i < OCT_TABLE_ENTRIES && world.frame_use[frame] == 1 + OCT_USE_TABLE; i++)
		for (unsigned level = 0; level < OCT_LEVELS; level++) {
			struct entry e = decode(((const uint64_t *)(const void *)base)[i], level);

			if (e.present)
				reach_word(e.phys);
		}
}

static void reach_all(void)
{
	memset(reached, 0, sizeof(reached));
	nlist = 0;
	for (unsigned frame = FRAME_BASE; frame < FRAME_BASE + FRAMES; frame++)
		if (mapped[frame])
			reach(frame);
	memory_roots(reach_from);
	while (nlist) {
		unsigned head = list[--nlist];

		for (unsigned f = head; f < FRAME_BASE + FRAMES && world.frame_head[f] == head; f++)
			reach_from_page(f);
	}
}

static void check_unreached(void)
{
	for (unsigned frame = FRAME_BASE + SETUP_FRAMES; frame < FRAME_BASE + FRAMES; frame++)
		if (is_kept(frame) && !reached[world.frame_head[frame]])
			violate(OC_LEAK, NULL, "page %u, %s, is not free at the end and nothing leads to it",
			        frame,
			        world.frame_use[frame] == 1 + OCT_USE_TABLE ? "a table" : "the core's own");
}

void check_leaks(void)
{
	bool doubtful = false;

	memset(mapped, 0, sizeof(mapped));
	for (unsigned i = 0; i < world.nmm; i++) {
		unsigned root = (unsigned)(world.glue->root(world.mm[i]) >> OCT_PAGE_SHIFT);

		/* a space that the race ended has no tables any more */
		if (root >= FRAME_BASE && root < FRAME_BASE + FRAMES && !world.frame_freed[root])
			count_mappings(world.glue->root(world.mm[i]), OCT_LEVELS - 1);
	}
	for (unsigned frame = FRAME_BASE + SETUP_FRAMES; frame < FRAME_BASE + FRAMES; frame++) {
		const struct oct_folio *folio;
		unsigned cached;

		if (!world.frame_use[frame] || world.frame_freed[frame])
			continue;
		folio = oct_port_folio_of((oct_phys_t)frame << OCT_PAGE_SHIFT);
		if (world.frame_use[frame] == 1 + OCT_USE_USER) {
			if (folio->head != folio)
				continue; /* counted with the first page of its folio */
			for (unsigned i = 1; i < 1u << folio->order; i++)
				mapped[frame] += mapped[frame + i];
		}
		/* What the scenario took by itself (no reference counted) is the scenario's. The caches have
		 * one of each page that lies in them. Pins are the scenario's, too: it gives them up in the
		 * end. */
		cached = (folio->mapping ? 1u << folio->order : 0u) + (folio->swap ? 1u : 0u) +
		         (folio->device ? 1u : 0u);
		if (world.frame_use[frame] == 1 + OCT_USE_USER &&
		    (folio->refcount & OCT_FOLIO_REFS) > mapped[frame] + cached)
			violate(OC_LEAK, NULL, "page %u has %u references and %u mappings at the end", frame,
			        folio->refcount, mapped[frame]);
		doubtful |= is_kept(frame) && !mapped[world.frame_head[frame]];
	}
	if (doubtful) {
		reach_all();
		check_unreached();
	}
}
