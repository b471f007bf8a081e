/* calls.c: libFuzzer chooses the calls of the mirror. SPDX-License-Identifier: MIT
 *
 * Each input is a script of what tests/sim/mirror.c would else draw at random: which call, which range, which
 * rights, which access; the first two bytes say whether reclaim is there, hardware sets bits, and which
 * allocation fails. The sim and the mirror judge, so a crash is a difference, a panic or a lost page.
 * One CPU: a script says all that happens. */
#include "../sim/mirror.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_STEPS = 200, SLOTS = 64 };

static struct oct_system oct;
static struct oct_mm common;
static struct oct_reclaimer reclaim;
static struct oct_swap swap;
static struct oct_swap_slot slots[SLOTS];
static struct sim_object device;
static struct actor actor;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool begun;
	bool reclaims;

	if (size < 4)
		return -1;
	if (!begun) {
		sim_init(1);
		sim_object_init(&device, SLOTS);
		begun = true;
	}
	reclaims = data[0] & 1;
	sim_hardware_bits(!(data[0] & 2));
	if (oct_system_init(&oct, 1) || oct_mm_init(&common, &oct) ||
	    oct_swap_init(&swap, &device, slots, SLOTS))
		abort();
	sim_attach(&oct);
	oct_reclaim_init(&reclaim, &swap);
	if (reclaims && oct_reclaim_add(&reclaim, &common))
		abort();
	actor_start(&actor, 0, 1, &oct, &common, reclaims ? &reclaim : NULL, 1);
	actor.script = data + 2;
	actor.script_left = size - 2;
	actor.may_fail = data[1] != 0;
	sim_fail_allocation(data[1]);
	while (actor.script_left > 0 && actor.operations < MOST_STEPS)
		actor_step(&actor);
	sim_fail_allocation(0);
	actor.may_fail = false;
	actor_finish(&actor);
	oct_mm_exit(&common);
	actor_end(&actor);
	oct_system_exit(&oct);
	if (sim_pages_out() != 0 || oct_swap_used(&swap) != 0) {
		fprintf(stderr, "fuzz: %zu pages and %u slots are missing\n", sim_pages_out(),
		        oct_swap_used(&swap));
		abort();
	}
	return 0;
}
