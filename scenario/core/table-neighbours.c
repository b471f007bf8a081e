/* core/table-neighbours: two ranges under one table. SPDX-License-Identifier: MIT
 *
 * One CPU maps in a range that has no tables yet; a host that keeps its own areas takes down, or looks
 * at, the range beside it, which is empty, without a common lock. The table above both is linked
 * meanwhile: who walks through it finds it cleared. no-order: the table is linked by a relaxed store. */
#include "../raw.h"

enum { VA = 0x80000, BESIDE = VA + 0x8000, LEAF_BYTES = 0x8000 };

static struct oct_mm *mm;
static struct oct_space *space;

static void setup(void)
{
	uintptr_t where;

	mm = oc_mm();
	space = &mm->space;
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, VA, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &where) == 0);
}

/* The table above both ranges, which stays: someone else's range keeps it. */
static void link_relaxed(void)
{
	oct_phys_t table = oct_port_page_alloc(1, OCT_USE_TABLE);

	oct_port_page_clear(table, 1);
	oc_entry_set(oc_pte(mm, VA, OCT_LEVELS - 1), oct_pte_make_table(table, OCT_LEVELS - 1, false));
}

static void fill(void)
{
	OC_ASSERT(OC_I2, oc_store32(mm, VA, 7) == 0);
}

static void take_down(void)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, space);
	OC_ASSERT(OC_ASSERTION, oct_table_trim(space, BESIDE, BESIDE + LEAF_BYTES, &ticket) == 0);
	oct_ticket_complete(&ticket);
}

static void look(void)
{
	OC_ASSERT(OC_ASSERTION, oct_pte_none(oct_table_query(space, BESIDE)));
}

static void protect(void)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, space);
	OC_ASSERT(OC_ASSERTION,
	          oct_table_protect(space, BESIDE, BESIDE + OCT_PAGE_SIZE, OCT_READ, &ticket) == 0);
	oct_ticket_complete(&ticket);
}

static void merge(void)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, space);
	OC_ASSERT(OC_ASSERTION, oct_table_merge(space, BESIDE, 1, &ticket) == -OCT_ENOENT);
	oct_ticket_complete(&ticket);
}

static void against(void (*one)(void), void (*other)(void))
{
	if (oct_port_cpu_self() == 0)
		one();
	else
		other();
}

static void no_order(void)
{
	against(link_relaxed, take_down);
}

static void trimmed(void)
{
	against(fill, take_down);
}

static void merged(void)
{
	against(fill, merge);
}

static void queried(void)
{
	against(fill, look);
}

static void protected(void)
{
	against(fill, protect);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "no-order", .run = no_order, .expected = OC_VIOLATES(OC_UAF)},
                         {.name = "trimmed", .run = trimmed, .expected = OC_HOLDS},
                         {.name = "merged", .run = merged, .expected = OC_HOLDS},
                         {.name = "queried", .run = queried, .expected = OC_HOLDS},
                         {.name = "protected", .run = protected, .expected = OC_HOLDS}})
