/* compile.c: a scenario given as a file becomes a library. SPDX-License-Identifier: MIT
 *
 * The flags are those of the Makefile for scenarios: with the thread sanitizer's instrumentation,
 * whose entry points the command supplies, over the architecture's core. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cli.h"

static char directory[64]; /* of the libraries; removed at exit by the process that made it */
static pid_t maker;

static void clean_up(void)
{
	char file[128];

	if (getpid() != maker)
		return;
	for (unsigned arch = 1; arch < OC_ARCH_ALL; arch <<= 1) {
		for (unsigned i = 0; i < 64; i++) {
			snprintf(file, sizeof(file), "%s/%s-%u.so", directory, oc_arch_name(arch), i);
			unlink(file);
		}
	}
	rmdir(directory);
}

static bool make_directory(void)
{
	const char *base = getenv("TMPDIR");

	if (*directory)
		return true;
	if (!base || !*base || strlen(base) > 40)
		base = "/tmp";
	snprintf(directory, sizeof(directory), "%s/octavo-XXXXXX", base);
	if (!mkdtemp(directory)) {
		fprintf(stderr, "octavo: cannot make a directory in %s: %s\n", base, strerror(errno));
		*directory = 0;
		return false;
	}
	maker = getpid();
	atexit(clean_up);
	return true;
}

/* Wait for a child; true if it exited with 0. */
static bool succeeds(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* CC may hold arguments: the shell splits it, everything else is passed as it is. */
static bool run_compiler(char *const *arguments, size_t count)
{
	char **argv = calloc(count + 5, sizeof(*argv));
	static char sh[] = "sh", c[] = "-c", line[] = "exec ${CC:-cc} \"$@\"";
	pid_t child;

	if (!argv)
		return false;
	argv[0] = sh;
	argv[1] = c;
	argv[2] = line;
	argv[3] = sh;
	memcpy(argv + 4, arguments, count * sizeof(*argv));
	fflush(NULL);
	child = fork();
	if (!child) {
		execv("/bin/sh", argv);
		_exit(127);
	}
	free(argv);
	return child > 0 && succeeds(child);
}

static bool compiler_is_clang(void)
{
	char line[256] = "";
	FILE *pipe = popen("${CC:-cc} --version 2>/dev/null", "r");

	if (!pipe)
		return false;
	if (!fgets(line, sizeof(line), pipe))
		*line = 0;
	pclose(pipe);
	return strstr(line, "clang") != NULL;
}

struct command {
	char *list[48];
	size_t count;
};

static void add(struct command *command, const char *text)
{
	if (command->count < sizeof(command->list) / sizeof(command->list[0]))
		command->list[command->count++] = strdup(text);
}

static const char *arch_flag(unsigned arch)
{
	return arch == OC_ARM64    ? "-DOCT_ARCH_ARM64"
	       : arch == OC_X86_64 ? "-DOCT_ARCH_X86_64"
	                           : "-DOCT_ARCH_RISCV64";
}

/* On the sim nothing is instrumented: the Makefile's SIM. */
static void add_sim_flags(struct command *command, unsigned arch)
{
	static const char *const flags[] = {"-std=gnu11",
	                                    "-O2",
	                                    "-g",
	                                    "-Wall",
	                                    "-Wextra",
	                                    "-Wno-missing-field-initializers",
	                                    "-fPIC",
	                                    "-fno-builtin",
	                                    "-DOCT_SIM_CHECK",
	                                    "-DOCT_MMU_MACHINE",
	                                    "-DOCT_PORT_HEADER=\"octavo_sim_port.h\"",
	                                    "-DSIM_PAGES=4096",
	                                    "-DOCT_GATHER_PAGES=2",
	                                    "-DOCT_MAX_ASIDS=3",
	                                    "-DOCT_MAX_CPUS=9",
	                                    "-DOCT_OPEN_RANGES=4"};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		add(command, flags[i]);
	add(command, arch_flag(arch));
}

static void add_flags(struct command *command, unsigned arch)
{
	static const char *const common[] = {
	    "-std=gnu11",
	    "-O2",
	    "-g",
	    "-Wall",
	    "-Wextra",
	    "-Wno-missing-field-initializers",
	    "-fPIC",
	    "-fno-builtin",
	    "-fno-omit-frame-pointer",
	    "-fno-optimize-sibling-calls",
	    "-DOCT_MODEL",
	    "-DOCT_MMU_MACHINE",
	    "-DOCT_PORT_HEADER=\"octavo_model_port.h\"",
	    "-fsanitize=thread",
	};
	static const char *const gcc[] = {"--param", "tsan-distinguish-volatile=1", "--param",
	                                  "tsan-instrument-func-entry-exit=0", "-Wno-tsan"};
	static const char *const clang[] = {"-mllvm", "-tsan-distinguish-volatile=1", "-mllvm",
	                                    "-tsan-instrument-func-entry-exit=0", "-gdwarf-aranges"};
	bool is_clang = compiler_is_clang();

	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		add(command, common[i]);
	for (size_t i = 0; i < (is_clang ? sizeof(clang) : sizeof(gcc)) / sizeof(gcc[0]); i++)
		add(command, is_clang ? clang[i] : gcc[i]);
	add(command, arch_flag(arch));
}

static bool build(const char *file, unsigned arch, bool sim, const char *object, const char *library)
{
	char include[PATH_MAX + 2] = "-I", model[PATH_MAX + 2] = "-I", core[PATH_MAX];
	struct command compile = {.count = 0}, link = {.count = 0};
	bool good;

	if (!place_headers(include + 2, model + 2, PATH_MAX) || (sim && !place_sim(model + 2, PATH_MAX)) ||
	    !place_library(arch, sim ? "sim.a" : "core.a", core, sizeof(core))) {
		fprintf(stderr, "octavo: the core and headers for %s are not where the command is\n",
		        oc_arch_name(arch));
		return false;
	}
	const char *const tail[] = {include, model, "-c", "-o", object, file};
	const char *const whole[] = {"-shared",
	                             "-Wl,-Bsymbolic",
	                             "-Wl,--wrap=memcpy",
	                             "-Wl,--wrap=memmove",
	                             "-Wl,--wrap=memset",
	                             "-Wl,--wrap=memcmp",
	                             "-o",
	                             library,
	                             object,
	                             "-Wl,--whole-archive",
	                             core,
	                             "-Wl,--no-whole-archive"};

	if (sim)
		add_sim_flags(&compile, arch);
	else
		add_flags(&compile, arch);
	for (size_t i = 0; i < sizeof(tail) / sizeof(tail[0]); i++)
		add(&compile, tail[i]);
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (!sim || strncmp(whole[i], "-Wl,--wrap", 10)) /* the sim's accesses are not watched */
			add(&link, whole[i]);
	good = run_compiler(compile.list, compile.count) && run_compiler(link.list, link.count);
	for (size_t i = 0; i < compile.count; i++)
		free(compile.list[i]);
	for (size_t i = 0; i < link.count; i++)
		free(link.list[i]);
	unlink(object);
	return good;
}

struct oc_library *compile_scenario(const char *file, unsigned arch, bool sim)
{
	static unsigned serial;
	char object[128], library[128], error[512] = "";
	struct oc_library *opened;

	if (access(file, R_OK)) {
		fprintf(stderr, "octavo: %s: %s\n", file, strerror(errno));
		return NULL;
	}
	if (!make_directory())
		return NULL;
	snprintf(object, sizeof(object), "%s/%s-%u.o", directory, oc_arch_name(arch), serial);
	snprintf(library, sizeof(library), "%s/%s-%u.so", directory, oc_arch_name(arch), serial);
	serial++;
	if (!build(file, arch, sim, object, library)) {
		fprintf(stderr, "octavo: %s does not compile for %s\n", file, oc_arch_name(arch));
		return NULL;
	}
	opened = oc_library_open(library, error, sizeof(error));
	if (!opened)
		fprintf(stderr, "octavo: %s: %s\n", file, error);
	return opened;
}
