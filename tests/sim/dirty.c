/* dirty.c: what tracking an object costs, by the method and by how much is written. SPDX-License-Identifier:
 * MIT
 *
 * usage: dirty
 * For 256 and 4,096 pages, and from none to all of them written between two scans: faults taken and entries
 * looked at per scan, means over ROUNDS of them, with write-protect, with clean-and-record, and with a
 * tracker that chooses. Which pages are written is drawn anew for each round. Every set that a scan tells is
 * compared with what was written. tools/bench.sh makes a table and a plot of the lines "PAGES PER_MILLE
 * METHOD FAULTS SCANNED". */
#include "../../machine/sim/sim.h"
#include <octavo/track.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 4096, ROUNDS = 16, WARM = 8 };

static struct oct_system oct;
static struct oct_mm mm;
static uint64_t notes[OCT_DIRTY_WORDS(MOST)], words[OCT_DIRTY_WORDS(MOST)];
static bool stored[MOST];
static const char *const names[] = {"adapt", "write-protect", "clean-record"};

static void must(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "dirty: %s\n", what);
	exit(1);
}

static uint64_t next_random(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

/* count of the pages, each with the same chance (Knuth, algorithm S). */
static void store_some(uintptr_t va, uint64_t pages, uint64_t count)
{
	memset(stored, 0, sizeof stored);
	for (uint64_t i = 0; i < pages; i++) {
		stored[i] = next_random() % (pages - i) < count;
		count -= stored[i];
		if (stored[i])
			must(sim_store64(va + i * OCT_PAGE_SIZE, i) == 0, "a store failed");
	}
}

static void compare(const struct oct_dirty_bitmap *bitmap, uint64_t pages)
{
	uint64_t from = 0, to;

	for (; oct_dirty_take(bitmap, &from, pages, &to); from = to)
		for (uint64_t i = from; i < to; i++, stored[i - 1] = false)
			must(stored[i], "a page was told that was not written");
	for (uint64_t i = 0; i < pages; i++)
		must(!stored[i], "a page was not told");
}

static void measure(uint64_t pages, unsigned per_mille, enum oct_track_method method)
{
	uint64_t faults, scanned = 0, count = (pages * per_mille + 999) / 1000;
	struct oct_dirty_bitmap bitmap;
	struct oct_mapping mapping;
	struct oct_tracker tracker;
	struct oct_track_result result;
	struct sim_object object;
	uintptr_t va;

	sim_object_init(&object, pages);
	must(oct_mapping_init(&mapping, &object, pages, 0) == 0, "mapping_init");
	must(oct_mmap_file(&mm, 0, pages * OCT_PAGE_SIZE, OCT_READ | OCT_WRITE, OCT_MAP_SHARED, &mapping, 0,
	                   &va) == 0,
	     "mmap_file");
	store_some(va, pages, pages);
	oct_dirty_init(&bitmap, words, 0, pages);
	must(oct_tracker_start(&tracker, &mapping, 0, pages, notes, method) == 0, "tracker_start");
	faults = 0;
	for (unsigned round = 0; round < WARM + ROUNDS; round++) {
		uint64_t before = sim_counters(0).faults;

		store_some(va, pages, count);
		must(oct_tracker_scan(&tracker, &bitmap, &result) == 0, "tracker_scan");
		compare(&bitmap, pages);
		if (round >= WARM) {
			faults += sim_counters(0).faults - before;
			scanned += result.scanned;
		}
	}
	printf("%llu %u %s %.1f %.1f\n", (unsigned long long)pages, per_mille, names[method],
	       (double)faults / ROUNDS, (double)scanned / ROUNDS);
	oct_tracker_stop(&tracker);
	must(oct_munmap(&mm, va, pages * OCT_PAGE_SIZE) == 0, "munmap");
	must(oct_mapping_exit(&mapping) == 0, "mapping_exit");
	sim_object_exit(&object);
}

int main(void)
{
	static const unsigned per_mille[] = {0, 1, 5, 10, 20, 50, 100, 200, 500, 1000};
	static const uint64_t pages[] = {256, 4096};

	sim_init(1);
	must(oct_system_init(&oct, 1) == 0, "system_init");
	sim_attach(&oct);
	must(oct_mm_init(&mm, &oct) == 0, "mm_init");
	oct_mm_switch(&oct, &mm);
	for (unsigned p = 0; p < sizeof pages / sizeof *pages; p++)
		for (unsigned i = 0; i < sizeof per_mille / sizeof *per_mille; i++)
			for (int method = OCT_TRACK_ADAPT; method <= OCT_TRACK_CLEAN_RECORD; method++)
				measure(pages[p], per_mille[i], (enum oct_track_method)method);
	oct_mm_switch(&oct, NULL);
	oct_mm_exit(&mm);
	oct_system_exit(&oct);
	sim_exit();
	return 0;
}
