/* check.c: octavo check. SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

struct checking {
	const struct arguments *arguments;
	struct printer printer;
	json_t *results;
	unsigned count[4]; /* results by status */
	int status;
	bool single; /* one scenario variant was asked for: show its schedule whatever is expected */
};

static bool wants_schedule(const struct checking *checking, const json_t *result)
{
	const char *verdict = jstring(result, "verdict");

	if (checking->arguments->replay)
		return true;
	if (result_status(result) == STATUS_UNEXPECTED)
		return true;
	return checking->single && (!strcmp(verdict, "violation") || !strcmp(verdict, "allowed"));
}

static void done(void *arg, const struct job *job, json_t *result)
{
	struct checking *checking = arg;
	int status = result_status(result);

	(void)job;
	/* A replay answers for one execution; it says nothing about what is expected of all. */
	if (checking->arguments->replay && status != STATUS_USAGE)
		status = STATUS_EXPECTED;
	checking->status = status_join(checking->status, status);
	checking->count[status]++;
	json_array_append(checking->results, result);
	if (checking->arguments->json)
		return;
	if (!checking->arguments->replay)
		print_row(&checking->printer, result);
	print_outcomes(result);
}

static int print_json(json_t *body, const char *key)
{
	json_t *all = json_object();
	bool good;

	json_object_set_new(all, "version", json_string(OCTAVO_VERSION));
	json_object_set_new(all, key, body);
	good = !json_dumpf(all, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER) && putchar('\n') != EOF &&
	       !fflush(stdout);
	json_decref(all);
	return good ? 0 : STATUS_USAGE;
}

static int list(const struct arguments *arguments, const struct jobs *jobs)
{
	json_t *names = json_array();
	char text[48];
	struct printer printer;
	int status = 0;

	printer_init(&printer, jobs);
	for (size_t i = 0; i < jobs->count; i++) {
		json_t *one = json_object();

		json_object_set_new(one, "name", json_string(jobs->list[i].name));
		json_object_set_new(one, "arch", json_string(oc_arch_name(jobs->list[i].arch)));
		expected_json(jobs->list[i].expected, one);
		verdict_text(one, "expected", "expected_invariant", text, sizeof(text));
		if (!arguments->json)
			printf("%-*s  %-6s  %s\n", printer.width_name, jobs->list[i].name,
			       oc_arch_name(jobs->list[i].arch), text);
		json_array_append_new(names, one);
	}
	if (arguments->json)
		return print_json(names, "scenarios");
	json_decref(names);
	return status;
}

static void summary(const struct checking *checking)
{
	size_t index;
	json_t *result;

	json_array_foreach(checking->results, index, result) if (wants_schedule(checking, result))
	    print_schedule(&checking->printer, result);
	if (checking->arguments->replay || json_array_size(checking->results) < 2)
		return;
	printf("\n%u as expected", checking->count[STATUS_EXPECTED]);
	if (checking->count[STATUS_UNEXPECTED])
		printf(", %u not", checking->count[STATUS_UNEXPECTED]);
	if (checking->count[STATUS_NOT_EXHAUSTED])
		printf(", %u not exhausted", checking->count[STATUS_NOT_EXHAUSTED]);
	if (checking->count[STATUS_USAGE])
		printf(", %u could not be explored", checking->count[STATUS_USAGE]);
	putchar('\n');
}

static bool same_name(const struct jobs *jobs)
{
	for (size_t i = 1; i < jobs->count; i++)
		if (strcmp(jobs->list[i].name, jobs->list[0].name))
			return false;
	return jobs->count > 0;
}

static int explore(const struct arguments *arguments, const struct jobs *jobs)
{
	struct checking checking = {.arguments = arguments, .results = json_array()};
	int status;

	printer_init(&checking.printer, jobs);
	checking.single = same_name(jobs);
	if (!arguments->json && !arguments->replay)
		print_head(&checking.printer);
	if (arguments->explore.gdb) {
		/* The debugger follows this process: no child. */
		json_t *result = job_explore(&jobs->list[0], &arguments->explore);

		done(&checking, &jobs->list[0], result);
		json_decref(result);
	} else {
		struct oc_options options = arguments->explore;

		if (jobs->count == 1) /* one tree for all workers */
			options.workers = arguments->workers;
		options.cures = checking.single;
		jobs_run(jobs, &options, arguments->workers, done, &checking);
	}
	status = checking.status;
	if (arguments->report && !report_write(arguments->report, checking.results))
		status = STATUS_USAGE;
	if (arguments->json) {
		if (print_json(checking.results, "results"))
			status = STATUS_USAGE;
		return status;
	}
	summary(&checking);
	json_decref(checking.results);
	return status;
}

int check_main(int argc, char **argv)
{
	struct arguments arguments;
	struct jobs jobs = {.count = 0};
	int status = STATUS_USAGE;

	arguments_parse(&arguments, argc, argv);
	if (arguments.replay && !arguments_replay(&arguments))
		fprintf(stderr, "octavo: '%s' is no id; one looks like questions/E1-old@arm64.rc11.b2.k137\n",
		        arguments.replay);
	else if ((!arguments.report || report_prepare(arguments.report)) && jobs_select(&arguments, &jobs))
		status = arguments.list ? list(&arguments, &jobs) : explore(&arguments, &jobs);
	jobs_free(&jobs);
	free(arguments.names);
	free(arguments.replay_name);
	return status;
}
