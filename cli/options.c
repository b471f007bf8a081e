/* options.c: the arguments of octavo check. SPDX-License-Identifier: MIT */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

enum {
	KEY_ARCH = 0x100,
	KEY_MEMORY,
	KEY_BOUND,
	KEY_SAMPLE,
	KEY_TIME,
	KEY_MAX,
	KEY_JOBS,
	KEY_MACHINE,
	KEY_OUTCOMES,
	KEY_REPLAY,
	KEY_REPORT,
	KEY_GDB,
	KEY_LIST,
	KEY_JSON,
	KEY_SW_AD,
	KEY_ETS2,
	KEY_BBM,
	KEY_IOMMU_SNOOPS,
	KEY_SPEC_YOUNG,
	KEY_STRAY_AD,
	KEY_TCE,
	KEY_REUSE,
	KEY_SVVPTC,
};

#define HIDDEN(name, key)                                                                                    \
	{                                                                                                    \
		name, key, NULL, OPTION_HIDDEN, NULL, 0                                                      \
	}
static const struct argp_option options[] = {
    {"arch", KEY_ARCH, "ARCH", 0, "arm64, x86_64 or riscv64; default: each one the scenario is for", 1},
    {"memory", KEY_MEMORY, "MODEL", 0, "rc11 (default) or sc", 1},
    {"bound", KEY_BOUND, "N", 0, "up to N deviations from the newest choice only", 2},
    {"sample", KEY_SAMPLE, "N", 0, "N random executions instead of all", 2},
    {"time", KEY_TIME, "SECONDS", 0, "give each exploration up after this time", 2},
    {"max-executions", KEY_MAX, "N", 0, "give each exploration up after N executions", 2},
    {"jobs", KEY_JOBS, "N", 0, "explore N variants at a time, each in a process (default 1)", 2},
    {"machine", KEY_MACHINE, "MACHINE", 0,
     "model (default), or sim: run each variant as a stress loop on threads, of --max-executions turns "
     "(default 10000); no proof",
     2},
    {"outcomes", KEY_OUTCOMES, NULL, 0, "print the final values of oc_reg() and how often", 3},
    {"replay", KEY_REPLAY, "ID", 0, "show the execution that an answer's id names", 3},
    {"gdb", KEY_GDB, NULL, 0, "with --replay: SIGTRAP where that execution starts", 3},
    {"report", KEY_REPORT, "DIR", 0, "write each schedule as an HTML page, and index.html", 3},
    {"list", KEY_LIST, NULL, 0, "list names and expected verdicts, explore nothing", 3},
    {"json", KEY_JSON, NULL, 0, "machine-readable output", 3},
    {NULL, 0, NULL, 0, "Hardware that differs (added to what the scenario says):", 4},
    {"sw-ad", KEY_SW_AD, NULL, 0, "no hardware accessed/dirty bits: a fault sets them", 4},
    {"ets2", KEY_ETS2, NULL, 0, "arm64: a walk that would fault is ordered after earlier accesses", 4},
    {"bbm", KEY_BBM, "LEVEL", 0, "arm64: break-before-make level 0, 1 or 2", 4},
    {"iommu-snoops", KEY_IOMMU_SNOOPS, NULL, 0, "an IOMMU hears broadcast invalidations", 4},
    {"spec-young", KEY_SPEC_YOUNG, NULL, 0, "a walk may set young for an access that does not happen", 4},
    {"stray-ad", KEY_STRAY_AD, NULL, 0, "x86-64: accessed/dirty may be set in an entry just made non-present",
     4},
    {"tce", KEY_TCE, NULL, 0, "x86-64: INVLPG drops only the walk-cache entries on the path", 4},
    {"reuse", KEY_REUSE, NULL, 0, "an allocation may take a page that was freed before it", 4},
    {"svvptc", KEY_SVVPTC, NULL, 0, "riscv64: a TLB does not keep that an entry was invalid", 4},
    HIDDEN("sw_ad", KEY_SW_AD),
    HIDDEN("iommu_snoops", KEY_IOMMU_SNOOPS),
    HIDDEN("spec_young", KEY_SPEC_YOUNG),
    HIDDEN("stray_ad", KEY_STRAY_AD),
    {NULL, 0, NULL, 0, NULL, 0},
};
static const char about[] =
    "Explore every execution of scenarios and compare each answer with the expected one.\v"
    "NAME is group/name-variant, group/name for all its variants, or group/ for all in it; "
    "FILE.c is compiled (CC, default cc) for each architecture. Without either: everything.\n\n"
    "Exit status: 0 every verdict is the expected one; 1 some is not; 3 none is wrong but "
    "something was not exhausted; 2 usage, or it could not run.";

unsigned arch_of_name(const char *name, size_t length)
{
	static const struct {
		const char *name;
		unsigned arch;
	} known[] = {
	    {"arm64", OC_ARM64},   {"aarch64", OC_ARM64},   {"x86_64", OC_X86_64},
	    {"x86-64", OC_X86_64}, {"riscv64", OC_RISCV64},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == length && !memcmp(known[i].name, name, length))
			return known[i].arch;
	return 0;
}

static uint64_t number(struct argp_state *state, const char *what, const char *text, uint64_t least,
                       uint64_t most)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value < least || value > most)
		argp_error(state, "--%s wants a number from %llu to %llu, not '%s'", what,
		           (unsigned long long)least, (unsigned long long)most, text);
	return value;
}

static double seconds(struct argp_state *state, const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value > 0) || value > 1e9)
		argp_error(state, "--time wants seconds, not '%s'", text);
	return value;
}

static bool parse_knob(int key, char *text, struct argp_state *state, struct oc_knobs *knobs)
{
	switch (key) {
	case KEY_SW_AD:
		knobs->sw_ad = true;
		return true;
	case KEY_ETS2:
		knobs->ets2 = true;
		return true;
	case KEY_BBM:
		knobs->bbm = (unsigned char)number(state, "bbm", text, 0, 2);
		return true;
	case KEY_IOMMU_SNOOPS:
		knobs->iommu_snoops = true;
		return true;
	case KEY_SPEC_YOUNG:
		knobs->spec_young = true;
		return true;
	case KEY_STRAY_AD:
		knobs->stray_ad = true;
		return true;
	case KEY_TCE:
		knobs->tce = true;
		return true;
	case KEY_REUSE:
		knobs->reuse = true;
		return true;
	case KEY_SVVPTC:
		knobs->svvptc = true;
		return true;
	default:
		return false;
	}
}

static error_t parse_search(int key, char *text, struct argp_state *state, struct arguments *a)
{
	switch (key) {
	case KEY_ARCH:
		if (!arch_of_name(text, strlen(text)))
			argp_error(state, "unknown architecture '%s' (arm64, x86_64, riscv64)", text);
		a->archs |= arch_of_name(text, strlen(text));
		return 0;
	case KEY_MEMORY:
		if (strcmp(text, "rc11") && strcmp(text, "sc"))
			argp_error(state, "unknown memory model '%s' (rc11, sc)", text);
		a->explore.memory = strcmp(text, "sc") ? OC_RC11 : OC_SEQUENTIAL;
		return 0;
	case KEY_BOUND:
		a->explore.bound = (int)number(state, "bound", text, 0, 1000);
		return 0;
	case KEY_SAMPLE:
		a->explore.sample = number(state, "sample", text, 1, UINT64_MAX);
		return 0;
	case KEY_TIME:
		a->explore.seconds = seconds(state, text);
		return 0;
	case KEY_MAX:
		a->explore.max_executions = number(state, "max-executions", text, 1, UINT64_MAX);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case KEY_JOBS:
		a->workers = (unsigned)number(state, "jobs", text, 1, 256);
		return 0;
	case KEY_MACHINE:
		if (strcmp(text, "model") && strcmp(text, "sim"))
			argp_error(state, "unknown machine '%s' (model, sim)", text);
		a->sim = text[0] == 's';
		return 0;
	case KEY_OUTCOMES:
		a->explore.outcomes = true;
		return 0;
	case KEY_REPLAY:
		a->replay = text;
		return 0;
	case KEY_REPORT:
		a->report = text;
		return 0;
	case KEY_GDB:
		a->explore.gdb = true;
		return 0;
	case KEY_LIST:
		a->list = true;
		return 0;
	case KEY_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		a->names[a->nnames++] = text;
		return 0;
	case ARGP_KEY_END:
		if (a->explore.gdb && !a->replay)
			argp_error(state, "--gdb goes with --replay");
		if (a->report && a->list)
			argp_error(state, "--report has nothing to write with --list");
		if (a->sim && (a->explore.bound >= 0 || a->explore.sample || a->replay ||
		               a->explore.outcomes || a->explore.memory != OC_RC11))
			argp_error(state, "--machine sim explores nothing: no --bound, --sample, --replay, "
			                  "--outcomes or --memory");
		return 0;
	default:
		if (parse_knob(key, text, state, &a->explore.knobs))
			return 0;
		return parse_search(key, text, state, a);
	}
}

void arguments_parse(struct arguments *arguments, int argc, char **argv)
{
	static const struct argp argp = {options, parse, "[NAME|FILE.c]...", about, NULL, NULL, NULL};
	static char name[] = "octavo check";

	memset(arguments, 0, sizeof(*arguments));
	arguments->explore.bound = -1;
	arguments->workers = 1;
	arguments->names = calloc((size_t)argc + 1, sizeof(*arguments->names));
	if (!arguments->names) {
		fprintf(stderr, "octavo: out of memory\n");
		exit(STATUS_USAGE);
	}
	argv[0] = name;
	argp_parse(&argp, argc, argv, 0, NULL, arguments);
}

/* One dotted part of an id after its architecture: rc11, b2 or ball, k137. */
static bool replay_part(struct arguments *a, const char *part, size_t length, bool *numbered)
{
	char text[32], *end;

	if (!length || length >= sizeof(text))
		return false;
	memcpy(text, part, length);
	text[length] = 0;
	if (!strcmp(text, "rc11") || !strcmp(text, "sc")) {
		a->explore.memory = text[0] == 'r' ? OC_RC11 : OC_SEQUENTIAL;
		return true;
	}
	if (!strcmp(text, "ball") || !strcmp(text, "b-1")) {
		a->explore.bound = -1;
		return true;
	}
	if ((text[0] != 'b' && text[0] != 'k') || text[1] < '0' || text[1] > '9')
		return false;
	errno = 0;
	unsigned long long value = strtoull(text + 1, &end, 10);
	if (*end || errno)
		return false;
	if (text[0] == 'b') {
		a->explore.bound = value > 1000 ? 1000 : (int)value;
		return true;
	}
	a->explore.replay = value;
	*numbered = true;
	return value > 0;
}

bool arguments_replay(struct arguments *a)
{
	const char *at = strchr(a->replay, '@'), *dot;
	bool numbered = false;

	if (!at || at == a->replay)
		return false;
	dot = strchrnul(at + 1, '.');
	a->archs = arch_of_name(at + 1, (size_t)(dot - at - 1));
	if (!a->archs)
		return false;
	while (*dot) {
		const char *part = dot + 1;

		dot = strchrnul(part, '.');
		if (!replay_part(a, part, (size_t)(dot - part), &numbered))
			return false;
	}
	if (!numbered)
		return false;
	a->replay_name = strndup(a->replay, (size_t)(at - a->replay));
	return a->replay_name != NULL;
}
