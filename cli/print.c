/* print.c: results for people. SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

enum { LANE_WIDTH = 34 };

const char *jstring(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

json_int_t jint(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

const char *paint(const struct printer *printer, const char *colour)
{
	return printer->colour ? colour : "";
}

void printer_init(struct printer *printer, const struct jobs *jobs)
{
	printer->colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	printer->width_name = 8;
	printer->brief = false;
	for (size_t i = 0; i < jobs->count; i++)
		if ((int)strlen(jobs->list[i].name) > printer->width_name)
			printer->width_name = (int)strlen(jobs->list[i].name);
}

void verdict_text(const json_t *result, const char *verdict, const char *invariant, char *text, size_t size)
{
	const char *what = jstring(result, invariant);
	json_t *bound = json_object_get(result, verdict[0] == 'v' ? "bound" : "expected_bound");

	snprintf(text, size, "%s", jstring(result, verdict));
	if (*what)
		snprintf(text, size, "%s %s", jstring(result, verdict), what);
	else if (json_is_integer(bound) && !strcmp(text, "bounded"))
		snprintf(text, size, "bounded %d", (int)json_integer_value(bound));
}

void print_head(const struct printer *printer)
{
	printf("%s%-*s  %-7s  %-21s %-21s %12s %10s %8s%s\n", paint(printer, "\033[1m"), printer->width_name,
	       "scenario", "arch", "verdict", "expected", "executions", "blocked", "seconds",
	       paint(printer, "\033[0m"));
}

void print_row(const struct printer *printer, const json_t *result)
{
	static const char *const marks[] = {
	    [STATUS_EXPECTED] = "",
	    [STATUS_UNEXPECTED] = "  << UNEXPECTED",
	    [STATUS_USAGE] = "  << could not be explored",
	    [STATUS_NOT_EXHAUSTED] = "  (not exhausted)",
	};
	char verdict[48], expected[48];
	int status = result_status(result);
	const char *colour = status == STATUS_EXPECTED        ? "\033[32m"
	                     : status == STATUS_NOT_EXHAUSTED ? "\033[33m"
	                                                      : "\033[31m";

	verdict_text(result, "verdict", "invariant", verdict, sizeof(verdict));
	verdict_text(result, "expected", "expected_invariant", expected, sizeof(expected));
	printf("%-*s  %-7s  %s%-21s%s %-21s %12lld %10lld %8.2f%s\n", printer->width_name,
	       jstring(result, "name"), jstring(result, "arch"), paint(printer, colour), verdict,
	       paint(printer, "\033[0m"), expected, (long long)jint(result, "executions"),
	       (long long)jint(result, "blocked"), json_real_value(json_object_get(result, "seconds")),
	       marks[status]);
	if (*jstring(result, "missing_cover"))
		printf("    never reached: %s\n", jstring(result, "missing_cover"));
	else if ((status == STATUS_USAGE || !strcmp(jstring(result, "machine"), "sim")) &&
	         *jstring(result, "text"))
		printf("    %s\n", jstring(result, "text"));
	fflush(stdout);
}

void print_outcomes(const json_t *result)
{
	json_t *outcome, *value;
	size_t index;
	const char *key;

	json_array_foreach(json_object_get(result, "outcomes"), index, outcome)
	{
		printf("    %10lld  ", (long long)jint(outcome, "executions"));
		json_object_foreach(json_object_get(outcome, "state"), key, value)
		{
			if (json_is_integer(value))
				printf(" %s=%lld", key, (long long)json_integer_value(value));
			else
				printf(" %s=%s", key, json_string_value(value));
		}
		putchar('\n');
	}
}

/* ---- Schedule -------------------------------------------------------------------------------- */

/* Print text wrapped at width, continuation lines indented; returns the last line's length. */
static int wrapped(const char *text, int width, int indent)
{
	for (;;) {
		int length = (int)strlen(text), cut = length;

		if (length > width) {
			cut = width;
			while (cut > 0 && text[cut] != ' ')
				cut--;
			if (!cut)
				cut = width;
		}
		printf("%.*s", cut, text);
		text += cut;
		while (*text == ' ')
			text++;
		if (!*text)
			return cut;
		printf("\n%*s", indent, "");
	}
}

static int lane_width(const json_t *result)
{
	json_t *lane;
	size_t index;
	int width = 4;

	json_array_foreach(json_object_get(result, "lanes"), index,
	                   lane) if ((int)json_string_length(lane) > width) width =
	    (int)json_string_length(lane);
	return width;
}

/* In brief: not the words that the core keeps its books in, nor its way down the tables. */
static bool left_out(const struct printer *printer, const json_t *step)
{
	const char *kind = jstring(step, "kind"), *place = jstring(step, "place"), *at = jstring(step, "at");

	if (json_is_true(json_object_get(step, "routine")))
		return true;
	if (!printer->brief)
		return false;
	return (!strcmp(place, "word") && !strstr(at, "page-table lock")) ||
	       (!strcmp(place, "entry") && !strcmp(kind, "read") && jint(step, "level") > 0) ||
	       !strcmp(kind, "isb");
}

static void print_steps(const struct printer *printer, const json_t *result)
{
	int lanes = lane_width(result);
	json_t *step;
	size_t index;

	printf("\n  %s%4s  %-*s  %-76s  %s%s\n", paint(printer, "\033[1m"), "step", lanes, "lane", "does",
	       "source", paint(printer, "\033[0m"));
	json_array_foreach(json_object_get(result, "schedule"), index, step)
	{
		bool fail = !strcmp(jstring(step, "kind"), "fail");
		bool stale = json_is_true(json_object_get(step, "stale"));
		int length;

		if (left_out(printer, step))
			continue;
		printf("  %4lld  %-*s  %s", (long long)jint(step, "step"), lanes, jstring(step, "lane"),
		       paint(printer, fail    ? "\033[1;31m"
		                      : stale ? "\033[33m"
		                              : ""));
		length = wrapped(jstring(step, "does"), 76, 2 + 4 + 2 + lanes + 2);
		printf("%s%*s  %s\n", paint(printer, "\033[0m"), length < 76 ? 76 - length : 0, "",
		       jstring(step, "source"));
	}
}

/* CPUs that may hold anything at any step, in order; returns how many. */
static unsigned cpus_with_tlb(const json_t *result, char names[OC_MAX_ACTORS][16])
{
	json_t *step;
	size_t index;
	unsigned count = 0;

	for (unsigned cpu = 0; cpu < OC_MAX_ACTORS; cpu++) {
		bool any = false;

		snprintf(names[count], sizeof(names[count]), "cpu%u", cpu);
		json_array_foreach(json_object_get(result, "schedule"), index, step)
		{
			any |= *jstring(json_object_get(step, "tlbs"), names[count]) != 0;
		}
		count += any;
	}
	return count;
}

static void print_lane_cell(const struct printer *printer, const char *text, bool changed)
{
	char cell[LANE_WIDTH + 1];

	snprintf(cell, sizeof(cell), "%s", *text ? text : "-");
	if (strlen(text) > LANE_WIDTH)
		memcpy(cell + LANE_WIDTH - 2, "..", 3);
	printf("  %s%-*s%s", paint(printer, changed ? "\033[1m" : "\033[2m"), LANE_WIDTH, cell,
	       paint(printer, "\033[0m"));
}

/* One column per CPU: what its TLB may hold, whenever that changes. */
static void print_lanes(const struct printer *printer, const json_t *result)
{
	char names[OC_MAX_ACTORS][16];
	const char *held[OC_MAX_ACTORS];
	unsigned count = cpus_with_tlb(result, names);
	json_t *step;
	size_t index;

	if (!count)
		return;
	printf("\n  What each TLB may hold after a step (entries that it read and that no completed "
	       "invalidation has dropped):\n");
	printf("  %s%4s", paint(printer, "\033[1m"), "step");
	for (unsigned i = 0; i < count; i++) {
		printf("  %-*s", LANE_WIDTH, names[i]);
		held[i] = "";
	}
	printf("%s\n", paint(printer, "\033[0m"));
	json_array_foreach(json_object_get(result, "schedule"), index, step)
	{
		const json_t *tlbs = json_object_get(step, "tlbs");
		bool changed[OC_MAX_ACTORS], any = false;

		for (unsigned i = 0; i < count; i++) {
			const char *now = json_string_value(json_object_get(tlbs, names[i]));

			changed[i] = now && strcmp(held[i], now);
			any |= changed[i];
			if (changed[i])
				held[i] = now;
		}
		if (!any)
			continue;
		printf("  %4lld", (long long)jint(step, "step"));
		for (unsigned i = 0; i < count; i++)
			print_lane_cell(printer, held[i], changed[i]);
		putchar('\n');
	}
}

void print_schedule(const struct printer *printer, const json_t *result)
{
	char verdict[48];

	verdict_text(result, "verdict", "invariant", verdict, sizeof(verdict));
	printf("\n%s%s on %s: %s%s", paint(printer, "\033[1m"), jstring(result, "name"),
	       jstring(result, "arch"), verdict, paint(printer, "\033[0m"));
	if (*jstring(result, "meaning"))
		printf(" (%s)", jstring(result, "meaning"));
	if (*jstring(result, "text"))
		printf("\n  %s", jstring(result, "text"));
	printf("\n  assuming %s\n", jstring(result, "assumptions"));
	if (json_array_size(json_object_get(result, "schedule"))) {
		print_steps(printer, result);
		print_lanes(printer, result);
	}
	print_cures(result);
	if (*jstring(result, "again"))
		printf("\n  again: %s\n", jstring(result, "again"));
}
