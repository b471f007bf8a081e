/* checks/endless-fault: a fault that is said to be handled, and comes again (I9). SPDX-License-Identifier:
 * MIT
 *
 * The core sees an entry that allows the access; the walker sees one that is not for users. */
#include <octavo/check.h>

enum { VA = 0x10000 };

static struct oct_mm *mm;

static void setup(void)
{
	oct_pte_t *entry;

	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ);
	entry = oc_pte(mm, VA);
	oc_entry_set(entry, oct_pte_mkyoung(oct_pte_make(oct_pte_phys(oc_entry_get(entry)),
	                                                 OCT_READ | OCT_KERNEL, OCT_NORMAL)));
}

static void load(void)
{
	uint32_t value;

	OC_ASSERT(OC_ASSERTION, oc_load32(mm, VA, &value) == 0);
}

static void broken(void)
{
	load();
}

/* The entry as the core makes it. The other is global: on riscv64 no flush of the space's number drops it. */
static void repaired(void)
{
	oct_pte_t *entry = oc_pte(mm, VA);

	oc_entry_set(entry,
	             oct_pte_mkyoung(oct_pte_make(oct_pte_phys(oc_entry_get(entry)), OCT_READ, OCT_NORMAL)));
	oct_mmu_invalidate_begin();
	oct_mmu_invalidate_all(OCT_LOCAL);
	oct_mmu_invalidate_end(OCT_LOCAL);
	load();
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT)},
            .variants = {{.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I9)},
                         {.name = "repaired", .run = repaired, .expected = OC_HOLDS}})
