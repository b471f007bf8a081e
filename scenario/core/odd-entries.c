/* core/odd-entries: entries and tables that are not as most are. SPDX-License-Identifier: MIT
 *
 * A soft entry, which a host has put in a page's place for a moment; a page that is shared and stays so
 * when a store follows a protection; a place that two fill at once; a table that is empty in part, or
 * missing. trimmed-blindly: the table is unlinked by who has not looked whether it is empty. */
#include <octavo/check.h>

enum { VA = 0x10000, NEXT = VA + 0x1000, EMPTY = VA + 0x2000, SHARED = VA + 0x3000 };
enum { TABLE = 0x10000, TABLE_BYTES = 0x8000, READ_WRITE = OCT_READ | OCT_WRITE };
#define NOWHERE (16 * OCT_TABLE_ENTRIES * OCT_PAGE_SIZE) /* under a leaf table of its own */

static struct oct_mm *mm;
static oct_pte_t entry;    /* of VA */
static oct_pte_t unlinked; /* from the level above */
static struct oct_folio *shared;
static bool stored;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 3, READ_WRITE);
	oc_map_shared(mm, SHARED, 1, READ_WRITE);
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, EMPTY, EMPTY + OCT_PAGE_SIZE) == 0);
	entry = oc_entry_get(oc_pte(mm, VA));
	shared = oc_folio(mm, SHARED);
	oct_folio_get(shared); /* somebody else's: a private page would be copied */
}

static void put(oct_pte_t value)
{
	oct_pte_t *pte = oct_pte_lock(mm, VA);

	oc_entry_set(pte, value);
	oct_pte_unlock(mm, pte);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

/* A fault asks for another try; a call clears it like any other entry, without a page to free. */
static void soft(void)
{
	oct_pte_t page = entry;

	if (oct_port_cpu_self() != 0)
		return;
	put(oct_pte_broken());
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, VA, OCT_WRITE) == OCT_FAULT_RETRY);
	OC_ASSERT(OC_ASSERTION, oct_clear_refs(mm, VA, VA + OCT_PAGE_SIZE) == 0);
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, VA, VA + OCT_PAGE_SIZE) == 0);
	OC_ASSERT(OC_ASSERTION, oct_pte_none(oct_table_query(&mm->space, VA)));
	oct_folio_put(oct_port_folio_of(oct_pte_phys(page)));
}

static void stays_shared(void)
{
	if (oct_port_cpu_self() == 0)
		OC_ASSERT(OC_ASSERTION, oct_clear_refs(mm, SHARED, SHARED + OCT_PAGE_SIZE) == 0);
	else
		OC_ASSERT(OC_I2, oc_store32(mm, SHARED, 7) == 0);
}

static void filled_by_two(void)
{
	if (oct_port_cpu_self() == 0)
		oc_cover(oct_mm_map_folio(mm, EMPTY, oc_folio(mm, NEXT), READ_WRITE) == 0 ? "first"
		                                                                          : "second");
	else
		OC_ASSERT(OC_I2, oc_store32(mm, EMPTY, 7) == 0);
}

/* A host's trim takes only what is empty. */
static void trimmed(void)
{
	struct oct_ticket ticket;

	if (oct_port_cpu_self() == 0) {
		oct_ticket_init(&ticket, &mm->space);
		OC_ASSERT(OC_ASSERTION,
		          oct_table_unmap(&mm->space, NEXT, NEXT + OCT_PAGE_SIZE, true, &ticket) == 0);
		OC_ASSERT(OC_ASSERTION, oct_table_trim(&mm->space, TABLE, TABLE + TABLE_BYTES, &ticket) == 0);
		oct_ticket_complete(&ticket);
		OC_ASSERT(OC_ASSERTION, !oct_pte_lock(mm, NOWHERE));
	} else {
		OC_ASSERT(OC_I2, oc_store32(mm, VA, 7) == 0);
	}
}

static void trimmed_blindly(void)
{
	if (oct_port_cpu_self() == 0)
		unlinked = oc_entry_xchg(oc_pte(mm, TABLE, 1), 0);
	else
		stored = oc_store32(mm, VA, 7) == 0;
}

static void final(void)
{
	if (!oct_pte_none(unlinked))
		OC_ASSERT(OC_I2, stored && oc_folio(mm, VA) && oc_peek32(mm, VA) == 7);
	OC_ASSERT(OC_I2, oc_folio(mm, SHARED) == shared);
	if (oct_port_cpu_self() == 0 && oct_pte_present(oct_table_query(&mm->space, EMPTY)))
		OC_ASSERT(OC_I2, oc_peek32(mm, EMPTY) == 7 || oc_folio(mm, EMPTY) == oc_folio(mm, NEXT));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "soft", .run = soft, .expected = OC_HOLDS, .cover = {"fault-retry"}},
                         {.name = "stays-shared", .run = stays_shared, .expected = OC_HOLDS},
                         {.name = "filled-by-two",
                          .run = filled_by_two,
                          .expected = OC_HOLDS,
                          .cover = {"first", "second"}},
                         {.name = "trimmed-blindly", .run = trimmed_blindly, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "trimmed", .run = trimmed, .expected = OC_HOLDS}})
