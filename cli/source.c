/* source.c: source lines and symbols of addresses in this process, by libdwfl.
 * SPDX-License-Identifier: MIT */
#include <elfutils/libdwfl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

struct source {
	Dwfl *dwfl; /* NULL: no debug information can be had; every answer is "" */
};

static char *no_debuginfo_path;
static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .debuginfo_path = &no_debuginfo_path,
};

struct source *source_open(void)
{
	struct source *source = calloc(1, sizeof(*source));

	if (!source)
		return NULL;
	source->dwfl = dwfl_begin(&callbacks);
	if (source->dwfl &&
	    (dwfl_linux_proc_report(source->dwfl, getpid()) || dwfl_report_end(source->dwfl, NULL, NULL))) {
		dwfl_end(source->dwfl);
		source->dwfl = NULL;
	}
	return source;
}

void source_close(struct source *source)
{
	if (!source)
		return;
	if (source->dwfl)
		dwfl_end(source->dwfl);
	free(source);
}

/* File names are given relative to the directory that the file was compiled in. */
static const char *relative(Dwfl_Line *line, const char *file)
{
	const char *directory = dwfl_line_comp_dir(line);
	size_t length = directory ? strlen(directory) : 0;

	if (length && !strncmp(file, directory, length) && file[length] == '/')
		file += length + 1;
	while (!strncmp(file, "./", 2))
		file += 2;
	return file;
}

/* "src/table/../tlb/x.h" is src/tlb/x.h. */
static void fold_parents(char *path)
{
	char *up, *before;

	while ((up = strstr(path, "/../")) && up > path) {
		for (before = up; before > path && before[-1] != '/'; before--)
			;
		if (!strncmp(before, "../", 3))
			return;
		memmove(before, up + 4, strlen(up + 4) + 1);
	}
}

void source_line(struct source *source, const void *pc, char *text, size_t size)
{
	/* A return address may be the first of the next line. */
	Dwarf_Addr address = (Dwarf_Addr)(uintptr_t)pc - 1;
	Dwfl_Module *module;
	Dwfl_Line *line;
	const char *file;
	int number = 0;

	*text = 0;
	if (!pc || !source || !source->dwfl)
		return;
	module = dwfl_addrmodule(source->dwfl, address);
	line = module ? dwfl_module_getsrc(module, address) : NULL;
	file = line ? dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL) : NULL;
	if (!file)
		return;
	snprintf(text, size, "%s:%d", relative(line, file), number);
	fold_parents(text);
}

void source_symbol(struct source *source, uint64_t address, char *text, size_t size)
{
	Dwfl_Module *module;
	const char *name;
	GElf_Off offset = 0;
	GElf_Sym symbol;

	*text = 0;
	if (!source || !source->dwfl)
		return;
	module = dwfl_addrmodule(source->dwfl, address);
	name = module ? dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL, NULL) : NULL;
	if (!name || GELF_ST_TYPE(symbol.st_info) != STT_OBJECT || offset >= symbol.st_size)
		return;
	if (offset)
		snprintf(text, size, "%s+%lu", name, (unsigned long)offset);
	else
		snprintf(text, size, "%s", name);
}
