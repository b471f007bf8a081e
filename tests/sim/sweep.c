/* sweep.c: every allocation, and every I/O, of short sequences fails once. SPDX-License-Identifier: MIT
 *
 * usage: sweep [SEQUENCES]
 * Each sequence of random calls is repeated with its 1st, 2nd, 3rd ... allocation failing, until
 * there are no more, and then so with its readings and writings. The mirror goes on after the failure as if
 * the call had not been made, so whatever was lost or changed by it shows; and at the end every page must be
 * back. */
#include "mirror.h"
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 400 };

static struct actor actor;

/* Only this one fails: the mirror does not make others fail. */
static void fail_io(uint64_t n)
{
	sim_fail_io(n);
	actor.io_fails = n != 0;
	actor.io_fails_alone = true;
}

/* The allocations (io: readings and writings) that the sequence made, with the n-th failing; 0: none does. */
static uint64_t run(uint64_t seed, uint64_t n, bool io)
{
	static struct oct_system oct;
	static struct oct_mm common;
	static struct oct_reclaimer reclaim;
	static struct oct_swap swap;
	static struct oct_swap_slot slots[256];
	struct sim_object device;
	bool reclaims = seed % 2 == 0;
	uint64_t before;

	if (oct_system_init(&oct, 1) || oct_mm_init(&common, &oct))
		oct_port_panic("no memory");
	sim_attach(&oct);
	sim_object_init(&device, sizeof slots / sizeof slots[0]);
	if (oct_swap_init(&swap, &device, slots, sizeof slots / sizeof slots[0]))
		oct_port_panic("no swap");
	oct_reclaim_init(&reclaim, &swap);
	if (reclaims && oct_reclaim_add(&reclaim, &common))
		oct_port_panic("reclaim refuses a space");
	actor_start(&actor, 0, 1, &oct, &common, reclaims ? &reclaim : NULL, seed);
	actor.may_fail = n != 0 && !io;
	before = io ? sim_io() : sim_allocations();
	if (io)
		fail_io(n);
	else
		sim_fail_allocation(n);
	while (actor.operations < STEPS)
		actor_step(&actor);
	before = (io ? sim_io() : sim_allocations()) - before;
	sim_fail_allocation(0);
	sim_fail_io(0);
	actor.may_fail = actor.io_fails = false;
	actor_finish(&actor);
	oct_mm_exit(&common);
	actor_end(&actor);
	oct_system_exit(&oct);
	sim_object_exit(&device);
	if (oct_swap_used(&swap) != 0)
		oct_port_panic("sweep: slots of swap are missing");
	if (sim_pages_out() != 0) {
		fprintf(stderr, "sweep: seed %llu, allocation %llu: %zu pages are missing\n",
		        (unsigned long long)seed, (unsigned long long)n, sim_pages_out());
		exit(1);
	}
	return before;
}

int main(int argc, char **argv)
{
	uint64_t sequences = argc > 1 ? strtoull(argv[1], NULL, 0) : 20;
	uint64_t failures = 0, failed_io = 0;

	sim_init(1);
	for (uint64_t seed = 1; seed <= sequences; seed++) {
		uint64_t n = 1;

		run(seed, 0, false);
		while (run(seed, n, false) >= n)
			n++;
		failures += n - 1;
		for (n = 1; run(seed, n, true) >= n; n++)
			failed_io++;
	}
	sim_check_pool();
	sim_exit();
	if (failures < sequences || failed_io < sequences) {
		fprintf(stderr, "sweep: only %llu allocations and %llu transfers failed\n",
		        (unsigned long long)failures, (unsigned long long)failed_io);
		return 1;
	}
	printf("%s: %llu sequences of %d operations, each of %llu allocations and %llu transfers failed "
	       "once; nothing lost\n",
	       OCT_FORMAT_NAME, (unsigned long long)sequences, STEPS, (unsigned long long)failures,
	       (unsigned long long)failed_io);
	return 0;
}
