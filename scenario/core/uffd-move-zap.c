/* core/uffd-move-zap: a page moves to another address beside faults, and is freed there.
 * SPDX-License-Identifier: MIT
 *
 * One CPU moves, one stores by the old address, one forgets the contents of the new one. late-flush: the old
 * address is flushed when the page-table locks are dropped already (as races/01, with no lock of the space).
 */
#include "../uffd.h"

enum { FROM = UFFD_NEXT, OLD_FROM = 0x12000, OLD_TO = 0x13000 };

static void setup(void)
{
	uffd_setup(oc_mm(), OCT_UFFD_MISSING);
	uffd_want(FROM, OCT_UFFD_MISSING);
	oc_map_anon(uffd_mm, OLD_FROM, 1, READ_WRITE);
	raw_forbid_faults(uffd_mm, OLD_FROM);
}

static void flush_raw(uintptr_t va)
{
	oc_dsb();
	oc_tlbi(uffd_mm, va, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

static void move_raw(void)
{
	oct_pte_t *from = oct_pte_lock(uffd_mm, OLD_FROM),
	          *to = oc_pte(uffd_mm, OLD_TO); /* one lock has both */

	oc_entry_set(to, oc_entry_xchg(from, 0));
	oct_pte_unlock(uffd_mm, from);
	flush_raw(OLD_FROM);
}

static void store_raw(void)
{
	oc_store32(uffd_mm, OLD_FROM, 7);
}

static void zap_raw(void)
{
	oct_pte_t *to = oct_pte_lock(uffd_mm, OLD_TO);
	oct_pte_t before = oc_entry_xchg(to, 0);

	oct_pte_unlock(uffd_mm, to);
	if (!oct_pte_present(before))
		return;
	flush_raw(OLD_TO);
	oct_folio_put(oct_port_folio_of(oct_pte_phys(before)));
}

static void late_flush(void)
{
	RAW_PARTS(move_raw, store_raw, zap_raw);
}

static void move(void)
{
	OC_ASSERT(OC_ASSERTION, oct_uffd_move(uffd_mm, UFFD_VA, FROM, 1, 0) == 1);
}

static void store(void)
{
	oc_cover(oc_store32(uffd_mm, FROM, 7) == 0 ? "stored" : "event");
}

static void zap(void)
{
	oc_cover(oc_folio(uffd_mm, UFFD_VA) ? "there" : "not-there");
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(uffd_mm, UFFD_VA, UFFD_VA + OCT_PAGE_SIZE) == 0);
}

static void now(void)
{
	RAW_PARTS(move, store, zap);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "late-flush", .run = late_flush, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"stored", "event", "there", "not-there"}}})
