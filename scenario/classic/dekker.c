/* classic/dekker: mutual exclusion of two threads by loads and stores (Dekker, told by Dijkstra 1965).
 * SPDX-License-Identifier: MIT
 *
 * Who finds that both want to enter and does not have the turn takes its wish back until it has. The
 * turn stays until its owner has been inside, so the loops of the original are two awaits.
 *
 * Executions. Thread 0, which has the turn, finds nobody: at the start, and thread 1 then finds it gone, or
 * finds it and then the turn, or finds it and gives way (3); or because thread 1 has given way (1). Or it
 * finds thread 1: which gives way (1), or was in first, and the turn is read from the start or from
 * thread 1 (2). Or thread 1 was in first and is gone (1). Together 8. */
#include "../checks/parts.h"

static uint32_t wants[2], turn;
static uint32_t counter;

static void want(unsigned self, bool fence)
{
	oct_store(&wants[self], 1, OCT_RLX);
	if (fence)
		oct_fence(OCT_SC); /* pairs with itself in the other thread */
}

static void once(bool fence)
{
	unsigned self = oct_port_cpu_self(), other = 1 - self;

	want(self, fence);
	if (oct_load(&wants[other], OCT_ACQ)) {
		if (oct_load(&turn, OCT_RLX) != self) {
			oct_store(&wants[self], 0, OCT_RLX);
			oct_await(oct_load(&turn, OCT_RLX) == self);
			want(self, fence);
			oc_cover("gave-way");
		}
		oct_await(oct_load(&wants[other], OCT_ACQ) == 0); /* pairs with the release below */
	}
	counter++;
	oct_store(&turn, other, OCT_RLX);
	oct_store(&wants[self], 0, OCT_REL); /* pairs with the loads of wants above */
}

static void without_fence(void)
{
	once(false);
}

static void right(void)
{
	once(true);
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, counter == 2);
}

OC_SCENARIO(.final = final, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "no-fence", .run = without_fence, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "right", .run = right, .expected = OC_HOLDS, .cover = {"gave-way"}}})
