/* checks/i8-device: a table is given back while a device may keep the way to it (I8, I1), or a change counts
 * as complete of which it was not told. SPDX-License-Identifier: MIT
 *
 * A device walks the tables by itself and keeps upper entries. It hears no invalidation of the CPUs,
 * broadcast or not: it is told, or the table is not free. */
#include "space.h"

enum { CORE_VA = 0x28000 };

static oct_pte_t *upper;

static void setup(void)
{
	space_setup();
	upper = oc_pte(mm, VA, 1);
	oc_map_anon(mm, CORE_VA, 2, OCT_READ | OCT_WRITE);
}

static void free_table(bool tell, enum oct_depth depth)
{
	oct_phys_t table = oct_pte_phys(oc_entry_get(upper));

	oc_entry_set(upper, 0);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	if (tell)
		oct_secondary_invalidate(&mm->space, VA, 1, depth);
	oct_port_page_free(table, 0, OCT_USE_TABLE);
}

static void broken(void)
{
	free_table(false, OCT_LEAF);
}

static void leaf_only(void)
{
	free_table(true, OCT_LEAF);
}

static void repaired(void)
{
	free_table(true, OCT_ALL_LEVELS);
}

/* The core's tickets, and a device that walks on when it is no more bound: nobody tells it that a right is
 * gone. */
static void revoke(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, CORE_VA, OCT_PAGE_SIZE, OCT_READ) == 0);
}

static void not_bound(void)
{
	oct_secondary_unbind(&mm->space, mm->space.secondary);
	revoke();
}

static oct_pte_t clean(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_mkclean(pte);
}

static oct_pte_t age(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_mkold(pte);
}

static oct_pte_t protect(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_wrprotect(pte);
}

/* One section, whose generation ticket has. */
static void change(struct oct_ticket *ticket, uintptr_t va,
                   oct_pte_t (*how)(oct_pte_t pte, unsigned long arg))
{
	struct oct_pte_guard guard;
	oct_pte_t old;

	oct_ticket_init(ticket, &mm->space);
	oct_pte_lock_at(&mm->space, va, &guard);
	(void)!oct_entry_update(ticket, &guard, guard.pte, va, how, 0, &old);
	oct_pte_guard_unlock(ticket, &guard);
}

/* Dirty alone: it stores on, and nobody knows. */
static void clean_not_bound(void)
{
	struct oct_ticket ticket;

	oct_secondary_unbind(&mm->space, mm->space.secondary);
	change(&ticket, CORE_VA, clean);
	oct_ticket_complete(&ticket);
}

/* Young alone is nothing that anybody is told. */
static void age_not_bound(void)
{
	struct oct_ticket ticket;

	oct_secondary_unbind(&mm->space, mm->space.secondary);
	change(&ticket, CORE_VA, age);
	oct_ticket_complete(&ticket);
}

/* The first generation is complete, the second is not yet. */
static void two_generations(void)
{
	struct oct_ticket first, second;

	change(&first, CORE_VA, protect);
	change(&second, CORE_VA + OCT_PAGE_SIZE, protect);
	oct_ticket_complete(&first);
	oct_ticket_complete(&second);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_IOMMU(reader)},
            .variants = {
                {.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I8)},
                {.name = "broken-walked", .run = broken, .expected = OC_VIOLATES(OC_I1)},
                {.name = "broken-leaf-only", .run = leaf_only, .expected = OC_VIOLATES(OC_I8)},
                {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"loaded"}},
                {.name = "broken-told", .run = not_bound, .expected = OC_VIOLATES(OC_I8)},
                {.name = "broken-told-clean", .run = clean_not_bound, .expected = OC_VIOLATES(OC_I8)},
                {.name = "told-young", .run = age_not_bound, .expected = OC_HOLDS},
                {.name = "told-in-turn", .run = two_generations, .expected = OC_HOLDS, .cover = {"loaded"}},
                {.name = "repaired-told", .run = revoke, .expected = OC_HOLDS, .cover = {"loaded"}},
                {.name = "snooping",
                 .run = broken,
                 .expected = OC_HOLDS,
                 .on = {{OC_X86_64, OC_VIOLATES(OC_I8)}}, /* broadcasts nothing */
                 .knobs = {.iommu_snoops = true},
                 .cover = {"loaded"}}})
