/* stress.c: the core against a plain map of what it must contain. SPDX-License-Identifier: MIT
 *
 * usage: stress [--ops N] [--cpus N] [--seed N] [--software-bits] [--reclaim] [--io-fails] [--large]
 * Prints one line of counts. A difference aborts with the seed and the number of the operation; at
 * the end every page must be back. */
#include "mirror.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { LONG_RUN = 100000 }; /* in which every call is to be expected */

static struct oct_system oct;
static struct oct_mm common;
static struct oct_reclaimer reclaim;
static struct oct_swap swap;
static struct sim_object device;
static struct oct_swap_slot slots[2048];
static uint64_t operations = 200000, seed = 1;

static void act(unsigned cpu, void *arg)
{
	struct actor *actors = arg;

	while (actors[cpu].operations < operations)
		actor_step(&actors[cpu]);
	actor_finish(&actors[cpu]);
}

static void require(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "stress: %s\n", what);
	exit(1);
}

/* May a page of an object become writable? Sometimes: ask again. */
static int answer(const struct oct_event *event)
{
	static uint32_t asked;

	(void)event;
	return oct_fetch_add(&asked, 1u, OCT_RLX) % 8 == 7 ? -OCT_EAGAIN : 0;
}

static void print(const struct actor *actors, unsigned cpus)
{
	struct sim_counters sim = sim_counters_total();
	struct actor sum = {.cpus = cpus};

	for (unsigned i = 0; i < cpus; i++) {
		sum.operations += actors[i].operations;
		sum.loads += actors[i].loads;
		sum.stores += actors[i].stores;
		sum.faults += actors[i].faults;
		sum.events += actors[i].events;
		sum.forks += actors[i].forks;
		sum.moves += actors[i].moves;
		sum.reclaimed += actors[i].reclaimed;
		sum.called[CALL_IO_FAILS] += actors[i].called[CALL_IO_FAILS];
	}
	printf("%s, %d levels, %u CPUs: %llu operations, %llu loads and %llu stores compared, %llu signals, "
	       "%llu events, %llu forks, %llu moves, %llu pages reclaimed; all pages back\n",
	       OCT_FORMAT_NAME, OCT_LEVELS, cpus, (unsigned long long)sum.operations,
	       (unsigned long long)sum.loads, (unsigned long long)sum.stores, (unsigned long long)sum.faults,
	       (unsigned long long)sum.events, (unsigned long long)sum.forks, (unsigned long long)sum.moves,
	       (unsigned long long)sum.reclaimed);
	printf("  machine: %llu accesses, %llu TLB hits (%llu large), %llu walks (%llu from a cached table), "
	       "%llu faults; %llu invalidations of a page, %llu of a space, %llu of all (%llu broadcast), "
	       "%llu interrupts\n",
	       (unsigned long long)sim.accesses, (unsigned long long)sim.hits,
	       (unsigned long long)sim.large_hits, (unsigned long long)sim.walks,
	       (unsigned long long)sim.walk_hits, (unsigned long long)sim.faults,
	       (unsigned long long)sim.by_page, (unsigned long long)sim.by_asid,
	       (unsigned long long)(sim.invalidations - sim.by_page - sim.by_asid),
	       (unsigned long long)sim.broadcasts, (unsigned long long)sim.interrupts);
	printf("  sum: operations %llu loads %llu stores %llu faults %llu signals %llu forks %llu moves %llu "
	       "reclaimed "
	       "%llu transfers %llu failed_transfers %llu\n",
	       (unsigned long long)sum.operations, (unsigned long long)sum.loads,
	       (unsigned long long)sum.stores, (unsigned long long)sim.faults, (unsigned long long)sum.faults,
	       (unsigned long long)sum.forks, (unsigned long long)sum.moves,
	       (unsigned long long)sum.reclaimed, (unsigned long long)sim_io(),
	       (unsigned long long)sum.called[CALL_IO_FAILS]);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"ops", required_argument, NULL, 'o'},     {"cpus", required_argument, NULL, 'c'},
	    {"seed", required_argument, NULL, 's'},    {"reclaim", no_argument, NULL, 'r'},
	    {"software-bits", no_argument, NULL, 'b'}, {"io-fails", no_argument, NULL, 'i'},
	    {"large", no_argument, NULL, 'l'},         {0}};
	unsigned cpus = 1;
	bool hardware_bits = true, reclaims = false, io_fails = false, large = false;
	enum mirror_call missing;
	struct actor *actors;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o')
			operations = strtoull(optarg, NULL, 0);
		else if (option == 'c')
			cpus = (unsigned)strtoul(optarg, NULL, 0);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (option == 'b')
			hardware_bits = false;
		else if (option == 'r')
			reclaims = true;
		else if (option == 'l')
			large = true;
		else if (option == 'i')
			io_fails = true;
		else
			return 2;
	}
	require(cpus >= 1 && cpus <= 8, "1 to 8 CPUs");
	operations /= cpus;
	sim_init(cpus);
	sim_hardware_bits(hardware_bits);
	require(!oct_system_init(&oct, cpus) && !oct_mm_init(&common, &oct), "no memory");
	sim_attach(&oct);
	require(!large || !oct_mm_set_policy(&common, OCT_MM_LARGE_FOLIOS), "no policy");
	if (reclaims) {
		sim_object_init(&device, sizeof slots / sizeof slots[0]);
		require(!oct_swap_init(&swap, &device, slots, sizeof slots / sizeof slots[0]), "no swap");
		oct_reclaim_init(&reclaim, &swap);
		require(!oct_reclaim_add(&reclaim, &common), "reclaim refuses a space");
	}
	actors = calloc(cpus, sizeof *actors);
	require(actors != NULL, "no memory");
	sim_on_event(answer);
	for (unsigned i = 0; i < cpus; i++) {
		actor_start(&actors[i], i, cpus, &oct, &common, reclaims ? &reclaim : NULL, seed);
		actors[i].io_fails = io_fails;
		actors[i].large = large;
	}
	sim_run(cpus, act, actors);
	oct_mm_exit(&common);
	sim_fail_io(0);
	for (unsigned i = 0; i < cpus; i++)
		actor_end(&actors[i]);
	oct_system_exit(&oct);
	require(!reclaims || oct_swap_used(&swap) == 0, "slots of swap are missing at the end");
	require(sim_pages_out() == 0, "pages are missing at the end");
	sim_check_pool();
	print(actors, cpus);
	missing = mirror_not_called(actors, cpus);
	if (operations * cpus >= LONG_RUN && missing != CALLS) {
		fprintf(stderr, "stress: never happened: %s\n", mirror_call_name(missing));
		exit(1);
	}
	free(actors);
	if (reclaims)
		sim_object_exit(&device);
	sim_exit();
	return 0;
}
