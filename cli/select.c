/* select.c: which variants on which architectures the arguments ask for. SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

static const unsigned all_archs[ARCHS] = {OC_ARM64, OC_X86_64, OC_RISCV64};

/* Libraries stay open as long as jobs point into them. */
static struct oc_library *opened[64];
static unsigned nopened;

static struct oc_library *keep(struct oc_library *library)
{
	if (library && nopened < sizeof(opened) / sizeof(opened[0]))
		opened[nopened++] = library;
	return library;
}

static bool is_file(const char *name)
{
	size_t length = strlen(name);

	return length > 2 && !strcmp(name + length - 2, ".c");
}

/* Exactly the name; the scenario's name for all its variants; "group/" for all of a group. */
static bool matches(const char *asked, const struct job *job)
{
	const char *variant = job->scenario->variants[job->variant].name;
	size_t length = strlen(asked), full = strlen(job->name);

	if (!strcmp(asked, job->name))
		return true;
	if (length && asked[length - 1] == '/')
		return !strncmp(asked, job->name, length);
	return variant && *variant && full == length + 1 + strlen(variant) &&
	       !strncmp(asked, job->name, length) && job->name[length] == '-';
}

static bool append(struct jobs *jobs, const struct job *job)
{
	struct job *list = realloc(jobs->list, (jobs->count + 1) * sizeof(*list));

	if (!list) {
		fprintf(stderr, "octavo: out of memory\n");
		return false;
	}
	jobs->list = list;
	list[jobs->count++] = *job;
	return true;
}

/* Every variant of a library that is for its architecture. */
static bool append_library(struct jobs *jobs, struct oc_library *library, const char *file)
{
	for (unsigned i = 0; i < oc_library_count(library); i++) {
		struct job job = {.library = library, .arch = oc_library_arch(library), .file = file};

		job.scenario = oc_library_scenario(library, i);
		if (job.scenario->arch && !(job.scenario->arch & job.arch))
			continue;
		for (unsigned v = 0; v < OC_MAX_VARIANTS; v++) {
			const struct oc_variant *variant = &job.scenario->variants[v];

			if (v && !variant->name && !variant->run && !variant->expected && !variant->outcome)
				break;
			job.variant = v;
			job.expected = oc_expected(variant, job.arch);
			oc_scenario_name(job.scenario, v, job.name, sizeof(job.name));
			if (!append(jobs, &job))
				return false;
		}
	}
	return true;
}

static int order(const void *left, const void *right)
{
	const struct job *a = left, *b = right;
	int by_file = strcmp(a->scenario->file, b->scenario->file);

	if (by_file)
		return by_file;
	if (a->variant != b->variant)
		return a->variant < b->variant ? -1 : 1;
	return (a->arch > b->arch) - (a->arch < b->arch);
}

static bool load_own(const struct arguments *arguments, struct jobs *all)
{
	char path[PATH_MAX], error[512] = "";

	for (int i = 0; i < ARCHS; i++) {
		struct oc_library *library;

		if (arguments->archs && !(arguments->archs & all_archs[i]))
			continue;
		if (!place_library(all_archs[i], arguments->sim ? "sim.so" : "scenarios.so", path,
		                   sizeof(path))) {
			fprintf(stderr, "octavo: no scenarios for %s beside the command: run make\n",
			        oc_arch_name(all_archs[i]));
			return false;
		}
		library = keep(oc_library_open(path, error, sizeof(error)));
		if (!library) {
			fprintf(stderr, "octavo: %s: %s\n", path, error);
			return false;
		}
		if (!append_library(all, library, NULL))
			return false;
	}
	if (all->count)
		qsort(all->list, all->count, sizeof(*all->list), order);
	return true;
}

static bool load_file(const struct arguments *arguments, const char *file, struct jobs *jobs)
{
	struct jobs found = {.count = 0};
	bool good = true;

	for (int i = 0; i < ARCHS && good; i++) {
		struct oc_library *library;

		if (arguments->archs && !(arguments->archs & all_archs[i]))
			continue;
		library = keep(compile_scenario(file, all_archs[i], arguments->sim));
		good = library && append_library(&found, library, file);
	}
	if (good && !found.count) {
		fprintf(stderr, "octavo: %s holds no OC_SCENARIO%s\n", file,
		        arguments->archs ? " for this architecture" : "");
		good = false;
	}
	if (found.count)
		qsort(found.list, found.count, sizeof(*found.list), order);
	for (size_t i = 0; i < found.count && good; i++)
		if (!arguments->replay_name || matches(arguments->replay_name, &found.list[i]))
			good = append(jobs, &found.list[i]);
	free(found.list);
	return good;
}

static bool take_named(const struct jobs *all, const char *asked, bool sim, struct jobs *jobs)
{
	size_t before = jobs->count;

	for (size_t i = 0; i < all->count; i++)
		if (matches(asked, &all->list[i]) && !append(jobs, &all->list[i]))
			return false;
	if (jobs->count > before)
		return true;
	fprintf(stderr, "octavo: unknown scenario '%s' (octavo check%s --list shows the names)\n", asked,
	        sim ? " --machine sim" : "");
	return false;
}

static bool select_replay(const struct arguments *arguments, struct jobs *jobs)
{
	struct jobs all = {.count = 0};
	bool good = true;

	for (size_t i = 0; i < arguments->nnames && good; i++)
		good = load_file(arguments, arguments->names[i], jobs);
	if (good && !arguments->nnames)
		good = load_own(arguments, &all) && take_named(&all, arguments->replay_name, false, jobs);
	free(all.list);
	if (good && (jobs->count != 1 || strcmp(jobs->list[0].name, arguments->replay_name))) {
		fprintf(stderr, "octavo: unknown id '%s': no variant '%s'\n", arguments->replay,
		        arguments->replay_name);
		return false;
	}
	return good;
}

bool jobs_select(const struct arguments *arguments, struct jobs *jobs)
{
	struct jobs all = {.count = 0};
	bool good = true, own = !arguments->nnames;

	memset(jobs, 0, sizeof(*jobs));
	if (arguments->replay)
		return select_replay(arguments, jobs);
	for (size_t i = 0; i < arguments->nnames; i++)
		own |= !is_file(arguments->names[i]);
	if (own)
		good = load_own(arguments, &all);
	for (size_t i = 0; i < arguments->nnames && good; i++) {
		const char *name = arguments->names[i];

		good = is_file(name) ? load_file(arguments, name, jobs)
		                     : take_named(&all, name, arguments->sim, jobs);
	}
	if (!arguments->nnames) {
		*jobs = all;
		return good;
	}
	free(all.list);
	return good;
}

void jobs_free(struct jobs *jobs)
{
	free(jobs->list);
	jobs->list = NULL;
	jobs->count = 0;
	while (nopened)
		oc_library_close(opened[--nopened]);
}
