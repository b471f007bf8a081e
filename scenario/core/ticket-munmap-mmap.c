/* core/ticket-munmap-mmap: a new area where an old one was. SPDX-License-Identifier: MIT
 *
 * munmap defers its flush past the return; mmap gives the same addresses out again, and another
 * thread, told about the new area, reads the old contents through its TLB. */
#include <octavo/check.h>

enum { VA = 0x10000, ALIAS = 0x20000, OLD = 5 };

static struct oct_mm *mm;
static uint32_t told;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
	oc_store32(mm, VA, OLD);
	oc_map_folio(mm, ALIAS, oc_folio(mm, VA), OCT_READ | OCT_WRITE); /* the page outlives the race */
}

/* The area stays as it is: it is the new one already, its page not faulted in yet. */
static void remap_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(mm, VA);

	oc_entry_set(pte, 0);
	oct_pte_unlock(mm, pte);
	oct_store(&told, 1, OCT_REL);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

static void remap_now(void)
{
	uintptr_t where;

	oct_munmap(mm, VA, OCT_PAGE_SIZE);
	if (oct_mmap(mm, VA, OCT_PAGE_SIZE, OCT_READ | OCT_WRITE, OCT_MAP_FIXED, &where) == 0)
		oct_store(&told, 1, OCT_REL);
}

static void reader(void)
{
	uint32_t value = 0;

	if (oct_load(&told, OCT_ACQ) == 0)
		return;
	oc_load32(mm, VA, &value);
	OC_ASSERT(OC_I4, value != OLD);
	oc_cover("read-the-new-area");
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .variants = {
                {.name = "naive", .run = remap_raw, .expected = OC_VIOLATES(OC_I4)},
                {.name = "now", .run = remap_now, .expected = OC_HOLDS, .cover = {"read-the-new-area"}}})
