/* cli.h: the parts of the octavo command. SPDX-License-Identifier: MIT
 *
 * A result travels as JSON: the process that explores renders it, with its schedule in words and
 * source lines, and the parent prints what it received as a table or as it is. */
#ifndef CLI_H
#define CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "model.h"

#define ARCHS 3 /* architectures whose libraries the command carries */

enum { STATUS_EXPECTED = 0, STATUS_UNEXPECTED = 1, STATUS_USAGE = 2, STATUS_NOT_EXHAUSTED = 3 };

/* One variant of one scenario on one architecture. */
struct job {
	struct oc_library *library;
	const struct oc_scenario *scenario;
	unsigned variant;
	unsigned arch;
	unsigned expected;
	char name[128];   /* group/name-variant */
	const char *file; /* that it was compiled from; NULL: one of the command's own */
};

struct jobs {
	struct job *list;
	size_t count;
};

struct arguments {
	struct oc_options explore;
	unsigned archs;     /* mask of OC_ARM64 ...; 0: all */
	unsigned workers;   /* processes at a time */
	const char *replay; /* an id, or NULL */
	char *replay_name;  /* the name in it */
	const char *report; /* directory of HTML pages, or NULL */
	bool list, json;
	bool sim; /* stress loops instead of explorations */
	const char **names; /* scenarios and files asked for */
	size_t nnames;
};

/* options.c: the arguments of check. Exits with status 2 on a wrong one, 0 on --help. */
void arguments_parse(struct arguments *arguments, int argc, char **argv);
/* Fill archs, explore and replay_name from the id; false when it is none. */
bool arguments_replay(struct arguments *arguments);
unsigned arch_of_name(const char *name, size_t length); /* 0: unknown */

/* place.c: where the command's files are, built or installed. All return false when not found. */
bool place_library(unsigned arch, const char *file, char *path, size_t size);
bool place_headers(char *include, char *model, size_t size);
/* The headers of the sim, for scenarios given as files. */
bool place_sim(char *sim, size_t size);

/* compile.c: a scenario given as a file, to a library in a temporary directory that is removed
 * when the process ends. NULL after printing what is wrong. */
struct oc_library *compile_scenario(const char *file, unsigned arch, bool sim);

/* select.c: the jobs that the arguments ask for; false after printing what is wrong. */
bool jobs_select(const struct arguments *arguments, struct jobs *jobs);
/* Also closes the libraries: the last thing to do. */
void jobs_free(struct jobs *jobs);

/* run.c: explore each job in a process of its own, up to workers at a time. done is called in the
 * order of the jobs, result borrowed. */
typedef void (*done_fn)(void *arg, const struct job *job, json_t *result);
void jobs_run(const struct jobs *jobs, const struct oc_options *options, unsigned workers, done_fn done,
              void *arg);
json_t *job_explore(const struct job *job, const struct oc_options *options);
/* Exit status of one result, and of several (the worse of two). */
int result_status(const json_t *result);
int status_join(int a, int b);

/* words.c: a result in JSON, its schedule in words. */
json_t *result_json(const struct job *job, const struct oc_options *options, const struct oc_result *result);
json_t *expected_json(unsigned expected, json_t *into);

/* cures.c: which single flush or barrier makes a violation unreachable. */
json_t *cures_json(const struct oc_result *result);
void print_cures(const json_t *result);

/* source.c: source lines and names of addresses in this process. */
struct source;
struct source *source_open(void);
void source_close(struct source *source);
/* "scenario/races/14.c:23", "" if unknown; pc is a return address. */
void source_line(struct source *source, const void *pc, char *text, size_t size);
/* Name of a variable, "" if unknown. */
void source_symbol(struct source *source, uint64_t address, char *text, size_t size);

/* print.c: results for people. */
struct printer {
	bool colour;
	int width_name;
	bool brief; /* schedules: what a reader needs first */
};
void printer_init(struct printer *printer, const struct jobs *jobs);
void print_head(const struct printer *printer);
void print_row(const struct printer *printer, const json_t *result);
void print_schedule(const struct printer *printer, const json_t *result);
void print_outcomes(const json_t *result);
const char *paint(const struct printer *printer, const char *colour); /* "" without colour */
const char *jstring(const json_t *object, const char *key);           /* "" if missing */
json_int_t jint(const json_t *object, const char *key);
/* Text of a verdict or expectation: "violation I2". */
void verdict_text(const json_t *result, const char *verdict, const char *invariant, char *text, size_t size);

/* report.c: results as HTML pages. Both return false after printing what is wrong. */
bool report_prepare(const char *directory); /* before exploring: make it, or refuse */
bool report_write(const char *directory, const json_t *results);

int check_main(int argc, char **argv);
int demo_main(int argc, char **argv);

#endif
