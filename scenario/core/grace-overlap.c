/* core/grace-overlap: two grace periods asked for at once. SPDX-License-Identifier: MIT
 *
 * An interrupt that one request sent may find the other's number already, and answer it: then it has
 * seen what that one unlinked, too. The walker reads tables with interrupts off. */
#include <octavo/check.h>

enum { VA = 0x10000, READ_WRITE = OCT_READ | OCT_WRITE };

static struct oct_mm *mm;
static struct oct_system *system_of_all;

static void setup(void)
{
	mm = oc_mm();
	system_of_all = mm->space.system;
	system_of_all->defer = NULL;
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

/* Asks for nothing of its own: an interrupt at any time. */
static void interrupt(void)
{
	oct_port_ipi(1);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(unmap), OC_CPU(walk), OC_THREAD(interrupt)}, .cover = {"walker-saw-the-table"},
            .variants = {{.name = "now", .expected = OC_HOLDS}})
