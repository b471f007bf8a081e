/* syncs.c: who would have to wait for a flush, by three ways to know of it. SPDX-License-Identifier: MIT
 *
 * usage: syncs [SEED]
 * Whoever relies on what an entry says has to know whether a flush of it is still to come (tickets, I7). At
 * each such question that the core asks while four CPUs work in one space, three answers are compared:
 *   counter  of the space: some flush is not complete (a pending count)
 *   filter   of addresses: a Bloom filter, 512 bits and two hashes, of the pages in open ranges
 *   stamp    of the table: its newest change is not complete (what the core does)
 * "needed": the page is in an open range of its table. A yes that is not needed is a false sync: a flush for
 * nothing. The execution is the same for all three, since only the stamp decides; so what a counter's own
 * flushes would have completed for others is not seen. Fails if an answer is no where yes is needed, or if
 * the stamp says more than the counter. tools/bench.sh prints the table. */
#include "../../machine/sim/machine.h"
#include "../../src/tlb/authority.h"
#include "../../src/tlb/range.h"
#include <octavo/reclaim.h>
#include <octavo/swap.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 64 pages in each table: a range is then never too long to be remembered as pages. */
enum { CPUS = 4, TABLES = 8, TABLE_PAGES = 64, STEPS = 4000, SLOTS = 8192 };
enum { FILTER_BITS = 512 };
#define BASE ((uintptr_t)0x40000000)
#define FAR  (OCT_PAGE_SIZE << OCT_TABLE_SHIFT)

enum answer { COUNTER, FILTER, STAMP, ANSWERS };

static struct oct_system oct;
static struct oct_mm mm;
static struct oct_reclaimer reclaim;
static struct oct_swap swap;
static struct sim_object device;
static struct oct_swap_slot slots[SLOTS];
static uint64_t seed = 1;
static uint64_t questions, needed, yes[ANSWERS], in_vain[ANSWERS], missed[ANSWERS];
static _Thread_local uint64_t state;

static void must(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "syncs, %s: %s\n", OCT_FORMAT_NAME, what);
	exit(1);
}

static uint64_t draw(uint64_t below)
{
	if (state == 0)
		state = (seed << 8 | sim_self->number) * 0x9e3779b97f4a7c15u | 1;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

/* Between an invalidation and its completion, and where an interrupt is on its way. */
void sim_delay(void)
{
	for (uint64_t turns = draw(4); turns > 0; turns--)
		sched_yield();
}

/* ---- The question -------------------------------------------------------------------------------------- */
static void filter_hashes(uintptr_t va, unsigned bit[2])
{
	uint64_t hash = (va >> OCT_PAGE_SHIFT) * 0x9e3779b97f4a7c15u;

	bit[0] = (unsigned)(hash >> 55) % FILTER_BITS;
	bit[1] = (unsigned)(hash >> 40) % FILTER_BITS;
}

static bool filter_has(const uint64_t *filter, uintptr_t va)
{
	unsigned bit[2];

	filter_hashes(va, bit);
	return (filter[bit[0] / 64] >> bit[0] % 64 & 1) && (filter[bit[1] / 64] >> bit[1] % 64 & 1);
}

static void filter_add(uint64_t *filter, uintptr_t va)
{
	unsigned bit[2];

	filter_hashes(va, bit);
	filter[bit[0] / 64] |= (uint64_t)1 << bit[0] % 64;
	filter[bit[1] / 64] |= (uint64_t)1 << bit[1] % 64;
}

static void note(bool is_needed, const bool *says)
{
	oct_fetch_add(&questions, 1u, OCT_RLX);
	oct_fetch_add(&needed, (uint64_t)is_needed, OCT_RLX);
	for (unsigned way = 0; way < ANSWERS; way++) {
		oct_fetch_add(&yes[way], (uint64_t)says[way], OCT_RLX);
		oct_fetch_add(&in_vain[way], (uint64_t)(says[way] && !is_needed), OCT_RLX);
		oct_fetch_add(&missed[way], (uint64_t)(is_needed && !says[way]), OCT_RLX);
	}
}

void asked(const struct oct_pte_guard *guard)
{
	const struct oct_space *space = guard->space;
	uint64_t completed = oct_load(&space->completed, OCT_ACQ);
	uint64_t newest = oct_load(&space->generation, OCT_ACQ);
	uint64_t filter[FILTER_BITS / 64] = {0};
	bool says[ANSWERS] = {newest > completed, false,
	                      oct_stamp_generation(guard->ptl->stamp, completed) != 0};
	bool is_needed = false;

	if (guard->level != 0)
		return; /* of tables: seldom, and the filter has no pages for it */
	for (uint64_t g = completed + 1; g <= newest; g++) {
		uint64_t word = oct_load(&space->ranges[oct_range_slot(g)], OCT_RLX);
		struct oct_range range;

		if (!oct_range_unpack(word, g, space->kernel, &range) || range.leaves == 0 ||
		    range.level > 0) {
			says[FILTER] = true; /* everything */
			continue;
		}
		for (size_t i = 0; i < range.leaves; i++)
			filter_add(filter, range.start + i * OCT_PAGE_SIZE);
		is_needed |= guard->va - range.start < range.leaves * OCT_PAGE_SIZE;
	}
	says[FILTER] |= filter_has(filter, guard->va);
	note(is_needed, says);
}

/* ---- Workloads ----------------------------------------------------------------------------------------- */
static uintptr_t table(void)
{
	return BASE + draw(TABLES) * FAR;
}

static uintptr_t some_page(void)
{
	return table() + draw(TABLE_PAGES) * OCT_PAGE_SIZE;
}

static void use(void)
{
	uintptr_t va = some_page();
	uint64_t value;

	if (draw(3) == 0)
		must(sim_load64(va, &value) == 0, "a load failed");
	else
		must(sim_store64(va, va) == 0, "a store failed");
}

static void clear_refs(void)
{
	must(oct_clear_refs(&mm, BASE, BASE + TABLES * FAR) == 0, "clear_refs");
}

static void pageout(void)
{
	uintptr_t va = table() + draw(TABLE_PAGES / 16) * 16 * OCT_PAGE_SIZE;

	must(oct_madvise_pageout(&mm, va, va + 16 * OCT_PAGE_SIZE) == 0, "pageout");
}

static void fork_child(void)
{
	static struct oct_mm child;

	must(oct_mm_init(&child, &oct) == 0 && oct_reclaim_add(&reclaim, &child) == 0, "no child");
	must(oct_fork(&child, &mm) == 0, "fork");
	oct_mm_exit(&child);
}

static void mix(void)
{
	uintptr_t va = table() + draw(TABLE_PAGES - 8) * OCT_PAGE_SIZE;

	switch (draw(4)) {
	case 0:
		must(oct_madvise_dontneed(&mm, va, va + 8 * OCT_PAGE_SIZE) == 0, "dontneed");
		break;
	case 1:
		must(oct_clear_refs(&mm, va, va + 8 * OCT_PAGE_SIZE) == 0, "clear_refs");
		break;
	case 2:
		pageout();
		break;
	default:
		must(oct_madvise(&mm, va, va + 8 * OCT_PAGE_SIZE, OCT_MADV_FREE) == 0, "free");
	}
}

static const struct workload {
	const char *name;
	void (*change)(void);
	unsigned every, changers; /* CPUs 0 .. changers-1 make one change in so many steps */
} workloads[] = {{"clear_refs, faults", clear_refs, 40, 1},
                 {"PAGEOUT, faults", pageout, 4, 1},
                 {"fork, writers", fork_child, 100, 1},
                 {"a mix", mix, 2, CPUS}};

static void act(unsigned cpu, void *arg)
{
	const struct workload *work = arg;

	oct_mm_switch(&oct, &mm);
	for (unsigned step = 0; step < STEPS; step++) {
		if (cpu < work->changers && step % work->every == 0)
			work->change();
		else
			use();
	}
	oct_mm_switch(&oct, NULL);
}

static void run(const struct workload *work)
{
	uintptr_t va;

	sim_init(CPUS);
	sim_object_init(&device, SLOTS);
	must(oct_system_init(&oct, CPUS) == 0 && oct_mm_init(&mm, &oct) == 0, "no memory");
	sim_attach(&oct);
	must(oct_swap_init(&swap, &device, slots, SLOTS) == 0, "no swap");
	oct_reclaim_init(&reclaim, &swap);
	must(oct_reclaim_add(&reclaim, &mm) == 0, "no registry");
	for (unsigned i = 0; i < TABLES; i++)
		must(oct_mmap(&mm, BASE + i * FAR, TABLE_PAGES * OCT_PAGE_SIZE, OCT_READ | OCT_WRITE,
		              OCT_MAP_FIXED, &va) == 0,
		     "mmap");
	questions = needed = 0;
	memset(yes, 0, sizeof yes);
	memset(in_vain, 0, sizeof in_vain);
	sim_run(CPUS, act, (void *)(uintptr_t)work);
	oct_mm_exit(&mm);
	oct_system_exit(&oct);
	must(sim_pages_out() == 0, "pages are missing");
	sim_object_exit(&device);
	sim_exit();
	printf("  %-20s %9llu %9llu", work->name, (unsigned long long)questions, (unsigned long long)needed);
	for (unsigned way = 0; way < ANSWERS; way++)
		printf("  %8llu %8llu", (unsigned long long)yes[way], (unsigned long long)in_vain[way]);
	printf("\n");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	printf("syncs, %s: %u CPUs in one space, %u steps each\n  %-20s %9s %9s  %8s %8s  %8s %8s  %8s %8s\n",
	       OCT_FORMAT_NAME, CPUS, STEPS, "", "asked", "needed", "counter", "in vain", "filter", "in vain",
	       "stamp", "in vain");
	for (unsigned i = 0; i < sizeof workloads / sizeof workloads[0]; i++) {
		run(&workloads[i]);
		for (unsigned way = 0; way < ANSWERS; way++)
			must(missed[way] == 0, "a flush that was needed is not known of");
		must(yes[STAMP] <= yes[COUNTER], "the stamp says more than the counter");
	}
	return 0;
}
