/* core/table-lock: under the page-table lock entries stay what they are. SPDX-License-Identifier: MIT
 *
 * One CPU holds the lock of a leaf table, as a host may without the lock of the space, and looks at
 * entries twice. Each call that changes entries waits for it. Nobody accesses pages whose entries
 * the hardware would change. unlocked: a call that does not wait. */
#include <octavo/check.h>

enum { VA = 0x10000, SPARE = 0x11000, EMPTY = 0x12000, READ_WRITE = OCT_READ | OCT_WRITE };

static struct oct_mm *mm, *child;

static void setup(void)
{
	mm = oc_mm();
	child = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
	oc_map_anon(mm, SPARE, 2, READ_WRITE);
	OC_ASSERT(OC_ASSERTION, oct_table_prepare(&child->space, VA, VA + OCT_PAGE_SIZE) == 0);
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, EMPTY, EMPTY + OCT_PAGE_SIZE) == 0);
}

static void look_twice_at(struct oct_mm *space)
{
	oct_pte_t *pte = oct_pte_lock(space, VA);
	oct_pte_t first = oc_entry_get(pte), third = oc_entry_get(pte + 2);

	OC_ASSERT(OC_ASSERTION, oc_entry_get(pte) == first);
	OC_ASSERT(OC_ASSERTION, oc_entry_get(pte + 2) == third);
	oct_pte_unlock(space, pte);
}

static void look_twice(void)
{
	look_twice_at(mm);
	look_twice_at(child);
}

static void fault(void)
{
	OC_ASSERT(OC_I2, oc_store32(mm, EMPTY, 7) == 0);
}

static void unlocked(void)
{
	oc_entry_set(oc_pte(mm, EMPTY), oct_pte_broken());
	oc_entry_set(oc_pte(mm, EMPTY), 0);
}

static void map_folio(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mm_map_folio(mm, EMPTY, oc_folio(mm, SPARE), READ_WRITE) == 0);
}

static void map_shared(void)
{
	uintptr_t where;

	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, EMPTY, OCT_PAGE_SIZE) == 0);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, EMPTY, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED | OCT_MAP_SHARED,
	                                 &where) == 0);
}

static void dontneed(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, VA, VA + OCT_PAGE_SIZE) == 0);
}

static void give_up(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise(mm, VA, VA + OCT_PAGE_SIZE, OCT_MADV_FREE) == 0);
}

static void protect(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, VA, OCT_PAGE_SIZE, OCT_READ) == 0);
}

static void fork(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, mm) == 0);
}

/* The calls for hosts that keep their own areas. */
static void change_tables(void)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, &mm->space);
	OC_ASSERT(OC_ASSERTION,
	          oct_table_protect(&mm->space, VA, VA + OCT_PAGE_SIZE, OCT_READ, &ticket) == 0);
	oct_ticket_complete(&ticket);
}

static void map_table(void)
{
	struct oct_folio *folio = oc_folio(mm, SPARE);

	oct_folio_get(folio);
	OC_ASSERT(OC_ASSERTION,
	          oct_table_map(&mm->space, EMPTY, folio->page, 1, READ_WRITE, OCT_NORMAL) == 0);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(look_twice)},
            .variants = {{.name = "unlocked", .run = unlocked, .expected = OC_VIOLATES(OC_ASSERTION)},
                         {.name = "fault", .run = fault, .expected = OC_HOLDS, .cover = {"zero-fill"}},
                         {.name = "map-folio", .run = map_folio, .expected = OC_HOLDS},
                         {.name = "map-shared", .run = map_shared, .expected = OC_HOLDS},
                         {.name = "dontneed", .run = dontneed, .expected = OC_HOLDS},
                         {.name = "madvise-free", .run = give_up, .expected = OC_HOLDS},
                         {.name = "protect", .run = protect, .expected = OC_HOLDS},
                         {.name = "fork", .run = fork, .expected = OC_HOLDS},
                         {.name = "table-protect", .run = change_tables, .expected = OC_HOLDS},
                         {.name = "table-map", .run = map_table, .expected = OC_HOLDS}})
