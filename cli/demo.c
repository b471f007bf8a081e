/* demo.c: octavo demo, the table of questions. SPDX-License-Identifier: MIT
 *
 * Each question is a scenario questions/NAME whose variants are the algorithms that a thread on a
 * mailing list discussed; the last ones are what the core does today. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli.h"

enum { WORKERS = 2 };

struct question {
	const char *name;
	const char *text[4]; /* lines */
};

static const struct question questions[] = {
    {"E1",
     {"Userfault write-protection and clear_refs take the right to write away and flush later.",
      "Another CPU may still write through the entry it cached, while a fault copies the page.",
      "Can a store be lost?"}},
    {"E2",
     {"Before it copies, a fault asks whether a flush of that entry is still pending.",
      "Is it enough to ask under the page-table lock? After the unlock? Must the flush be done",
      "before the lock is released, or is after the next lock soon enough?"}},
    {"E3",
     {"A counter says that a flush is pending. May it drop before the invalidation is complete?",
      "Is a barrier before the decrement enough?"}},
    {"E4",
     {"clear_refs leaves its flush to a gather, which flushes what was gathered for freeing: nothing.",
      "Is the gather of any use there?"}},
    {"E5",
     {"A process that runs on one CPU: is invalidating on that CPU alone enough?",
      "What must a CPU do that switches to it meanwhile, and what when ASIDs are given out anew?"}},
};
enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };

struct demo {
	const struct jobs *jobs;
	struct printer printer;
	json_t *results; /* as they come: by question, variant, architecture */
	size_t shown;    /* the question after the one whose head was printed last */
	size_t asked;    /* heads printed */
	int status;
	const json_t *row[ARCHS]; /* results of the variant being collected */
	unsigned rows;
	json_t *example; /* the failing row whose schedule is shown */
	unsigned long long executions;
};

static const char *variant_of(const char *name)
{
	const char *slash = strchr(name, '/');
	const char *dash = strchr(slash ? slash : name, '-');

	return dash ? dash + 1 : name;
}

static void print_question(struct demo *demo, const char *name)
{
	const struct printer *printer = &demo->printer;
	size_t i = demo->shown;

	while (i < QUESTIONS && strncmp(name + strlen("questions/"), questions[i].name, 2))
		i++;
	if (i >= QUESTIONS)
		return;
	demo->shown = i + 1;
	demo->asked++;
	for (size_t line = 0; line < 4 && questions[i].text[line]; line++)
		printf("%s%s%-4s%s%s\n", line ? "" : "\n", paint(printer, "\033[1m"),
		       line ? "" : questions[i].name, questions[i].text[line], paint(printer, "\033[0m"));
	printf("    %s%-34s %-15s %-15s %-15s %-22s %24s %18s%s\n", paint(printer, "\033[2m"), "algorithm",
	       "arm64", "x86-64", "riscv64", "expected", "executions", "seconds", paint(printer, "\033[0m"));
}

static const char *verdict_colour(const json_t *result)
{
	if (result_status(result) != STATUS_EXPECTED)
		return "\033[1;31m";
	return strcmp(jstring(result, "verdict"), "violation") ? "\033[32m" : "\033[33m";
}

/* The row of one algorithm: a cell for each architecture that it was explored on. */
static void print_algorithm(struct demo *demo)
{
	char cell[ARCHS][48], expected[48], joined[160] = "", counts[64] = "", times[64] = "";
	const struct printer *printer = &demo->printer;
	size_t counts_used = 0, times_used = 0, joined_used = 0, joined_last = 0;
	const json_t *first = NULL;
	bool wrong = false;

	for (unsigned i = 0; i < ARCHS; i++) {
		const json_t *r = demo->row[i];

		snprintf(cell[i], sizeof(cell[i]), "-");
		if (!r)
			continue;
		first = first ? first : r;
		verdict_text(r, "verdict", "invariant", cell[i], sizeof(cell[i]));
		verdict_text(r, "expected", "expected_invariant", expected, sizeof(expected));
		/* Once if it is the same everywhere. */
		if (strcmp(joined + joined_last, expected)) {
			joined_last = joined_used + (joined_used ? strlen(" / ") : 0);
			joined_used += (size_t)snprintf(joined + joined_used, sizeof(joined) - joined_used,
			                                "%s%s", joined_used ? " / " : "", expected);
		}
		wrong |= result_status(r) != STATUS_EXPECTED;
		counts_used += (size_t)snprintf(counts + counts_used, sizeof(counts) - counts_used, "%s%lld",
		                                counts_used ? " / " : "", (long long)jint(r, "executions"));
		times_used +=
		    (size_t)snprintf(times + times_used, sizeof(times) - times_used, "%s%.2f",
		                     times_used ? " / " : "", json_real_value(json_object_get(r, "seconds")));
	}
	printf("    %-34s", variant_of(jstring(first, "name")));
	for (unsigned i = 0; i < ARCHS; i++)
		printf(" %s%-15s%s", paint(printer, demo->row[i] ? verdict_colour(demo->row[i]) : ""),
		       cell[i], paint(printer, "\033[0m"));
	printf(" %-22s %24s %18s%s\n", joined, counts, times, wrong ? "  << UNEXPECTED" : "");
	fflush(stdout);
}

static bool same_variant(const struct job *a, const struct job *b)
{
	return a->variant == b->variant && !strcmp(a->name, b->name);
}

static bool row_begun(const struct demo *demo)
{
	for (unsigned i = 0; i < ARCHS; i++)
		if (demo->row[i])
			return true;
	return false;
}

static void done(void *arg, const struct job *job, json_t *result)
{
	struct demo *demo = arg;
	const struct job *end = demo->jobs->list + demo->jobs->count;
	int status = result_status(result);

	if (!row_begun(demo) &&
	    (!demo->shown || strncmp(job->name + strlen("questions/"), questions[demo->shown - 1].name, 2)))
		print_question(demo, job->name);
	json_array_append(demo->results, result);
	demo->row[job->arch == OC_ARM64 ? 0 : job->arch == OC_X86_64 ? 1 : 2] = result;
	demo->executions += (unsigned long long)jint(result, "executions");
	demo->rows++;
	demo->status = status_join(demo->status, status);
	if (!demo->example && !strcmp(jstring(result, "verdict"), "violation"))
		demo->example = json_incref(result);
	if (job + 1 < end && same_variant(job, job + 1))
		return;
	print_algorithm(demo);
	memset(demo->row, 0, sizeof(demo->row));
}

static bool select_questions(struct jobs *jobs)
{
	const char *names[] = {"questions/"};
	struct arguments arguments = {.names = names, .nnames = 1};

	return jobs_select(&arguments, jobs);
}

static double elapsed(const struct timespec *since)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)(t.tv_sec - since->tv_sec) + 1e-9 * (double)(t.tv_nsec - since->tv_nsec);
}

int demo_main(int argc, char **argv)
{
	static const struct argp argp = {NULL,
	                                 NULL,
	                                 "",
	                                 "Answer the questions of thread E on the core's own "
	                                 "code: every interleaving, every stale TLB entry.",
	                                 NULL,
	                                 NULL,
	                                 NULL};
	static char name[] = "octavo demo";
	struct oc_options options = {.bound = -1};
	struct jobs jobs = {.count = 0};
	struct demo demo = {.jobs = &jobs, .results = json_array()};
	struct timespec start;

	argv[0] = name;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (!select_questions(&jobs)) {
		jobs_free(&jobs);
		return STATUS_USAGE;
	}
	printer_init(&demo.printer, &jobs);
	printf("Copy-on-write, userfault write-protection and clear_refs against stale TLB entries:\n"
	       "each algorithm runs natively under every interleaving that the architecture allows.\n");
	jobs_run(&jobs, &options, WORKERS, done, &demo);
	if (demo.asked < QUESTIONS) {
		printf("\n%zu of %d questions have no scenario\n", QUESTIONS - demo.asked, QUESTIONS);
		demo.status = status_join(demo.status, STATUS_USAGE);
	}
	if (demo.example) {
		printf("\nOne failing row, step by step:\n");
		print_schedule(&demo.printer, demo.example);
	}
	printf("\n%u answers, %llu executions, %.1f seconds: %s\n", demo.rows, demo.executions,
	       elapsed(&start),
	       demo.status == STATUS_EXPECTED ? "every answer is the expected one"
	                                      : "NOT every answer is the expected one");
	json_decref(demo.example);
	json_decref(demo.results);
	jobs_free(&jobs);
	return demo.status;
}
