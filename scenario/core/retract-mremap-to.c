/* core/retract-mremap-to: entries move to where the tables of another object's area are.
 * SPDX-License-Identifier: MIT
 *
 * V makes the tables that the entries need before it changes anything, and those of the area that is in its
 * way will do; K takes one of them out, empty, before V has removed the area. counted-on: V moves the entries
 * to a table that it has made sure of, as if none could go; a panic of the core. now: oct_mremap; the area
 * keeps its tables. */
#include "../retract.h"

/* FROM is not aligned as tables are, so its entries move one by one. */
enum { FROM = 0x60000 + OCT_PAGE_SIZE, TO = TABLE_VA };

static void setup(void)
{
	struct oct_mm *mm = oc_mm();
	uintptr_t at;

	retract_setup(mm, 0);
	retract_raw_setup(mm);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, FROM, TABLE_BYTES, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, FROM, OCT_WRITE) == OCT_FAULT_DONE);
}

static void move_counting_on(void)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, &retract.mm->space);
	OC_ASSERT(OC_ASSERTION, oct_table_prepare(&retract.mm->space, TO, TO + OCT_PAGE_SIZE) == 0);
	oct_table_move_entries(&retract.mm->space, FROM, TO, 1, &ticket);
	oct_ticket_complete(&ticket);
}

static void counted_on(void)
{
	RAW_PARTS(retract_now, move_counting_on);
}

static void move(void)
{
	uintptr_t at;

	OC_ASSERT(OC_ASSERTION, oct_mremap(retract.mm, FROM, TABLE_BYTES, TABLE_BYTES,
	                                   OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, TO, &at) == 0);
	OC_ASSERT(OC_I2, oc_store32(retract.mm, TO, INSERTED) == 0);
}

static void now(void)
{
	RAW_PARTS(retract_now, move);
}

OC_SCENARIO(.setup = setup, .final = retract_final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "counted-on", .run = counted_on, .expected = OC_VIOLATES(OC_ASSERTION)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"retracted"}}})
