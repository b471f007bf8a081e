/* classic/peterson: mutual exclusion of two threads by loads and stores (Peterson 1981).
 * SPDX-License-Identifier: MIT
 *
 * Each says that it wants to enter, gives way, and waits until the other does not want to or gives way.
 * Release and acquire do not order the stores before the loads. One full fence after both stores does
 * not order what was overwritten either: who gives way last does not learn from the store it
 * overwrites that the other wants to enter (classic/r). A second fence does, or an exchange.
 *
 * Executions of those: who gives way last (2) learns that the other wants to, and waits until it has left;
 * the other does not see it, or does and sees that it gives way (2): 4. */
#include "../checks/parts.h"

static uint32_t wants[2], gives_way;
static uint32_t counter;

static void give_way(unsigned self, bool fence_between, bool fence_after)
{
	oct_store(&wants[self], 1, OCT_RLX);
	if (fence_between)
		oct_fence(OCT_SC); /* pairs with the fence after, in the other thread */
	oct_store(&gives_way, self, OCT_REL);
	if (fence_after)
		oct_fence(OCT_SC); /* pairs with both fences of the other thread */
}

static void inside(unsigned self)
{
	unsigned other = 1 - self;

	oct_await(oct_load(&wants[other], OCT_ACQ) == 0 || oct_load(&gives_way, OCT_ACQ) == other);
	counter++;
	oct_store(&wants[self], 0, OCT_REL); /* pairs with the load of wants above */
}

static void without_fence(void)
{
	give_way(oct_port_cpu_self(), false, false);
	inside(oct_port_cpu_self());
}

static void one_fence(void)
{
	give_way(oct_port_cpu_self(), false, true);
	inside(oct_port_cpu_self());
}

static void two_fences(void)
{
	give_way(oct_port_cpu_self(), true, true);
	inside(oct_port_cpu_self());
}

static void exchange(void)
{
	oct_store(&wants[oct_port_cpu_self()], 1, OCT_RLX);
	oct_xchg(&gives_way, oct_port_cpu_self(), OCT_ACQ_REL); /* pairs with itself in the other thread */
	inside(oct_port_cpu_self());
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, counter == 2);
}

OC_SCENARIO(.final = final, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "no-fence", .run = without_fence, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "one-fence", .run = one_fence, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "two-fences", .run = two_fences, .expected = OC_HOLDS},
                         {.name = "exchange", .run = exchange, .expected = OC_HOLDS}})
