/* place.c: where the command's files are. SPDX-License-Identifier: MIT
 *
 * Built:      build/octavo      build/lib/ARCH/...           build/include, build/model, build/sim (links)
 * Installed:  PREFIX/bin/octavo PREFIX/lib/octavo/ARCH/...   PREFIX/include, PREFIX/lib/octavo/{model,sim} */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

static bool own_directory(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	if (length <= 0)
		return false;
	path[length] = 0;
	slash = strrchr(path, '/');
	if (!slash)
		return false;
	*slash = 0;
	return true;
}

/* The first of two places, relative to the command, where probe exists. */
static bool find(const char *built, const char *installed, const char *probe, char *path, size_t size)
{
	const char *places[] = {built, installed};
	char own[PATH_MAX], file[2 * PATH_MAX], whole[PATH_MAX];

	if (!own_directory(own, sizeof(own)))
		return false;
	for (int i = 0; i < 2; i++) {
		snprintf(file, sizeof(file), "%s/%s%s", own, places[i], probe);
		if (access(file, R_OK))
			continue;
		/* Without links and "..": the path appears in source lines. */
		snprintf(file, sizeof(file), "%s/%s", own, places[i]);
		if (!realpath(file, whole) || strlen(whole) >= size)
			return false;
		memcpy(path, whole, strlen(whole) + 1);
		return true;
	}
	return false;
}

bool place_library(unsigned arch, const char *file, char *path, size_t size)
{
	char built[64], installed[64];

	snprintf(built, sizeof(built), "lib/%s/%s", oc_arch_name(arch), file);
	snprintf(installed, sizeof(installed), "../lib/octavo/%s/%s", oc_arch_name(arch), file);
	return find(built, installed, "", path, size);
}

bool place_headers(char *include, char *model, size_t size)
{
	return find("include", "../include", "/octavo/check.h", include, size) &&
	       find("model", "../lib/octavo/model", "/octavo_model_port.h", model, size);
}

bool place_sim(char *sim, size_t size)
{
	return find("sim", "../lib/octavo/sim", "/octavo_sim_port.h", sim, size);
}
