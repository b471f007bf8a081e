/* fault-munmap.h: stores against the end of their area. SPDX-License-Identifier: MIT
 *
 * When munmap has returned, nobody stores to the page any more, by a stale entry or a fault, and no
 * page comes back. no-flush: the entry alone is cleared. area-not-held: a fault that has looked at
 * the area, and makes its entry when munmap is over. */
#ifndef SCENARIO_FAULT_MUNMAP_H
#define SCENARIO_FAULT_MUNMAP_H

#include "../raw.h"

enum { VA = 0x10000, ALIAS = 0x40000, EMPTY = 0x41000, NAIVE_VA = 0x24000 };

static struct oct_mm *mm;
static oct_pte_t *naive_entry;
static uint32_t naive_area; /* 0: there is one */
static uint32_t after[2], naive_after[2];
static bool unmapped, naively_unmapped, emptied;

static inline void unmap_setup(void)
{
	uintptr_t where;

	mm = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
	oc_map_folio(mm, ALIAS, oc_folio(mm, VA), READ_WRITE);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, EMPTY, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &where) == 0);
	raw_setup(mm);
	naive_entry = oc_pte(mm, NAIVE_VA);
}

static inline void look(uint32_t *words, uintptr_t va)
{
	words[0] = oc_peek32(mm, va);
	words[1] = oc_peek32(mm, va + 4);
}

/* CPU n, from 1, stores to word n - 1. */
static inline void store_to(uintptr_t va)
{
	unsigned cpu = oct_port_cpu_self();

	oc_cover(oc_store32(mm, va + 4 * (cpu - 1), 7) == 0 ? "stored" : "refused");
}

static void now(void)
{
	if (oct_port_cpu_self() != 0) {
		store_to(VA);
		return;
	}
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, VA, OCT_PAGE_SIZE) == 0);
	look(after, ALIAS);
	unmapped = true;
}

/* Nothing is there yet: faults fill what goes away. */
static void now_empty(void)
{
	if (oct_port_cpu_self() != 0) {
		store_to(EMPTY);
		return;
	}
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, EMPTY, OCT_PAGE_SIZE) == 0);
	emptied = true;
}

static void no_flush(void)
{
	oct_pte_t *pte;

	if (oct_port_cpu_self() != 0) {
		store_to(RAW_VA);
		return;
	}
	pte = oct_pte_lock(mm, RAW_VA);
	oc_entry_set(pte, 0);
	oct_pte_unlock(mm, pte);
	look(naive_after, RAW_ALIAS);
	naively_unmapped = true;
}

static void area_not_held(void)
{
	oct_pte_t *pte;

	if (oct_port_cpu_self() == 0) {
		oct_store(&naive_area, 1, OCT_REL);
		pte = oct_pte_lock(mm, NAIVE_VA);
		oc_entry_set(pte, 0);
		oct_pte_unlock(mm, pte);
		oc_dsb();
		oc_tlbi(mm, NAIVE_VA, 1, OC_BROADCAST, OC_LEAF);
		oc_dsb();
	} else if (oct_load(&naive_area, OCT_ACQ) == 0) {
		pte = oct_pte_lock(mm, NAIVE_VA);
		oc_entry_set(pte, raw.fresh);
		oct_pte_unlock(mm, pte);
	}
}

static void final(void)
{
	for (unsigned i = 0; i < 2; i++) {
		OC_ASSERT(OC_I4, !unmapped || oc_peek32(mm, ALIAS + 4 * i) == after[i]);
		OC_ASSERT(OC_I4, !naively_unmapped || oc_peek32(mm, RAW_ALIAS + 4 * i) == naive_after[i]);
	}
	OC_ASSERT(OC_I4, !unmapped || !oc_folio(mm, VA));
	OC_ASSERT(OC_I4, !emptied || !oc_folio(mm, EMPTY));
	OC_ASSERT(OC_I4, naive_area == 0 || oct_pte_none(oc_entry_get(naive_entry)));
	raw_restore();
}

#define UNMAP_VARIANTS                                                                                       \
	{                                                                                                    \
		{.name = "no-flush", .run = no_flush, .expected = OC_VIOLATES(OC_I4)},                       \
		    {.name = "area-not-held", .run = area_not_held, .expected = OC_VIOLATES(OC_I4)},         \
		    {.name = "now-empty",                                                                    \
		     .run = now_empty,                                                                       \
		     .expected = OC_HOLDS,                                                                   \
		     .cover = {"stored", "refused", "zero-fill"}},                                           \
		    {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"stored", "refused"}},       \
	}

#endif
