/* report_story.c: from the JSON of a result to what a report draws. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "report.h"

bool step_is(const struct step *step, const char *kind)
{
	return !strcmp(step->kind, kind);
}

int cpu_name_length(const char *lane)
{
	return (int)strcspn(lane, " ");
}

bool bar_stale(const struct bar *bar)
{
	return bar->overwritten && bar->overwritten < bar->last_use;
}

static void read_lanes(struct story *story)
{
	json_t *lane;
	size_t index;

	json_array_foreach(json_object_get(story->result, "lanes"), index, lane)
	{
		const char *name = json_string_value(lane);
		unsigned cpu = 0;

		if (!name || story->nlanes == REPORT_LANES)
			continue;
		for (; cpu < story->ncpus; cpu++) {
			const char *other = story->lanes[story->first_lane[cpu]];

			if (cpu_name_length(other) == cpu_name_length(name) &&
			    !strncmp(other, name, (size_t)cpu_name_length(name)))
				break;
		}
		if (cpu == story->ncpus)
			story->first_lane[story->ncpus++] = story->nlanes;
		story->cpu_of[story->nlanes] = cpu;
		story->lanes[story->nlanes++] = name;
	}
}

static unsigned lane_of(const struct story *story, const char *name)
{
	for (unsigned i = 0; i < story->nlanes; i++)
		if (!strcmp(story->lanes[i], name))
			return i;
	return 0;
}

/* What happens to translations, as opposed to what software does about them. */
static bool is_mmu(const struct step *step)
{
	static const char *const kinds[] = {"translate",  "load", "store", "fault", "accessed-dirty",
	                                    "invalidate", "root", "free",  "alloc", "fail"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (step_is(step, kinds[i]))
			return true;
	return !strcmp(step->place, "entry") && (step_is(step, "write") || step_is(step, "rmw"));
}

static void read_step(struct story *story, struct step *step, const json_t *json)
{
	step->kind = jstring(json, "kind");
	step->does = jstring(json, "does");
	step->source = jstring(json, "source");
	step->tlb = jstring(json, "tlb");
	step->place = jstring(json, "place");
	step->at = jstring(json, "at");
	step->value = jstring(json, "value");
	step->old = jstring(json, "old");
	step->lane = lane_of(story, jstring(json, "lane"));
	step->told = !json_is_true(json_object_get(json, "routine"));
	step->stale = json_is_true(json_object_get(json, "stale"));
	step->broadcast = json_is_true(json_object_get(json, "broadcast"));
	step->word = (int)jint(json, "word");
	step->from = (int)jint(json, "from");
	step->walk = (int)jint(json, "walk");
	step->va = (uint64_t)jint(json, "va");
	step->bytes = (uint64_t)jint(json, "bytes");
	step->level = (int)jint(json, "level");
	step->asid = (int)jint(json, "asid");
	step->mmu = is_mmu(step);
	story->mmu |= step_is(step, "translate");
}

/* Steps of the same lane before a step: the nearest of a kind. 0: none. */
static int lane_before(const struct story *story, int at, const char *kind)
{
	for (int i = at - 1; i > 0; i--)
		if (story->steps[i].lane == story->steps[at].lane && step_is(&story->steps[i], kind))
			return i;
	return 0;
}

/* A fault follows the walk that met it; a completion waits for the invalidations since the last one. */
static void relate(struct story *story, int at)
{
	struct step *step = &story->steps[at];

	if (step_is(step, "fault") && !step->walk)
		step->walk = lane_before(story, at, "translate");
	if (!step_is(step, "complete"))
		return;
	for (int i = at - 1; i > 0; i--) {
		const struct step *before = &story->steps[i];

		if (before->lane != step->lane)
			continue;
		if (step_is(before, "complete"))
			break;
		if (step_is(before, "invalidate"))
			step->completes = i;
	}
	step->mmu = step->completes != 0;
}

/* ---- What each CPU kept ---------------------------------------------------------------------- */

/* When is an invalidation complete? Where it is no broadcast of arm64's kind, at once. 0: never. */
static int completed(const struct story *story, int invalidation)
{
	if (strcmp(jstring(story->result, "arch"), "arm64"))
		return invalidation;
	for (int i = invalidation + 1; i <= story->nsteps; i++)
		if (story->steps[i].lane == story->steps[invalidation].lane &&
		    step_is(&story->steps[i], "complete"))
			return i;
	return 0;
}

static bool covers(const struct story *story, const struct step *invalidation, const struct bar *bar)
{
	const struct step *walk = &story->steps[bar->walk];
	uint64_t start = walk->va & ~(walk->bytes - 1);

	if (!step_is(invalidation, "invalidate"))
		return false;
	if (!invalidation->broadcast && story->cpu_of[invalidation->lane] != bar->cpu)
		return false;
	if (invalidation->asid && invalidation->asid < 0xff && walk->asid && walk->asid != invalidation->asid)
		return false;
	if (!invalidation->bytes)
		return true;
	if (bar->level && !invalidation->level)
		return false; /* of leaves only */
	return invalidation->va < start + walk->bytes && invalidation->va + invalidation->bytes > start;
}

bool step_walks(const struct story *story, int at, const struct bar *bar)
{
	const struct step *step = &story->steps[at];

	return step_is(step, "translate") && step->word == bar->word && step->from == bar->from &&
	       story->cpu_of[step->lane] == bar->cpu;
}

bool step_uses(const struct story *story, int at, const struct bar *bar)
{
	const struct step *step = &story->steps[at];
	int walk = step->walk;

	if (!walk || story->cpu_of[step->lane] != bar->cpu || at < bar->walk || at > bar->last_use)
		return false;
	if (!step_is(step, "load") && !step_is(step, "store") && !step_is(step, "fault"))
		return false;
	/* From the leaf that the access took up to the root. */
	for (; walk > 0; walk--) {
		const struct step *entry = &story->steps[walk];

		if (entry->lane != step->lane || !step_is(entry, "translate"))
			break;
		if (entry->word == bar->word && entry->from == bar->from)
			return true;
		if (!bar->level)
			break;
	}
	return false;
}

/* The last step that used what the walk at a step took. */
static int last_use_of(const struct story *story, int walk)
{
	int leaf = walk, last = walk;

	while (leaf < story->nsteps && story->steps[leaf].level &&
	       story->steps[leaf + 1].lane == story->steps[walk].lane &&
	       step_is(&story->steps[leaf + 1], "translate"))
		leaf++;
	for (int i = leaf; i <= story->nsteps; i++)
		if (story->steps[i].walk == leaf || i == leaf)
			last = i;
	return last;
}

static int overwritten(const struct story *story, int word, int from)
{
	for (int i = from + 1; i <= story->nsteps; i++)
		if (story->steps[i].word == word &&
		    (step_is(&story->steps[i], "write") || step_is(&story->steps[i], "rmw")))
			return i;
	return 0;
}

/* May the CPU of a step hold the leaf after it? The checker's own answer: "0x10000: p3 rw dirty; ...". */
static bool may_hold(const struct step *step, const struct bar *bar)
{
	char item[160];
	size_t length = strlen(bar->value);
	const char *found = step->tlb;

	if (length < 2)
		return false;
	snprintf(item, sizeof(item), "0x%llx: %.*s", (unsigned long long)bar->va, (int)length - 2,
	         bar->value + 1);
	length = strlen(item);
	while ((found = strstr(found, item)) && found[length] && found[length] != ';')
		found++;
	return found != NULL;
}

/* On x86 a fault drops the entry that it met. */
static bool dropped_by_fault(const struct story *story, const struct bar *bar)
{
	return !strcmp(jstring(story->result, "arch"), "x86_64") &&
	       step_is(&story->steps[bar->last_use], "fault");
}

/* What is not told may have emptied the TLB, or kept it empty: a CPU that has yet to run the space. */
static void start_late(const struct story *story, struct bar *bar)
{
	for (int i = bar->since + 1; i < bar->walk && !bar->level && !bar->survived; i++)
		if (story->cpu_of[story->steps[i].lane] == bar->cpu && !may_hold(&story->steps[i], bar))
			bar->since = i;
}

/* Where the bar ends: at the first invalidation that is complete after the last use, and if the entry
 * was stale by then, issued after the store that made it so. And where it starts: one that is complete
 * before the first walk emptied the TLB, and the entry was read again; unless it had been overwritten by
 * then, in which case it was kept: that invalidation is not ordered between the store and the walk. */
static void bound_bar(const struct story *story, struct bar *bar)
{
	bar->since = bar->from;
	bar->issued = bar->ended = bar->survived = 0;
	for (int i = 1; i <= story->nsteps; i++) {
		int end = covers(story, &story->steps[i], bar) ? completed(story, i) : 0;
		bool late = bar->overwritten && i > bar->overwritten;

		if (!end)
			continue;
		if (end < bar->walk && late)
			bar->survived = end;
		else if (end < bar->walk && end > bar->since)
			bar->since = end;
		if (end > bar->last_use && !bar->ended && !(bar_stale(bar) && !late)) {
			bar->issued = i;
			bar->ended = end;
		}
	}
	start_late(story, bar);
	if (dropped_by_fault(story, bar))
		bar->issued = bar->ended = bar->last_use;
}

static void add_walk(struct story *story, int at)
{
	const struct step *step = &story->steps[at];
	int last = last_use_of(story, at);
	struct bar *bar;

	for (unsigned i = 0; i < story->nbars; i++) {
		bar = &story->bars[i];
		if (bar->cpu != story->cpu_of[step->lane] || bar->word != step->word ||
		    bar->from != step->from || (bar->ended && bar->ended < at))
			continue;
		if (last > bar->last_use)
			bar->last_use = last;
		bound_bar(story, bar);
		return;
	}
	bar = &story->bars[story->nbars];
	*bar = (struct bar){.cpu = story->cpu_of[step->lane],
	                    .value = step->value,
	                    .va = step->va & ~(step->bytes - 1),
	                    .word = step->word,
	                    .level = step->level,
	                    .row = story->nbars,
	                    .from = step->from,
	                    .walk = at,
	                    .last_use = last,
	                    .overwritten = overwritten(story, step->word, step->from)};
	/* Not every entry is cached: what faults may be walked and forgotten. */
	if (!bar->level && !may_hold(step, bar))
		return;
	story->nbars++;
	bound_bar(story, bar);
}

/* Leaves always; of the upper levels, those that changed under the CPU. */
static bool worth_a_bar(const struct story *story, int at)
{
	const struct step *step = &story->steps[at];
	int by;

	if (!step_is(step, "translate"))
		return false;
	if (!step->level)
		return true;
	by = overwritten(story, step->word, step->from);
	return by && by < last_use_of(story, at) && !strncmp(step->value, "[table", 6);
}

/* The walks and accesses of a bar, and which of them came after its entry was overwritten. */
static void mark_uses(struct story *story, const struct bar *bar)
{
	for (int i = bar->walk; i <= bar->last_use; i++) {
		struct step *step = &story->steps[i];
		bool uses = step_uses(story, i, bar);

		step->on_bar |= uses || step_walks(story, i, bar);
		step->harm |= uses && bar_stale(bar) && i > bar->overwritten;
	}
}

/* Bars that are alike and never stale share a row, one after the other. */
static void share_rows(struct story *story)
{
	for (unsigned i = 0; i < story->nbars; i++) {
		struct bar *bar = &story->bars[i];

		for (unsigned k = i; k-- > 0 && bar->row == i;) {
			const struct bar *before = &story->bars[k];

			if (before->cpu != bar->cpu || before->word != bar->word || before->from != bar->from)
				continue;
			if (!bar_stale(bar) && !bar_stale(before) && before->ended &&
			    before->ended <= bar->since)
				bar->row = before->row;
			break;
		}
	}
}

bool story_read(struct story *story, const json_t *result)
{
	json_t *schedule = json_object_get(result, "schedule"), *step;
	size_t index;

	*story = (struct story){.result = result};
	read_lanes(story);
	story->steps = calloc(json_array_size(schedule) + 1, sizeof(*story->steps));
	story->bars = calloc(json_array_size(schedule) + 1, sizeof(*story->bars));
	if (!story->steps || !story->bars)
		return false;
	story->steps[0].kind = story->steps[0].place = "";
	story->nsteps = (int)json_array_size(schedule);
	json_array_foreach(schedule, index, step) read_step(story, &story->steps[index + 1], step);
	for (int i = 1; i <= story->nsteps; i++)
		relate(story, i);
	for (int i = 1; i <= story->nsteps; i++)
		if (worth_a_bar(story, i))
			add_walk(story, i);
	for (unsigned i = 0; i < story->nbars; i++)
		mark_uses(story, &story->bars[i]);
	share_rows(story);
	return true;
}

void story_free(struct story *story)
{
	free(story->steps);
	free(story->bars);
	story->steps = NULL;
	story->bars = NULL;
}
