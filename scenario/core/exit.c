/* core/exit: a space ends under a CPU that runs it, or ran it. SPDX-License-Identifier: MIT
 *
 * That CPU has translations and tables of the space cached and walks them when it likes. Pages and
 * tables are free only when it has left and nothing reaches them any more (I1). no-leave: everything
 * is flushed, and the CPU still runs the space when its tables are freed. told-before: the CPU says that
 * it is gone, and then loads another root. */
#include "../raw.h"

enum { VA = 0x10000 };

static struct oct_mm *first, *mm;
static struct oct_folio *folio;
static uint32_t ran;

static void setup(void)
{
	first = oc_mm();
	mm = oc_mm();
	oc_map_anon(first, VA, 1, READ_WRITE);
	raw_forbid_faults(first, VA);
	oc_map_anon(mm, VA, 1, READ_WRITE);
	folio = oc_folio(mm, VA);
}

static void run(void)
{
	oct_mm_switch(first->space.system, mm);
	OC_ASSERT(OC_I2, oc_store32(mm, VA, 7) == 0);
}

static void tell(void)
{
	oct_store(&ran, 1u, OCT_REL);
}

static void runs(void)
{
	run();
	tell();
}

static void ran_before(void)
{
	run();
	oct_mm_switch(first->space.system, first);
	tell();
}

/* As a kernel does that copies to a user: the space stays while interrupts are off. */
static void uses(void)
{
	run();
	tell();
	oc_irqs_off();
	if (first->space.system->cpu[1].space == &mm->space) {
		OC_ASSERT(OC_I2, oc_store32(mm, VA, 8) == 0);
		oc_cover("used");
	}
	oc_irqs_on();
}

static void leaves(void)
{
	run();
	tell();
	oct_mm_switch(first->space.system, first);
}

static void exit_space(void)
{
	oc_await(oct_load(&ran, OCT_ACQ) == 1);
	oct_mm_exit(mm);
	OC_ASSERT(OC_LEAK, oct_load(&folio->refcount, OCT_RLX) == 0);
}

static void exit_while_runs(void)
{
	if (oct_port_cpu_self() == 0)
		exit_space();
	else
		runs();
}

static void exit_while_uses(void)
{
	if (oct_port_cpu_self() == 0)
		exit_space();
	else
		uses();
}

static void exit_while_ran_before(void)
{
	if (oct_port_cpu_self() == 0)
		exit_space();
	else
		ran_before();
}

static void exit_while_leaves(void)
{
	if (oct_port_cpu_self() == 0)
		exit_space();
	else
		leaves();
}

/* A host that keeps its own areas ends a space whose pages are gone. */
static void exit_empty(void)
{
	if (oct_port_cpu_self() == 1) {
		runs();
		return;
	}
	oc_await(oct_load(&ran, OCT_ACQ) == 1);
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, VA, VA + OCT_PAGE_SIZE) == 0);
	while (mm->areas.root)
		oct_vma_remove(&mm->areas, mm->areas.root);
	oct_vma_trim(&mm->areas);
	oct_space_exit(&mm->space);
	/* R5: its tables are free, so nobody waits for what was in them. */
	OC_ASSERT(OC_I1, oct_load(&mm->space.completed, OCT_ACQ) == oct_load(&mm->space.generation, OCT_RLX));
}

/* The first space ends by hand. Its page and tables go; flush: what CPUs may have cached of them, too. */
static void naive_exit(bool flush)
{
	oct_pte_t *pte = oc_pte(first, VA), *link = oc_pte(first, VA, 1);
	oct_phys_t page = oct_pte_phys(oc_entry_get(pte)), table = oct_pte_phys(oc_entry_get(link));

	oct_mm_switch(first->space.system, NULL);
	oc_entry_set(pte, 0);
	oc_entry_set(link, 0);
	if (flush) {
		oc_dsb();
		oc_tlbi(first, 0, 0, OC_BROADCAST, OC_ALL_LEVELS);
		oc_dsb();
	}
	oct_port_page_free(table, 0, OCT_USE_TABLE);
	oct_port_page_free(page, 0, OCT_USE_USER);
	oct_port_page_free(first->space.root, 1, OCT_USE_TABLE);
}

static void no_leave(void)
{
	uint32_t value;

	if (oct_port_cpu_self() == 0)
		naive_exit(true);
	else
		oc_load32(first, VA, &value);
}

static void told_before(void)
{
	if (oct_port_cpu_self() == 0) {
		oc_await(oct_load(&ran, OCT_ACQ) == 1);
		naive_exit(false);
	} else {
		tell();
		oct_mm_switch(first->space.system, NULL);
	}
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION, first->space.system->cpu[1].space != &mm->space);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "no-leave", .run = no_leave, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "told-before", .run = told_before, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "runs", .run = exit_while_runs, .expected = OC_HOLDS},
                         {.name = "uses", .run = exit_while_uses, .expected = OC_HOLDS, .cover = {"used"}},
                         {.name = "ran-before", .run = exit_while_ran_before, .expected = OC_HOLDS},
                         {.name = "leaves", .run = exit_while_leaves, .expected = OC_HOLDS},
                         {.name = "empty", .run = exit_empty, .expected = OC_HOLDS}})
