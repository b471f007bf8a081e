/* core/secondary-told: what a secondary MMU is told, and when. SPDX-License-Identifier: MIT
 *
 * The device is software: it keeps where the leaf table is, as a walk cache does, and reads entries there
 * when it likes. A table goes: the device is told, of all levels, before the table is freed (F9), also where
 * so much changed that it is told of the whole space. The space ends: the device leaves, once, while
 * everything is still there (R5), and is not called any more. deaf: it takes what it is told for leaves only.
 */
#include <octavo/check.h>
#include <octavo/notify.h>

enum { VA = 0x10000, TABLE_BYTES = OCT_TABLE_ENTRIES * 0x1000, PAGES = 4 };

static struct oct_mm *mm;
static struct oct_space *space;
static struct oct_secondary device;
static uint32_t busy;         /* atomic: lock of what follows */
static const oct_pte_t *kept; /* first entry of the leaf table */
static bool deaf, left;

static void lock(void)
{
	uint32_t open;

	oc_await((open = 0, oct_cas(&busy, &open, 1u, OCT_ACQ)));
}

static void unlock(void)
{
	oct_store(&busy, 0u, OCT_REL);
}

static void drop(void)
{
	lock();
	kept = NULL;
	unlock();
}

static void invalidate(struct oct_secondary *secondary, struct oct_space *of, uintptr_t start, size_t pages,
                       enum oct_depth depth)
{
	OC_ASSERT(OC_ASSERTION, secondary == &device && of == space && !left);
	OC_ASSERT(OC_ASSERTION, pages == 0 || (start >= VA && start - VA < TABLE_BYTES));
	oc_cover(pages == 0 ? "whole" : "range");
	if (depth == OCT_ALL_LEVELS && !deaf)
		drop();
}

static void leave(struct oct_secondary *secondary, struct oct_space *of)
{
	OC_ASSERT(OC_ASSERTION, secondary == &device && of == space && !left);
	OC_ASSERT(OC_ASSERTION, oct_pte_present(oct_table_query(space, VA)));
	left = true;
	drop();
}

static void setup(void)
{
	oc_mm();
	mm = oc_mm();
	space = &mm->space;
	oc_map_anon(mm, VA, PAGES, OCT_READ | OCT_WRITE);
	kept = oc_pte(mm, VA);
	device.invalidate = invalidate;
	device.leave = leave;
	oct_secondary_bind(space, &device);
}

static void walk(void)
{
	lock();
	if (kept)
		oc_cover(oct_pte_present(oct_load(kept, OCT_ACQ)) ? "walked" : "walked-empty");
	unlock();
}

static void take_away(unsigned sections)
{
	struct oct_ticket ticket;
	int error = 0;

	oct_ticket_init(&ticket, space);
	for (unsigned i = 0; !error && i < sections; i++)
		error = oct_table_protect(space, VA + i * OCT_PAGE_SIZE, VA + (i + 1) * OCT_PAGE_SIZE,
		                          OCT_READ, &ticket);
	if (!error)
		error = oct_table_unmap(space, VA, VA + PAGES * OCT_PAGE_SIZE, false, &ticket);
	if (!error)
		error = oct_table_trim(space, VA, VA + TABLE_BYTES, &ticket);
	OC_ASSERT(OC_ASSERTION, !error);
	oct_ticket_complete(&ticket);
}

static void table(void)
{
	if (oct_port_cpu_self() == 0)
		take_away(0);
	else
		walk();
}

static void not_heard(void)
{
	deaf = true; /* read by the same CPU */
	take_away(0);
}

static void table_not_heard(void)
{
	if (oct_port_cpu_self() == 0)
		not_heard();
	else
		walk();
}

/* More generations than the space remembers ranges of. */
static void whole(void)
{
	if (oct_port_cpu_self() == 0)
		take_away(PAGES);
	else
		walk();
}

static void end(void)
{
	if (oct_port_cpu_self() == 0)
		oct_mm_exit(mm);
	else
		walk();
}

static void final(void)
{
	OC_ASSERT(OC_I4, !kept || deaf);
	OC_ASSERT(OC_ASSERTION, left == (space->root == OCT_NO_PAGE));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "deaf", .run = table_not_heard, .expected = OC_VIOLATES(OC_UAF)},
                         {.name = "table", .run = table, .expected = OC_HOLDS, .cover = {"walked", "range"}},
                         {.name = "whole", .run = whole, .expected = OC_HOLDS, .cover = {"walked", "whole"}},
                         {.name = "exit", .run = end, .expected = OC_HOLDS, .cover = {"walked"}}})
