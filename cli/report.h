/* report.h: the parts of an HTML report. SPDX-License-Identifier: MIT
 *
 * A story is a schedule as a report draws it: steps numbered from 1, lanes grouped by CPU, and for
 * each CPU the entries that it kept. Everything is read from the JSON of the result, whose strings
 * the story borrows. */
#ifndef REPORT_H
#define REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "model.h"

enum { REPORT_LANES = 2 * OC_MAX_ACTORS };

struct step {
	const char *kind, *does, *source;
	const char *tlb;                      /* leaves that the CPU may hold after it */
	const char *place, *at, *value, *old; /* of the word; "" for kinds that have none */
	unsigned lane;
	bool told;     /* the terminal shows it too */
	bool stale;    /* read what was overwritten */
	bool harm;     /* used an entry after it was overwritten */
	bool on_bar;   /* a walk or access that some bar shows */
	bool mmu;      /* about translation: entries stored, walks, accesses, invalidations */
	int word;      /* the first step at the same word; 0: none */
	int from;      /* the step that stored what it read; 0: the initial value */
	int walk;      /* user accesses and faults: the step that translated */
	int completes; /* completions: the first invalidation waited for; 0: a barrier only */
	uint64_t va, bytes;
	int level, asid;
	bool broadcast;
};

/* An entry that a CPU kept: from the store it was read from to its last use, and on until it is invalidated.
 */
struct bar {
	unsigned cpu;
	const char *value;
	uint64_t va;
	int word, level;
	unsigned row;    /* the bar whose row it is drawn in: its own, or an earlier one like it */
	int from;        /* step of the store; 0: there since the start */
	int since;       /* from, or the later completion that emptied the TLB before */
	int walk;        /* the first walk that took it */
	int overwritten; /* step of the store that made it stale; 0: none */
	int last_use;    /* walk, access or fault */
	int issued;      /* invalidation after the last use, 0: none */
	int ended;       /* its completion, 0: never */
	int survived;    /* a completion before its last walk that did not end it, 0: none */
};

struct story {
	const json_t *result;
	struct step *steps; /* 1 .. nsteps */
	int nsteps;
	const char *lanes[REPORT_LANES];
	unsigned cpu_of[REPORT_LANES];
	unsigned nlanes;
	unsigned first_lane[REPORT_LANES]; /* of each CPU */
	unsigned ncpus;
	struct bar *bars;
	unsigned nbars;
	bool mmu; /* some step translates */
};

/* report_story.c. false when out of memory; free in any case. */
bool story_read(struct story *story, const json_t *result);
void story_free(struct story *story);
bool step_is(const struct step *step, const char *kind);
bool step_walks(const struct story *story, int step, const struct bar *bar); /* takes the entry */
bool step_uses(const struct story *story, int step, const struct bar *bar);  /* access or fault through it */
bool bar_stale(const struct bar *bar); /* used after it was overwritten */
int cpu_name_length(const char *lane); /* "cpu1 copier": 4 */

/* report_tlb.c, report_graph.c, report_mermaid.c: false when out of memory. */
bool report_tlb(FILE *out, const struct story *story);
bool report_graph(FILE *out, const struct story *story);
void report_mermaid(FILE *out, const struct story *story);

/* report_style.c */
extern const char report_style[];

/* report.c: text with the characters of HTML escaped. */
void escaped(FILE *out, const char *text);

#endif
