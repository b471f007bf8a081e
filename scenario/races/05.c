/* races/05: the second DONTNEED misses the flush of the first. SPDX-License-Identifier: MIT
 *
 * The first clears the entry and flushes later; the second finds nothing, returns at once, and its
 * own CPU still reads the old contents through its TLB. */
#include <octavo/check.h>

enum { VA = 0x10000, OLD = 5 };

static struct oct_mm *mm;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
	oc_store32(mm, VA, OLD);
	oct_folio_get(oc_folio(mm, VA)); /* so that the old page is not freed: that would be I1 */
}

static void zap_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(mm, VA);
	oct_pte_t before = oc_entry_xchg(pte, 0);

	oct_pte_unlock(mm, pte);
	if (!oct_pte_present(before))
		return;
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
	oct_folio_put(oct_port_folio_of(oct_pte_phys(before)));
}

static void zap_now(void)
{
	oct_madvise_dontneed(mm, VA, VA + OCT_PAGE_SIZE);
}

static void zap_twice(void (*zap)(void))
{
	uint32_t value = OLD;

	zap();
	if (oct_port_cpu_self() == 1) {
		oc_load32(mm, VA, &value);
		OC_ASSERT(OC_I4, value == 0);
		oc_cover("second-returned");
	}
}

static void old(void)
{
	zap_twice(zap_raw);
}

static void now(void)
{
	zap_twice(zap_now);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .cover = {"second-returned", "zero-fill"},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"rely-behind"}}})
