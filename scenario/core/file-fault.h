/* file-fault.h: two CPUs fault on one page of an object. SPDX-License-Identifier: MIT
 *
 * Both stores are in the one page that is mapped. broken: each maps a page of its own, without a look at what
 * the other did; one store goes with the page that is replaced. */
#ifndef SCENARIO_FILE_FAULT_H
#define SCENARIO_FILE_FAULT_H

#include "../file.h"

enum { SECOND_VA = FILE_VA + 4, RAW_SECOND = RAW_VA + 4 };

static oct_pte_t entries[2];
static bool stored[2];

static inline void file_fault_setup(bool cached)
{
	struct oct_mm *mm = oc_mm();
	struct oct_folio *folio;

	file_setup(mm, 0);
	if (cached) {
		OC_ASSERT(OC_ASSERTION, oct_mapping_get(&file.mapping, 0, &folio) == 0);
		oct_folio_put(folio);
	}
	oc_map_anon(mm, FILE_VA + 2 * FILE_PAGE, 1, READ_WRITE); /* the table is there */
	raw_setup(mm);
	entries[0] = raw.writable;
	entries[1] = raw.fresh;
	oc_entry_set(raw.entry, 0);
}

static inline void raw_fault(void)
{
	unsigned self = oct_port_cpu_self();
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_set(pte, 0);
	raw_flush();
	oc_entry_set(pte, entries[self]);
	oct_pte_unlock(raw.mm, pte);
	stored[self] = oc_store32(raw.mm, self ? RAW_SECOND : RAW_VA, STORED) == 0;
}

static inline void now(void)
{
	unsigned self = oct_port_cpu_self();

	stored[self] = oc_store32(file.mm, self ? SECOND_VA : FILE_VA, STORED) == 0;
}

static inline void final(void)
{
	uintptr_t va = oct_pte_present(oc_entry_get(oc_pte(file.mm, FILE_VA))) ? FILE_VA : RAW_VA;

	for (unsigned i = 0; i < 2; i++)
		OC_ASSERT(OC_I2, !stored[i] || oc_peek32(file.mm, va + 4 * i) == STORED);
	raw_restore();
}

#endif
