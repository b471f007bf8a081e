/* ids.c: libFuzzer writes ids of executions, and names. SPDX-License-Identifier: MIT
 *
 * What arguments_replay takes it takes apart the same way again when it is put together from the parts, and
 * what it refuses it leaves no name of. */
#include "../../cli/cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth, const char *what, const char *text)
{
	if (truth)
		return;
	fprintf(stderr, "ids: %s: '%s'\n", what, text);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arguments arguments = {.explore = {.bound = -1}}, again = {.explore = {.bound = -1}};
	char *text = malloc(size + 1), whole[512];

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = 0;
	arguments.replay = text;
	if (arguments_replay(&arguments)) {
		must(arguments.replay_name && *arguments.replay_name, "an id without a name", text);
		must(arguments.archs && (arguments.archs & (arguments.archs - 1)) == 0, "one architecture",
		     text);
		must(arguments.explore.replay > 0, "an execution", text);
		must(arguments.explore.bound >= -1 && arguments.explore.bound <= 1000, "a bound", text);
		snprintf(whole, sizeof whole, "n@%s.%s.b%d.k%llu", oc_arch_name(arguments.archs),
		         arguments.explore.memory == OC_RC11 ? "rc11" : "sc", arguments.explore.bound,
		         (unsigned long long)arguments.explore.replay);
		again.replay = whole;
		must(arguments_replay(&again), "what it means is no id", whole);
		must(again.archs == arguments.archs && again.explore.memory == arguments.explore.memory &&
		         again.explore.bound == arguments.explore.bound &&
		         again.explore.replay == arguments.explore.replay,
		     "it means something else", whole);
	}
	free(arguments.replay_name);
	free(again.replay_name);
	free(text);
	return 0;
}
