/* core/ticket-table-freed: a table goes with its stamp. SPDX-License-Identifier: MIT
 *
 * One unmapper clears an entry, unlinks the table, and has still to flush. The other finds an empty
 * upper entry: nothing to unmap and, in the naive form, nothing to compare. It returns, and its own
 * CPU still reads the old contents. */
#include "../raw.h"

enum { VA = 0x10000, ALIAS = 0x18000, OLD = 5 };

static oct_pte_t *upper; /* of RAW_VA */
static oct_pte_t link;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	oc_map_anon(mm, VA, 1, READ_WRITE);
	oc_store32(mm, VA, OLD);
	oc_map_folio(mm, ALIAS, oc_folio(mm, VA), READ_WRITE); /* the page outlives the race */
	raw_setup(mm);
	oc_store32(mm, RAW_ALIAS, OLD);
	raw_forbid_faults(mm, RAW_VA);
	upper = oc_pte(mm, RAW_VA, 1);
	link = oc_entry_get(upper);
}

/* The stamp is kept with the table: whoever meets no table sees no stamp. */
static void unmap_raw(void)
{
	if (!oct_pte_present(oc_entry_get(upper)))
		return;
	oc_entry_set(raw.entry, 0);
	oc_entry_set(upper, 0);
	oc_dsb();
	oc_tlbi(raw.mm, 0, 0, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
}

/* The second unmapper's own CPU must not reach the old page any more. */
static void look(uintptr_t va)
{
	uint32_t value = 0;

	if (oct_port_cpu_self() != 1)
		return;
	oc_load32(raw.mm, va, &value);
	OC_ASSERT(OC_I4, value != OLD);
	oc_cover("looked");
}

static void naive(void)
{
	unmap_raw();
	look(RAW_VA);
}

static void now(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(raw.mm, VA, OCT_PAGE_SIZE) == 0);
	look(VA);
}

static void final(void)
{
	oc_entry_set(upper, link);
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)}, .cover = {"looked"},
            .variants = {{.name = "naive", .run = naive, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
