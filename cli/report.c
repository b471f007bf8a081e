/* report.c: results as HTML pages, each complete in one file. SPDX-License-Identifier: MIT
 *
 * A page for each result that has a schedule, and index.html for all of them. A page is written beside
 * its name and moved there when it is whole. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli.h"
#include "report.h"

void escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

/* An element without attributes but a class, around escaped text. */
static void element(FILE *out, const char *tag, const char *class, const char *text)
{
	fprintf(out, "<%s%s%s%s>", tag, *class ? " class=\"" : "", class, *class ? "\"" : "");
	escaped(out, text);
	fprintf(out, "</%s>", tag);
}

static const char *status_class(const json_t *result)
{
	static const char *const classes[] = {
	    [STATUS_EXPECTED] = "good",
	    [STATUS_UNEXPECTED] = "bad",
	    [STATUS_USAGE] = "bad",
	    [STATUS_NOT_EXHAUSTED] = "warn",
	};

	return classes[result_status(result)];
}

static void page_head(FILE *out, const char *title)
{
	fputs(
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
	    "content=\"width=device-width, initial-scale=1\">\n<link rel=\"icon\" href=\"data:,\">\n",
	    out);
	element(out, "title", "", title);
	fprintf(out, "\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", report_style);
}

static void page_foot(FILE *out)
{
	fputs("</main>\n</body>\n</html>\n", out);
}

/* ---- The parts of a page ----------------------------------------------------------------------- */

static void header(FILE *out, const json_t *result)
{
	char verdict[48], expected[48];

	verdict_text(result, "verdict", "invariant", verdict, sizeof(verdict));
	verdict_text(result, "expected", "expected_invariant", expected, sizeof(expected));
	fputs("<header>\n<p class=\"screen\"><a href=\"index.html\">all results</a></p>\n<h1>", out);
	escaped(out, jstring(result, "name"));
	element(out, "span", "chip", jstring(result, "arch"));
	fprintf(out, "<span id=\"verdict\" class=\"chip %s\">",
	        strcmp(jstring(result, "verdict"), "violation") ? status_class(result) : "bad");
	escaped(out, verdict);
	fputs("</span>", out);
	if (result_status(result) != STATUS_EXPECTED)
		fprintf(out, "<span class=\"chip %s\">%s</span>", status_class(result),
		        result_status(result) == STATUS_NOT_EXHAUSTED ? "not exhausted" : "not as expected");
	fputs("</h1>\n<p class=\"seen\">", out);
	if (*jstring(result, "meaning"))
		element(out, "strong", "", jstring(result, "meaning"));
	if (*jstring(result, "meaning") && *jstring(result, "text"))
		fputs(": ", out);
	escaped(out, jstring(result, "text"));
	fputs("</p>\n<p id=\"assumptions\">Assuming ", out);
	escaped(out, jstring(result, "assumptions"));
	fprintf(out, ".</p>\n<p class=\"soft\">Executions: %lld, blocked: %lld, seconds: %.2f, expected: ",
	        (long long)jint(result, "executions"), (long long)jint(result, "blocked"),
	        json_real_value(json_object_get(result, "seconds")));
	escaped(out, expected);
	fputs(".</p>\n", out);
	if (*jstring(result, "again")) {
		fputs("<pre id=\"replay\">", out);
		escaped(out, jstring(result, "again"));
		fputs("</pre>\n", out);
	}
	fputs("</header>\n", out);
}

static void step_reference(FILE *out, const struct story *story, int i)
{
	fprintf(out, "<a href=\"#step-%d\">step %d</a>", i, i);
	if (*story->steps[i].source) {
		fputs(" (", out);
		element(out, "code", "", story->steps[i].source);
		fputs(")", out);
	}
}

/* Did the CPU wait for its own invalidation, and then go on without an ISB? */
static bool unsynchronised(const struct story *story, const struct bar *bar)
{
	unsigned lane = story->steps[bar->survived].lane;

	for (int i = bar->survived; i < bar->walk; i++)
		if (story->steps[i].lane == lane && step_is(&story->steps[i], "isb"))
			return false;
	return story->cpu_of[lane] == bar->cpu && !strcmp(jstring(story->result, "arch"), "arm64");
}

/* What became of it. */
static void stale_end(FILE *out, const struct story *story, const struct bar *bar)
{
	if (bar->survived) {
		fputs(" An invalidation was complete at ", out);
		step_reference(out, story, bar->survived);
		fputs(", but it is not ordered both after that store and before the walk", out);
		fputs(unsynchronised(story, bar) ? ": the CPU did not synchronise its context." : ".", out);
	}
	if (bar->ended && bar->ended != bar->issued) {
		fputs(" Its invalidation was issued at ", out);
		step_reference(out, story, bar->issued);
		fputs(", complete at ", out);
	} else if (bar->ended) {
		fputs(step_is(&story->steps[bar->ended], "fault") ? " The fault dropped it at "
		                                                  : " It was invalidated at ",
		      out);
	} else if (!bar->survived) {
		fputs(" It was never invalidated.", out);
	}
	if (!bar->ended)
		return;
	step_reference(out, story, bar->ended);
	fputs(".", out);
}

/* Who kept what, from which store, until when, and what was done with it. */
static void stale_item(FILE *out, const struct story *story, const struct bar *bar)
{
	const char *cpu = story->lanes[story->first_lane[bar->cpu]];
	const struct step *by = &story->steps[bar->overwritten];

	fprintf(out, "<li><strong>%.*s</strong> kept <strong>", cpu_name_length(cpu), cpu);
	escaped(out, bar->value);
	fprintf(out, "</strong> for %s<code>0x%llx</code>, ", bar->level ? "the walk of " : "",
	        (unsigned long long)bar->va);
	if (bar->from) {
		fputs("stored at ", out);
		step_reference(out, story, bar->from);
	} else {
		fputs("there since the start", out);
	}
	fputs(". ", out);
	escaped(out, story->lanes[by->lane]);
	fputs(" overwrote it with ", out);
	escaped(out, by->value);
	fputs(" at ", out);
	step_reference(out, story, bar->overwritten);
	fputs(".", out);
	for (int i = bar->overwritten + 1; i <= bar->last_use; i++) {
		if (!step_uses(story, i, bar))
			continue;
		fputs(" ", out);
		element(out, "strong", "", story->lanes[story->steps[i].lane]);
		fputs(" still used it at ", out);
		step_reference(out, story, i);
		fprintf(out, ": %s ",
		        step_is(&story->steps[i], "fault") ? "it faulted" : story->steps[i].kind);
		if (*story->steps[i].at) {
			fputs("of ", out);
			escaped(out, story->steps[i].value);
			fputs(step_is(&story->steps[i], "load") ? " from " : " to ", out);
			escaped(out, story->steps[i].at);
		}
		fputs(".", out);
	}
	stale_end(out, story, bar);
	fputs("</li>\n", out);
}

static void stale_list(FILE *out, const struct story *story)
{
	fputs("<ul class=\"stale-list\">\n", out);
	for (unsigned i = 0; i < story->nbars; i++)
		if (bar_stale(&story->bars[i]))
			stale_item(out, story, &story->bars[i]);
	fputs("</ul>\n", out);
}

/* What, added alone, would have prevented it. */
static void cures(FILE *out, const json_t *result)
{
	const json_t *all = json_object_get(result, "cures"), *one;
	size_t index;

	if (!json_array_size(all))
		return;
	fputs("<div id=\"cures\" class=\"cures\">One of these, added, makes it unreachable:\n<ul>\n", out);
	json_array_foreach(all, index, one)
	{
		fprintf(out, "<li>a <strong>%s</strong> after ",
		        strcmp(jstring(one, "add"), "flush") ? "full barrier"
		                                             : "flush on every CPU, complete,");
		element(out, "code", "", jstring(one, "after"));
		fputs(" (", out);
		escaped(out, jstring(one, "lane"));
		fprintf(out, "): %lld executions, %s</li>\n", (long long)jint(one, "executions"),
		        json_is_true(json_object_get(one, "exhausted")) ? "all" : "not exhausted");
	}
	fputs("</ul>\n</div>\n", out);
}

static const char *row_class(const struct story *story, const struct step *step)
{
	if (step_is(step, "fail") || step_is(step, "blocked"))
		return "fail";
	if (step->stale || step->harm)
		return "stale";
	if (step_is(step, "invalidate") || step->completes)
		return "invalidate";
	if (!strcmp(step->place, "entry") && step->mmu && !step_is(step, "translate"))
		return "entry";
	return step->mmu || !story->mmu ? "plain" : "quiet";
}

static void table_row(FILE *out, const struct story *story, int i)
{
	const struct step *step = &story->steps[i];

	fprintf(out, "<tr id=\"step-%d\" class=\"%s\"><td class=\"step\">%d</td>", i, row_class(story, step),
	        i);
	for (unsigned lane = 0; lane < story->nlanes; lane++) {
		if (lane != step->lane) {
			fputs("<td class=\"lane\"></td>", out);
			continue;
		}
		fputs("<td class=\"lane does\">", out);
		escaped(out, step->does);
		element(out, "span", "source mono", step->source);
		fputs("</td>", out);
	}
	fputs("</tr>\n", out);
}

static void table(FILE *out, const struct story *story)
{
	fputs("<section>\n<h2>Schedule</h2>\n", out);
	if (story->mmu)
		fputs("<input type=\"checkbox\" id=\"mmu-only\" class=\"screen\"><label for=\"mmu-only\" "
		      "class=\"screen\">only translations, entries and invalidations</label>\n",
		      out);
	fputs("<div class=\"scroll\">\n<table id=\"schedule\">\n<thead><tr><th class=\"step\">step</th>",
	      out);
	for (unsigned i = 0; i < story->nlanes; i++) {
		fprintf(out, "<th class=\"lane\" id=\"lane-%u\">", i);
		escaped(out, story->lanes[i]);
		fputs("</th>", out);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
	for (int i = 1; i <= story->nsteps; i++)
		if (story->steps[i].told)
			table_row(out, story, i);
	fputs("</tbody>\n</table>\n</div>\n</section>\n", out);
}

static void key(FILE *out, const char *shape, const char *text)
{
	fprintf(out, "<span><svg width=\"26\" height=\"18\" viewBox=\"0 0 26 18\">%s</svg>%s</span>\n", shape,
	        text);
}

static bool tlb_section(FILE *out, const struct story *story)
{
	bool good;

	fputs("<section>\n<h2>What each TLB kept</h2>\n<div class=\"scroll\">\n", out);
	good = report_tlb(out, story);
	fputs("</div>\n<div class=\"legend\">\n", out);
	key(out, "<rect class=\"bar fresh\" x=\"1\" y=\"2\" width=\"24\" height=\"14\" rx=\"3\"/>",
	    "kept, as in memory");
	key(out,
	    "<rect class=\"bar stale\" x=\"1\" y=\"2\" width=\"24\" height=\"14\" rx=\"3\"/><rect "
	    "class=\"hatch\" x=\"1\" y=\"2\" width=\"24\" height=\"14\"/>",
	    "kept and used, overwritten in memory");
	key(out, "<rect class=\"bar rest stale-rest\" x=\"1\" y=\"2\" width=\"24\" height=\"14\" rx=\"3\"/>",
	    "may still be kept");
	key(out, "<circle class=\"mark walk\" cx=\"13\" cy=\"9\" r=\"5\"/>", "translation");
	key(out, "<path class=\"mark store\" d=\"M6 3h14l-7 12z\"/>", "store through it");
	key(out, "<path class=\"mark load\" d=\"M6 15h14l-7-12z\"/>", "load through it");
	key(out, "<path class=\"mark fault\" d=\"M8 4l10 10m0-10l-10 10\"/>", "fault");
	key(out, "<rect class=\"mark entry\" x=\"8\" y=\"4\" width=\"11\" height=\"11\"/>",
	    "stores an entry");
	key(out, "<path class=\"mark invalidate\" d=\"M13 2l7 7-7 7-7-7z\"/>", "invalidation");
	key(out, "<path class=\"mark complete\" d=\"M13 2l7 7-7 7-7-7z\"/>", "invalidations complete");
	key(out, "<rect class=\"mark other\" x=\"10\" y=\"6\" width=\"6\" height=\"6\"/>", "frees, switches");
	key(out, "<circle class=\"mark seen-here\" cx=\"13\" cy=\"9\" r=\"7\"/>", "violation seen");
	fputs("</div>\n</section>\n", out);
	return good;
}

static void edge_key(FILE *out, const char *class, const char *text)
{
	char shape[128];

	snprintf(shape, sizeof(shape), "<line class=\"edge %s\" x1=\"1\" y1=\"9\" x2=\"25\" y2=\"9\"/>",
	         class);
	key(out, shape, text);
}

static bool graph_section(FILE *out, const struct story *story)
{
	bool good;

	fputs("<section>\n<h2>Execution graph</h2>\n<p class=\"soft\">Program order runs downwards in each "
	      "lane. R reads, W stores, U changes, T translates.</p>\n<div class=\"scroll\">\n",
	      out);
	good = report_graph(out, story);
	fputs("</div>\n<div class=\"legend\">\n", out);
	edge_key(out, "rf", "stores what the other reads");
	edge_key(out, "fr", "read what the other overwrites");
	if (story->mmu) {
		edge_key(out, "co", "entry overwritten by");
		edge_key(out, "via", "translation used by");
		edge_key(out, "via stale", "stale translation used by");
		edge_key(out, "done", "invalidation complete at");
		edge_key(out, "flight", "access that the completion waits for");
	}
	fputs("</div>\n</section>\n", out);
	return good;
}

static bool appendix(FILE *out, const struct story *story)
{
	char *text = json_dumps(story->result, JSON_INDENT(1) | JSON_PRESERVE_ORDER);

	fputs("<section>\n<h2>As text</h2>\n<details>\n<summary>Mermaid sequence diagram</summary>\n<pre "
	      "id=\"mermaid\">",
	      out);
	report_mermaid(out, story);
	fputs("</pre>\n</details>\n<details>\n<summary>JSON of this result</summary>\n<pre id=\"json\">",
	      out);
	if (text)
		escaped(out, text);
	fputs("</pre>\n</details>\n</section>\n", out);
	free(text);
	return text != NULL;
}

static bool page(FILE *out, const json_t *result)
{
	struct story story;
	char title[256];
	bool good = story_read(&story, result);

	snprintf(title, sizeof(title), "%s on %s: %s", jstring(result, "name"), jstring(result, "arch"),
	         jstring(result, "verdict"));
	if (good) {
		page_head(out, title);
		header(out, result);
		if (story.mmu)
			stale_list(out, &story);
		cures(out, result);
		if (story.mmu)
			good = tlb_section(out, &story);
		table(out, &story);
		good = graph_section(out, &story) && good;
		good = appendix(out, &story) && good;
		page_foot(out);
	}
	story_free(&story);
	return good;
}

/* ---- Index ------------------------------------------------------------------------------------ */

/* A name without characters that mean something in a path or address: races.14-old.arm64.html. */
static void page_name(const json_t *result, size_t index, const json_t *results, char *name, size_t size)
{
	json_t *other;
	size_t i;
	int same = 1;

	json_array_foreach(results, i,
	                   other) if (i < index && !strcmp(jstring(other, "name"), jstring(result, "name")) &&
	                              !strcmp(jstring(other, "arch"), jstring(result, "arch"))) same++;
	if (same == 1)
		snprintf(name, size, "%s.%s", jstring(result, "name"), jstring(result, "arch"));
	else
		snprintf(name, size, "%s.%s.%d", jstring(result, "name"), jstring(result, "arch"), same);
	for (char *c = name; *c; c++)
		if (*c == '/')
			*c = '.';
		else if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-_", *c) ||
		         (c == name && *c == '.'))
			*c = '_';
	strncat(name, ".html", size - strlen(name) - 1);
}

static bool has_schedule(const json_t *result)
{
	return json_array_size(json_object_get(result, "schedule")) > 0;
}

static void index_row(FILE *out, const json_t *results, size_t index)
{
	const json_t *result = json_array_get(results, index);
	char verdict[48], expected[48], name[256];

	verdict_text(result, "verdict", "invariant", verdict, sizeof(verdict));
	verdict_text(result, "expected", "expected_invariant", expected, sizeof(expected));
	fprintf(out, "<tr%s><td>", result_status(result) == STATUS_EXPECTED ? "" : " class=\"unmet\"");
	if (has_schedule(result)) {
		page_name(result, index, results, name, sizeof(name));
		fprintf(out, "<a href=\"%s\">", name);
	}
	escaped(out, jstring(result, "name"));
	fprintf(out, "%s</td><td>%s</td><td>", has_schedule(result) ? "</a>" : "", jstring(result, "arch"));
	fprintf(out, "<span class=\"chip %s\">", status_class(result));
	escaped(out, verdict);
	fputs("</span></td><td>", out);
	escaped(out, expected);
	fprintf(out,
	        "</td><td class=\"count\">%lld</td><td class=\"count\">%lld</td><td "
	        "class=\"count\">%.2f</td><td>",
	        (long long)jint(result, "executions"), (long long)jint(result, "blocked"),
	        json_real_value(json_object_get(result, "seconds")));
	escaped(out, *jstring(result, "missing_cover") ? "never reached: " : jstring(result, "text"));
	escaped(out, jstring(result, "missing_cover"));
	fputs("</td></tr>\n", out);
}

static void index_page(FILE *out, const json_t *results)
{
	static const char *const names[] = {"as expected", "not as expected", "could not be explored",
	                                    "not exhausted"};
	unsigned count[4] = {0};
	json_t *result;
	size_t index;

	json_array_foreach(results, index, result) count[result_status(result)]++;
	page_head(out, "Octavo: results");
	fputs("<header>\n<h1>Results</h1>\n<p class=\"seen\">", out);
	for (int i = 0; i < 4; i++)
		if (!i || count[i])
			fprintf(out, "%s%u %s", i ? ", " : "", count[i], names[i]);
	fprintf(out, "</p>\n<p class=\"soft\">octavo %s. Names with a schedule lead to it.</p>\n</header>\n",
	        OCTAVO_VERSION);
	fputs("<div class=\"scroll\">\n<table class=\"index\" id=\"results\">\n<thead><tr><th>scenario</th>"
	      "<th>arch</th><th>verdict</th><th>expected</th><th class=\"step\">executions</th>"
	      "<th class=\"step\">blocked</th><th "
	      "class=\"step\">seconds</th><th>seen</th></tr></thead>\n<tbody>\n",
	      out);
	for (index = 0; index < json_array_size(results); index++)
		index_row(out, results, index);
	fputs("</tbody>\n</table>\n</div>\n", out);
	page_foot(out);
}

/* ---- Files ------------------------------------------------------------------------------------- */

bool report_prepare(const char *directory)
{
	struct stat status;

	if (mkdir(directory, 0777) && errno != EEXIST) {
		fprintf(stderr, "octavo: cannot make %s: %s\n", directory, strerror(errno));
		return false;
	}
	if (stat(directory, &status) || !S_ISDIR(status.st_mode) || access(directory, W_OK | X_OK)) {
		fprintf(stderr, "octavo: cannot write into %s\n", directory);
		return false;
	}
	return true;
}

/* Write the page of one result, or with NULL the index, and move it to its name. */
static bool write_page(const char *directory, const char *name, const json_t *results, const json_t *result)
{
	char *path = NULL, *fresh = NULL;
	bool good = false;
	FILE *out = NULL;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		path = NULL;
	if (asprintf(&fresh, "%s/%s.new", directory, name) < 0)
		fresh = NULL;
	errno = ENOMEM;
	if (path && fresh)
		out = fopen(fresh, "w");
	if (out) {
		good = true;
		if (result)
			good = page(out, result);
		else
			index_page(out, results);
		good = !ferror(out) && good;
		good = !fclose(out) && good && !rename(fresh, path);
		if (!good)
			unlink(fresh);
	}
	if (!good)
		fprintf(stderr, "octavo: cannot write %s/%s: %s\n", directory, name, strerror(errno));
	free(path);
	free(fresh);
	return good;
}

bool report_write(const char *directory, const json_t *results)
{
	json_t *result;
	size_t index;
	char name[256];
	bool good = true;

	json_array_foreach(results, index, result)
	{
		if (!has_schedule(result))
			continue;
		page_name(result, index, results, name, sizeof(name));
		good = write_page(directory, name, results, result) && good;
	}
	return write_page(directory, "index.html", results, NULL) && good;
}
