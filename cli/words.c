/* words.c: a result in JSON, and its schedule in words. SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "cli.h"

/* What describing one step may look at. */
struct telling {
	const struct oc_result *result;
	struct source *source;
	uint64_t words[64]; /* that have no name, in order of appearance */
	unsigned nwords;
};

struct text {
	char data[320];
	size_t length;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *text, const char *format, ...)
{
	size_t room = sizeof(text->data) - text->length;
	va_list list;
	int wrote;

	va_start(list, format);
	wrote = vsnprintf(text->data + text->length, room, format, list);
	va_end(list);
	if (wrote > 0)
		text->length += (size_t)wrote < room ? (size_t)wrote : room - 1;
}

/* ---- Steps that others speak of -------------------------------------------------------------- */

static bool writes(const struct oc_step *step)
{
	return step->kind == OC_STEP_WRITE || step->kind == OC_STEP_RMW || step->kind == OC_STEP_AD ||
	       step->kind == OC_STEP_USER_STORE;
}

/* The step that overwrote what step read: the first store to the word after the one it read from. */
static int overwritten_at(const struct oc_result *result, const struct oc_step *step)
{
	for (int i = step->from + 1; i < (int)result->nsteps; i++)
		if (i != (int)(step - result->steps) && result->steps[i].address == step->address &&
		    writes(&result->steps[i]))
			return i;
	return -1;
}

/* The leaf translation that a user access was made with: the lane's last one of that page. */
static const struct oc_step *translation_of(const struct oc_result *result, const struct oc_step *access)
{
	for (const struct oc_step *s = access; s-- > result->steps;)
		if (s->kind == OC_STEP_TRANSLATE && s->lane == access->lane && !s->level &&
		    (s->va & OCT_PAGE_MASK) == (access->va & OCT_PAGE_MASK))
			return s;
	return NULL;
}

/* ---- Words ----------------------------------------------------------------------------------- */

static const char *order_name(const struct oc_step *step)
{
	switch (step->order) {
	case __ATOMIC_CONSUME:
	case __ATOMIC_ACQUIRE:
		return "acquire";
	case __ATOMIC_RELEASE:
		return "release";
	case __ATOMIC_ACQ_REL:
		return "acquire and release";
	case __ATOMIC_SEQ_CST:
		return "seq_cst";
	default:
		return "relaxed";
	}
}

/* The address of a word without a name differs from run to run: a number stands for it. */
static unsigned word_number(struct telling *telling, uint64_t address)
{
	unsigned i = 0;

	while (i < telling->nwords && telling->words[i] != address)
		i++;
	if (i == telling->nwords && i < sizeof(telling->words) / sizeof(telling->words[0]))
		telling->words[telling->nwords++] = address;
	return i + 1;
}

static void say_place(struct text *text, struct telling *telling, const struct oc_step *step)
{
	char symbol[96] = "";

	switch (step->place) {
	case OC_AT_ENTRY:
		if (step->level)
			say(text, "the level %u entry of 0x%llx", step->level, (unsigned long long)step->va);
		else
			say(text, "the entry of 0x%llx", (unsigned long long)step->va);
		return;
	case OC_AT_FRAME:
		say(text, "page p%u+%u", step->page, step->offset);
		return;
	case OC_AT_ROOT:
		say(text, "the root register");
		return;
	default:
		source_symbol(telling->source, step->address, symbol, sizeof(symbol));
		if (step->text && *step->text)
			say(text, "the %s", step->text);
		else if (*symbol)
			say(text, "%s", symbol);
		else
			say(text, "word #%u", word_number(telling, step->address));
	}
}

/* A value: entries in words, others as numbers. */
static void say_value(struct text *text, const struct oc_step *step, uint64_t value, const char *words)
{
	if (step->place == OC_AT_ENTRY && words)
		say(text, "[%s]", words);
	else if (value < 4096)
		say(text, "%llu", (unsigned long long)value);
	else
		say(text, "0x%llx", (unsigned long long)value);
}

/* Where a value read came from, when that is not the newest store. */
static void say_from(struct text *text, const struct oc_result *result, const struct oc_step *step)
{
	int by = step->stale ? overwritten_at(result, step) : -1;

	if (step->from >= 0)
		say(text, " of step %d", step->from + 1);
	if (by >= 0)
		say(text, ", overwritten at step %d", by + 1);
	else if (step->stale)
		say(text, ", overwritten");
}

static void say_access(struct text *text, const struct telling *telling, const struct oc_step *step)
{
	const struct oc_step *walk = translation_of(telling->result, step);
	bool store = step->kind == OC_STEP_USER_STORE;

	say(text, store ? "stores " : "loads ");
	say_value(text, step, step->value, NULL);
	say(text, store ? " to 0x%llx" : " from 0x%llx", (unsigned long long)step->va);
	if (walk && walk->stale) {
		int by = overwritten_at(telling->result, walk);

		say(text, " through the stale entry [%s]", walk->text ? walk->text : "?");
		if (walk->from >= 0)
			say(text, " it cached after step %d", walk->from + 1);
		else
			say(text, " it has cached since the start");
		if (by >= 0)
			say(text, " (overwritten at step %d)", by + 1);
	} else if (walk) {
		say(text, " through [%s]", walk->text ? walk->text : "?");
	}
	say(text, ": page p%u+%u", step->page, step->offset);
	if (step->stale)
		say_from(text, telling->result, step);
}

static void say_walk(struct text *text, const struct telling *telling, const struct oc_step *step)
{
	if (step->level)
		say(text, "walks 0x%llx: level %u entry [%s]", (unsigned long long)step->va, step->level,
		    step->text ? step->text : "?");
	else
		say(text, "translates 0x%llx by [%s]", (unsigned long long)step->va,
		    step->text ? step->text : "?");
	if (step->stale || step->from >= 0)
		say_from(text, telling->result, step);
}

static void say_invalidate(struct text *text, const struct oc_step *step)
{
	if (!step->pages)
		say(text, "invalidates the whole space");
	else
		say(text, "invalidates 0x%llx, %u page%s", (unsigned long long)step->va, step->pages,
		    step->pages == 1 ? "" : "s");
	say(text, "%s%s", step->level ? ", all levels" : "",
	    step->broadcast ? ", on every CPU" : ", on this CPU");
	if (step->asid)
		say(text, " (ASID %u)", step->asid);
}

static void say_memory(struct text *text, struct telling *telling, const struct oc_step *step)
{
	switch (step->kind) {
	case OC_STEP_READ:
		say(text, "reads ");
		say_value(text, step, step->value, step->text);
		say(text, " from ");
		say_place(text, telling, step);
		break;
	case OC_STEP_WRITE:
		say(text, "stores ");
		say_value(text, step, step->value, step->text);
		say(text, " to ");
		say_place(text, telling, step);
		break;
	default:
		say(text, step->kind == OC_STEP_AD ? "hardware changes " : "changes ");
		say_place(text, telling, step);
		say(text, " from ");
		say_value(text, step, step->old, step->old_text);
		say(text, " to ");
		say_value(text, step, step->value, step->text);
	}
	if (step->kind != OC_STEP_AD && step->order != __ATOMIC_RELAXED)
		say(text, ", %s", order_name(step));
	if (step->kind == OC_STEP_READ)
		say_from(text, telling->result, step);
}

static void say_rest(struct text *text, const struct oc_step *step)
{
	unsigned long long va = (unsigned long long)step->va;

	switch (step->kind) {
	case OC_STEP_FENCE:
		say(text, "fence, %s", order_name(step));
		break;
	case OC_STEP_FAULT:
		say(text, "faults at 0x%llx", va);
		break;
	case OC_STEP_ISB:
		say(text, "synchronises its context");
		return;
	case OC_STEP_ALLOC:
		say(text, "allocates page p%u", step->page);
		break;
	case OC_STEP_FREE:
		say(text, "frees page p%u", step->page);
		break;
	case OC_STEP_ROOT:
		say(text, "loads a root, ASID %u", step->asid);
		break;
	case OC_STEP_CHOOSE:
		say(text, "chooses %llu", (unsigned long long)step->value);
		break;
	case OC_STEP_BLOCKED:
		say(text, "waits for ever");
		break;
	default:
		break;
	}
	if (step->text && *step->text)
		say(text, text->length ? " (%s)" : "%s", step->text);
}

/* Has the lane issued an invalidation since it last waited? */
static bool owes_completion(const struct oc_result *result, const struct oc_step *step)
{
	for (const struct oc_step *s = step; s-- > result->steps;)
		if (s->lane == step->lane && (s->kind == OC_STEP_INVALIDATE || s->kind == OC_STEP_COMPLETE))
			return s->kind == OC_STEP_INVALIDATE;
	return false;
}

static void tell(struct text *text, struct telling *telling, const struct oc_step *step)
{
	text->length = 0;
	text->data[0] = 0;
	switch (step->kind) {
	case OC_STEP_READ:
	case OC_STEP_WRITE:
	case OC_STEP_RMW:
	case OC_STEP_AD:
		say_memory(text, telling, step);
		break;
	case OC_STEP_TRANSLATE:
		say_walk(text, telling, step);
		break;
	case OC_STEP_USER_LOAD:
	case OC_STEP_USER_STORE:
		say_access(text, telling, step);
		break;
	case OC_STEP_INVALIDATE:
		say_invalidate(text, step);
		break;
	case OC_STEP_COMPLETE:
		say(text, owes_completion(telling->result, step)
		              ? "waits until its invalidations are complete"
		              : "full barrier");
		break;
	default:
		say_rest(text, step);
	}
}

static const char *kind_name(enum oc_step_kind kind)
{
	static const char *const names[] = {
	    [OC_STEP_READ] = "read",
	    [OC_STEP_WRITE] = "write",
	    [OC_STEP_RMW] = "rmw",
	    [OC_STEP_FENCE] = "fence",
	    [OC_STEP_TRANSLATE] = "translate",
	    [OC_STEP_USER_LOAD] = "load",
	    [OC_STEP_USER_STORE] = "store",
	    [OC_STEP_FAULT] = "fault",
	    [OC_STEP_AD] = "accessed-dirty",
	    [OC_STEP_INVALIDATE] = "invalidate",
	    [OC_STEP_COMPLETE] = "complete",
	    [OC_STEP_ISB] = "isb",
	    [OC_STEP_ALLOC] = "alloc",
	    [OC_STEP_FREE] = "free",
	    [OC_STEP_ROOT] = "root",
	    [OC_STEP_CHOOSE] = "choose",
	    [OC_STEP_BLOCKED] = "blocked",
	    [OC_STEP_FAIL] = "fail",
	};

	return (size_t)kind < sizeof(names) / sizeof(names[0]) && names[kind] ? names[kind] : "unknown";
}

/* What a reader need not see: walks through tables that nobody changed, and the interrupt controller
 * found idle. */
static bool is_routine(const struct oc_result *result, const struct oc_step *step)
{
	const struct oc_step *next = step + 1;

	if (step->kind == OC_STEP_TRANSLATE && step->level && !step->stale && step->from < 0)
		return next < result->steps + result->nsteps && next->lane == step->lane &&
		       next->kind == OC_STEP_TRANSLATE;
	return step->kind == OC_STEP_READ && !step->pc && step->place == OC_AT_WORD && !step->value;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static bool reads(const struct oc_step *step)
{
	return step->kind == OC_STEP_READ || step->kind == OC_STEP_TRANSLATE ||
	       step->kind == OC_STEP_USER_LOAD || step->kind == OC_STEP_RMW || step->kind == OC_STEP_AD;
}

static void set_text(json_t *json, const char *key, const struct text *text)
{
	json_object_set_new(json, key, json_string(text->data));
}

/* The word that a step is about, and its values. Addresses differ from run to run: the first step at
 * the same word stands for it. */
static void word_json(json_t *json, struct telling *telling, const struct oc_step *step)
{
	static const char *const places[] = {[OC_AT_NOWHERE] = "",
	                                     [OC_AT_WORD] = "word",
	                                     [OC_AT_ENTRY] = "entry",
	                                     [OC_AT_FRAME] = "page",
	                                     [OC_AT_ROOT] = "root"};
	const struct oc_step *first = telling->result->steps;
	struct text at = {.length = 0}, value = {.length = 0}, old = {.length = 0};

	while (first < step && (first->address != step->address || (!reads(first) && !writes(first))))
		first++;
	json_object_set_new(json, "word", json_integer(first - telling->result->steps + 1));
	json_object_set_new(json, "place", json_string(places[step->place]));
	say_place(&at, telling, step);
	set_text(json, "at", &at);
	if (step->kind == OC_STEP_TRANSLATE)
		say(&value, "[%s]", step->text ? step->text : "?");
	else
		say_value(&value, step, step->value, step->text);
	set_text(json, "value", &value);
	if (step->kind == OC_STEP_RMW || step->kind == OC_STEP_AD) {
		say_value(&old, step, step->old, step->old_text);
		set_text(json, "old", &old);
	}
	if (step->from >= 0 && reads(step))
		json_object_set_new(json, "from", json_integer(step->from + 1));
}

/* What the sentence says, for programs: only what the kind of step has. */
static void detail_json(json_t *json, struct telling *telling, const struct oc_step *step)
{
	bool access = step->kind == OC_STEP_USER_LOAD || step->kind == OC_STEP_USER_STORE;
	bool invalidation = step->kind == OC_STEP_INVALIDATE;
	const struct oc_step *walk = access ? translation_of(telling->result, step) : NULL;

	if (reads(step) || writes(step))
		word_json(json, telling, step);
	if (walk)
		json_object_set_new(json, "walk", json_integer(walk - telling->result->steps + 1));
	if (access || invalidation || step->kind == OC_STEP_FAULT || step->kind == OC_STEP_TRANSLATE ||
	    step->place == OC_AT_ENTRY)
		json_object_set_new(json, "va", json_integer((json_int_t)step->va));
	if (step->kind == OC_STEP_TRANSLATE || invalidation || step->place == OC_AT_ENTRY)
		json_object_set_new(json, "level", json_integer(step->level));
	if (step->kind == OC_STEP_TRANSLATE || invalidation || step->kind == OC_STEP_ROOT)
		json_object_set_new(json, "asid", json_integer(step->asid));
	if (invalidation) {
		json_object_set_new(json, "bytes", json_integer((json_int_t)(step->pages * OCT_PAGE_SIZE)));
		json_object_set_new(json, "broadcast", json_boolean(step->broadcast));
	} else if (step->kind == OC_STEP_TRANSLATE) {
		json_object_set_new(
		    json, "bytes",
		    json_integer((json_int_t)1 << (OCT_PAGE_SHIFT + step->level * OCT_TABLE_SHIFT)));
	}
}

/* What each TLB may hold after a step that changed it. */
static void tlbs_json(json_t *json, const struct oc_step *step)
{
	json_t *tlbs = json_object();
	char cpu[16];

	for (unsigned i = 0; i < OC_MAX_ACTORS; i++) {
		if (!step->tlb_of[i])
			continue;
		snprintf(cpu, sizeof(cpu), "cpu%u", i);
		json_object_set_new(tlbs, cpu, json_string(step->tlb_of[i]));
	}
	if (json_object_size(tlbs))
		json_object_set(json, "tlbs", tlbs);
	json_decref(tlbs);
}

static json_t *step_json(struct telling *telling, unsigned index)
{
	const struct oc_step *step = &telling->result->steps[index];
	json_t *json = json_object();
	struct text text;
	char line[512];

	tell(&text, telling, step);
	source_line(telling->source, step->pc, line, sizeof(line));
	json_object_set_new(json, "step", json_integer((json_int_t)index + 1));
	json_object_set_new(
	    json, "lane",
	    json_string(step->lane < telling->result->nlanes ? telling->result->lanes[step->lane] : ""));
	json_object_set_new(json, "kind", json_string(kind_name(step->kind)));
	json_object_set_new(json, "does", json_string(text.data));
	json_object_set_new(json, "source", json_string(line));
	json_object_set_new(json, "stale", json_boolean(step->stale));
	json_object_set_new(json, "routine", json_boolean(is_routine(telling->result, step)));
	detail_json(json, telling, step);
	if (step->tlb)
		json_object_set_new(json, "tlb", json_string(step->tlb));
	tlbs_json(json, step);
	return json;
}

static json_t *schedule_json(const struct oc_result *result)
{
	struct telling telling = {.result = result};
	json_t *schedule = json_array();

	if (!result->nsteps)
		return schedule;
	telling.source = source_open();
	for (unsigned i = 0; i < result->nsteps; i++)
		json_array_append_new(schedule, step_json(&telling, i));
	source_close(telling.source);
	return schedule;
}

/* "a=1 r=0" as {"a": 1, "r": 0}; a value that is no number stays a string. */
static json_t *state_json(const char *state)
{
	json_t *json = json_object();
	char copy[sizeof(((struct oc_outcome *)0)->state)], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", state);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *value = strchr(word, '='), *end;
		unsigned long long number;

		if (!value)
			continue;
		*value++ = 0;
		number = strtoull(value, &end, 0);
		json_object_set_new(json, word,
		                    *value && !*end ? json_integer((json_int_t)number) : json_string(value));
	}
	return json;
}

static json_t *outcomes_json(const struct oc_result *result)
{
	json_t *outcomes = json_array();

	for (unsigned i = 0; i < result->noutcomes; i++) {
		json_t *one = json_object();

		json_object_set_new(one, "state", state_json(result->outcomes[i].state));
		json_object_set_new(one, "executions",
		                    json_integer((json_int_t)result->outcomes[i].executions));
		json_array_append_new(outcomes, one);
	}
	return outcomes;
}

json_t *expected_json(unsigned expected, json_t *into)
{
	unsigned kind = OC_EXPECT_KIND(expected);
	const char *name = "holds";

	if (kind == OC_EXPECT_KIND(OC_OPEN))
		name = "open";
	else if (kind == OC_EXPECT_KIND(OC_ALLOWED))
		name = "allowed";
	else if (kind == OC_EXPECT_KIND(OC_FORBIDDEN))
		name = "forbidden";
	else if (kind == OC_EXPECT_KIND(OC_VIOLATES(0)))
		name = "violation";
	else if (kind == OC_EXPECT_KIND(OC_BOUNDED(0)))
		name = "bounded";
	json_object_set_new(into, "expected", json_string(name));
	if (kind == OC_EXPECT_KIND(OC_VIOLATES(0)))
		json_object_set_new(into, "expected_invariant",
		                    json_string(oc_what_name((enum oc_what)OC_EXPECT_ARG(expected))));
	if (kind == OC_EXPECT_KIND(OC_BOUNDED(0)))
		json_object_set_new(into, "expected_bound", json_integer(OC_EXPECT_ARG(expected)));
	return into;
}

/* The command that shows this execution again: knobs and files are not part of an id. */
static json_t *again_json(const struct job *job, const struct oc_knobs *knobs, const char *id)
{
	char bbm[16] = "";
	json_t *again;

	if (!*id)
		return json_null();
	if (knobs->bbm)
		snprintf(bbm, sizeof(bbm), " --bbm=%u", knobs->bbm);
	again = json_sprintf("octavo check --replay %s%s%s%s%s%s%s%s%s%s%s%s", id, job->file ? " " : "",
	                     job->file ? job->file : "", knobs->sw_ad ? " --sw-ad" : "",
	                     knobs->ets2 ? " --ets2" : "", bbm, knobs->iommu_snoops ? " --iommu-snoops" : "",
	                     knobs->spec_young ? " --spec-young" : "", knobs->stray_ad ? " --stray-ad" : "",
	                     knobs->tce ? " --tce" : "", knobs->reuse ? " --reuse" : "",
	                     knobs->svvptc ? " --svvptc" : "");
	return again ? again : json_null();
}

static double cpu_seconds(const struct rusage *r)
{
	return (double)(r->ru_utime.tv_sec + r->ru_stime.tv_sec) +
	       1e-6 * (double)(r->ru_utime.tv_usec + r->ru_stime.tv_usec);
}

/* Of the process that explored, which is this one, and of its workers: for make bench. */
static void add_usage(json_t *json)
{
	struct rusage self, workers;

	if (getrusage(RUSAGE_SELF, &self) || getrusage(RUSAGE_CHILDREN, &workers))
		return;
	json_object_set_new(json, "cpu_seconds", json_real(cpu_seconds(&self)));
	json_object_set_new(json, "cpu_seconds_workers", json_real(cpu_seconds(&workers)));
	json_object_set_new(json, "rss_kib", json_integer(self.ru_maxrss));
}

json_t *result_json(const struct job *job, const struct oc_options *options, const struct oc_result *result)
{
	json_t *json = json_object(), *lanes = json_array();
	bool violation = result->verdict == OC_V_VIOLATION;

	json_object_set_new(json, "name", json_string(job->name));
	json_object_set_new(json, "arch", json_string(oc_arch_name(job->arch)));
	json_object_set_new(json, "memory", json_string(options->memory == OC_RC11 ? "rc11" : "sc"));
	json_object_set_new(json, "machine", json_string(result->stress ? "sim" : "model"));
	json_object_set_new(json, "verdict", json_string(oc_verdict_name(result->verdict)));
	expected_json(job->expected, json);
	json_object_set_new(json, "met", json_boolean(oc_result_meets(result, job->expected)));
	json_object_set_new(json, "invariant",
	                    violation ? json_string(oc_what_name(result->what)) : json_null());
	if (violation)
		json_object_set_new(json, "meaning", json_string(oc_what_meaning(result->what)));
	json_object_set_new(json, "text", json_string(result->text));
	json_object_set_new(json, "assumptions", json_string(result->assumptions));
	json_object_set_new(json, "bound", result->bound < 0 ? json_null() : json_integer(result->bound));
	json_object_set_new(json, "executions", json_integer((json_int_t)result->executions));
	json_object_set_new(json, "blocked", json_integer((json_int_t)result->blocked));
	json_object_set_new(json, "runs", json_integer((json_int_t)result->runs));
	json_object_set_new(json, "events_max", json_integer(result->events_max));
	json_object_set_new(json, "seconds", json_real(result->seconds));
	add_usage(json);
	json_object_set_new(json, "id", *result->id ? json_string(result->id) : json_null());
	json_object_set_new(json, "again", again_json(job, &options->knobs, result->id));
	for (unsigned i = 0; i < result->nlanes; i++)
		json_array_append_new(lanes, json_string(result->lanes[i]));
	json_object_set_new(json, "lanes", lanes);
	json_object_set_new(json, "schedule", schedule_json(result));
	if (result->ncures)
		json_object_set_new(json, "cures", cures_json(result));
	if (options->outcomes)
		json_object_set_new(json, "outcomes", outcomes_json(result));
	if (result->missing_cover)
		json_object_set_new(json, "missing_cover", json_string(result->missing_cover));
	return json;
}
