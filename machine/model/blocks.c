/* blocks.c: contiguous blocks, and leaves of several sizes. SPDX-License-Identifier: MIT
 *
 * A walk of an address in a block may use its own entry, or another of the block that carries the bit
 * (M6). Which is a choice that stands before the walk. Entries that are never written in the race and say
 * the same at its start are one alternative. Which blocks there are, and which of their entries are written,
 * is learnt while exploring, and the search then starts again. */
#include <string.h>

#include "world.h"

struct block {
	uint64_t table; /* address of the leaf table */
	uint64_t va;    /* of its first entry */
	uint8_t first, mm;
	uint8_t written; /* a bit per entry */
};

static struct block blocks[MAX_BLOCKS];
static unsigned nblocks;

static uint64_t *entry_of_block(const struct block *b, unsigned i)
{
	return (uint64_t *)(uintptr_t)b->table + b->first + i;
}

static struct block *block_of(uint64_t key)
{
	for (unsigned i = 0; i < nblocks; i++)
		if (key - (uintptr_t)entry_of_block(&blocks[i], 0) < BLOCK_ENTRIES * sizeof(uint64_t))
			return &blocks[i];
	return NULL;
}

static struct block *block_add(const struct entry_of *p)
{
	unsigned slot = (unsigned)(p->key / sizeof(uint64_t)) % OCT_TABLE_ENTRIES;

	if (nblocks == MAX_BLOCKS) {
		explore_fail("too many contiguous blocks");
		return &blocks[0];
	}
	blocks[nblocks] = (struct block){.table = p->key - slot * sizeof(uint64_t),
	                                 .va = p->va & ~(BLOCK_BYTES - 1),
	                                 .first = (uint8_t)(slot & ~(BLOCK_ENTRIES - 1u)),
	                                 .mm = p->mm};
	return &blocks[nblocks++];
}

void blocks_reset(void)
{
	nblocks = 0;
	for (const struct entry_of *p = entry_next(NULL); p; p = entry_next(p))
		if (!p->level && decode_shares(*(uint64_t *)(uintptr_t)p->key) && !block_of(p->key))
			block_add(p);
}

static uint64_t at_start(const struct block *b, unsigned i)
{
	uint64_t *entry = entry_of_block(b, i);

	return world.rules.init[place(entry, sizeof(*entry))];
}

/* Do entries i and j, as they are at the start, give the address of entry k the same? */
static bool same_effect(const struct block *b, unsigned i, unsigned j, unsigned k)
{
	struct entry x = decode(at_start(b, i), 0), y = decode(at_start(b, j), 0);

	return x.present && y.present && x.writable == y.writable && x.user == y.user && x.young == y.young &&
	       x.dirty == y.dirty &&
	       decode_page(&x, 0, b->va + i * OCT_PAGE_SIZE, b->va + k * OCT_PAGE_SIZE) ==
	           decode_page(&y, 0, b->va + j * OCT_PAGE_SIZE, b->va + k * OCT_PAGE_SIZE);
}

/* Is entry j an alternative of its own for the address of entry k? */
static bool is_alternative(const struct block *b, unsigned j, unsigned k)
{
	if (j == k)
		return false;
	if (b->written >> j & 1)
		return true;
	if (!decode_shares(at_start(b, j)))
		return false;
	for (unsigned i = 0; i < BLOCK_ENTRIES; i++)
		if (!(b->written >> i & 1) && (i == k || (i < j && decode_shares(at_start(b, i)))) &&
		    same_effect(b, i, j, k))
			return false;
	return true;
}

uintptr_t block_choose(uintptr_t va)
{
	const struct block *b = NULL;
	unsigned own = (unsigned)(va >> OCT_PAGE_SHIFT) & (BLOCK_ENTRIES - 1), other[BLOCK_ENTRIES], n = 0;

	for (unsigned i = 0; i < nblocks && !b; i++)
		if (blocks[i].va == (va & ~(BLOCK_BYTES - 1)) &&
		    world.glue->root(world.mm[blocks[i].mm]) == world.cpu[this_cpu()].root)
			b = &blocks[i];
	for (unsigned j = 0; b && j < BLOCK_ENTRIES; j++)
		if (is_alternative(b, j, own))
			other[n++] = j;
	if (!n)
		return va;
	{
		struct event e = event_make(EV_CHOOSE, 0, __ATOMIC_RELAXED, NULL);
		uint64_t choice;

		e.operand = n + 1;
		choice = explore_graph()->ev[explore_event(&e)].value;
		return choice ? b->va + other[choice - 1] * OCT_PAGE_SIZE : va;
	}
}

/* What every walk must know from the start was learnt. */
static void learn(const struct entry_of *p, uint64_t value)
{
	struct block *b = block_of(p->key);
	unsigned bit;

	if (!b && !decode_shares(value))
		return;
	if (!b)
		b = block_add(p);
	bit = 1u << ((unsigned)(p->key / sizeof(uint64_t)) % BLOCK_ENTRIES);
	if (b->written & bit)
		return;
	b->written |= (uint8_t)bit;
	search_again();
}

/* ---- I11, I6 ------------------------------------------------------------------------------------ */

/* Sizes, and the contiguous bit, may change in place. */
static bool sizes_mix(void)
{
	return !world.riscv && world.knobs.bbm >= 2;
}

static bool same_page(const struct entry *a, const struct entry *b, const struct entry_of *p)
{
	return decode_page(a, p->level, p->va, p->va) == decode_page(b, p->level, p->va, p->va);
}

static bool same_memory(const struct entry *a, const struct entry *b)
{
	return a->table || b->table || a->memory == b->memory;
}

/* Are these two never to be usable at once? *frame: because they name different pages. */
static bool must_break(const struct entry *before, const struct entry *now, const struct entry_of *p,
                       bool *frame)
{
	if (before->table && now->table)
		return false; /* a table in the place of another: what is below decides */
	*frame = !before->table && !now->table && !same_page(before, now, p);
	return *frame || !same_memory(before, now) ||
	       ((before->table != now->table || before->cont != now->cont) && !sizes_mix());
}

static void report_break(const struct event *e, int cpu, uint64_t va, const struct entry *before,
                         const struct entry *now, bool frame)
{
	if (cpu < 0)
		return;
	if (frame)
		violate(OC_I11, e->pc, "%s may still hold page %u at %#llx when page %u is mapped there",
		        actor_name((unsigned)cpu), (unsigned)(before->phys >> OCT_PAGE_SHIFT),
		        (unsigned long long)va, (unsigned)(now->phys >> OCT_PAGE_SHIFT));
	if (!same_memory(before, now))
		violate(OC_I11, e->pc,
		        "%s may still hold page %u at %#llx when it is mapped there with another "
		        "memory type",
		        actor_name((unsigned)cpu), (unsigned)(before->phys >> OCT_PAGE_SHIFT),
		        (unsigned long long)va);
	violate(OC_I11, e->pc, "%s may still hold %s at %#llx when %s is mapped there",
	        actor_name((unsigned)cpu),
	        before->table  ? "small pages"
	        : before->cont ? "an entry of a contiguous block"
	                       : "an entry",
	        (unsigned long long)va,
	        now->table  ? "a table"
	        : now->cont ? "one of a contiguous block"
	                    : "one of another size");
}

/* I11: another page, or another size, at an address while some CPU may still hold what was there before. */
static void check_break(uint16_t id, const struct entry_of *p, struct entry now)
{
	const struct graph *g = explore_graph();
	const struct event *e = &g->ev[id];

	for (uint16_t w = e->co_prev;; w = g->ev[w].co_prev) {
		uint64_t value = graph_value_of(&world.rules, g, w == NO_EVENT ? INIT_EVENT : w, e->location);
		struct entry before = decode(value, p->level);
		bool frame;

		if (entry_was_hidden(p, w == NO_EVENT ? g->loc[e->location].first : g->ev[w].co_next))
			return;
		if (before.present && before.table == now.table && before.cont == now.cont &&
		    same_memory(&before, &now) && same_page(&before, &now, p))
			return; /* what was there earlier was judged when this came */
		if (before.present && must_break(&before, &now, p, &frame))
			report_break(
			    e, may_hold(p, p->va, before.table, w == NO_EVENT ? 0 : g->ev[w].co_pos, id),
			    p->va, &before, &now, frame);
		if (before.present || w == NO_EVENT)
			return;
	}
}

/* The same by way of another entry of the block: what entry j held serves the address of p as well. I6: what
 * it holds now disagrees. */
static void check_sibling(uint16_t id, const struct entry_of *p, const struct block *b, unsigned j,
                          struct entry now)
{
	const struct graph *g = explore_graph();
	const struct event *e = &g->ev[id];
	const struct entry_of *q = entry_at((uintptr_t)entry_of_block(b, j));
	uint16_t location = place(entry_of_block(b, j), 8), w = g->loc[location].last;
	struct entry other;
	oct_phys_t page = decode_page(&now, 0, p->va, p->va);
	bool frame;

	while (w != NO_EVENT && !hb_before(g, w, id))
		w = g->ev[w].co_prev;
	other = decode(graph_value_of(&world.rules, g, w == NO_EVENT ? INIT_EVENT : w, location), 0);
	frame = decode_page(&other, 0, q->va, p->va) != page;
	if (other.present && (other.cont || now.cont) &&
	    ((other.cont != now.cont && !sizes_mix()) || other.writable != now.writable ||
	     other.user != now.user || other.memory != now.memory || frame))
		violate(OC_I6, e->pc, "the entries of %#llx and %#llx are valid and disagree: one block",
		        (unsigned long long)p->va, (unsigned long long)q->va);
	while (w != NO_EVENT) {
		w = g->ev[w].co_prev;
		other = decode(graph_value_of(&world.rules, g, w == NO_EVENT ? INIT_EVENT : w, location), 0);
		frame = decode_page(&other, 0, q->va, p->va) != page;
		if (other.present && other.cont &&
		    (frame || other.memory != now.memory || (!now.cont && !sizes_mix())))
			report_break(e, may_hold(q, p->va, false, w == NO_EVENT ? 0 : g->ev[w].co_pos, id),
			             p->va, &other, &now, frame);
	}
}

void check_entry_stored(uint16_t id)
{
	const struct event *e = &explore_graph()->ev[id];
	const struct entry_of *p = entry_at(world.places[e->location].key);
	struct entry now;
	const struct block *b;

	if (!p)
		return;
	if (p->level)
		entries_linked(p, e->value);
	else
		learn(p, e->value);
	now = decode(e->value, p->level);
	if (world.litmus || !now.present || world.x86 || (e->flags & F_HARDWARE))
		return;
	check_break(id, p, now);
	b = p->level ? NULL : block_of(p->key);
	for (unsigned j = 0; b && j < BLOCK_ENTRIES; j++)
		if (entry_of_block(b, j) != (uint64_t *)(uintptr_t)p->key)
			check_sibling(id, p, b, j, now);
}
