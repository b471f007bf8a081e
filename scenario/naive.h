/* naive.h: a flush authority that gets it wrong. SPDX-License-Identifier: MIT
 *
 * The first design: one generation counter for the space, the newest generation as stamp of a table, one
 * number for what is completed, raised to whatever flush ended last. Each scenario core/ticket-* shows
 * a case where that is not enough; the core's rules (docs/DESIGN.md, R1 to R6) are the answer. */
#ifndef SCENARIO_NAIVE_H
#define SCENARIO_NAIVE_H

#include "raw.h"

static uint32_t naive_generation, naive_completed, naive_stamp; /* the stamp: of RAW_VA's table */

/* Release: who acquires the generation knows the changes made before it was drawn. */
static inline uint32_t naive_draw(void)
{
	return oct_fetch_add(&naive_generation, 1, OCT_REL) + 1;
}

/* Generations up to this one count as complete. Pairs with the acquire in naive_is_behind(). */
static inline void naive_complete(uint32_t generation)
{
	if (oct_load(&naive_completed, OCT_RLX) < generation)
		oct_store(&naive_completed, generation, OCT_REL);
}

/* Page-table lock held. */
static inline bool naive_is_behind(void)
{
	return oct_load(&naive_stamp, OCT_RLX) > oct_load(&naive_completed, OCT_ACQ);
}

/* Take the right to write from RAW_VA in one lock section; what has to be completed later. */
static inline uint32_t naive_wrprotect(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	uint32_t generation;

	oc_entry_update(pte, oct_pte_wrprotect);
	generation = naive_draw();
	oct_store(&naive_stamp, generation, OCT_RLX);
	oct_pte_unlock(raw.mm, pte);
	return generation;
}

/* Copy on write that relies on the stamp. */
static inline void naive_cow(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	if (raw_must_copy(oc_entry_get(pte))) {
		if (naive_is_behind())
			raw_flush();
		raw_copy();
		raw_install(pte);
	}
	oct_pte_unlock(raw.mm, pte);
}

#endif
