/* questions/A6: may a lockless reader meet the half-cleared block? SPDX-License-Identifier: MIT
 *
 * It may: valid beside invalid. A reader that insists on a whole block, or none of it, looks until the zapper
 * is through; like every lockless walker it keeps interrupts off. If the zapper's gather is full in the
 * middle of the block, and it waits for that CPU's interrupt before it frees, neither gets on (I9). The
 * core's reader looks once: page and rights of its own entry are right whatever the others say. */
#include "../contpte.h"

static void noted(void)
{
}

static void insist(void)
{
	oc_irqs_off();
	oct_await(oct_pte_present(oc_entry_get(block.entry)) ==
	          oct_pte_present(oc_entry_get(block.entry + BLOCK - 1)));
	oc_irqs_on();
}

static void clear_all(bool sync)
{
	for (unsigned i = 0; i < BLOCK; i++) {
		take(i);
		if (sync && i == 1)
			oc_ipi(1, noted); /* the gather is full */
	}
	contpte_finish();
}

static void gather_full(void)
{
	if (oct_port_cpu_self() == 0)
		clear_all(true);
	else
		insist();
}

static void gather_not_full(void)
{
	if (oct_port_cpu_self() == 0)
		clear_all(false);
	else
		insist();
}

static void now(void)
{
	oct_pte_t pte;

	if (oct_port_cpu_self() == 0) {
		contpte_core_clears(0, BLOCK, true);
		return;
	}
	oc_irqs_off();
	pte = oct_ptep_get_lockless(block.entry + 1, BLOCK_VA + OCT_PAGE_SIZE);
	oc_irqs_on();
	oc_cover(oct_pte_present(pte) ? "there" : "gone");
	OC_ASSERT(OC_ASSERTION, !oct_pte_present(pte) || (oct_pte_phys(pte) == block.pages + OCT_PAGE_SIZE &&
	                                                  oct_pte_write(pte) && !oct_pte_cont(pte)));
}

OC_SCENARIO(.setup = contpte_setup, .final = contpte_final, .arch = OC_ARM64 | OC_RISCV64,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "insists-gather-full", .run = gather_full, .expected = OC_VIOLATES(OC_I9)},
                         {.name = "insists", .run = gather_not_full, .expected = OC_HOLDS},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"there", "gone"}}})
