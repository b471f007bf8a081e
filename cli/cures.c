/* cures.c: what would have prevented a violation. SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include "cli.h"

json_t *cures_json(const struct oc_result *result)
{
	json_t *cures = json_array();
	struct source *source = result->ncures ? source_open() : NULL;

	for (unsigned i = 0; i < result->ncures; i++) {
		const struct oc_cure *c = &result->cures[i];
		json_t *one = json_object();
		char line[512];

		source_line(source, c->pc, line, sizeof(line));
		json_object_set_new(one, "add", json_string(c->kind == OC_CURE_FLUSH ? "flush" : "barrier"));
		json_object_set_new(one, "after", json_string(line));
		json_object_set_new(one, "lane", json_string(result->lanes[c->lane]));
		json_object_set_new(one, "executions", json_integer((json_int_t)c->executions));
		json_object_set_new(one, "exhausted", json_boolean(c->exhausted));
		json_array_append_new(cures, one);
	}
	if (source)
		source_close(source);
	return cures;
}

void print_cures(const json_t *result)
{
	const json_t *cures = json_object_get(result, "cures"), *one;
	size_t i;

	if (!json_array_size(cures))
		return;
	printf("\n  One of these, added, makes it unreachable:\n");
	json_array_foreach(cures, i, one)
		printf("    a %s after %s (%s): %lld executions, %s\n",
		       strcmp(jstring(one, "add"), "flush") ? "full barrier" : "flush on every CPU, complete,",
		       jstring(one, "after"), jstring(one, "lane"), (long long)jint(one, "executions"),
		       json_is_true(json_object_get(one, "exhausted")) ? "all" : "not exhausted");
}
