/* mirror.h: what spaces must contain, kept as a plain map beside them. SPDX-License-Identifier: MIT
 *
 * An actor is one CPU with a slice of addresses that nobody else maps, unmaps or protects. It runs the
 * common space or children of its own, made by fork, and knows of each page of its slice in each of
 * them: rights, contents, whether a userfault must come. Every call of the core is made on both and the
 * answers compared; every load must see the last store, every refusal must be due.
 *
 * Others touch an actor's slice too, but only the second word of its pages (they need no permission: a
 * refusal is fine). While a page grants no stores its second word must not move: a CPU that can still
 * store after the call that took the right away has returned is caught by that.
 * And there is a region in which everybody does anything. A word there is zero or says its own address:
 * contents that belong elsewhere are caught by that. */
#ifndef MIRROR_H
#define MIRROR_H

#include "../../machine/sim/sim.h"

enum {
	NEAR_PAGES = 64, /* of a slice, in a leaf table that all actors share */
	FAR_PAGES = 32,  /* of a slice, across two leaf tables of its own, which come and go */
	SLICE_PAGES = NEAR_PAGES + FAR_PAGES,
	COMMON_PAGES = 64, /* the region for everybody */
	MOST_SPACES = 3,
	MOST_CELLS = 4096,
};

struct mirror_page {
	bool mapped, shared;
	bool present; /* was touched since it was mapped or forgotten, by this actor */
	bool protected_by_userfault;
	bool perhaps_protected;  /* it was absent, but another CPU may have touched it before */
	bool perhaps_soft_dirty; /* a call failed in its middle, or a neighbour's store filled it too */
	bool perhaps_present;    /* a store beside it may have brought a large folio */
	bool soft_dirty, dirty;  /* dirty: at least; hardware may know of more stores */
	bool lazy;               /* its contents may be given back until a store (FREE) */
	bool aged;               /* made old since it last faulted */
	bool second_known;
	unsigned prot;
	unsigned warm;   /* accesses that need no fault: nothing has happened since one succeeded */
	unsigned cell;   /* shared: which contents */
	uint64_t value;  /* private: first word */
	uint64_t second; /* second word */
};

struct mirror {
	struct oct_mm *mm; /* NULL: not in use */
	bool no_write_exec;
	struct mirror_page page[SLICE_PAGES];
};

struct actor {
	unsigned cpu, cpus;
	bool may_fail; /* an allocation was made to fail: -OCT_ENOMEM is due */
	bool large;    /* large folios are welcome everywhere */
	uint64_t seed, random;
	const uint8_t *script; /* what to draw instead, a byte or two at a time; NULL: random */
	size_t script_left;
	uint64_t operations;
	uint64_t faults, events, loads, stores, forks; /* what happened, for the last line */
	struct oct_system *system;
	struct oct_reclaimer *reclaim; /* pages may be taken at any time; NULL: none */
	uint64_t reclaimed, moves;
	struct mirror spaces[MOST_SPACES]; /* 0: the common one */
	struct oct_mm child[MOST_SPACES];
	unsigned running; /* of spaces */
	struct {
		uint64_t value;
		unsigned users;
	} cell[MOST_CELLS]; /* contents of shared pages, first word */
	unsigned next_cell;
};

/* cpus: how many actors there are. mm: the common space, empty; reclaim: its registry, NULL for none. On this
 * CPU. */
void actor_start(struct actor *actor, unsigned cpu, unsigned cpus, struct oct_system *system,
                 struct oct_mm *mm, struct oct_reclaimer *reclaim, uint64_t seed);
/* One random call or access, compared. Aborts with the seed and the number of the operation. */
void actor_step(struct actor *actor);
/* Loads every page of every space, compares, ends the children, and leaves the common space. */
void actor_finish(struct actor *actor);

#endif
