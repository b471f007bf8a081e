/* core/ticket-munmap-mmap: a new area where an old one was. SPDX-License-Identifier: MIT
 *
 * munmap defers its flush past the return; mmap gives the same addresses out again, and another
 * thread, told about the new area, reads the old contents through its TLB. */
#include "../raw.h"

enum { VA = 0x10000, ALIAS = 0x18000, OLD = 5 };

static uint32_t told;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	oc_map_anon(mm, VA, 1, READ_WRITE);
	oc_store32(mm, VA, OLD);
	oc_map_folio(mm, ALIAS, oc_folio(mm, VA), READ_WRITE); /* the page outlives the race */
	raw_setup(mm);
	oc_store32(mm, RAW_ALIAS, OLD);
	raw_forbid_faults(mm, RAW_VA);
}

/* The area is the new one already, its page not faulted in yet. */
static void remap_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_set(pte, 0);
	oct_pte_unlock(raw.mm, pte);
	oct_store(&told, 1, OCT_REL);
	raw_flush();
}

static void remap_now(void)
{
	uintptr_t where;

	OC_ASSERT(OC_ASSERTION, oct_munmap(raw.mm, VA, OCT_PAGE_SIZE) == 0);
	OC_ASSERT(OC_ASSERTION, oct_mmap(raw.mm, VA, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &where) == 0);
	oct_store(&told, 1, OCT_REL);
}

static void read_when_told(uintptr_t va)
{
	uint32_t value = 0;

	if (oct_load(&told, OCT_ACQ) == 0) /* pairs with the release of the unmapper */
		return;
	oc_load32(raw.mm, va, &value);
	OC_ASSERT(OC_I4, value != OLD);
	oc_cover("read-the-new-area");
}

static void naive(void)
{
	if (oct_port_cpu_self() == 0)
		remap_raw();
	else
		read_when_told(RAW_VA);
}

static void now(void)
{
	if (oct_port_cpu_self() == 0)
		remap_now();
	else
		read_when_told(VA);
}

OC_SCENARIO(.setup = setup, .final = raw_restore, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "naive", .run = naive, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"read-the-new-area"}}})
