/* classic/rwlock: readers and writers, one word. SPDX-License-Identifier: MIT
 *
 * The word counts readers; a writer takes it from 0 to the highest bit. The data are plain.
 * Two readers and a writer.
 *
 * Executions: an order of the changes of the word, and for each reader which of the equal values its load
 * found. Writer first: readers one after the other 2 * 3, overlapping 2 * 1 twice; writer last: 2, and 1
 * twice; all for either reader first. Writer between them: 1 * 3, twice. 20 + 8 + 6 = 34. */
#include "../checks/parts.h"

enum { READER = 1 };
#define WRITER 0x80000000u

static uint32_t word, data;

static void write_locked(void)
{
	uint32_t free;

	oct_await((free = 0, oct_cas(&word, &free, WRITER, OCT_ACQ))); /* pairs with read_unlock() */
	data++;
	oct_store(&word, 0, OCT_REL); /* pairs with read_lock() */
}

/* Take part, unless a writer is in: then step back and wait until it has left. */
static void read_lock(void)
{
	uint32_t found;

	oct_await((found = oct_load(&word, OCT_RLX)) < WRITER &&
	          oct_cas(&word, &found, found + READER, OCT_ACQ));
}

static void read_locked(int unlock_order)
{
	read_lock();
	oc_cover(data ? "after" : "before");
	if (unlock_order == OCT_REL)
		oct_fetch_sub(&word, READER, OCT_REL); /* pairs with the acquire of the writer */
	else
		oct_fetch_sub(&word, READER, OCT_RLX);
}

static void relaxed_unlock(void)
{
	if (oct_port_cpu_self() == 0)
		write_locked();
	else
		read_locked(OCT_RLX);
}

static void right(void)
{
	if (oct_port_cpu_self() == 0)
		write_locked();
	else
		read_locked(OCT_REL);
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, data == 1);
}

OC_SCENARIO(.final = final, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "relaxed-unlock", .run = relaxed_unlock, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "right", .run = right, .expected = OC_HOLDS, .cover = {"before", "after"}}})
