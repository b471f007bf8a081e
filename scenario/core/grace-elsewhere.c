/* core/grace-elsewhere: a walker on a CPU that runs another space. SPDX-License-Identifier: MIT
 *
 * It reads the tables with interrupts off, and no flush of the space is a reason to interrupt it. An
 * interrupt that somebody else sent may answer a grace period early: then what comes after it has
 * seen what was unlinked. */
#include <octavo/check.h>

enum { VA = 0x10000, READ_WRITE = OCT_READ | OCT_WRITE };

static struct oct_mm *mm;

static void setup(void)
{
	mm = oc_mm();
	mm->space.system->defer = NULL;
	oc_map_anon(mm, VA, 1, READ_WRITE);
}

static void unmap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, VA, OCT_PAGE_SIZE) == 0);
}

static void walk(void)
{
	const oct_pte_t *pte;

	oc_irqs_off();
	pte = oct_table_find(&mm->space, VA, 0);
	if (pte) {
		OC_ASSERT(OC_ASSERTION, oct_pte_none(pte[1])); /* never changes */
		oc_cover("walker-saw-the-table");
	}
	oc_irqs_on();
}

static void interrupt(void)
{
	oct_port_ipi(1);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(unmap), OC_THREAD(walk), OC_THREAD(interrupt)}, .cover = {"walker-saw-the-table"},
            .variants = {{.name = "now", .expected = OC_HOLDS}})
