/* compare.c: random programs through brute force and explorer. SPDX-License-Identifier: MIT
 *
 * For each program the number of complete executions and the multiset of outcomes must agree, and the
 * explorer must visit no graph twice. A thousand programs or more for arm64 must also be worth comparing: in
 * a third of them some execution has a stale translation. Exit status: 0 all of that (with --textbook:
 * executions were lost, as expected, and none was invented); 1 not; 2 usage, or no explorer is linked in. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "enumerate.h"
#include "explorer_hook.h"
#include "random.h"

struct options {
	struct random_options random;
	uint64_t programs, seed, first;
	bool textbook, verbose, shrink, brute_only, print, unpruned;
	uint64_t give_up; /* stop after so many programs that differ */
};

/* ---- Outcomes --------------------------------------------------------------------------------------------
 */
struct outcomes {
	uint64_t (*row)[PROGRAM_VALUES];
	size_t count, room;
	unsigned values;
};

static void outcomes_add(void *arg, const uint64_t *values, unsigned n)
{
	struct outcomes *o = arg;

	if (o->count == o->room) {
		o->room = o->room ? 2 * o->room : 256;
		o->row = realloc(o->row, o->room * sizeof *o->row);
		if (!o->row) {
			perror("compare");
			exit(2);
		}
	}
	if (n > PROGRAM_VALUES)
		n = PROGRAM_VALUES;
	memset(o->row[o->count], 0, sizeof *o->row);
	memcpy(o->row[o->count++], values, n * sizeof *values);
	o->values = n;
}

static void outcomes_add_graph(void *arg, const struct graph *graph)
{
	uint64_t values[PROGRAM_VALUES];

	outcomes_add(arg, values, graph_outcome(graph, values));
}

static int outcome_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(uint64_t[PROGRAM_VALUES]));
}

static void print_outcome(const char *what, const uint64_t *values, unsigned n)
{
	printf("  %s:", what);
	for (unsigned i = 0; i < n; i++) {
		if (i + PROGRAM_LOCATIONS == n)
			printf(" |");
		if (values[i] == BRUTE_FAULT)
			printf(" fault");
		else
			printf(" %" PRIu64, values[i]);
	}
	printf("\n");
}

/* ---- One program -----------------------------------------------------------------------------------------
 */
struct difference {
	uint64_t missing, extra, twice; /* executions that brute force has alone, the explorer has alone */
};

struct both {
	struct brute_result brute;
	struct brute_count explorer;
	struct outcomes brute_outcomes, explorer_outcomes;
	uint64_t brute_ns, explorer_ns;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	timespec_get(&t, TIME_UTC);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool differs(const struct difference *d)
{
	return d->missing || d->extra || d->twice;
}

static struct difference compare(const struct program *p, const struct options *o, struct both *b, bool print)
{
	struct outcomes *x = &b->brute_outcomes, *y = &b->explorer_outcomes;
	struct difference d = {0, 0, 0};
	uint64_t start = now_ns();
	size_t i = 0, j = 0;

	x->count = y->count = 0;
	memset(&b->explorer, 0, sizeof b->explorer);
	brute_run(p, !o->unpruned, &b->brute, o->brute_only ? NULL : outcomes_add_graph, x);
	b->brute_ns += now_ns() - start;
	if (b->brute.too_large || o->brute_only)
		return d;
	start = now_ns();
	explorer_run(p, o->textbook, &b->explorer, outcomes_add, y);
	b->explorer_ns += now_ns() - start;
	d.twice = b->explorer.twice;
	if (x->count)
		qsort(x->row, x->count, sizeof *x->row, outcome_order);
	if (y->count)
		qsort(y->row, y->count, sizeof *y->row, outcome_order);
	while (i < x->count || j < y->count) {
		int order = i == x->count ? 1 : j == y->count ? -1 : outcome_order(x->row[i], y->row[j]);

		if (order < 0) {
			d.missing++;
			if (print)
				print_outcome("missing", x->row[i], x->values);
		} else if (order > 0) {
			d.extra++;
			if (print)
				print_outcome("extra", y->row[j], y->values);
		}
		i += order <= 0;
		j += order >= 0;
	}
	/* Executions that were counted and not reported are a difference as well. */
	if (b->explorer.executions > y->count)
		d.extra += b->explorer.executions - y->count;
	else
		d.missing += y->count - b->explorer.executions;
	return d;
}

static void without(struct program *p, unsigned thread, unsigned at)
{
	memmove(&p->code[thread][at], &p->code[thread][at + 1],
	        (p->length[thread] - at - 1) * sizeof p->code[thread][at]);
	p->length[thread]--;
}

static void without_thread(struct program *p, unsigned thread)
{
	for (unsigned t = thread; t + 1 < p->threads; t++) {
		p->length[t] = p->length[t + 1];
		memcpy(p->code[t], p->code[t + 1], sizeof p->code[t]);
		p->cpu[t] = p->cpu[t + 1];
		p->device[t] = p->device[t + 1];
		p->no_ad[t] = p->no_ad[t + 1];
	}
	p->threads--;
}

/* Delete instructions, then initial values, as long as the two judges still differ. */
static void shrink(struct program *p, const struct options *o, struct both *b)
{
	bool smaller = true;

	while (smaller) {
		smaller = false;
		for (unsigned t = 0; t < p->threads; t++)
			for (unsigned i = 0; i < p->length[t]; i++) {
				struct program q = *p;
				struct difference d;

				without(&q, t, i);
				if (!q.length[t] && q.threads > 1)
					without_thread(&q, t);
				d = compare(&q, o, b, false);
				if (!differs(&d))
					continue;
				*p = q;
				smaller = true;
				if (t >= p->threads)
					break;
				i--;
			}
	}
	for (unsigned l = 0; l < PROGRAM_LOCATIONS; l++) {
		struct program q = *p;
		struct difference d;

		q.initial[l] = 0;
		d = compare(&q, o, b, false);
		if (p->initial[l] && differs(&d))
			*p = q;
	}
}

static void report(const struct program *p, uint64_t index, const struct options *o, struct both *b)
{
	struct program q = *p;
	struct difference d;

	if (o->shrink)
		shrink(&q, o, b);
	printf("program %" PRIu64 " of seed %" PRIu64 "%s: ", index, o->seed, o->shrink ? ", shrunk" : "");
	program_print(&q);
	d = compare(&q, o, b, o->verbose);
	printf("  brute force %" PRIu64 ", explorer %" PRIu64 " (%" PRIu64 " blocked): missing %" PRIu64
	       ", extra %" PRIu64 ", twice %" PRIu64 "\n",
	       b->brute.executions, b->explorer.executions, b->explorer.blocked, d.missing, d.extra, d.twice);
}

/* ---- All -------------------------------------------------------------------------------------------------
 */
/* Programs without stale translations would agree whatever the rules for them were. */
static bool enough_stale(const struct options *o, uint64_t done, uint64_t stale)
{
	if (o->random.arch != PROGRAM_ARM64 || done < 1000 || 3 * stale >= done)
		return true;
	printf("compare: fewer than a third of the programs have a stale translation\n");
	return false;
}

static int run(const struct options *o)
{
	struct both b;
	struct difference sum = {0, 0, 0};
	uint64_t graphs = 0, blocked = 0, stale = 0, wrong = 0, large = 0, done = 0;
	bool lost_only;

	memset(&b, 0, sizeof b);
	for (uint64_t i = o->first; i < o->first + o->programs && wrong < o->give_up; i++) {
		struct program p;
		struct difference d;

		random_program(&p, &o->random, o->seed, i);
		if (o->print)
			program_print(&p);
		d = compare(&p, o, &b, false);
		done++;
		large += b.brute.too_large;
		graphs += b.brute.executions;
		blocked += b.explorer.blocked;
		stale += b.brute.stale != 0;
		if (o->print)
			printf("  %" PRIu64 " graphs, %" PRIu64 " with a stale translation\n",
			       b.brute.executions, b.brute.stale);
		sum.missing += d.missing;
		sum.extra += d.extra;
		sum.twice += d.twice;
		if (!differs(&d))
			continue;
		wrong++;
		if (!o->textbook || o->verbose)
			report(&p, i, o, &b);
	}
	printf("%" PRIu64 " programs, %" PRIu64 " graphs, %" PRIu64 " blocked; %" PRIu64
	       " programs (%.0f%%) with a stale translation; missing %" PRIu64 ", extra %" PRIu64
	       ", twice %" PRIu64 ", in %" PRIu64 " programs; too large %" PRIu64
	       "; brute force %.1f s, explorer %.1f s\n",
	       done, graphs, blocked, stale, done ? 100.0 * (double)stale / (double)done : 0.0, sum.missing,
	       sum.extra, sum.twice, wrong, large, (double)b.brute_ns / 1e9, (double)b.explorer_ns / 1e9);
	free(b.brute_outcomes.row);
	free(b.explorer_outcomes.row);
	lost_only = sum.missing && !sum.extra;
	if (100 * large > done || !enough_stale(o, done, stale))
		return 1;
	return o->textbook ? !lost_only : wrong != 0;
}

static void usage(void)
{
	fprintf(stderr,
	        "usage: compare [--programs N] [--seed S] [--first N] [--threads 0|2..4] [--levels 1|2]\n"
	        "               [--arch arm64|x86_64|riscv64] [--ets2] [--hw-dirty] [--roots]\n"
	        "               [--interrupts] [--devices] [--mix] [--weight N] [--textbook] "
	        "[--shrink]\n"
	        "               [--verbose] [--print] [--keep-going] [--brute-only] [--unpruned]\n");
}

static bool parse_flag(const char *name, struct options *o)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
	    {"--ets2", &o->random.ets2},      {"--hw-dirty", &o->random.hw_dirty},
	    {"--textbook", &o->textbook},     {"--shrink", &o->shrink},
	    {"--verbose", &o->verbose},       {"--print", &o->print},
	    {"--brute-only", &o->brute_only}, {"--unpruned", &o->unpruned},
	    {"--roots", &o->random.roots},    {"--devices", &o->random.devices},
	    {"--mix", &o->random.mix},        {"--interrupts", &o->random.interrupts},
	};

	if (strcmp(name, "--keep-going") == 0) {
		o->give_up = UINT64_MAX;
		return true;
	}
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (strcmp(name, flags[i].name) == 0)
			return *flags[i].flag = true;
	return false;
}

static bool parse_value(const char *name, const char *value, struct options *o)
{
	char *end;
	uint64_t n;

	if (strcmp(name, "--arch") == 0) {
		static const char *const names[] = {"arm64", "x86_64", "riscv64"};

		for (unsigned i = 0; i < 3; i++)
			if (strcmp(value, names[i]) == 0) {
				o->random.arch = (enum program_arch)i;
				return true;
			}
		return false;
	}
	n = strtoull(value, &end, 0);
	if (*end || end == value)
		return false;
	if (strcmp(name, "--programs") == 0)
		o->programs = n;
	else if (strcmp(name, "--seed") == 0)
		o->seed = n;
	else if (strcmp(name, "--first") == 0)
		o->first = n;
	else if (strcmp(name, "--threads") == 0 && (n == 0 || (n >= 2 && n <= 4)))
		o->random.threads = (unsigned)n;
	else if (strcmp(name, "--levels") == 0 && (n == 1 || n == 2))
		o->random.levels = (unsigned)n;
	else if (strcmp(name, "--weight") == 0 && n >= 4 && n <= 30)
		o->random.weight = (unsigned)n;
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	/* Three threads; 0 are 2 to 4 of them. Two do not show whether executions are lost. */
	struct options o = {.random = {.threads = 3}, .programs = 1000, .seed = 1, .give_up = 5};

	for (int i = 1; i < argc; i++) {
		if (parse_flag(argv[i], &o))
			continue;
		if (i + 1 < argc && parse_value(argv[i], argv[i + 1], &o)) {
			i++;
			continue;
		}
		usage();
		return 2;
	}
	if (o.textbook)
		o.give_up = UINT64_MAX;
	if (!o.brute_only && !explorer_available()) {
		fprintf(stderr, "compare: no explorer is linked in (--brute-only runs without)\n");
		return 2;
	}
	return run(&o);
}
