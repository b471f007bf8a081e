/* switch.h: a process that runs on one CPU, flushed locally, and a CPU that switches to it.
 * SPDX-License-Identifier: MIT
 *
 * The handshake in its own words. Switch-in: say that the space runs here; full barrier; read the
 * generation; behind: forget what this CPU holds of the space; go. Flusher: change the entry, draw a
 * generation; full barrier; read who runs the space: nobody else: invalidate locally, somebody:
 * everywhere. CPU1 may hold the entry from when it last ran the process. After the flush nobody
 * may store through the old entry: the page does not change any more (I4).
 *
 * Here both barriers stand or fall by a flag, and what counts as running can be narrowed. */
#ifndef SCENARIO_SWITCH_H
#define SCENARIO_SWITCH_H

#include <octavo/check.h>

enum { SWITCH_VA = 0x10000, SWITCH_ALIAS = 0x20000 };
enum { NOT_RUNNING, SWITCHING, RUNNING };

struct switching {
	struct oct_mm *mm;
	oct_pte_t *entry;
	uint32_t runs; /* does CPU1 run the space? */
	uint32_t generation;
	uint32_t after; /* the page when the flush had returned */
};

static struct switching sw;

static inline void switch_setup(void)
{
	sw.mm = oc_mm();
	oc_map_anon(sw.mm, SWITCH_VA, 1, OCT_READ); /* without a writable entry a store fails */
	oc_map_folio(sw.mm, SWITCH_ALIAS, oc_folio(sw.mm, SWITCH_VA), OCT_READ | OCT_WRITE);
	sw.entry = oc_pte(sw.mm, SWITCH_VA);
	oc_entry_set(sw.entry, oc_entry_get(oc_pte(sw.mm, SWITCH_ALIAS)));
}

/* CPU1: store through SWITCH_VA once the switch has been made. */
static inline void switch_in_and_store(bool barrier)
{
	oct_store(&sw.runs, SWITCHING, OCT_RLX);
	if (barrier)
		oct_fence(OCT_SC);                    /* pairs with the fence in switch_revoke() */
	if (oct_load(&sw.generation, OCT_ACQ) != 0) { /* pairs with the release there */
		oc_dsb();
		oc_tlbi(sw.mm, 0, 0, OC_LOCAL, OC_ALL_LEVELS);
		oc_dsb();
		oc_isb();
	}
	oct_store(&sw.runs, RUNNING, OCT_RLX);
	oc_store32(sw.mm, SWITCH_VA, 7);
}

/* Invalidate, wait, and see what the page holds from now on. */
static inline void switch_invalidate(unsigned scope)
{
	oc_dsb();
	oc_tlbi(sw.mm, SWITCH_VA, 1, scope, OC_LEAF);
	oc_dsb();
	sw.after = oc_peek32(sw.mm, SWITCH_ALIAS);
}

/* CPU0: take the right to write away; complete on return. least: from when on CPU1 counts as running. */
static inline void switch_revoke(bool barrier, uint32_t least)
{
	oc_entry_update(sw.entry, oct_pte_wrprotect);
	oct_fetch_add(&sw.generation, 1, OCT_REL); /* the entry before the generation */
	if (barrier)
		oct_fence(OCT_SC); /* pairs with the fence in switch_in_and_store() */
	switch_invalidate(oct_load(&sw.runs, OCT_RLX) >= least ? OC_BROADCAST : OC_LOCAL);
}

static inline void switch_final(void)
{
	OC_ASSERT(OC_I4, oc_peek32(sw.mm, SWITCH_ALIAS) == sw.after);
}

#endif
