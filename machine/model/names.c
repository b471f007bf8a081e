/* names.c: words for verdicts, invariants, architectures, scenarios. SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "model.h"

static const struct {
	const char *name, *meaning;
} whats[] = {
    [OC_NOTHING] = {"nothing", "nothing"},
    [OC_I1] = {"I1", "no-stale-access"},
    [OC_I2] = {"I2", "no-lost-write"},
    [OC_I3] = {"I3", "no-lost-dirty"},
    [OC_I4] = {"I4", "revoked"},
    [OC_I5] = {"I5", "exclusive"},
    [OC_I6] = {"I6", "contpte-well-formed"},
    [OC_I7] = {"I7", "flush-accounting"},
    [OC_I8] = {"I8", "secondary-mmu"},
    [OC_I9] = {"I9", "progress"},
    [OC_I10] = {"I10", "A/D-monotone"},
    [OC_I11] = {"I11", "break-before-make"},
    [OC_RACE] = {"race", "data race on plain memory"},
    [OC_UAF] = {"use-after-free", "use after free"},
    [OC_DEADLOCK] = {"deadlock", "every thread waits"},
    [OC_LEAK] = {"leak", "memory is not given back"},
    [OC_ASSERTION] = {"assertion", "an assertion fails"},
};

const char *oc_what_name(enum oc_what what)
{
	return what <= OC_ASSERTION ? whats[what].name : "?";
}

const char *oc_what_meaning(enum oc_what what)
{
	return what <= OC_ASSERTION ? whats[what].meaning : "?";
}

const char *oc_verdict_name(enum oc_verdict verdict)
{
	static const char *const names[] = {"holds",   "violation", "bounded", "vacuous",
	                                    "allowed", "forbidden", "error"};

	return names[verdict];
}

const char *oc_arch_name(unsigned arch)
{
	return arch == OC_ARM64 ? "arm64" : arch == OC_X86_64 ? "x86_64" : "riscv64";
}

/* scenario/GROUP/NAME.c is GROUP/NAME; another file is its base name. */
void oc_scenario_name(const struct oc_scenario *s, unsigned variant, char *name, size_t size)
{
	const char *file = s->file, *in = strstr(file, "scenario/"), *base = strrchr(file, '/');
	const char *v = s->variants[variant].name;
	size_t length;

	file = in ? in + strlen("scenario/") : base ? base + 1 : file;
	length = strlen(file);
	if (length > 2 && !strcmp(file + length - 2, ".c"))
		length -= 2;
	snprintf(name, size, "%.*s%s%s", (int)length, file, v && *v ? "-" : "", v ? v : "");
}

unsigned oc_expected(const struct oc_variant *variant, unsigned arch)
{
	for (unsigned i = 0; i < OC_MAX_ON; i++)
		if (variant->on[i].archs & arch)
			return variant->on[i].expected;
	return variant->expected ? variant->expected : OC_HOLDS;
}

bool oc_result_meets(const struct oc_result *result, unsigned expected)
{
	switch (OC_EXPECT_KIND(expected)) {
	case OC_HOLDS:
		return result->verdict == OC_V_HOLDS;
	case OC_OPEN:
		return result->verdict != OC_V_ERROR;
	case OC_ALLOWED:
		return result->verdict == OC_V_ALLOWED;
	case OC_FORBIDDEN:
		return result->verdict == OC_V_FORBIDDEN;
	case OC_VIOLATES(0):
		return result->verdict == OC_V_VIOLATION && result->what == OC_EXPECT_ARG(expected);
	case OC_BOUNDED(0):
		return result->verdict == OC_V_HOLDS ||
		       (result->verdict == OC_V_BOUNDED && result->bound >= (int)OC_EXPECT_ARG(expected));
	default:
		return result->verdict == OC_V_HOLDS;
	}
}
