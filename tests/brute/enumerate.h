/* enumerate.h: every consistent execution graph of a small program, by brute force.
 * SPDX-License-Identifier: MIT
 *
 * Nothing is explored step by step: every reading event guesses a value, every read takes every source with
 * that value, every location takes every order of its stores, and the axioms are checked on the complete
 * graph. So nothing here depends on a search order, on prefixes being consistent or on graphs being
 * extensible. */
#ifndef BRUTE_ENUMERATE_H
#define BRUTE_ENUMERATE_H

#include <stddef.h>
#include "program.h"

enum event_kind {
	EVENT_WRITE, /* the initial write of a location, a store, the access of a user store */
	EVENT_READ,
	EVENT_RMW,   /* reads and writes, one event */
	EVENT_FENCE, /* C11 fence, DMB, DSB */
	EVENT_ISB,
	EVENT_TLBI,
	EVENT_T,    /* translation read of one level */
	EVENT_FAULT /* X: the access that did not happen */
};

enum {
	EVENT_NONE = 0xff,
	FIRST_EVENT = PROGRAM_LOCATIONS, /* event l < FIRST_EVENT is the initial write of location l */
	MAX_EVENTS = 64
};

struct event {
	uint8_t kind;
	uint8_t thread, cpu;
	uint8_t asid;      /* T, X, TLBI; TLBI: 0 for all */
	uint8_t where;     /* location; EVENT_TLBI: address or TLBI_ALL */
	uint8_t page;      /* T, user access, fault: the address */
	uint8_t level;     /* T: 1 upper, 0 leaf */
	uint8_t access;    /* T: the access or fault of its walk */
	uint8_t neighbour; /* T of level 1: the lower T; of level 0: the upper one; or EVENT_NONE */
	uint8_t complete;  /* EVENT_TLBI: C(V), or EVENT_NONE */
	uint8_t before;    /* EVENT_TLBI: the DSB that precedes it, or EVENT_NONE */
	uint8_t not_older; /* T of a walk that a failed U made necessary: that U, if of the same entry */
	bool hardware;     /* U: the update of an entry before a store through it */
	bool user;         /* access made through a translation */
	bool dsb, acquire, release, sc;
	bool broadcast, leaf_only;
	bool device;    /* TLBI: V_dev; T, X: of a device */
	bool cacheable; /* T: of a present entry */
	uint64_t read, written;
};

/* A set of events, or a row of a relation: bit e is event e. */
typedef uint64_t events_t;
#define EVENT_BIT(e) ((events_t)1 << (e))

struct graph {
	const struct program *program;
	unsigned count; /* of events, initial writes included */
	struct event event[MAX_EVENTS];
	uint8_t source[MAX_EVENTS];      /* reads-from, of reads, RMW and T */
	uint8_t place[MAX_EVENTS];       /* of writes: place in coherence order, 0 the initial write */
	uint64_t result[PROGRAM_VALUES]; /* values that the instructions returned */
	unsigned results;
	bool stale; /* see stale_translation() */
	/* The rest is derived. */
	events_t writes, reads, translations, memory, fences;
	events_t at[PROGRAM_LOCATIONS]; /* writes, reads and T of each location */
	events_t before[MAX_EVENTS];    /* H: the events that are H-before e */
	events_t after[MAX_EVENTS];     /* H: the events that e is H-before */
	events_t order[MAX_EVENTS];     /* the part of O that does not depend on coherence, not closed */
	events_t covers[MAX_EVENTS];    /* of a V: the T that it covers */
};

struct brute_result {
	uint64_t executions;
	uint64_t stale; /* executions with a stale translation */
	bool too_large; /* more events than fit: nothing was counted */
};

/* Find every consistent complete execution graph of program, each once; visit, if any, is called with each.
 * pruned: leave out at once what cannot become one, for a value that it reads which nobody stores, or a
 * source older than what the thread has seen already; the same graphs, sooner. */
void brute_run(const struct program *program, bool pruned, struct brute_result *result,
               void (*visit)(void *arg, const struct graph *graph), void *arg);

/* The outcome of a graph as program.h documents it; returns the number of values. */
unsigned graph_outcome(const struct graph *graph, uint64_t values[PROGRAM_VALUES]);

/* ---- Between the files of the enumerator
 * --------------------------------------------------------------------*/
/* axioms.c: after sources are chosen. Fill the derived members; false if H or no-thin-air is violated. */
bool axioms_of_sources(struct graph *graph);
/* Do the rules that speak of one location hold for its coherence order (place of its writes)? */
bool axioms_of_location(const struct graph *graph, unsigned location);
/* The rules that speak of all: psc, completion. Sets graph->stale. */
bool axioms_of_graph(struct graph *graph);

static inline bool event_writes(const struct event *e)
{
	return e->kind == EVENT_WRITE || e->kind == EVENT_RMW;
}
static inline bool event_reads(const struct event *e)
{
	return e->kind == EVENT_READ || e->kind == EVENT_RMW;
}
/* First event of a set, which is not empty. */
static inline unsigned first_event(events_t set)
{
	return (unsigned)__builtin_ctzll(set);
}

#endif
