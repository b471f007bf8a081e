/* races/45: write-protect drops the hardware dirty state. SPDX-License-Identifier: MIT
 *
 * On arm64 an entry is hardware-dirty when it may be written and its read-only bit is clear: to set
 * that bit alone forgets the store. */
#include <octavo/check.h>

enum { VA = 0x10000 };
#define ARM64_READ_ONLY ((oct_pte_t)1 << 7) /* AP[2] */

static struct oct_mm *mm;
static bool stored;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
	oc_entry_set(oc_pte(mm, VA), oct_pte_mkclean(oc_entry_get(oc_pte(mm, VA))));
}

static oct_pte_t set_read_only(oct_pte_t entry)
{
	return (entry | ARM64_READ_ONLY) & ~((oct_pte_t)1 << 51); /* and no DBM: not to be written */
}

static void old(void)
{
	oct_pte_t *pte = oct_pte_lock(mm, VA);

	oc_entry_update(pte, set_read_only);
	oct_pte_unlock(mm, pte);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

static void now(void)
{
	oct_clear_refs(mm, VA, VA + OCT_PAGE_SIZE);
}

static void writer(void)
{
	stored = oc_store32(mm, VA, 7) == 0;
	oc_cover("stored");
}

static void final(void)
{
	OC_ASSERT(OC_I3, !stored || oct_pte_dirty(oc_entry_get(oc_pte(mm, VA))));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARM64, .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer)},
            .cover = {"stored"},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
