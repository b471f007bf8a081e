/* races/01: a page moves to another address; the lock is dropped before the old TLB entry is flushed; the
 * page is freed through its new address (CVE-2018-18281). SPDX-License-Identifier: MIT
 *
 * One CPU moves, one stores by the old address, one frees by the new one. */
#include "../raw.h"

enum { FROM = 0x10000, TO = 0x18000, OLD_FROM = 0x20000, OLD_TO = 0x28000 };

static struct oct_mm *mm;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, FROM, 1, READ_WRITE);
	oc_map_anon(mm, OLD_FROM, 1, READ_WRITE);
	oc_map_anon(mm, OLD_TO + OCT_PAGE_SIZE, 1, READ_WRITE); /* for its table */
	raw_forbid_faults(mm, OLD_FROM);
}

static void flush_raw(uintptr_t va)
{
	oc_dsb();
	oc_tlbi(mm, va, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

static void move_raw(void)
{
	oct_pte_t *from = oct_pte_lock(mm, OLD_FROM), *to = oct_pte_lock(mm, OLD_TO);

	oc_entry_set(to, oc_entry_xchg(from, 0));
	oct_pte_unlock(mm, to);
	oct_pte_unlock(mm, from);
	flush_raw(OLD_FROM);
}

static void store_raw(void)
{
	oc_store32(mm, OLD_FROM, 7);
}

static void zap_raw(void)
{
	oct_pte_t *to = oct_pte_lock(mm, OLD_TO);
	oct_pte_t before = oc_entry_xchg(to, 0);

	oct_pte_unlock(mm, to);
	if (!oct_pte_present(before))
		return;
	flush_raw(OLD_TO);
	oct_folio_put(oct_port_folio_of(oct_pte_phys(before)));
}

static void old(void)
{
	RAW_PARTS(move_raw, store_raw, zap_raw);
}

static void move(void)
{
	uintptr_t where;

	OC_ASSERT(OC_ASSERTION, oct_mremap(mm, FROM, OCT_PAGE_SIZE, OCT_PAGE_SIZE,
	                                   OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, TO, &where) == 0);
}

static void store(void)
{
	oc_cover(oc_store32(mm, FROM, 7) == 0 ? "stored" : "refused");
}

static void zap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, TO, TO + OCT_PAGE_SIZE) == 0);
}

static void now(void)
{
	RAW_PARTS(move, store, zap);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "old", .run = old, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"stored", "refused"}}})
