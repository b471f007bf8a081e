/* classic/seqlock: data that is read without a lock, again if it changed. SPDX-License-Identifier: MIT
 *
 * The number is odd while the data changes. The data are relaxed atomics: readers may race with them,
 * and throw away what they then read.
 *
 * Executions: 1 that finds the number odd; 1 that finds 2, and so everything; with 0, the data are old and
 * the second load of the number finds any of 3, or some are new (3 ways) and it finds 1 or 2: 11. */
#include "../checks/parts.h"

static uint32_t number, left, right;

static void write(bool fence)
{
	oct_store(&number, 1, OCT_RLX);
	if (fence)
		oct_fence(
		    OCT_REL); /* pairs with the fence of read(): who sees the data sees the odd number */
	oct_store(&left, 1, OCT_RLX);
	oct_store(&right, 1, OCT_RLX);
	oct_store(&number, 2, OCT_REL); /* pairs with the first load of read() */
}

static void read(bool fence)
{
	uint32_t before, l, r;

	before = oct_load(&number, OCT_ACQ);
	if (before & 1)
		return;
	l = oct_load(&left, OCT_RLX);
	r = oct_load(&right, OCT_RLX);
	if (fence)
		oct_fence(OCT_ACQ); /* pairs with the fence of write() */
	if (oct_load(&number, OCT_RLX) != before)
		return;
	OC_ASSERT(OC_ASSERTION, l == r);
	oc_cover(l ? "new" : "old");
}

static void without_writers_fence(void)
{
	if (oct_port_cpu_self() == 0)
		write(false);
	else
		read(true);
}

static void without_readers_fence(void)
{
	if (oct_port_cpu_self() == 0)
		write(true);
	else
		read(false);
}

static void right_one(void)
{
	if (oct_port_cpu_self() == 0)
		write(true);
	else
		read(true);
}

OC_SCENARIO(
        .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
        .variants = {
            {.name = "no-release-fence", .run = without_writers_fence, .expected = OC_VIOLATES(OC_ASSERTION)},
            {.name = "no-acquire-fence", .run = without_readers_fence, .expected = OC_VIOLATES(OC_ASSERTION)},
            {.name = "right", .run = right_one, .expected = OC_HOLDS, .cover = {"old", "new"}}})
