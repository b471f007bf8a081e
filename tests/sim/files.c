/* files.c: objects under stress on the sim. SPDX-License-Identifier: MIT
 *
 * usage: files [--ops N] [--cpus N] [--seed N]
 * One object of a few pages, mapped twice shared and once private for each CPU, in one space. In each page
 * each CPU has a word of its own: what it stored there last it must load, through either shared mapping,
 * whatever is written back, evicted, forgotten, retracted with its page table or forked meanwhile. Its word
 * of its private pages is seen by nobody else. In the end all is written back: the object has every last
 * store, and no private one. */
#include "../../machine/sim/sim.h"
#include <octavo/collapse.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGES = 24, MOST_CPUS = 8 };
/* An area has the whole span of a leaf table, most of it behind the end of the object: the table may be
 * retracted. */
#define BYTES      oct_level_bytes(1)
#define SHARED(i)  ((uintptr_t)0x10000000 + (i)*0x1000000)
#define PRIVATE(i) ((uintptr_t)0x20000000 + (i)*0x1000000)

static struct oct_system oct;
static struct oct_mm mm, child[MOST_CPUS];
static struct oct_mapping mapping;
static struct sim_object object;
static uint64_t operations = 100000, seed = 1;

struct user {
	uint64_t random, last[PAGES], private_last[PAGES], writebacks, evicted, retracted;
};
static struct user users[MOST_CPUS];

static void require(bool truth, const char *what, unsigned page)
{
	if (truth)
		return;
	fprintf(stderr, "files: %s (page %u, seed %llu)\n", what, page, (unsigned long long)seed);
	abort();
}

/* xorshift64*: Marsaglia, Vigna. */
static unsigned pick(struct user *user, unsigned below)
{
	user->random ^= user->random >> 12;
	user->random ^= user->random << 25;
	user->random ^= user->random >> 27;
	return (unsigned)((user->random * 0x2545f4914f6cdd1dull) >> 33) % below;
}

static uint64_t loaded(uintptr_t va, unsigned page)
{
	uint64_t value = 0;

	require(sim_load64(va, &value) == 0, "a load is refused", page);
	return value;
}

static void fork_and_end(unsigned cpu)
{
	require(oct_mm_init(&child[cpu], &oct) == 0 && oct_fork(&child[cpu], &mm) == 0, "no fork", 0);
	oct_mm_exit(&child[cpu]);
}

static void retract(struct user *user, uintptr_t va)
{
	int result;

	require(oct_madvise_dontneed(&mm, va, va + BYTES) == 0, "dontneed", 0);
	result = oct_retract_page_tables(&mapping, 0, OCT_TABLE_ENTRIES);
	require(result >= 0, "retraction fails", 0);
	user->retracted += (unsigned)result;
}

static void step(unsigned cpu, struct user *user, uint64_t value)
{
	unsigned page = pick(user, PAGES), pages = 1 + pick(user, PAGES - page), kind = pick(user, 64);
	uintptr_t offset = page * OCT_PAGE_SIZE, own = offset + cpu * 8, hidden = offset + (16 + cpu) * 8;
	uintptr_t shared = SHARED(pick(user, 2)), private = PRIVATE(cpu), end = pages * OCT_PAGE_SIZE;
	int result;

	if (kind < 20) {
		require(sim_store64(shared + own, value) == 0, "a store is refused", page);
		user->last[page] = value;
	} else if (kind < 36) {
		require(loaded(shared + own, page) == user->last[page], "a store is lost", page);
	} else if (kind < 42) {
		require(sim_store64(private + hidden, value) == 0, "a private store is refused", page);
		user->private_last[page] = value;
	} else if (kind < 50) {
		require(loaded(private + hidden, page) == user->private_last[page], "a private store is lost",
		        page);
		require(loaded(shared + hidden, page) == 0, "a private store is seen", page);
	} else if (kind < 53) {
		require(oct_mapping_writeback(&mapping, page, pages) == 0, "writeback fails", page);
		user->writebacks++;
	} else if (kind < 55) {
		require(oct_msync(&mm, shared + offset, shared + offset + end) == 0, "msync fails", page);
	} else if (kind < 58) {
		result = oct_mapping_evict(&mapping, page);
		require(result == 0 || result == -OCT_EBUSY, "evict answers otherwise", page);
		user->evicted += result == 0;
	} else if (kind == 58) {
		retract(user, shared);
	} else if (kind < 61) {
		require(oct_madvise_dontneed(&mm, shared + offset, shared + offset + end) == 0, "dontneed",
		        page);
	} else if (kind < 63) {
		require(oct_madvise_dontneed(&mm, private + offset, private + offset + end) == 0, "dontneed",
		        page);
		for (unsigned i = page; i < page + pages; i++)
			user->private_last[i] = 0;
	} else {
		fork_and_end(cpu);
	}
}

static void act(unsigned cpu, void *arg)
{
	(void)arg;
	oct_mm_switch(&oct, &mm);
	for (uint64_t i = 0; i < operations; i++)
		step(cpu, &users[cpu], i << 8 | cpu << 4 | 1);
	oct_mm_switch(&oct, NULL);
}

static void check_object(unsigned cpus)
{
	require(oct_mapping_writeback(&mapping, 0, PAGES) == 0, "the last writeback fails", 0);
	for (unsigned page = 0; page < PAGES; page++)
		for (unsigned cpu = 0; cpu < cpus; cpu++) {
			const uint64_t *words = sim_object_page(&object, page);

			require(words[cpu] == users[cpu].last[page], "the object lacks a store", page);
			require(words[16 + cpu] == 0, "the object has a private store", page);
		}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"ops", required_argument, NULL, 'o'},
	                                        {"cpus", required_argument, NULL, 'c'},
	                                        {"seed", required_argument, NULL, 's'},
	                                        {0}};
	unsigned cpus = 1;
	uint64_t writebacks = 0, evicted = 0, retracted = 0;
	uintptr_t at;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o')
			operations = strtoull(optarg, NULL, 0);
		else if (option == 'c')
			cpus = (unsigned)strtoul(optarg, NULL, 0);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	require(cpus >= 1 && cpus <= MOST_CPUS, "1 to 8 CPUs", 0);
	operations /= cpus;
	sim_init(cpus);
	require(!oct_system_init(&oct, cpus) && !oct_mm_init(&mm, &oct), "no memory", 0);
	sim_attach(&oct);
	sim_object_init(&object, PAGES);
	require(!oct_mapping_init(&mapping, &object, PAGES, OCT_MAPPING_EVENTS), "no mapping", 0);
	for (unsigned i = 0; i < 2 + cpus; i++)
		require(!oct_mmap_file(&mm, i < 2 ? SHARED(i) : PRIVATE(i - 2), BYTES, OCT_READ | OCT_WRITE,
		                       OCT_MAP_FIXED_NOREPLACE | (i < 2 ? OCT_MAP_SHARED : 0u), &mapping, 0,
		                       &at),
		        "mmap_file", i);
	for (unsigned i = 0; i < cpus; i++)
		users[i].random = (seed + 1) * 0x9e3779b97f4a7c15ull ^ (uint64_t)i << 32;
	sim_run(cpus, act, NULL);
	check_object(cpus);
	oct_mm_exit(&mm);
	require(!oct_mapping_exit(&mapping), "the mapping is in use", 0);
	oct_system_exit(&oct);
	require(sim_pages_out() == 0, "pages are missing at the end", (unsigned)sim_pages_out());
	sim_check_pool();
	for (unsigned i = 0; i < cpus; i++) {
		writebacks += users[i].writebacks;
		evicted += users[i].evicted;
		retracted += users[i].retracted;
	}
	require(retracted > 0, "no table was ever empty", 0);
	printf("%s, %d levels, %u CPUs: %llu operations on files, %llu writebacks, %llu pages evicted, %llu "
	       "tables retracted, %llu transfers, %llu events; nothing lost, all pages back\n",
	       OCT_FORMAT_NAME, OCT_LEVELS, cpus, (unsigned long long)(operations * cpus),
	       (unsigned long long)writebacks, (unsigned long long)evicted, (unsigned long long)retracted,
	       (unsigned long long)sim_io(), (unsigned long long)sim_events());
	sim_object_exit(&object);
	sim_exit();
	return 0;
}
