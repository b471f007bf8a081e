/* fake_model.c: a model that answers by the name of the variant. SPDX-License-Identifier: MIT
 *
 * Linked instead of machine/model, it lets the tests of the command see every verdict, a crash and
 * a known schedule without exploring anything. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "model.h"

struct oc_library {
	void *handle;
	unsigned arch, count;
	const struct oc_scenario *scenarios[64];
};

/* What instrumented code calls when it is loaded; nothing here is run. */
void __tsan_init(void);
void __tsan_init(void)
{
}

static struct oc_library *opening;

void oc_scenario_register(const struct oc_scenario *scenario)
{
	if (opening && opening->count < 64)
		opening->scenarios[opening->count++] = scenario;
}

oc_run_fn *oc_library_run(const struct oc_library *library)
{
	(void)library;
	return NULL;
}

struct oc_library *oc_library_open(const char *path, char *error, size_t size)
{
	struct oc_library *library = calloc(1, sizeof(*library));

	if (!library)
		return NULL;
	opening = library;
	library->arch = strstr(path, "arm64") ? OC_ARM64 : strstr(path, "x86_64") ? OC_X86_64 : OC_RISCV64;
	library->handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	opening = NULL;
	if (library->handle)
		return library;
	snprintf(error, size, "%s", dlerror());
	free(library);
	return NULL;
}

unsigned oc_library_arch(const struct oc_library *library)
{
	return library->arch;
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

static void violate(const struct oc_variant *variant, struct oc_result *result)
{
	static const struct oc_step steps[] = {
	    {.kind = OC_STEP_TRANSLATE,
	     .lane = 1,
	     .va = 0x10000,
	     .from = -1,
	     .address = 0x99,
	     .text = "p3 rw dirty young",
	     .tlb_of = {[1] = "0x10000: p3 rw dirty"}},
	    {.kind = OC_STEP_RMW,
	     .lane = 0,
	     .place = OC_AT_ENTRY,
	     .va = 0x10000,
	     .from = -1,
	     .order = __ATOMIC_ACQ_REL,
	     .address = 0x99,
	     .value = 1,
	     .text = "p3 ro dirty young",
	     .old_text = "p3 rw dirty young"},
	    {.kind = OC_STEP_READ,
	     .lane = 0,
	     .place = OC_AT_WORD,
	     .from = -1,
	     .order = __ATOMIC_ACQUIRE,
	     .address = 0x100},
	    {.kind = OC_STEP_TRANSLATE,
	     .lane = 1,
	     .va = 0x10000,
	     .from = -1,
	     .address = 0x99,
	     .stale = true,
	     .text = "p3 rw dirty young"},
	    {.kind = OC_STEP_USER_STORE,
	     .lane = 1,
	     .va = 0x10004,
	     .page = 3,
	     .offset = 4,
	     .address = 0x55,
	     .value = 7,
	     .from = -1},
	    {.kind = OC_STEP_INVALIDATE,
	     .lane = 0,
	     .va = 0x10000,
	     .pages = 1,
	     .broadcast = true,
	     .tlb_of = {[1] = ""}},
	    {.kind = OC_STEP_FAIL, .lane = 0, .text = "the store of step 5 is lost"},
	};

	result->verdict = OC_V_VIOLATION;
	result->what = OC_I2;
	result->nsteps = sizeof(steps) / sizeof(steps[0]);
	result->steps = malloc(sizeof(steps));
	if (!result->steps)
		abort();
	memcpy(result->steps, steps, sizeof(steps));
	result->steps[2].pc = (const char *)(uintptr_t)variant->run + 1;
	result->lanes[0] = "cpu0";
	result->lanes[1] = "cpu1";
	result->nlanes = 2;
	snprintf(result->text, sizeof(result->text), "a store is missing at the end");
}

void oc_explore(struct oc_library *library, const struct oc_scenario *scenario, unsigned variant,
                const struct oc_options *options, struct oc_result *result)
{
	const char *name = scenario->variants[variant].name;
	char full[128];

	memset(result, 0, sizeof(*result));
	result->executions = 10 + variant;
	result->blocked = 1;
	result->events_max = 20;
	result->bound = options->bound;
	result->seconds = 0.25;
	snprintf(result->assumptions, sizeof(result->assumptions), "2 CPUs, a fake");
	if (!strncmp(name, "crash", 5))
		abort();
	if (!strncmp(name, "slow", 4))
		usleep(300000);
	if (!strncmp(name, "violation", 9))
		violate(&scenario->variants[variant], result);
	else if (!strncmp(name, "bounded", 7) || options->bound >= 0)
		result->verdict = OC_V_BOUNDED;
	else if (!strncmp(name, "error", 5))
		result->verdict = OC_V_ERROR;
	else if (!strncmp(name, "vacuous", 7)) {
		result->verdict = OC_V_VACUOUS;
		result->missing_cover = "cow-copy";
	} else {
		result->verdict = OC_V_HOLDS;
	}
	oc_scenario_name(scenario, variant, full, sizeof(full));
	if (result->nsteps)
		snprintf(result->id, sizeof(result->id), "%.60s@%s.rc11.b0.k3", full,
		         oc_arch_name(library->arch));
	if (options->outcomes) {
		result->outcomes = calloc(1, sizeof(*result->outcomes));
		result->noutcomes = result->outcomes ? 1 : 0;
		if (result->outcomes)
			snprintf(result->outcomes->state, sizeof(result->outcomes->state), "a=1 r=fault");
	}
}

void oc_result_free(struct oc_result *result)
{
	free(result->steps);
	free(result->outcomes);
}

unsigned oc_expected(const struct oc_variant *variant, unsigned arch)
{
	for (int i = 0; i < OC_MAX_ON; i++)
		if (variant->on[i].archs & arch)
			return variant->on[i].expected;
	return variant->expected ? variant->expected : OC_HOLDS;
}

bool oc_result_meets(const struct oc_result *result, unsigned expected)
{
	if (OC_EXPECT_KIND(expected) == 0x600)
		return result->verdict == OC_V_HOLDS || (result->verdict == OC_V_BOUNDED &&
		                                         (unsigned)result->bound >= OC_EXPECT_ARG(expected));
	if (OC_EXPECT_KIND(expected) == 0x500)
		return result->verdict == OC_V_VIOLATION && result->what == OC_EXPECT_ARG(expected);
	return result->verdict == OC_V_HOLDS;
}

const char *oc_what_name(enum oc_what what)
{
	return what == OC_I2 ? "I2" : "other";
}

const char *oc_what_meaning(enum oc_what what)
{
	return what == OC_I2 ? "no-lost-write" : "other";
}

const char *oc_verdict_name(enum oc_verdict verdict)
{
	static const char *const names[] = {"holds",   "violation", "bounded", "vacuous",
	                                    "allowed", "forbidden", "error"};

	return names[verdict];
}

void oc_scenario_name(const struct oc_scenario *s, unsigned variant, char *name, size_t size)
{
	const char *file = strrchr(s->file, '/');

	file = file ? file + 1 : s->file;
	snprintf(name, size, "fake/%.*s-%s", (int)strlen(file) - 2, file, s->variants[variant].name);
}

const char *oc_arch_name(unsigned arch)
{
	return arch == OC_ARM64 ? "arm64" : arch == OC_X86_64 ? "x86_64" : "riscv64";
}
