/* core/ticket-table-freed: a table goes with its stamp. SPDX-License-Identifier: MIT
 *
 * One unmapper clears an entry, unlinks the table, and has still to flush. The other finds an empty
 * upper entry: nothing to unmap and, in the naive form, nothing to compare. It returns, and its own
 * CPU still reads the old contents. */
#include <octavo/check.h>

enum { VA = 0x10000, ALIAS = 0x20000, OLD = 5 };

static struct oct_mm *mm;
static oct_pte_t *upper, *entry;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
	oc_store32(mm, VA, OLD);
	oc_map_folio(mm, ALIAS, oc_folio(mm, VA), OCT_READ | OCT_WRITE); /* the page outlives the race */
	upper = oc_pte(mm, VA, 1);
	entry = oc_pte(mm, VA);
}

/* The reader's CPU must not reach the old page any more. */
static void look(void)
{
	uint32_t value = 0;

	if (oc_load32(mm, VA, &value) == 0)
		OC_ASSERT(OC_I4, value != OLD);
	oc_cover("looked");
}

/* The stamp is kept with the table: whoever meets no table sees no stamp. */
static void unmap_raw(void)
{
	if (!oct_pte_present(oc_entry_get(upper)))
		return;
	oc_entry_set(entry, 0);
	oc_entry_set(upper, 0);
	oc_dsb();
	oc_tlbi(mm, 0, 0, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
}

static void naive(void)
{
	unmap_raw();
	if (oct_port_cpu_self() == 1)
		look();
}

static void now(void)
{
	if (oct_port_cpu_self() == 0) {
		oct_munmap(mm, VA, OCT_PAGE_SIZE);
	} else {
		oct_munmap(mm, VA, OCT_PAGE_SIZE);
		look();
	}
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .cover = {"looked"},
            .variants = {{.name = "naive", .run = naive, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
