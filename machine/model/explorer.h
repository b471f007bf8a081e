/* explorer.h: what search (explore.c) and running of threads (threads.c) share.
 * SPDX-License-Identifier: MIT */
#ifndef MODEL_EXPLORER_H
#define MODEL_EXPLORER_H

#include <time.h>

#include "explore.h"
#include "fiber.h"
#include "hashset.h"

enum { MAX_CHOICES = 192, MAX_LEVELS = 400 };

enum thread_state { RUNNING, WAITING, FRONTIER, BLOCKED, AWAITING, FINISHED };

struct thread {
	struct fiber fiber;
	enum thread_state state;
	unsigned next;       /* index of its next event */
	uint16_t wait_for;   /* WAITING: the event that has to be executed first */
	unsigned await_from; /* index of the first event of the iteration */
	bool in_await;
	bool chosen;                 /* its await may begin now */
	const struct event *request; /* FRONTIER: what it wants to do next */
};

struct frame {
	struct event tmpl;
	unsigned pos, dev; /* where the event stands; deviations before it */
	uint16_t list[MAX_CHOICES];
	unsigned n, next;
	unsigned choices; /* revisiting: how many there were before */
	/* how many runs were over when it was made, when its first choice was done, when its revisits and its
	 * present child began: progress.c */
	uint64_t born, first, turned, child;
	bool revisiting;      /* list: reads to revisit */
	bool fixed;           /* frame that opens a revisit's level: choices only */
	uint16_t reader;      /* fixed: the read that was turned */
	uint32_t serial;      /* of an access or a walker's update: what its event carries */
	bool blamed, blocked; /* its event shall be tried blocked as well; was */
};

struct level {
	struct graph graph;
	struct frame *frames;
	unsigned nframes, max_frames;
};

struct explorer {
	const struct explore_client *client;
	const struct explore_options *options;
	struct explore_stats *stats;
	struct machine_rules *rules;
	struct level *levels[MAX_LEVELS];
	unsigned depth;
	struct graph *g; /* of the top level */
	struct graph *scratch;
	struct thread threads[MAX_THREADS];
	struct fiber main;
	unsigned self;
	bool extending, stopped, pruned, unclaimed;
	bool again;   /* explore_again() was called */
	bool judging; /* maximality, on a graph of the past */
	uint32_t serial;
	uint64_t random;
	unsigned nframes; /* on all levels: the depth in the tree */
	uint64_t item;    /* subtrees at the cut, and leaves above it, counted in the order of the walk */
	struct hashset seen;
	struct timespec started;
};
extern struct explorer explorer;

/* explore.c */
struct frame *frame_push(const struct event *tmpl);
bool claim(void); /* is the next subtree at the cut this worker's? */
bool at_cut(void);

/* threads.c */
/* Restore, run every thread to its frontier, then extend the graph until nobody can go on. */
enum explore_end execute(void);

/* progress.c */
void progress_reset(void);
void progress_finished(const struct frame *f);

#endif
