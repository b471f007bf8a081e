/* checks/grace-period: a table is freed under a walker without a lock. SPDX-License-Identifier: MIT
 *
 * Software walks tables with interrupts off and takes no lock. A flush waits for hardware's walks; on arm64
 * and riscv64 it does not wait for this one. A grace period does: it begins after the unlink and ends when
 * every CPU has had its interrupts on. Here CPUs run no code of the space, so no flush is due. */
#include "parts.h"

static oct_phys_t table;
static uint64_t *upper;
static uint64_t linked;

static void setup(void)
{
	uint64_t *entries;

	table = oct_port_page_alloc(0, OCT_USE_CORE);
	entries = oct_port_phys_to_virt(table);
	oct_store(&entries[0], 42u, OCT_RLX);
	linked = table;
	upper = &linked;
}

static void walker(void)
{
	unsigned long state = oct_port_irq_save();
	oct_phys_t at = oct_load(upper, OCT_ACQ);

	if (at) {
		uint64_t *entries = oct_port_phys_to_virt(at);

		OC_ASSERT(OC_ASSERTION, oct_load(&entries[0], OCT_RLX) == 42);
		oc_cover("walked");
	}
	oct_port_irq_restore(state);
}

static void give_back(void *unused)
{
	(void)unused;
	oct_port_page_free(table, 0, OCT_USE_CORE);
}

static void at_once(void)
{
	oct_store(upper, 0u, OCT_REL);
	give_back(NULL);
}

static void after_a_grace_period(void)
{
	oct_store(upper, 0u, OCT_REL);
	oct_port_defer(give_back, NULL);
}

/* The grace period has to come after the unlink. */
static void nothing(void *unused)
{
	(void)unused;
}

static void before_the_unlink(void)
{
	oct_port_defer(nothing, NULL);
	oct_store(upper, 0u, OCT_REL);
	give_back(NULL);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(walker)},
            .variants = {
                {.name = "broken", .run = at_once, .expected = OC_VIOLATES(OC_UAF)},
                {.name = "broken-before", .run = before_the_unlink, .expected = OC_VIOLATES(OC_UAF)},
                {.name = "repaired", .run = after_a_grace_period, .expected = OC_HOLDS, .cover = {"walked"}}})
