/* delay.c: random delays, so that actors meet in more ways. SPDX-License-Identifier: MIT
 *
 * Mostly none, sometimes a spin of a random length, seldom the processor is given up: threads that
 * share processors change places there, wherever the loop happens to be. */
#include "../machine.h"
#include <sched.h>

static SIM_STATE uint64_t seeds; /* atomic */
static _Thread_local uint64_t state;

/* xorshift64*: Marsaglia, Vigna. */
uint64_t sim_random(void)
{
	if (state == 0)
		state = (oct_fetch_add(&seeds, 1, OCT_RLX) + 1) * 0x9e3779b97f4a7c15ull;
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * 0x2545f4914f6cdd1dull) >> 16;
}

static void spin(uint64_t turns)
{
	for (volatile uint64_t i = 0; i < turns; i++)
		;
}

void sim_delay(void)
{
	uint64_t dice = sim_random();

	if (dice % 32 == 0)
		sched_yield();
	else if (dice % 4 == 0)
		spin(dice >> 8 & ((2u << (dice >> 32) % 11) - 1));
}

void sim_skew(void)
{
	uint64_t dice = sim_random();

	if (dice % 4 == 0)
		sched_yield();
	spin(dice >> 8 & ((2u << (dice >> 32) % 14) - 1));
}
