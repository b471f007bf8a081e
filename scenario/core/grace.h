/* grace.h: a walker without locks on a CPU that the space's flushes do not interrupt.
 * SPDX-License-Identifier: MIT
 *
 * It reads tables with interrupts off while another CPU unmaps; a third sends interrupts of its own.
 * at-once: a host whose deferral does not wait, or a kernel that takes the flush for a grace period. */
#ifndef SCENARIO_CORE_GRACE_H
#define SCENARIO_CORE_GRACE_H

#include <octavo/check.h>

enum { VA = 0x10000, READ_WRITE = OCT_READ | OCT_WRITE };

static struct oct_mm *mm;

static inline void grace_setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
}

static inline void unmap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, VA, OCT_PAGE_SIZE) == 0);
}

/* The neighbour's entry never changes: a use that only ran earlier would be told. */
static inline void walk(void)
{
	const oct_pte_t *pte;

	oc_irqs_off();
	pte = oct_table_find(&mm->space, VA, 0);
	if (pte) {
		OC_ASSERT(OC_ASSERTION, oct_pte_none(pte[1]));
		oc_cover("walker-saw-the-table");
	}
	oc_irqs_on();
}

/* Asks for nothing of its own: an interrupt at any time. */
static inline void interrupt(void)
{
	oct_port_ipi(1);
}

static inline void run_at_once(void (*fn)(void *arg), void *arg)
{
	fn(arg);
}

static void now(void)
{
	mm->space.system->defer = NULL;
	unmap();
}

static void at_once(void)
{
	mm->space.system->defer = run_at_once;
	unmap();
}

/* Further fields of at-once. */
#define GRACE_VARIANTS(...)                                                                                  \
	{                                                                                                    \
		{.name = "at-once", .run = at_once, .expected = OC_VIOLATES(OC_UAF), __VA_ARGS__},           \
		    {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"walker-saw-the-table"}},    \
	}

#endif
