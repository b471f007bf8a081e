/* litmus.h: what the translation tests share. SPDX-License-Identifier: MIT
 *
 * The tests are the published ones (Simner et al., "Relaxed virtual memory in Armv8-A", ESOP 2022,
 * strong model with ETS), restated over raw entries. x, y and z lie in different leaf tables, so
 * that each has an upper entry of its own. A user access that faults is an answer, not an error:
 * FAULT is recorded. Entry values are taken from mappings made in setup, never composed by hand. */
#ifndef LITMUS_H
#define LITMUS_H

#include <octavo/check.h>

enum { X = 0x10000, Y = 0x20000, Z = 0x30000 };
enum { READ_ONLY = OCT_READ, READ_WRITE = OCT_READ | OCT_WRITE };
enum { INVALID = 0 };
#define FAULT UINT32_MAX /* what a register holds when its access faulted */

/* r=[va] */
static inline void user_load(const char *name, struct oct_mm *mm, uintptr_t va)
{
	uint32_t value = 0;

	if (oc_load32(mm, va, &value) != 0)
		value = FAULT;
	oc_reg(name, value);
}

/* The valid entry of va as setup left it, and the entry made invalid: "x invalid" at the start. */
static inline oct_pte_t take_entry(struct oct_mm *mm, uintptr_t va)
{
	oct_pte_t *entry = oc_pte(mm, va);
	oct_pte_t value = oc_entry_get(entry);

	oc_entry_set(entry, INVALID);
	return value;
}

/* Give the page mapped at va its content at the start. */
static inline void put_word(struct oct_mm *mm, uintptr_t va, uint32_t value)
{
	oc_store32(mm, va, value);
}

/* dsb; tlbi.is va; dsb */
static inline void invalidate_everywhere(struct oct_mm *mm, uintptr_t va)
{
	oc_dsb();
	oc_tlbi(mm, va, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

#endif
