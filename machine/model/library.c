/* library.c: scenario libraries: core and scenarios of one architecture. SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "library.h"
#include "../sim/check/stress.h"

enum { MAX_SCENARIOS = 512 };

struct oc_library {
	void *handle;
	const struct oc_glue *glue;       /* of a library that is explored */
	const struct oc_sim_library *sim; /* of one for the sim */
	const struct oc_scenario *scenarios[MAX_SCENARIOS];
	unsigned count;
};

static struct oc_library *loading;

void oc_scenario_register(const struct oc_scenario *scenario)
{
	if (loading && loading->count++ < MAX_SCENARIOS)
		loading->scenarios[loading->count - 1] = scenario;
}

static int by_name(const void *a, const void *b)
{
	const struct oc_scenario *const *x = a, *const *y = b;

	return strcmp((*x)->file, (*y)->file);
}

struct oc_library *oc_library_open(const char *path, char *error, size_t size)
{
	struct oc_library *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	loading = l;
	l->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	loading = NULL;
	l->glue = l->handle ? dlsym(l->handle, "oc_glue") : NULL;
	l->sim = l->handle ? dlsym(l->handle, "oc_sim") : NULL;
	if (!(l->glue || l->sim) || l->count > MAX_SCENARIOS) {
		const char *why = l->glue || l->sim ? "too many scenarios" : dlerror();

		snprintf(error, size, "%s", why ? why : "not a scenario library");
		if (l->handle)
			dlclose(l->handle);
		free(l);
		return NULL;
	}
	qsort(l->scenarios, l->count, sizeof(l->scenarios[0]), by_name);
	return l;
}

unsigned oc_library_arch(const struct oc_library *library)
{
	return library->sim ? library->sim->arch : library->glue->arch;
}

oc_run_fn *oc_library_run(const struct oc_library *library)
{
	return library->sim ? library->sim->run : NULL;
}

unsigned oc_library_count(const struct oc_library *library)
{
	return library->count;
}

const struct oc_scenario *oc_library_scenario(const struct oc_library *library, unsigned index)
{
	return library->scenarios[index];
}

void oc_library_close(struct oc_library *library)
{
	dlclose(library->handle);
	free(library);
}

const struct oc_glue *library_glue(const struct oc_library *library)
{
	return library->glue;
}

struct segments {
	const void *inside;
	void (*found)(void *base, size_t size);
};

static int visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct segments *s = arg;
	bool mine = false;
	uintptr_t relro = 0;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD &&
		    (uintptr_t)s->inside - (info->dlpi_addr + p->p_vaddr) < p->p_memsz)
			mine = true;
	}
	for (int i = 0; mine && i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO)
			relro = (info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz + 4095) & ~4095ul;
	for (int i = 0; mine && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = p->p_vaddr, end = p->p_vaddr + p->p_memsz;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_W))
			continue;
		if (relro > start) /* relocations: read-only after loading */
			start = relro;
		if (start < end)
			s->found((void *)(info->dlpi_addr + start), end - start);
	}
	return mine;
}

void library_data(const struct oc_library *library, void (*found)(void *base, size_t size))
{
	struct segments s = {library->glue, found};

	dl_iterate_phdr(visit, &s);
}
