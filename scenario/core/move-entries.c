/* core/move-entries: entries move from one leaf table to another. SPDX-License-Identifier: MIT
 *
 * A host that keeps its own areas moves a page. After the call nobody uses it by the old address, also if
 * it was unmapped there before, by a ticket that is still open: there is nothing left to move then, but to
 * wait for. Who holds the lock of one of the tables sees nothing move. not-waited: the move looks
 * at the empty entry only. */
#include "../raw.h"

enum { FROM = 0x10000, TO = 0x18000 };

static struct oct_mm *mm;
static struct oct_space *space;
static oct_phys_t page;
static struct oct_ticket open_ticket;
static uint32_t after;
static bool moved;

static void setup(void)
{
	mm = oc_mm();
	space = &mm->space;
	page = oct_port_page_alloc(0, OCT_USE_USER);
	OC_ASSERT(OC_ASSERTION, oct_table_map(space, FROM, page, 1, READ_WRITE, OCT_NORMAL) == 0);
	OC_ASSERT(OC_ASSERTION, oct_table_prepare(space, TO, TO + OCT_PAGE_SIZE) == 0);
}

static uint32_t contents(void)
{
	return oct_load((uint32_t *)oct_port_phys_to_virt(page), OCT_RLX);
}

static void move(void)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, space);
	oct_table_move_entries(space, FROM, TO, 1, &ticket);
	oct_ticket_complete(&ticket);
}

static void unmap_open(void)
{
	oct_ticket_init(&open_ticket, space);
	OC_ASSERT(OC_ASSERTION, oct_table_unmap(space, FROM, FROM + OCT_PAGE_SIZE, false, &open_ticket) == 0);
}

static bool other_stores(void)
{
	if (oct_port_cpu_self() == 0)
		return false;
	oc_cover(oc_store32(mm, FROM, 7) == 0 ? "stored" : "refused");
	return true;
}

static void note(void)
{
	after = contents();
	moved = true;
}

static void not_waited(void)
{
	if (other_stores())
		return;
	unmap_open();
	if (!oct_pte_none(oct_table_query(space, FROM)))
		move();
	note();
}

static void waited(void)
{
	if (other_stores())
		return;
	unmap_open();
	move();
	note();
}

static void look_twice(uintptr_t va)
{
	oct_pte_t *pte = oct_pte_lock(mm, va);
	oct_pte_t first = oc_entry_get(pte);

	OC_ASSERT(OC_ASSERTION, oc_entry_get(pte) == first);
	oct_pte_unlock(mm, pte);
}

static void locked_from(void)
{
	if (oct_port_cpu_self() == 0)
		move();
	else
		look_twice(FROM);
}

static void locked_to(void)
{
	if (oct_port_cpu_self() == 0)
		move();
	else
		look_twice(TO);
}

static void final(void)
{
	OC_ASSERT(OC_I4, !moved || contents() == after);
	if (moved)
		oct_ticket_complete(&open_ticket);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "not-waited", .run = not_waited, .expected = OC_VIOLATES(OC_I4)},
                {.name = "waited", .run = waited, .expected = OC_HOLDS, .cover = {"stored", "refused"}},
                {.name = "locked-from", .run = locked_from, .expected = OC_HOLDS},
                {.name = "locked-to", .run = locked_to, .expected = OC_HOLDS}})
