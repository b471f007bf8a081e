/* uffd-retract.h: what a handler supplies to an area that shows an object, while its table is retracted.
 * SPDX-License-Identifier: MIT
 *
 * Races 31 as it was found: K has seen no private page, U supplies one with the lock of the space held for
 * reading, K takes the table out with it. With the core U makes another table if K was first, and K leaves
 * one that has an entry. */
#ifndef SCENARIO_UFFD_RETRACT_H
#define SCENARIO_UFFD_RETRACT_H

#include "retract.h"

static int supplied; /* what the resolution said */

static inline void supply_setup(struct oct_mm *mm)
{
	struct oct_folio *folio;

	retract_setup(mm, 0);
	OC_ASSERT(OC_ASSERTION, oct_uffd_register(mm, TABLE_VA, TABLE_VA + TABLE_BYTES, OCT_UFFD_MODES) == 0);
	retract_raw_setup(mm);
	OC_ASSERT(OC_ASSERTION, oct_mapping_get(&retract.mapping, 0, &folio) == 0);
	oct_folio_put(folio); /* it is in memory */
}

static inline void supply_copy(void)
{
	uint32_t value = 0;

	supplied = oct_uffd_copy(retract.mm, TABLE_VA, 1, retract.folio->page, 0);
	OC_ASSERT(OC_I2, supplied == 1);
	OC_ASSERT(OC_I2, oc_load32(retract.mm, TABLE_VA, &value) == 0 && value == INSERTED);
	retract.stored = true;
}

static inline void supply_raw_k(void)
{
	raw_retract(0);
}

#endif
