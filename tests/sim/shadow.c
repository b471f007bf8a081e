/* shadow.c: a shadow MMU beside the CPUs, on the sim. SPDX-License-Identifier: MIT
 *
 * usage: shadow [--ops N] [--cpus N] [--seed N] [--notifier] [--no-retry]
 * One private area. Each CPU has a word of its own in each page, and stores and loads it in two ways: by its
 * TLB, and through one shadow table that all share, which is filled by pins under the sequence of an interval
 * (interval.h). Meanwhile pages are forked, write-protected, paged out, moved, and sent to a device's memory
 * and back. What was stored last must be there either way, and no page is used that was given back.
 * --notifier: an access through the table goes on without its lock and cannot be stopped, only waited for, so
 * the table is told before a change and when it is over (notify.h), instead of in the middle.
 * --no-retry: what was seen is filled in, whatever has happened since; the run is expected to find that. */
#include "../../machine/sim/sim.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGES = 12, MOST_CPUS = 8, RW = OCT_READ | OCT_WRITE };
#define AREA  ((uintptr_t)0x10000000)
#define VA(i) (AREA + (i)*OCT_PAGE_SIZE)

static struct oct_system oct;
static struct oct_mm mm, child[MOST_CPUS];
static struct oct_reclaimer reclaim;
static struct oct_swap swap, device;
static struct oct_swap_slot swap_slots[PAGES * (MOST_CPUS + 1)], device_slots[PAGES * (MOST_CPUS + 1)];
static struct sim_object swap_object, device_object;
static struct oct_intervals intervals;
static uint64_t operations = 100000, seed = 1;
static bool no_retry, sleeps;

static struct {
	struct oct_interval interval; /* first */
	uint32_t lock;
	struct {
		uint64_t *words; /* NULL: nothing is shown */
		bool write;
		uint32_t under_way;          /* atomic: accesses */
		unsigned announced, changes; /* starts without an end; ends */
	} page[PAGES];
	uint64_t dropped; /* under lock */
} shadow;

struct user {
	uint64_t random, last[PAGES], filled, again, moved, sent;
};
static struct user users[MOST_CPUS];

static void require(bool truth, const char *what, unsigned page)
{
	if (truth)
		return;
	fprintf(stderr, "shadow: %s (page %u, seed %llu)\n", what, page, (unsigned long long)seed);
	exit(1);
}

static unsigned pick(struct user *user, unsigned below) /* xorshift64*: Marsaglia, Vigna */
{
	user->random ^= user->random >> 12;
	user->random ^= user->random << 25;
	user->random ^= user->random >> 27;
	return (unsigned)((user->random * 0x2545f4914f6cdd1dull) >> 33) % below;
}

/* ---- The shadow ------------------------------------------------------------------------------------ */

/* Interrupts stay on: nobody dispatches an invalidation from an interrupt. */
static void shadow_lock(void)
{
	uint32_t open = 0;

	while (!oct_cas(&shadow.lock, &open, 1u, OCT_ACQ))
		open = 0;
}

static void shadow_unlock(void)
{
	oct_store(&shadow.lock, 0u, OCT_REL);
}

static void shadow_drop(struct oct_interval *interval, uintptr_t start, uintptr_t end)
{
	(void)interval;
	shadow_lock();
	for (uintptr_t va = start; va < end; va += OCT_PAGE_SIZE) {
		shadow.dropped += shadow.page[(va - AREA) / OCT_PAGE_SIZE].words != NULL;
		shadow.page[(va - AREA) / OCT_PAGE_SIZE].words = NULL;
	}
	shadow_unlock();
}

/* The pages of [start, end) that lie in the area. */
static void shadow_range(uintptr_t start, uintptr_t end, unsigned *first, unsigned *behind)
{
	start = start > AREA ? start : AREA;
	end = end < VA(PAGES) ? end : VA(PAGES);
	*first = start < end ? (unsigned)((start - AREA) / OCT_PAGE_SIZE) : 0;
	*behind = start < end ? (unsigned)((end - AREA) / OCT_PAGE_SIZE) : 0;
}

static struct oct_notifier notifier;

static void shadow_start(struct oct_notifier *of, struct oct_mm *space, uintptr_t start, uintptr_t end)
{
	unsigned first, behind;

	require(of == &notifier && space == &mm, "a start of something else", 0);
	shadow_range(start, end, &first, &behind);
	shadow_lock();
	for (unsigned i = first; i < behind; i++) {
		shadow.page[i].announced++;
		shadow.dropped += shadow.page[i].words != NULL;
		shadow.page[i].words = NULL;
	}
	shadow_unlock();
	for (unsigned i = first; i < behind; i++)
		while (
		    oct_load(&shadow.page[i].under_way, OCT_ACQ)) /* pairs with the release of the access */
			oct_port_relax();
}

static void shadow_end(struct oct_notifier *of, struct oct_mm *space, uintptr_t start, uintptr_t end)
{
	unsigned first, behind;

	require(of == &notifier && space == &mm, "an end of something else", 0);
	shadow_range(start, end, &first, &behind);
	shadow_lock();
	for (unsigned i = first; i < behind; i++) {
		require(shadow.page[i].announced > 0, "an end without a start", i);
		shadow.page[i].announced--;
		shadow.page[i].changes++;
	}
	shadow_unlock();
}

static void shadow_leave(struct oct_notifier *of, struct oct_mm *space)
{
	shadow_start(of, space, AREA, VA(PAGES));
	shadow_end(of, space, AREA, VA(PAGES));
}

static uint32_t shadow_begin(unsigned i)
{
	uint32_t seen;
	bool waits;

	if (!sleeps)
		return oct_interval_read_begin(&shadow.interval);
	do {
		shadow_lock();
		seen = shadow.page[i].changes;
		waits = shadow.page[i].announced && !no_retry;
		shadow_unlock();
		if (waits)
			oct_port_relax();
	} while (waits);
	return seen;
}

/* Under the lock of the shadow. */
static bool shadow_retry(unsigned i, uint32_t seen)
{
	if (no_retry)
		return false;
	return sleeps ? shadow.page[i].announced || shadow.page[i].changes != seen
	              : oct_interval_read_retry(&shadow.interval, seen);
}

static void shadow_fill(struct user *user, unsigned i, bool write)
{
	uint32_t seen = shadow_begin(i);
	struct oct_folio *folio;
	int result = oct_gup(&mm, VA(i), 1, write ? OCT_WRITE : OCT_READ, &folio);

	require(result == 1, "a page cannot be pinned", i);
	if (pick(user, 2) == 0) { /* what keeps it right is the sequence */
		oct_unpin(folio, write);
		for (unsigned n = pick(user, 16); n > 0; n--)
			oct_port_relax();
	} else {
		result = 2;
	}
	shadow_lock();
	if (!shadow_retry(i, seen)) {
		shadow.page[i].words = oct_port_phys_to_virt(folio->page);
		shadow.page[i].write = write;
		user->filled++;
	} else {
		user->again++;
	}
	shadow_unlock();
	if (result == 2)
		oct_unpin(folio, write);
}

/* One access through the table. false: it does not show the page for it. */
static bool shadow_access(unsigned i, unsigned word, bool write, uint64_t *value)
{
	uint64_t *words;

	shadow_lock();
	words = !write || shadow.page[i].write ? shadow.page[i].words : NULL;
	if (words && sleeps) {
		oct_fetch_add(&shadow.page[i].under_way, 1u, OCT_RLX); /* the lock orders it */
		shadow_unlock();
	}
	if (words && write)
		oct_store(&words[word], *value, OCT_RLX);
	else if (words)
		*value = oct_load(&words[word], OCT_RLX);
	if (words && sleeps)
		oct_fetch_sub(&shadow.page[i].under_way, 1u, OCT_REL); /* pairs with shadow_start() */
	else
		shadow_unlock();
	return words != NULL;
}

static void through_shadow(struct user *user, unsigned i, unsigned word, bool write, uint64_t *value)
{
	while (!shadow_access(i, word, write, value)) {
		shadow_fill(user, i, write);
		sim_poll();
	}
}

/* ---- What happens to the pages ------------------------------------------------------------------ */

static void fork_and_end(unsigned cpu)
{
	require(oct_mm_init(&child[cpu], &oct) == 0 && oct_fork(&child[cpu], &mm) == 0, "no fork", 0);
	oct_mm_exit(&child[cpu]);
}

static void move(struct user *user, uintptr_t start, uintptr_t end)
{
	struct oct_folio *fresh = oct_folio_alloc();

	require(fresh != NULL, "no memory", 0);
	if (oct_migrate_pages(&mm, start, end, &fresh, 1) == 1)
		user->moved++;
	else
		oct_folio_put(fresh);
}

static void send(struct user *user, uintptr_t start, uintptr_t end)
{
	struct oct_migrate_vma migrate;
	int n = oct_migrate_vma_setup(&migrate, &mm, start, end);

	require(n >= 0, "setup refuses", 0);
	if (n == 0)
		return;
	if (pick(user, 8) != 0) /* else the device does not take them */
		user->sent += (uint64_t)oct_migrate_vma_pages(&migrate);
	oct_migrate_vma_finalize(&migrate);
}

static void step(unsigned cpu, struct user *user, uint64_t value)
{
	unsigned i = pick(user, PAGES), kind = pick(user, 64);
	uintptr_t end = VA(i + 1 + pick(user, PAGES - i));
	uint64_t found = 0;

	if (kind < 12) {
		require(sim_store64(VA(i) + cpu * 8, value) == 0, "a store is refused", i);
		user->last[i] = value;
	} else if (kind < 24) {
		require(sim_load64(VA(i) + cpu * 8, &found) == 0, "a load is refused", i);
		require(found == user->last[i], "a store is lost to a load", i);
	} else if (kind < 36) {
		through_shadow(user, i, cpu, true, &value);
		user->last[i] = value;
	} else if (kind < 48) {
		through_shadow(user, i, cpu, false, &found);
		require(found == user->last[i], "a store is lost to the shadow", i);
	} else if (kind < 52) {
		require(oct_clear_refs(&mm, VA(i), end) == 0, "clear_refs", i);
	} else if (kind < 55) {
		require(oct_madvise_pageout(&mm, VA(i), end) == 0, "pageout", i);
	} else if (kind < 58) {
		move(user, VA(i), end);
	} else if (kind < 62) {
		send(user, VA(i), end);
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

static void begin(unsigned cpus)
{
	uintptr_t at;

	sim_init(cpus);
	require(!oct_system_init(&oct, cpus) && !oct_mm_init(&mm, &oct), "no memory", 0);
	sim_attach(&oct);
	sim_object_init(&swap_object, sizeof swap_slots / sizeof swap_slots[0]);
	sim_object_init(&device_object, sizeof device_slots / sizeof device_slots[0]);
	require(!oct_swap_init(&swap, &swap_object, swap_slots, sizeof swap_slots / sizeof swap_slots[0]) &&
	            !oct_device_init(&device, &device_object, device_slots,
	                             sizeof device_slots / sizeof device_slots[0]),
	        "no swap", 0);
	oct_reclaim_init(&reclaim, &swap);
	oct_device_attach(&reclaim, &device);
	require(!oct_reclaim_add(&reclaim, &mm), "reclaim refuses the space", 0);
	require(!oct_mmap(&mm, AREA, PAGES * OCT_PAGE_SIZE, RW, OCT_MAP_FIXED_NOREPLACE, &at), "mmap", 0);
	if (sleeps) {
		notifier =
		    (struct oct_notifier){.start = shadow_start, .end = shadow_end, .leave = shadow_leave};
		oct_notifier_bind(&mm, &notifier);
	} else {
		oct_intervals_bind(&intervals, &mm.space);
		shadow.interval.invalidate = shadow_drop;
		require(!oct_interval_insert(&intervals, &shadow.interval, AREA, VA(PAGES)), "no interval",
		        0);
	}
	for (unsigned i = 0; i < cpus; i++)
		users[i].random = (seed + 1) * 0x9e3779b97f4a7c15ull ^ (uint64_t)i << 32;
}

static void finish(void)
{
	oct_mm_exit(&mm);
	for (unsigned i = 0; i < PAGES; i++)
		require(!shadow.page[i].words, "the space has ended, and the shadow shows it", i);
	require(oct_swap_used(&swap) == 0 && oct_swap_used(&device) == 0, "slots are in use", 0);
	oct_system_exit(&oct);
	require(sim_pages_out() == 0, "pages are missing at the end", (unsigned)sim_pages_out());
	sim_check_pool();
	sim_object_exit(&swap_object);
	sim_object_exit(&device_object);
	sim_exit();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"ops", required_argument, NULL, 'o'},  {"cpus", required_argument, NULL, 'c'},
	    {"seed", required_argument, NULL, 's'}, {"no-retry", no_argument, NULL, 'n'},
	    {"notifier", no_argument, NULL, 'w'},   {0}};
	struct user sum = {0};
	unsigned cpus = 1;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o')
			operations = strtoull(optarg, NULL, 0);
		else if (option == 'c')
			cpus = (unsigned)strtoul(optarg, NULL, 0);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (option == 'n')
			no_retry = true;
		else if (option == 'w')
			sleeps = true;
		else
			return 2;
	}
	require(cpus >= 1 && cpus <= MOST_CPUS, "1 to 8 CPUs", 0);
	operations /= cpus;
	begin(cpus);
	sim_run(cpus, act, NULL);
	finish();
	for (unsigned i = 0; i < cpus; i++) {
		sum.filled += users[i].filled;
		sum.again += users[i].again;
		sum.moved += users[i].moved;
		sum.sent += users[i].sent;
	}
	printf("%s, %u CPUs: %llu operations beside a shadow%s: %llu entries filled, %llu begun again, %llu "
	       "dropped, %llu "
	       "pages moved, %llu sent to a device; nothing lost, all pages back\n",
	       OCT_FORMAT_NAME, cpus, (unsigned long long)(operations * cpus), sleeps ? " that sleeps" : "",
	       (unsigned long long)sum.filled, (unsigned long long)sum.again,
	       (unsigned long long)shadow.dropped, (unsigned long long)sum.moved,
	       (unsigned long long)sum.sent);
	return 0;
}
