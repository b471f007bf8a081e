/* run.c: explorations, each in a process of its own. SPDX-License-Identifier: MIT
 *
 * A scenario is foreign code that runs natively: when it crashes, or the checker does, one answer
 * is lost and not the run. The child writes lines to a pipe: "p executions blocked" now and then,
 * and at the end its result, one line of JSON. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "cli.h"

struct child {
	pid_t pid; /* 0: free */
	int pipe;
	size_t job;
	char *text; /* received so far */
	size_t length, room;
	unsigned long long executions, blocked;
	double done;    /* estimated part of the search, -1: unknown */
	double started; /* when a part of it was known first, 0: not yet */
	double begun;
};

static double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- In the child --------------------------------------------------------------------------- */

struct reporter {
	int pipe;
	double last;
};

static void report_progress(void *arg, uint64_t executions, uint64_t blocked, double done)
{
	struct reporter *reporter = arg;
	double now = now_seconds();

	if (now - reporter->last < 0.2)
		return;
	reporter->last = now;
	dprintf(reporter->pipe, "p %llu %llu %.6f\n", (unsigned long long)executions,
	        (unsigned long long)blocked, done);
}

json_t *job_explore(const struct job *job, const struct oc_options *options)
{
	oc_run_fn *run = oc_library_run(job->library);
	struct oc_result result;
	json_t *json;

	memset(&result, 0, sizeof(result));
	if (run)
		run(job->scenario, job->variant, options, &result);
	else
		oc_explore(job->library, job->scenario, job->variant, options, &result);
	json = result_json(job, options, &result);
	oc_result_free(&result);
	return json;
}

static void child_main(const struct job *job, const struct oc_options *options, int pipe)
{
	struct reporter reporter = {.pipe = pipe, .last = now_seconds()};
	struct oc_options own = *options;
	json_t *json;
	FILE *out;

	own.progress = report_progress;
	own.progress_arg = &reporter;
	json = job_explore(job, &own);
	out = fdopen(pipe, "w");
	if (!json || !out || json_dumpf(json, out, JSON_COMPACT) || fputc('\n', out) == EOF || fclose(out))
		_exit(1);
	json_decref(json);
	exit(0); /* not _exit: a sanitizer's leak check runs at exit */
}

/* ---- In the parent -------------------------------------------------------------------------- */

static bool start(struct child *child, const struct jobs *jobs, size_t index,
                  const struct oc_options *options, const struct child *others, unsigned workers)
{
	int ends[2];

	memset(child, 0, sizeof(*child));
	if (pipe(ends))
		return false;
	fflush(NULL);
	child->pid = fork();
	if (child->pid < 0) {
		close(ends[0]);
		close(ends[1]);
		child->pid = 0;
		return false;
	}
	if (!child->pid) {
		close(ends[0]);
		for (unsigned i = 0; i < workers; i++)
			if (others[i].pid)
				close(others[i].pipe);
		child_main(&jobs->list[index], options, ends[1]);
	}
	close(ends[1]);
	child->pipe = ends[0];
	child->job = index;
	child->begun = now_seconds();
	return true;
}

/* Code that loops without an access that the checker sees does not notice that its time is over. */
static double hangs_at(const struct child *child, const struct oc_options *options)
{
	return child->begun + 2 * options->seconds + 10;
}

/* Drop complete progress lines from the text received, keeping the newest counts. */
static void take_progress(struct child *child)
{
	char *end;

	while (child->length && child->text[0] == 'p' && (end = memchr(child->text, '\n', child->length))) {
		size_t used = (size_t)(end - child->text) + 1;

		*end = 0;
		if (sscanf(child->text, "p %llu %llu %lf", &child->executions, &child->blocked,
		           &child->done) == 3 &&
		    child->done >= 0 && !(child->started > 0))
			child->started = now_seconds();
		child->length -= used;
		memmove(child->text, child->text + used, child->length);
	}
}

/* Read what there is; false at the end of the child's output. */
static bool receive(struct child *child)
{
	ssize_t got;

	if (child->room - child->length < 4096) {
		char *text = realloc(child->text, child->room + 65536);

		if (!text)
			return false;
		child->text = text;
		child->room += 65536;
	}
	got = read(child->pipe, child->text + child->length, child->room - child->length - 1);
	if (got < 0)
		return errno == EINTR;
	child->length += (size_t)got;
	take_progress(child);
	return got > 0;
}

/* An answer for an exploration that could not be made. */
static json_t *failed(const struct job *job, const struct oc_options *options, const char *text)
{
	struct oc_result result;

	memset(&result, 0, sizeof(result));
	result.verdict = OC_V_ERROR;
	result.bound = options->bound;
	snprintf(result.text, sizeof(result.text), "%s", text);
	return result_json(job, options, &result);
}

static json_t *finish(struct child *child, const struct jobs *jobs, const struct oc_options *options)
{
	char why[128];
	int status = 0;
	json_t *json;

	close(child->pipe);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	child->pid = 0;
	json = child->length ? json_loadb(child->text, child->length, 0, NULL) : NULL;
	free(child->text);
	child->text = NULL;
	if (json && WIFEXITED(status) && !WEXITSTATUS(status))
		return json;
	json_decref(json);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && options->seconds > 0 &&
	    now_seconds() > hangs_at(child, options))
		snprintf(why, sizeof(why), "no answer long after the time was over: something has no end");
	else if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "the exploration crashed: %s", strsignal(WTERMSIG(status)));
	else
		snprintf(why, sizeof(why), "the exploration ended with status %d and no answer",
		         WEXITSTATUS(status));
	return failed(&jobs->list[child->job], options, why);
}

/* "3 %, 2 min left" of the exploration that will take longest; "" where none is known to. */
static void remaining_text(const struct child *children, unsigned workers, char *text, size_t size)
{
	double longest = -1, part = 0;

	for (unsigned i = 0; i < workers; i++) {
		const struct child *c = &children[i];
		double spent = now_seconds() - c->started, left;

		if (!c->pid || !(c->started > 0) || !(c->done > 0) || spent < 1)
			continue;
		left = spent / c->done - spent;
		if (left > longest) {
			longest = left;
			part = c->done;
		}
	}
	text[0] = 0;
	if (longest >= 0)
		snprintf(text, size,
		         longest < 120    ? ", perhaps %.3g %% done, %.0f s left"
		         : longest < 7200 ? ", perhaps %.3g %% done, %.0f min left"
		                          : ", perhaps %.3g %% done, %.3g h left",
		         100 * part,
		         longest < 120    ? longest
		         : longest < 7200 ? longest / 60
		                          : longest / 3600);
}

static void show_progress(const struct jobs *jobs, const struct child *children, unsigned workers,
                          size_t finished)
{
	unsigned long long executions = 0, blocked = 0;
	const char *name = "";
	char left[64];

	for (unsigned i = 0; i < workers; i++) {
		if (!children[i].pid)
			continue;
		executions += children[i].executions;
		blocked += children[i].blocked;
		name = jobs->list[children[i].job].name;
	}
	remaining_text(children, workers, left, sizeof(left));
	fprintf(stderr, "\r\033[K%zu of %zu  %s  %llu executions, %llu blocked%s", finished, jobs->count,
	        name, executions, blocked, left);
}

/* Wait until some child has something to say; take it. */
static void poll_children(struct child *children, unsigned workers, const struct jobs *jobs,
                          const struct oc_options *options, json_t **results, size_t *finished)
{
	struct pollfd fds[256];

	for (unsigned i = 0; i < workers; i++)
		fds[i] = (struct pollfd){.fd = children[i].pid ? children[i].pipe : -1, .events = POLLIN};
	if (poll(fds, workers, options->seconds > 0 ? 1000 : -1) < 0)
		return;
	for (unsigned i = 0; options->seconds > 0 && i < workers; i++)
		if (children[i].pid && now_seconds() > hangs_at(&children[i], options))
			kill(children[i].pid, SIGKILL); /* its pipe ends */
	for (unsigned i = 0; i < workers; i++) {
		if (fds[i].fd < 0 || !fds[i].revents || receive(&children[i]))
			continue;
		results[children[i].job] = finish(&children[i], jobs, options);
		++*finished;
	}
}

void jobs_run(const struct jobs *jobs, const struct oc_options *options, unsigned workers, done_fn done,
              void *arg)
{
	bool terminal = isatty(STDERR_FILENO);
	json_t **results = calloc(jobs->count + 1, sizeof(*results));
	size_t next = 0, finished = 0, told = 0;
	struct child children[256];

	if (!results)
		return;
	memset(children, 0, sizeof(children));
	while (told < jobs->count) {
		for (unsigned i = 0; i < workers && next < jobs->count; i++) {
			if (children[i].pid)
				continue;
			if (!start(&children[i], jobs, next, options, children, workers)) {
				results[next] = failed(&jobs->list[next], options, strerror(errno));
				finished++;
			}
			next++;
		}
		if (finished < next)
			poll_children(children, workers, jobs, options, results, &finished);
		if (terminal)
			show_progress(jobs, children, workers, finished);
		for (; told < jobs->count && results[told]; told++) {
			if (terminal)
				fputs("\r\033[K", stderr);
			done(arg, &jobs->list[told], results[told]);
			json_decref(results[told]);
		}
	}
	free(results);
}

/* ---- Exit status ---------------------------------------------------------------------------- */

int result_status(const json_t *result)
{
	const char *verdict = jstring(result, "verdict"), *expected = jstring(result, "expected");

	if (!strcmp(verdict, "error"))
		return STATUS_USAGE;
	if (!strcmp(verdict, "bounded") && strcmp(expected, "bounded"))
		return STATUS_NOT_EXHAUSTED;
	if (json_is_true(json_object_get(result, "met")))
		return STATUS_EXPECTED;
	return strcmp(verdict, "bounded") ? STATUS_UNEXPECTED : STATUS_NOT_EXHAUSTED;
}

int status_join(int a, int b)
{
	static const int rank[] = {0, 3, 2, 1}; /* unexpected, could not run, not exhausted, expected */

	return rank[a] >= rank[b] ? a : b;
}
