/* model.h: the model checker as the command sees it. SPDX-License-Identifier: MIT */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <octavo/check.h>

enum oc_memory { OC_RC11, OC_SEQUENTIAL };

enum oc_verdict {
	OC_V_HOLDS,     /* exhausted */
	OC_V_VIOLATION, /* result.what, schedule */
	OC_V_BOUNDED,   /* nothing found up to result.bound, or sampled, or out of time: not exhausted */
	OC_V_VACUOUS,   /* exhausted, but a cover point was never reached: result.text names it */
	OC_V_ALLOWED,   /* litmus; the schedule is one execution that shows it */
	OC_V_FORBIDDEN, /* litmus, exhausted */
	OC_V_ERROR,     /* result.text: the scenario could not be explored */
};

struct oc_options {
	enum oc_memory memory;
	int bound;               /* -1: 0, 1, 2, then everything; n: up to n deviations only */
	uint64_t max_executions; /* 0: no limit */
	double seconds;          /* 0: no limit */
	uint64_t sample;         /* 0: explore; n: n random walks */
	uint64_t replay;         /* 0: explore; k: stop at the k-th execution of the bound given */
	struct oc_knobs knobs;   /* or-ed to the scenario's */
	bool gdb;                /* with replay: raise SIGTRAP when execution k starts */
	bool outcomes;           /* collect them */
	bool cures;              /* of a violation, look for what would make it unreachable */
	unsigned workers;        /* processes that share the search for everything; 0, 1: alone */
	bool textbook;           /* tests: the textbook notion of maximality */
	bool hash_graphs;        /* tests: fail when one graph is visited twice */
	/* Now and then; done: the part of the search that is done, estimated, -1: unknown (a bound is tried).
	 */
	void (*progress)(void *arg, uint64_t executions, uint64_t blocked, double done);
	void *progress_arg;
};

/* One event of an execution, in an order that respects happens-before, reads-from and completion. */
enum oc_step_kind {
	OC_STEP_READ,
	OC_STEP_WRITE,
	OC_STEP_RMW,
	OC_STEP_FENCE,
	OC_STEP_TRANSLATE, /* a walker reads an entry */
	OC_STEP_USER_LOAD,
	OC_STEP_USER_STORE, /* the access made with the translation before it */
	OC_STEP_FAULT,
	OC_STEP_AD,         /* hardware sets accessed/dirty in an entry */
	OC_STEP_INVALIDATE, /* TLBI, INVLPG, CR3 */
	OC_STEP_COMPLETE,   /* DSB: barrier that completes invalidations */
	OC_STEP_ISB,
	OC_STEP_ALLOC,
	OC_STEP_FREE,
	OC_STEP_ROOT,
	OC_STEP_CHOOSE,
	OC_STEP_BLOCKED, /* waits for ever at the end of a deadlock */
	OC_STEP_FAIL,    /* where the violation was seen */
};

enum oc_place_kind {
	OC_AT_NOWHERE,
	OC_AT_WORD,  /* an atomic word of core or scenario */
	OC_AT_ENTRY, /* a page-table entry: level, va */
	OC_AT_FRAME, /* a word of a page: page, offset */
	OC_AT_ROOT,  /* root register: cpu, asid */
};

struct oc_step {
	enum oc_step_kind kind;
	unsigned lane; /* index into result.lanes */
	enum oc_place_kind place;
	int order;        /* __ATOMIC_* of reads, writes, fences */
	uint64_t address; /* of the word */
	uint64_t va;      /* user address: entry, translation, access, invalidation */
	unsigned level;   /* entry, translation; OC_STEP_INVALIDATE: 0 leaf only, 1 all levels */
	unsigned pages;   /* invalidation: pages, 0 whole space */
	bool broadcast;   /* invalidation */
	unsigned asid;
	unsigned page, offset; /* frame number in the machine's memory; byte offset */
	uint64_t value;        /* read, written, or (RMW, AD) written */
	uint64_t old;          /* RMW, AD: value found */
	int from;              /* reads: index of the step that stored the value; -1: initial value */
	bool stale;            /* read a value that was overwritten (in coherence) before this step */
	const void *pc;        /* return address in core or scenario; NULL for hardware */
	const char *text;      /* entry values in words ("p3 rw dirty young"), names; may be NULL */
	const char *old_text;
	/* what the lane's TLB may still hold after this step, in words, "" for nothing; lanes of CPUs */
	const char *tlb;
	/* the same for every CPU whose TLB's contents this step changed, NULL for the others */
	const char *tlb_of[OC_MAX_ACTORS];
};

struct oc_outcome {
	char state[160]; /* "a=1 r=0" sorted by name */
	uint64_t executions;
};

/* One operation that, added after a place of the program, makes the violation unreachable. */
enum oc_cure_kind { OC_CURE_FLUSH, OC_CURE_BARRIER };
struct oc_cure {
	enum oc_cure_kind kind;
	unsigned lane;
	const void *pc;      /* it is added after this access */
	uint64_t executions; /* explored with it, without a violation */
	bool exhausted;      /* that was all */
};
enum { OC_MAX_CURES = 4 };

struct oc_result {
	enum oc_verdict verdict;
	enum oc_what what;
	char text[256];        /* what was seen, in one sentence; or the error */
	char assumptions[256]; /* "3 CPUs, 1 page, RC11, arm64, ETS2 off, BBM 0, all executions" */
	char id[96];           /* "questions/E1-old@arm64.rc11.b2.k137": replays the schedule */
	uint64_t executions, blocked;
	uint64_t
	    runs; /* at all bounds, one after the other: of workers at the same time those of the busiest */
	unsigned events_max;
	int bound; /* the bound that the verdict is for, -1 everything */
	double seconds;
	bool stress; /* a stress loop on the sim: executions are its turns, and never all */
	const char *lanes[2 * OC_MAX_ACTORS];
	unsigned nlanes;
	struct oc_step *steps; /* of the violation or the allowed execution */
	unsigned nsteps;
	struct oc_outcome *outcomes;
	unsigned noutcomes;
	const char *missing_cover;
	struct oc_cure cures[OC_MAX_CURES]; /* with options.cures */
	unsigned ncures;
};

/* What a scenario library (core + scenarios for one architecture) offers; see library.c. */
struct oc_library;
struct oc_library *oc_library_open(const char *path, char *error, size_t size);
unsigned oc_library_arch(const struct oc_library *library); /* OC_ARM64 ... */
unsigned oc_library_count(const struct oc_library *library);
const struct oc_scenario *oc_library_scenario(const struct oc_library *library, unsigned index);
/* What runs a variant of a library for the sim, NULL for one that is explored. */
typedef void oc_run_fn(const struct oc_scenario *scenario, unsigned variant, const struct oc_options *options,
                       struct oc_result *result);
oc_run_fn *oc_library_run(const struct oc_library *library);
void oc_library_close(struct oc_library *library);

/* Explore variant number variant of a scenario. Never fails otherwise than by result.verdict. */
void oc_explore(struct oc_library *library, const struct oc_scenario *scenario, unsigned variant,
                const struct oc_options *options, struct oc_result *result);
void oc_result_free(struct oc_result *result);

/* The expected verdict of a variant on an architecture (OC_HOLDS ...). */
unsigned oc_expected(const struct oc_variant *variant, unsigned arch);
/* Does the verdict meet the expectation? */
bool oc_result_meets(const struct oc_result *result, unsigned expected);
const char *oc_what_name(enum oc_what what);    /* "I2" */
const char *oc_what_meaning(enum oc_what what); /* "no-lost-write" */
const char *oc_verdict_name(enum oc_verdict verdict);
/* "group/name-variant" of a file name and variant name; group only where the file has one. */
void oc_scenario_name(const struct oc_scenario *s, unsigned variant, char *name, size_t size);
const char *oc_arch_name(unsigned arch); /* "arm64" */

#endif
