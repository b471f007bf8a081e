/* rc11/ticket-4: a ticket lock, 4 threads. SPDX-License-Identifier: MIT
 *
 * The tickets decide who enters when, so there is one complete execution for each order of the
 * threads: 4! of them. The counter is plain memory: a lock that lets two in is a data race. */
#include <octavo/check.h>

enum { THREADS = 4 };

static uint32_t next_ticket, now_serving;
static uint32_t counter;

static void worker(void)
{
	uint32_t mine = oct_fetch_add(&next_ticket, 1, OCT_RLX);

	oc_await(oct_load(&now_serving, OCT_ACQ) == mine); /* pairs with the release below */
	counter++;
	oct_store(&now_serving, mine + 1, OCT_REL);
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, counter == THREADS);
}

OC_SCENARIO(.final = final,
            .actors = {OC_THREAD(worker), OC_THREAD(worker), OC_THREAD(worker), OC_THREAD(worker)},
            .variants = {{.expected = OC_HOLDS}})
