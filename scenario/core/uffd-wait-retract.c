/* core/uffd-wait-retract: whether an access would be an event is asked while the table goes.
 * SPDX-License-Identifier: MIT
 *
 * The entry is looked at under its lock, which keeps the table; or the table has gone, and there is nothing
 * to wait for. no-lock: it is looked at where it was found, without. */
#include "../retract.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	retract_setup(mm, 0);
	OC_ASSERT(OC_ASSERTION, oct_uffd_register(mm, TABLE_VA, TABLE_VA + TABLE_BYTES, OCT_UFFD_WP) == 0);
}

static void retract_table(void)
{
	OC_ASSERT(OC_ASSERTION, oct_retract_page_tables(&retract.mapping, 0, TABLE_PAGES) == 1);
}

static void glance(void)
{
	oct_pte_t *entry = oct_table_find(&retract.mm->space, TABLE_VA, 0);

	if (entry)
		oc_cover(oct_pte_none(oc_entry_get(entry)) ? "none" : "mapped");
}

static void wait(void)
{
	oct_uffd_wait(retract.mm, TABLE_VA, OCT_WRITE);
}

static void no_lock(void)
{
	RAW_PARTS(retract_table, glance);
}

static void now(void)
{
	RAW_PARTS(retract_table, wait);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "no-lock", .run = no_lock, .expected = OC_VIOLATES(OC_UAF)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"retracted"}}})
