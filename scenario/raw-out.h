/* raw-out.h: a page that is taken to somewhere else, and comes back, in raw entries. SPDX-License-Identifier:
 * MIT
 *
 * The page at RAW_VA (raw.h) goes to a slot of swap or of a device, whose contents an object has. */
#ifndef SCENARIO_RAW_OUT_H
#define SCENARIO_RAW_OUT_H

#include "raw.h"

static bool raw_is_out; /* this variant's page has gone by raw_take_out */

/* Its entry names slot from now on, and the flush comes after the lock. */
static inline void raw_take_out(uint64_t slot)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	raw_is_out = true;
	oc_entry_set(pte, oct_pte_mksoft(OCT_SOFT_SWAP, slot));
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
}

/* Fork copies the entry that it finds, and waits for nothing. What the parent stores afterwards reaches the
 * page that the child was promised (I4). */
static inline void raw_fork_out(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	bool soft = !oct_pte_present(oc_entry_get(pte));
	uint32_t shared;

	oct_pte_unlock(raw.mm, pte);
	if (!soft)
		return;
	shared = oc_peek32(raw.mm, RAW_ALIAS);
	oc_store32(raw.mm, RAW_VA, 7);
	OC_ASSERT(OC_I4, oc_peek32(raw.mm, RAW_ALIAS) == shared);
}

/* The page is out, and accesses that find no entry fail for good. */
static inline void raw_setup_out(struct oct_mm *mm)
{
	raw_setup(mm);
	raw_forbid_faults(mm, RAW_VA);
	oc_entry_set(raw.entry, 0);
}

/* Two CPUs: each reads the page from object and installs it without a second look at the entry, and stores to
 * a word of its own. */
static inline void raw_fault_unchecked(void *object)
{
	bool first = oct_port_cpu_self() == 0;
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	bool absent = oct_pte_none(oc_entry_get(pte));

	oct_pte_unlock(raw.mm, pte);
	if (absent) {
		oct_phys_t page = oct_pte_phys(first ? raw.fresh : raw.writable);

		oct_port_page_read(object, 0, page);
		pte = oct_pte_lock(raw.mm, RAW_VA);
		oc_entry_set(pte, first ? raw.fresh : raw.writable);
		oct_pte_unlock(raw.mm, pte);
	}
	if (oc_store32(raw.mm, RAW_VA + (first ? 0 : 4), 7) == 0)
		oc_reg(first ? "first" : "second", 1);
}

static inline void raw_fault_final(void)
{
	OC_ASSERT(OC_I2, !oc_reg_get("first") || oc_peek32(raw.mm, RAW_VA) == 7);
	OC_ASSERT(OC_I2, !oc_reg_get("second") || oc_peek32(raw.mm, RAW_VA + 4) == 7);
	raw_restore();
}

#endif
