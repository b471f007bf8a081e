/* contpte.c: what folding costs, in operations. SPDX-License-Identifier: MIT
 *
 * One leaf table of 512 pages, as single entries and as contiguous blocks, is write-protected (the parent's
 * side of a fork), unmapped, and given back page by page (MADV_DONTNEED). "naive" changes blocks entry by
 * entry, each by oct_entry_change or oct_entry_update, which takes the block apart; "batched" uses the calls
 * for runs. Counted are writes to entries (count.h), blocks taken apart, flushes (each with its barriers) and
 * invalidation instructions. Fails where batched costs more than it should: see check(). */
#include "../../machine/sim/sim.h"
#include <octavo/contpte.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES = 512, BLOCKS = PAGES >> OCT_CONT_SHIFT };
#define BASE   ((uintptr_t)0x40000000)
#define FRAMES ((oct_phys_t)16 << 30)

uintptr_t count_start, count_bytes;
uint64_t count_writes;

static struct oct_system oct;
static struct oct_space space;

struct cost {
	unsigned long writes, unfolds, flushes, invalidations;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "contpte: %s\n", what);
	exit(1);
}

static void map(bool fold)
{
	oct_pte_t *table;

	must(oct_table_map(&space, BASE, FRAMES, PAGES, OCT_READ | OCT_WRITE | (fold ? OCT_CONT : 0),
	                   OCT_NORMAL) == 0,
	     "map");
	table = oct_table_find(&space, BASE, 0);
	must(oct_pte_cont(*table) == (fold && OCT_FORMAT_CONT), "the table is not folded as it should be");
	count_start = (uintptr_t)table;
	count_bytes = PAGES * sizeof(oct_pte_t);
}

static void unmap(struct oct_ticket *ticket, uintptr_t start, size_t pages)
{
	must(oct_table_unmap(&space, start, start + pages * OCT_PAGE_SIZE, false, ticket) == 0, "unmap");
}

static oct_pte_t take_write(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_wrprotect(pte);
}

static void fork_naive(struct oct_ticket *ticket, struct oct_pte_guard *guard)
{
	oct_pte_t old;

	do
		(void)!oct_entry_update(ticket, guard, guard->pte, guard->va, take_write, 0, &old);
	while (oct_pte_guard_next(guard));
}

static void unmap_naive(struct oct_ticket *ticket, struct oct_pte_guard *guard)
{
	oct_pte_t old;

	do
		(void)!oct_entry_change(ticket, guard, guard->pte, guard->va, 0, &old);
	while (oct_pte_guard_next(guard));
}

static void fork_batched(struct oct_ticket *ticket, struct oct_pte_guard *guard)
{
	oct_wrprotect_ptes(ticket, guard, PAGES);
}

static void unmap_batched(struct oct_ticket *ticket, struct oct_pte_guard *guard)
{
	oct_clear_full_ptes(ticket, guard, PAGES);
}

/* A call for each page, each complete when it returns; the first unfolds its block. */
static void page_by_page(struct oct_ticket *ticket, struct oct_pte_guard *guard)
{
	oct_pte_guard_unlock(ticket, guard);
	for (size_t i = 0; i < PAGES; i++) {
		unmap(ticket, BASE + i * OCT_PAGE_SIZE, 1);
		oct_ticket_complete(ticket);
	}
	oct_pte_lock_at(&space, BASE, guard);
}

static struct cost measure(bool fold, void (*operation)(struct oct_ticket *, struct oct_pte_guard *))
{
	struct oct_counters before, after;
	struct oct_pte_guard guard;
	struct oct_ticket ticket;
	struct cost cost;

	map(fold);
	before = oct_counters_read(&oct, 0);
	cost.invalidations = sim_counters_total().invalidations;
	count_writes = 0;
	oct_ticket_init(&ticket, &space);
	oct_pte_lock_at(&space, BASE, &guard);
	operation(&ticket, &guard);
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
	after = oct_counters_read(&oct, 0);
	cost.writes = count_writes;
	cost.unfolds = after.unfolds - before.unfolds;
	cost.flushes = after.flushes - before.flushes;
	cost.invalidations = sim_counters_total().invalidations - cost.invalidations;
	unmap(&ticket, BASE, PAGES);
	oct_ticket_complete(&ticket);
	return cost;
}

static void print(const char *operation, const char *how, struct cost c, struct cost single)
{
	printf("%-8s %-22s %-11s %6lu (%5.2f x) %8lu %8lu %14lu (%6.2f x)\n", OCT_FORMAT_NAME, operation, how,
	       c.writes, (double)c.writes / (double)single.writes, c.unfolds, c.flushes, c.invalidations,
	       (double)c.invalidations / (double)single.invalidations);
}

/* Whole blocks: none is taken apart; unmapping writes each entry once and flushes once; taking the write
 * right writes each twice and flushes once for eight blocks. */
static void check(struct cost fork, struct cost unmapped)
{
	must(fork.unfolds == 0 && unmapped.unfolds == 0, "a whole block was taken apart");
	must(unmapped.writes == PAGES && unmapped.flushes <= 1,
	     "unmapping whole blocks costs more than single entries");
	must(fork.writes <= 2 * PAGES && fork.flushes <= BLOCKS / 8 + 1,
	     "write-protecting blocks costs too much");
}

int main(void)
{
	struct cost single, batched, unmapped;

	sim_init(1);
	must(oct_system_init(&oct, 1) == 0, "system_init");
	sim_attach(&oct);
	must(oct_space_init(&space, &oct) == 0, "space_init");
	oct_space_switch(&oct, &space);
	printf("%-8s %-22s %-11s %16s %8s %8s %25s\n", "", "512 pages", "", "entry writes", "unfolds",
	       "flushes", "invalidations");
	single = measure(false, fork_batched);
	print("fork", "no folding", single, single);
	print("fork", "naive", measure(true, fork_naive), single);
	print("fork", "batched", batched = measure(true, fork_batched), single);
	single = measure(false, unmap_batched);
	print("munmap, exit", "no folding", single, single);
	print("munmap, exit", "naive", measure(true, unmap_naive), single);
	print("munmap, exit", "batched", unmapped = measure(true, unmap_batched), single);
	single = measure(false, page_by_page);
	print("DONTNEED, page by page", "no folding", single, single);
	print("DONTNEED, page by page", "folded", measure(true, page_by_page), single);
	check(batched, unmapped);
	oct_space_switch(&oct, NULL);
	oct_space_exit(&space);
	oct_system_exit(&oct);
	sim_exit();
	return 0;
}
