/* core/zero-page: the first store to a page that was only read. SPDX-License-Identifier: MIT
 *
 * Everybody's zeros stay zeros; who has seen the store does not see the zero page again. */
#include "../raw.h"

enum { VA = 0x10000, OTHER = 0x11000 };

static struct oct_mm *mm;

static void setup(void)
{
	uintptr_t where;

	mm = oc_mm();
	oct_mmap(mm, VA, 2 * OCT_PAGE_SIZE, READ_WRITE, 0, &where);
	oct_fault(mm, VA, OCT_READ);
	oct_fault(mm, OTHER, OCT_READ);
}

/* A handler that takes the zero page for a page that nobody else has. */
static void reuse(void)
{
	oct_pte_t *pte = oct_pte_lock(mm, VA);

	oc_entry_update(pte, oct_pte_mkwrite);
	oct_pte_unlock(mm, pte);
	oc_store32(mm, VA, 7);
}

static void now(void)
{
	OC_ASSERT(OC_ASSERTION, oc_store32(mm, VA, 7) == 0);
}

static void reader(void)
{
	uint32_t first = 0, second = 0, other = 1;

	oc_load32(mm, VA, &first);
	oc_dsb();
	oc_isb();
	oc_load32(mm, VA, &second);
	oc_load32(mm, OTHER, &other);
	OC_ASSERT(OC_I4, first != 7 || second == 7);
	OC_ASSERT(OC_I5, other == 0);
	if (first == 0 && second == 7)
		oc_cover("seen");
}

static void final(void)
{
	OC_ASSERT(OC_I2, oc_peek32(mm, VA) == 7);
	OC_ASSERT(OC_I5, oc_peek32(mm, OTHER) == 0);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .variants = {{.name = "reuse", .run = reuse, .expected = OC_VIOLATES(OC_I5)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"cow-zero", "seen"}}})
