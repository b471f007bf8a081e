/* core/retract-fault-again: a table is retracted before the fault that made it has locked it.
 * SPDX-License-Identifier: MIT
 *
 * There is none in the beginning, so what K retracts is the fault's: that looks again. prepared-once: who has
 * made the table takes it for granted. */
#include "../retract.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	retract_setup(mm, 0);
	retract_now();
	retract_raw_setup(mm);
}

/* The fault locks its entry twice: to look, and again when the page is found. */
static void retract_twice(void)
{
	retract_now();
	retract_now();
}

static void prepare_once(void)
{
	oct_pte_t *pte;

	OC_ASSERT(OC_ASSERTION,
	          oct_table_prepare(&retract.mm->space, TABLE_VA, TABLE_VA + OCT_PAGE_SIZE) == 0);
	pte = oct_pte_lock(retract.mm, TABLE_VA);
	OC_ASSERT(OC_ASSERTION, pte);
	oct_pte_unlock(retract.mm, pte);
}

static void prepared_once(void)
{
	RAW_PARTS(retract_twice, prepare_once);
}

static void now(void)
{
	RAW_PARTS(retract_twice, retract_store);
}

OC_SCENARIO(.setup = setup, .final = retract_final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "prepared-once", .run = prepared_once, .expected = OC_VIOLATES(OC_ASSERTION)},
                {.name = "now",
                 .run = now,
                 .expected = OC_HOLDS,
                 .cover = {"retracted", "retract-skipped", "file-copy"}}})
