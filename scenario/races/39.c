/* races/39: DONTNEED against an entry that is empty for a moment. SPDX-License-Identifier: MIT
 *
 * A protecter clears the entry and stores it again with fewer rights; DONTNEED looks without the
 * lock, sees nothing to do, and returns with the old contents still mapped. The history is that of
 * a huge entry; a leaf shows the same. */
#include "../raw.h"

enum { VA = 0x10000, OLD_VA = 0x18000, OLD = 5 };

static struct oct_mm *mm;
static oct_pte_t *entry; /* of OLD_VA */

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
	oc_map_anon(mm, OLD_VA, 1, READ_WRITE);
	oc_store32(mm, VA, OLD);
	oc_store32(mm, OLD_VA, OLD);
	oct_folio_get(oc_folio(mm, OLD_VA)); /* so that the old page is not freed: that would be I1 */
	raw_forbid_faults(mm, OLD_VA);
	entry = oc_pte(mm, OLD_VA);
}

static void flush(void)
{
	oc_dsb();
	oc_tlbi(mm, OLD_VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

static void protect_by_clearing(void)
{
	oct_pte_t *pte = oct_pte_lock(mm, OLD_VA);
	oct_pte_t before = oc_entry_xchg(pte, 0);

	if (oct_pte_present(before))
		oc_entry_set(pte, oct_pte_wrprotect(before));
	oct_pte_unlock(mm, pte);
	flush();
}

static void zap_unless_empty(void)
{
	oct_pte_t *pte;
	oct_pte_t before;

	if (!oct_pte_present(oc_entry_get(entry)))
		return;
	pte = oct_pte_lock(mm, OLD_VA);
	before = oc_entry_xchg(pte, 0);
	oct_pte_unlock(mm, pte);
	flush();
	oct_folio_put(oct_port_folio_of(oct_pte_phys(before)));
}

static void look(uintptr_t va)
{
	uint32_t value = 0;

	oc_load32(mm, va, &value);
	OC_ASSERT(OC_I4, value != OLD);
}

static void old(void)
{
	if (oct_port_cpu_self() == 0) {
		protect_by_clearing();
	} else {
		zap_unless_empty();
		look(OLD_VA);
	}
}

static void now(void)
{
	if (oct_port_cpu_self() == 0) {
		oct_mprotect(mm, VA, OCT_PAGE_SIZE, OCT_READ);
	} else {
		oct_madvise_dontneed(mm, VA, VA + OCT_PAGE_SIZE);
		look(VA);
	}
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"zero-fill"}}})
