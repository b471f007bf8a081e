/* core/uffd-move-zap: a page moves to another address beside faults, and is freed there.
 * SPDX-License-Identifier: MIT
 *
 * One CPU moves, one stores by the old address, one forgets the contents of the new one; far: which is in
 * another table, whose stamp knows of no flush by the old address. late-flush: the old address is flushed
 * when the page-table locks are dropped already (as races/01, with no lock of the space).
 */
#include "../uffd.h"

enum { FROM = UFFD_NEXT, OLD_FROM = 0x12000, OLD_TO = 0x13000 };

static void setup(void)
{
	uffd_setup(oc_mm(), OCT_UFFD_MISSING);
	uffd_want(FROM, OCT_UFFD_MISSING);
	OC_ASSERT(OC_ASSERTION, oct_mmap(uffd_mm, UFFD_FAR, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED,
	                                 &(uintptr_t){0}) == 0);
	uffd_want(UFFD_FAR, OCT_UFFD_MISSING);
	oc_map_anon(uffd_mm, UFFD_FAR + OCT_PAGE_SIZE, 1, READ_WRITE); /* for its table */
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

static void move_to(uintptr_t to)
{
	OC_ASSERT(OC_ASSERTION, oct_uffd_move(uffd_mm, to, FROM, 1, 0) == 1);
}

static void move(void)
{
	move_to(UFFD_VA);
}

static void move_far(void)
{
	move_to(UFFD_FAR);
}

static void store(void)
{
	oc_cover(oc_store32(uffd_mm, FROM, 7) == 0 ? "stored" : "event");
}

static void zap_at(uintptr_t va)
{
	oc_cover(oc_folio(uffd_mm, va) ? "there" : "not-there");
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(uffd_mm, va, va + OCT_PAGE_SIZE) == 0);
}

static void zap(void)
{
	zap_at(UFFD_VA);
}

static void zap_far(void)
{
	zap_at(UFFD_FAR);
}

static void now(void)
{
	RAW_PARTS(move, store, zap);
}

static void now_far(void)
{
	RAW_PARTS(move_far, store, zap_far);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "late-flush", .run = late_flush, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"stored", "event", "there", "not-there"}},
                         {.name = "now-far",
                          .run = now_far,
                          .expected = OC_HOLDS,
                          .cover = {"stored", "event", "there", "not-there"}}})
