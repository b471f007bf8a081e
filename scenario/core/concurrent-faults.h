/* concurrent-faults.h: CPUs touch one page that is not there. SPDX-License-Identifier: MIT
 *
 * CPU n stores n + 1 to word n. One page is made; every store is in it. unchecked: a handler that
 * finds the entry empty, takes the lock, and does not look again: the page that came last wins (on x86-64;
 * elsewhere two pages at one address are told first). */
#ifndef SCENARIO_CONCURRENT_FAULTS_H
#define SCENARIO_CONCURRENT_FAULTS_H

#include "../raw.h"

enum { VA = 0x10000, NAIVE_VA = 0x11000, FRESH = 0x14000 };

static struct oct_mm *mm;
static oct_pte_t *naive_entry, fresh[OCT_MAX_CPUS];
static unsigned stored; /* CPU n's store was made: bit n */

static inline void faults_setup(unsigned cpus)
{
	uintptr_t where;

	mm = oc_mm();
	oc_map_anon(mm, FRESH, cpus, READ_WRITE); /* the table is there */
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		fresh[cpu] = oc_entry_get(oc_pte(mm, FRESH + cpu * OCT_PAGE_SIZE));
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, VA, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &where) == 0);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, NAIVE_VA, OCT_PAGE_SIZE, OCT_NONE, OCT_MAP_FIXED, &where) == 0);
	naive_entry = oc_pte(mm, NAIVE_VA);
}

static inline int store_word(uintptr_t va)
{
	unsigned cpu = oct_port_cpu_self();

	return oc_store32(mm, va + 4 * cpu, cpu + 1);
}

static inline void fault_now(void)
{
	OC_ASSERT(OC_I2, store_word(VA) == 0);
}

static inline void fault_unchecked(void)
{
	unsigned cpu = oct_port_cpu_self();

	if (oct_pte_none(oc_entry_get(naive_entry))) {
		oct_pte_t *pte = oct_pte_lock(mm, NAIVE_VA);

		oc_entry_set(pte, fresh[cpu]);
		oct_pte_unlock(mm, pte);
	}
	if (store_word(NAIVE_VA) == 0)
		oct_fetch_or(&stored, 1u << cpu, OCT_RLX);
}

static inline void faults_final(unsigned cpus)
{
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		OC_ASSERT(OC_I2, !(stored >> cpu & 1) || oc_peek32(mm, NAIVE_VA + 4 * cpu) == cpu + 1);
	if (stored == 0 && oc_folio(mm, VA))
		for (unsigned cpu = 0; cpu < cpus; cpu++)
			OC_ASSERT(OC_I2, oc_peek32(mm, VA + 4 * cpu) == cpu + 1);
}

#endif
