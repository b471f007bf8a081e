/* explore.h: stateless exploration of execution graphs. SPDX-License-Identifier: MIT
 *
 * After TruSt (Kokologiannakis, Marmanis, Gladstein, Vafeiadis: Truly stateless, optimal dynamic
 * partial order reduction, POPL 2022), with maximality adapted to translation reads: explore.c
 * tells the story. A client supplies threads as native code; each of their accesses is a call of
 * explore_event(), which returns the event in the current graph. */
#ifndef MODEL_EXPLORE_H
#define MODEL_EXPLORE_H

#include "graph.h"

enum explore_end {
	END_COMPLETE, /* every thread finished (daemons may wait) */
	END_BLOCKED,  /* some wait, or an access had no consistent choice: no execution of the model */
	END_STUCK,    /* some wait for what can no more come: a deadlock */
	END_STOPPED,  /* the client asked to stop this execution: violation, or pruned */
};

struct explore_client {
	void *arg;
	struct machine_rules *rules;
	bool daemon[MAX_THREADS];
	/* Put memory back to what it was when the race began. */
	void (*restore)(void *arg);
	/* The code of a thread. */
	void (*run)(void *arg, unsigned thread);
	/* A new event stands in the graph: may call explore_stop(). */
	void (*added)(void *arg, uint16_t id);
	/* A thread does not come to an end; pc: where it is. May call explore_stop(); may be NULL. */
	void (*endless)(void *arg, const void *pc);
	/* An execution ended. Returns false to end the exploration. */
	bool (*ended)(void *arg, enum explore_end end);
};

/* Workers that share one tree: every worker walks its top, and each subtree below the cut is explored
 * by the one that claims it. Lives in memory that the processes share. */
enum { SHARE_CUT = 24, SHARE_ITEMS = 1 << 20 };
struct explore_share {
	uint8_t taken[SHARE_ITEMS];
	bool stop; /* somebody found what ends the search */
};

struct explore_options {
	int bound; /* -1: everything */
	bool hash_graphs;
	uint64_t max_runs;
	double seconds;
	uint64_t trap_run; /* raise SIGTRAP when this run starts */
	uint64_t sample, seed;
	struct explore_share *share; /* NULL: alone */
	unsigned worker, workers;
};

struct explore_stats {
	uint64_t runs, executions, blocked, pruned, twice;
	uint64_t busiest; /* with workers: the most runs that one of them made */
	unsigned events_max;
	bool cut;           /* bound, time or a limit left something out */
	bool out_of_budget; /* time or a limit did */
	bool stopped;       /* ended() said so */
	const char *error;
};

void explore(const struct explore_client *client, const struct explore_options *options,
             struct explore_stats *stats);

/* The part of the search that is done, 0 to 1, estimated (progress.c). With several workers: of what is the
 * caller's. */
double explore_fraction(void);

/* ---- called by the code of a thread ---------------------------------------------------------- */
/* The event in the graph (read it at once: ids change between executions). Does not return when
 * the event blocks. */
uint16_t explore_event(struct event *tmpl);
/* End this execution; prune: it is not counted. Does not return when called by a thread. */
void explore_stop(bool prune);
/* End the whole search: it counts as stopped. Does not return when called by a thread. */
void explore_again(void);
/* End the search: stats->error = why, a constant. Does not return when called by a thread, or when
 * nothing is being explored. */
void explore_fail(const char *why);
void explore_await_begin(void);
void explore_await_end(void);
/* The condition was false: the thread blocks on what it read. Does not return. */
void explore_await_failed(void);
/* The thread blocks on what its last n events read. Does not return. */
void explore_wait(unsigned n);
/* A turn of a waiting loop that somebody wrote out: the thread blocks on what it has read since it last
 * did anything else. Does not return. */
void explore_relax(void);
/* The running thread, MAX_THREADS outside of all. */
unsigned explore_self(void);
struct graph *explore_graph(void);
/* How many of the events of a thread have been run natively. */
unsigned explore_done(unsigned thread);
/* Is thread waiting in an await, or blocked? */
bool explore_waits(unsigned thread);
/* Where the stacks are: for the race detector. */
char *explore_stack(unsigned thread);
/* Where the frames begin that a thread which does not run is in: what is below has returned. */
char *explore_stack_in_use(unsigned thread);

#endif
