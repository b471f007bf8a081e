/* dirty/areas: an object is recorded, or tracked, while its areas and its pages go. SPDX-License-Identifier:
 * MIT
 *
 * Each walk holds the lock of the object, so that areas stay while it looks for their entries. A tracker that
 * is found by whoever takes a dirty entry away is found whole; one object has one. no-lock: a walk looks for
 * areas without the lock. */
#include "../dirty.h"

enum { OTHER_VA = 0x20000 };

static struct oct_mapping other; /* tracked already */
static struct oct_tracker trackers[2];
static uint64_t notes[2];
static unsigned started;

static int start(struct oct_mapping *mapping)
{
	unsigned self = oct_port_cpu_self() != 0;

	return oct_tracker_start(&trackers[self], mapping, 0, 1, &notes[self], OCT_TRACK_WRITE_PROTECT);
}

static void setup(void)
{
	struct oct_mm *mm = oc_mm();
	uintptr_t at;

	file_setup(mm, OCT_WRITE);
	dirty_setup();
	oct_mapping_init(&other, &other, 1, 0);
	OC_ASSERT(OC_ASSERTION, oct_mmap_file(mm, OTHER_VA, OCT_PAGE_SIZE, READ_WRITE,
	                                      OCT_MAP_FIXED | OCT_MAP_SHARED, &other, 0, &at) == 0);
	OC_ASSERT(OC_ASSERTION, start(&other) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, OTHER_VA, OCT_WRITE) == OCT_FAULT_DONE);
}

static void unmap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(file.mm, FILE_VA, OCT_PAGE_SIZE) == 0);
}

static void unmap_other(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(file.mm, OTHER_VA, OCT_PAGE_SIZE) == 0);
}

static void forget(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(file.mm, FILE_VA, FILE_VA + OCT_PAGE_SIZE) == 0);
}

static void look(void)
{
	if (file.mapping.areas)
		oc_cover("found");
}

static void no_lock(void)
{
	RAW_PARTS(look, unmap);
}

static void protect_all(void)
{
	struct oct_track_result result;

	OC_ASSERT(OC_ASSERTION, oct_wp_shared_mapping_range(&file.mapping, 0, 1, &result) == 0);
}

static void protect(void)
{
	RAW_PARTS(protect_all, unmap);
}

static void start_one(void)
{
	OC_ASSERT(OC_ASSERTION, start(&file.mapping) == 0);
}

static void begin(void)
{
	RAW_PARTS(start_one, forget);
}

static void start_two(void)
{
	int error = start(&file.mapping);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_EBUSY);
	if (error)
		oc_cover("busy");
	else
		oct_fetch_add(&started, 1, OCT_RLX);
	OC_ASSERT(OC_ASSERTION, oct_load(&started, OCT_RLX) <= 1);
}

static void scan_other(void)
{
	struct oct_track_result result;

	OC_ASSERT(OC_ASSERTION, oct_tracker_scan(&trackers[0], &dirty.bitmap, &result) == 0);
	OC_ASSERT(OC_I3, dirty.words[0] != 0); /* stored to before */
}

static void scan(void)
{
	RAW_PARTS(scan_other, unmap_other);
}

static void stop_other(void)
{
	oct_tracker_stop(&trackers[0]);
	trackers[0].noted.words = NULL; /* the host's again */
}

static void stop(void)
{
	RAW_PARTS(stop_other, unmap_other);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "no-lock", .run = no_lock, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "protect", .run = protect, .expected = OC_HOLDS},
                         {.name = "start", .run = begin, .expected = OC_HOLDS},
                         {.name = "start-two", .run = start_two, .expected = OC_HOLDS, .cover = {"busy"}},
                         {.name = "scan", .run = scan, .expected = OC_HOLDS},
                         {.name = "stop", .run = stop, .expected = OC_HOLDS}})
