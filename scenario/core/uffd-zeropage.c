/* core/uffd-zeropage: one supplies zeros, another stores. SPDX-License-Identifier: MIT
 *
 * The page of zeros is everybody's, so the first store makes a page of its own: it is in there, and zeros
 * stay zeros elsewhere. writable: zeros are mapped as a fresh page would be. */
#include "../uffd.h"

enum { ZEROS_VA = 0x12000 };

static bool stored;

static void setup(void)
{
	uintptr_t where;

	uffd_setup(oc_mm(), OCT_UFFD_MISSING);
	OC_ASSERT(OC_ASSERTION,
	          oct_mmap(uffd_mm, ZEROS_VA, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &where) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(uffd_mm, ZEROS_VA, OCT_READ) == OCT_FAULT_DONE);
}

static void supply_writable(void)
{
	oct_pte_t *pte = oct_pte_lock(uffd_mm, UFFD_VA);

	oc_entry_set(pte, oct_pte_mkdirty(oct_pte_mkwrite(oc_entry_get(oc_pte(uffd_mm, ZEROS_VA)))));
	oct_pte_unlock(uffd_mm, pte);
}

static void supply(void)
{
	OC_ASSERT(OC_ASSERTION, oct_uffd_zeropage(uffd_mm, UFFD_VA, 1, 0) == 1);
}

/* Until then it is an event. */
static void store(void)
{
	stored = oc_store32(uffd_mm, UFFD_VA, 7) == 0;
	oc_cover(stored ? "stored" : "event");
}

static void writable(void)
{
	RAW_PARTS(supply_writable, store);
}

static void now(void)
{
	RAW_PARTS(supply, store);
}

static void final(void)
{
	OC_ASSERT(OC_I5, oc_peek32(uffd_mm, ZEROS_VA) == 0);
	OC_ASSERT(OC_I2, oc_peek32(uffd_mm, UFFD_VA) == (stored ? 7 : 0));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "writable", .run = writable, .expected = OC_VIOLATES(OC_I5)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"stored", "event", "supply-zero", "cow-zero"}}})
