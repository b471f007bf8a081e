/* checks/spin: a waiting loop that is written out, as in code from a mail. SPDX-License-Identifier: MIT
 *
 * Each turn that reads the same blocks until a store can change what was read; a loop that no store can
 * end is a deadlock, not a hang of the checker. */
#include <octavo/check.h>
#include <octavo/linux.h>

static int flag, data, seen;

static void writer(void)
{
	data = 1;
	smp_wmb();
	WRITE_ONCE(flag, 1);
}

static void repaired(void)
{
	while (!READ_ONCE(flag))
		cpu_relax();
	smp_rmb();
	seen = data;
}

static void broken(void)
{
	while (READ_ONCE(flag) != 2)
		cpu_relax();
	seen = 1;
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, seen == 1);
}

OC_SCENARIO(.final = final, .arch = OC_ARCH_ALL, .actors = {OC_THREAD(writer), OC_THREAD(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_DEADLOCK)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
