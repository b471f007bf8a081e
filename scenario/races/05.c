/* races/05: the second DONTNEED misses the flush of the first. SPDX-License-Identifier: MIT
 *
 * The first clears the entry and flushes later; the second finds nothing, returns at once, and its
 * own CPU still reads the old contents through its TLB. */
#include "../raw.h"

enum { VA = 0x10000, OLD_VA = 0x18000, OLD = 5 };

static struct oct_mm *mm;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
	oc_map_anon(mm, OLD_VA, 1, READ_WRITE);
	oc_store32(mm, VA, OLD);
	oc_store32(mm, OLD_VA, OLD);
	oct_folio_get(oc_folio(mm, OLD_VA)); /* so that the old page is not freed: that would be I1 */
	raw_forbid_faults(mm, OLD_VA);
}

static void zap_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(mm, OLD_VA);
	oct_pte_t before = oc_entry_xchg(pte, 0);

	oct_pte_unlock(mm, pte);
	if (!oct_pte_present(before))
		return;
	oc_dsb();
	oc_tlbi(mm, OLD_VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
	oct_folio_put(oct_port_folio_of(oct_pte_phys(before)));
}

/* The second sees no old contents once its call has returned. */
static void look(uintptr_t va)
{
	uint32_t value = 0;

	if (oct_port_cpu_self() != 1)
		return;
	oc_load32(mm, va, &value);
	OC_ASSERT(OC_I4, value != OLD);
}

static void old(void)
{
	zap_raw();
	look(OLD_VA);
}

static void now(void)
{
	oct_madvise_dontneed(mm, VA, VA + OCT_PAGE_SIZE);
	look(VA);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "old", .run = old, .expected = OC_VIOLATES(OC_I4)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"rely-behind", "zero-fill"}}})
