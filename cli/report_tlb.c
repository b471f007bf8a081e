/* report_tlb.c: what each TLB kept over time, as a drawing. SPDX-License-Identifier: MIT
 *
 * Time runs rightwards, one column per step; steps that have nothing to do with translation are
 * narrow. On top stands what memory says of each entry, below it what each CPU kept. A bar starts at
 * the store that its entry was read from; it turns red where that store is overwritten. */
#include <stdlib.h>
#include <string.h>
#include "report.h"

enum {
	GUTTER = 196, /* names at the left */
	AXIS = 26,
	ROW = 26,     /* of memory, and of what a CPU does */
	BAR_ROW = 44, /* a bar and the line under it */
	BAR = 20,
	GROUP_GAP = 12,
	WIDE = 34,
	ENTRY_STORE = 52,
	NARROW = 9,
	START = 84,  /* before the first step */
	ROOM = 1090, /* that few steps are spread over */
	MARGIN = 24,
	MEMORY_ROWS = 64,
};

struct drawing {
	FILE *out;
	const struct story *story;
	double *left, *middle; /* of each step's column; 0 is the start */
	double right;          /* after the last step */
	int y;
	int *bar_y;                /* top of each bar */
	int bottom[REPORT_LANES];  /* of each CPU */
	int does_y[REPORT_LANES];  /* middle of each CPU's row of marks */
	int memory_y[MEMORY_ROWS]; /* middle of each entry's row */
	int memory_word[MEMORY_ROWS];
	unsigned nmemory;
};

static bool stores_entry(const struct step *step)
{
	return !strcmp(step->place, "entry") &&
	       (step_is(step, "write") || step_is(step, "rmw") || step_is(step, "accessed-dirty"));
}

static double column_width(const struct step *step)
{
	return !step->told ? 0 : stores_entry(step) ? ENTRY_STORE : step->mmu ? WIDE : NARROW;
}

static bool place_columns(struct drawing *d)
{
	const struct story *story = d->story;
	double x = GUTTER + START, sum = 0, scale;

	d->left = calloc((size_t)story->nsteps + 1, sizeof(*d->left));
	d->middle = calloc((size_t)story->nsteps + 1, sizeof(*d->middle));
	if (!d->left || !d->middle)
		return false;
	for (int i = 1; i <= story->nsteps; i++)
		sum += column_width(&story->steps[i]);
	scale = sum > 0 && sum < ROOM ? ROOM / sum : 1;
	scale = scale > 2.6 ? 2.6 : scale;
	d->left[0] = d->middle[0] = GUTTER;
	for (int i = 1; i <= story->nsteps; i++) {
		double width = scale * column_width(&story->steps[i]);

		d->left[i] = x;
		d->middle[i] = x + width / 2;
		x += width;
	}
	d->right = x + 14;
	return true;
}

/* Text cut to the room it has, the whole of it as a tooltip. */
static void text_in(FILE *out, const char *class, double x, double y, double room, const char *text)
{
	int fits = (int)(room / 6.6), length = (int)strlen(text);

	if (fits < 4)
		return;
	fprintf(out, "<text class=\"%s\" x=\"%.0f\" y=\"%.0f\">", class, x, y);
	if (length > fits) {
		char cut[160];

		snprintf(cut, sizeof(cut), "%.*s", fits - 1 < 150 ? fits - 1 : 150, text);
		escaped(out, cut);
		fputs("\u2026<title>", out);
		escaped(out, text);
		fputs("</title>", out);
	} else {
		escaped(out, text);
	}
	fputs("</text>\n", out);
}

static void rectangle(FILE *out, const char *class, double x, double y, double width, double height)
{
	fprintf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"3\">",
	        class, x, y, width > 1 ? width : 1, height);
}

static void line(FILE *out, const char *class, double x1, double y1, double x2, double y2)
{
	fprintf(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class, x1, y1,
	        x2, y2);
}

static void title(FILE *out, int step, const char *does)
{
	fprintf(out, "<title>step %d: ", step);
	escaped(out, does);
	fputs("</title>", out);
}

/* ---- Axis ------------------------------------------------------------------------------------ */

static void axis(struct drawing *d, int height)
{
	fprintf(d->out,
	        "<g class=\"axis\"><text class=\"gutter\" x=\"8\" y=\"17\">step</text>"
	        "<text class=\"gutter\" x=\"%d\" y=\"17\">start</text>\n",
	        GUTTER);
	for (int i = 1; i <= d->story->nsteps; i++) {
		const struct step *step = &d->story->steps[i];

		if (!step->told)
			continue;
		if (!step->mmu) {
			fprintf(d->out, "<circle class=\"tick\" cx=\"%.1f\" cy=\"13\" r=\"1.2\">",
			        d->middle[i]);
			title(d->out, i, step->does);
			fputs("</circle>\n", d->out);
			continue;
		}
		line(d->out, "grid", d->middle[i], AXIS - 4, d->middle[i], height);
		fprintf(d->out, "<text class=\"number\" x=\"%.1f\" y=\"17\">%d", d->middle[i], i);
		title(d->out, i, step->does);
		fputs("</text>\n", d->out);
	}
	fputs("</g>\n", d->out);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void segment(struct drawing *d, double from, double to, const char *value, bool changed)
{
	rectangle(d->out, changed ? "memory changed" : "memory", from, d->y + 3, to - from, ROW - 6);
	fputs("<title>", d->out);
	escaped(d->out, value);
	fputs("</title></rect>\n", d->out);
	text_in(d->out, "inside", from + 6, d->y + ROW / 2 + 4, to - from - 8, value);
}

static const char *initial_value(const struct story *story, int word)
{
	for (int i = 1; i <= story->nsteps; i++) {
		const struct step *step = &story->steps[i];

		if (step->word != word)
			continue;
		if (step_is(step, "rmw") || step_is(step, "accessed-dirty"))
			return step->from ? "" : step->old;
		if (!step->from && !stores_entry(step))
			return step->value;
	}
	return "";
}

/* Is the entry that a step walks drawn? Leaves are, and upper levels that some CPU kept too long. */
static bool drawn_entry(const struct step *step)
{
	return step_is(step, "translate") && step->told && (!step->level || step->on_bar);
}

static uint64_t entry_start(const struct step *step)
{
	return step->va & ~(step->bytes - 1);
}

/* Does another entry of the drawing have the same address, in another space? */
static bool ambiguous(const struct story *story, const struct step *walk)
{
	for (int i = 1; i <= story->nsteps; i++) {
		const struct step *step = &story->steps[i];

		if (drawn_entry(step) && entry_start(step) == entry_start(walk) &&
		    step->level == walk->level && step->word != walk->word)
			return true;
	}
	return false;
}

/* "level 1 entry of 0x10000, ASID 2" */
static void name_entry(struct drawing *d, const struct step *walk)
{
	if (walk->level)
		fprintf(d->out, "level %d ", walk->level);
	fprintf(d->out, "entry of 0x%llx", (unsigned long long)entry_start(walk));
	if (ambiguous(d->story, walk))
		fprintf(d->out, ", ASID %d", walk->asid);
}

static void memory_row(struct drawing *d, const struct step *walk)
{
	const struct story *story = d->story;
	const char *value = initial_value(story, walk->word);
	double from = GUTTER;
	bool changed = false;

	fprintf(d->out, "<g class=\"memory-row\"><text class=\"gutter\" x=\"8\" y=\"%d\">",
	        d->y + ROW / 2 + 4);
	name_entry(d, walk);
	fputs("</text>\n", d->out);
	for (int i = 1; i <= story->nsteps; i++) {
		const struct step *step = &story->steps[i];

		if (step->word != walk->word || !stores_entry(step))
			continue;
		segment(d, from, d->middle[i], value, changed);
		from = d->middle[i];
		value = step->value;
		changed = true;
	}
	segment(d, from, d->right, value, changed);
	fputs("</g>\n", d->out);
	d->memory_y[d->nmemory] = d->y + ROW / 2;
	d->memory_word[d->nmemory++] = walk->word;
	d->y += ROW;
}

/* Is this the first walk of an entry that is drawn? */
static bool first_walk(const struct story *story, int at)
{
	if (!drawn_entry(&story->steps[at]))
		return false;
	for (int i = 1; i < at; i++)
		if (drawn_entry(&story->steps[i]) && story->steps[i].word == story->steps[at].word)
			return false;
	return true;
}

static void memory(struct drawing *d)
{
	fprintf(d->out,
	        "<g class=\"memory-lane\" id=\"tlb-memory\"><text class=\"lane-name\" x=\"8\" "
	        "y=\"%d\">in memory</text>\n",
	        d->y + 16);
	d->y += 22;
	for (int i = 1; i <= d->story->nsteps; i++)
		if (first_walk(d->story, i) && d->nmemory < MEMORY_ROWS)
			memory_row(d, &d->story->steps[i]);
	fputs("</g>\n", d->out);
	d->y += GROUP_GAP;
}

/* ---- CPUs ------------------------------------------------------------------------------------ */

/* What has no shape of its own: roots, pages. */
static bool is_other(const struct step *step)
{
	return !step->completes && !step_is(step, "invalidate") && !step_is(step, "load") &&
	       !step_is(step, "store") && !step_is(step, "fault");
}

/* The shape of a step, left open for its tooltip; returns the tag to close. */
static const char *shape(FILE *out, const struct step *step, double x, double y)
{
	if (step_is(step, "translate") || step_is(step, "fail")) {
		fprintf(out, "<circle class=\"mark %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%d\">",
		        step_is(step, "fail") ? "seen-here" : "walk", x, y, step_is(step, "fail") ? 7 : 5);
		return "circle";
	}
	if (stores_entry(step) || is_other(step)) {
		double half = stores_entry(step) ? 5.5 : 3;

		fprintf(out, "<rect class=\"mark %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.0f\" height=\"%.0f\">",
		        stores_entry(step) ? "entry" : "other", x - half, y - half, 2 * half, 2 * half);
		return "rect";
	}
	if (step_is(step, "store"))
		fprintf(out, "<path class=\"mark store\" d=\"M%.1f %.1f h14 l-7 12 z\">", x - 7, y - 6);
	else if (step_is(step, "load"))
		fprintf(out, "<path class=\"mark load\" d=\"M%.1f %.1f h14 l-7 -12 z\">", x - 7, y + 6);
	else if (step_is(step, "fault"))
		fprintf(out, "<path class=\"mark fault\" d=\"M%.1f %.1f l10 10 m0 -10 l-10 10\">", x - 5,
		        y - 5);
	else
		fprintf(out, "<path class=\"mark %s\" d=\"M%.1f %.1f l7 7 l-7 7 l-7 -7 z\">",
		        step->completes ? "complete" : "invalidate", x, y - 7);
	return "path";
}

static void mark(struct drawing *d, int at, double y)
{
	const struct step *step = &d->story->steps[at];
	const char *tag = shape(d->out, step, d->middle[at], y);

	title(d->out, at, step->does);
	fprintf(d->out, "</%s>\n", tag);
}

static int last_harm(const struct story *story, const struct bar *bar)
{
	int last = 0;

	for (int i = bar->overwritten + 1; i <= bar->last_use; i++)
		if (step_uses(story, i, bar))
			last = i;
	return last;
}

static void caption(struct drawing *d, const struct bar *bar)
{
	int use = last_harm(d->story, bar);
	double x = d->middle[bar->overwritten];
	bool right = x > GUTTER + (d->right - GUTTER) * 0.55;
	const struct step *step = &d->story->steps[use];

	fprintf(d->out, "<text class=\"caption\" x=\"%.0f\" y=\"%d\"%s>stale from step %d",
	        right ? d->right : x + 4, d->y + 37, right ? " text-anchor=\"end\"" : "", bar->overwritten);
	if (use && (step_is(step, "store") || step_is(step, "load"))) {
		fprintf(d->out, ", still used at step %d: %s of ", use, step->kind);
		escaped(d->out, step->value);
		fputs(step_is(step, "store") ? " to " : " from ", d->out);
		escaped(d->out, step->at);
	} else if (use) {
		fprintf(d->out, ", still used at step %d: a fault", use);
	} else {
		fprintf(d->out, ", still walked at step %d", bar->last_use);
	}
	fputs("</text>\n", d->out);
}

/* After its last use: still as in memory, then not, until it is invalidated. */
static void rest(struct drawing *d, const struct bar *bar, double used, double end)
{
	bool turns = bar->overwritten && !bar_stale(bar);
	double turned = bar_stale(bar) ? used : turns ? d->middle[bar->overwritten] : end;

	if (turned > end)
		turned = end;
	if (turned > used) {
		rectangle(d->out, "bar rest", used, d->y + 3, turned - used, BAR);
		fputs("<title>may still be kept, not used</title></rect>\n", d->out);
	}
	if (end > turned) {
		rectangle(d->out, "bar rest stale-rest", turned, d->y + 3, end - turned, BAR);
		fputs("<title>overwritten, may still be kept, not used</title></rect>\n", d->out);
	}
}

static void bar_body(struct drawing *d, const struct bar *bar)
{
	double start = bar->since ? d->middle[bar->since] : GUTTER, used = d->middle[bar->last_use];
	double turned = bar_stale(bar) ? d->middle[bar->overwritten] : used;
	double end = bar->ended ? d->middle[bar->ended] : bar_stale(bar) ? d->right : used;
	int y = d->y + 3;

	if (turned < start)
		turned = start;
	if (turned > start) {
		rectangle(d->out, "bar fresh", start, y, turned - start, BAR);
		fputs("<title>what memory says</title></rect>\n", d->out);
	}
	if (bar_stale(bar)) {
		rectangle(d->out, "bar stale", turned, y, used - turned, BAR);
		fputs("<title>overwritten in memory, still used</title></rect>\n", d->out);
		rectangle(d->out, "hatch", turned, y, used - turned, BAR);
		fputs("</rect>\n", d->out);
	}
	rest(d, bar, used, end);
}

/* Lines that tie a bar to the store it came from, the store that overwrote it, and its invalidation. */
static void ties(struct drawing *d, const struct bar *bar)
{
	int y = d->y + 3;

	for (unsigned k = 0; k < d->nmemory; k++) {
		if (d->memory_word[k] != bar->word)
			continue;
		if (bar->from)
			line(d->out, "tie from", d->middle[bar->from], d->memory_y[k] + 10,
			     d->middle[bar->from], y);
		if (bar_stale(bar))
			line(d->out, "tie overwrites", d->middle[bar->overwritten], d->memory_y[k] + 10,
			     d->middle[bar->overwritten], y + BAR);
	}
}

static void draw_bar(struct drawing *d, unsigned index)
{
	const struct bar *bar = &d->story->bars[index];
	char name[160];

	d->y = d->bar_y[index];
	fprintf(d->out, "<g class=\"entry-kept%s\">\n", bar_stale(bar) ? " is-stale" : "");
	snprintf(name, sizeof(name), "%s0x%llx %s", bar->level ? "walk of " : "", (unsigned long long)bar->va,
	         bar->value);
	if (bar->row == index)
		text_in(d->out, "gutter entry-name", 20, d->y + BAR / 2 + 7, GUTTER - 24, name);
	ties(d, bar);
	bar_body(d, bar);
	for (int i = bar->walk; i <= bar->last_use; i++)
		if (step_walks(d->story, i, bar) || step_uses(d->story, i, bar))
			mark(d, i, d->y + 3 + BAR / 2);
	if (bar_stale(bar))
		caption(d, bar);
	fputs("</g>\n", d->out);
}

static void draw_cpu(struct drawing *d, unsigned cpu)
{
	const struct story *story = d->story;
	const char *name = story->lanes[story->first_lane[cpu]];
	unsigned bars = 0;
	int length = cpu_name_length(name);

	fprintf(d->out, "<g class=\"tlb-lane\" id=\"tlb-%.*s\">\n", length, name);
	line(d->out, "separator", 0, d->y, d->right, d->y);
	d->y += 4;
	fprintf(d->out, "<text class=\"lane-name\" x=\"8\" y=\"%d\">%.*s<tspan class=\"gutter\"> ", d->y + 17,
	        length, name);
	for (unsigned i = 0; i < story->nlanes; i++)
		if (story->cpu_of[i] == cpu && strcmp(story->lanes[i] + length, " interrupt")) {
			escaped(d->out, story->lanes[i] + length);
			fputs(" ", d->out);
		}
	fputs("</tspan></text>\n", d->out);
	for (int i = 1; i <= story->nsteps; i++)
		if (story->steps[i].told && story->steps[i].mmu && !story->steps[i].on_bar &&
		    story->cpu_of[story->steps[i].lane] == cpu)
			mark(d, i, d->does_y[cpu]);
	for (unsigned i = 0; i < story->nbars; i++) {
		if (story->bars[i].cpu != cpu)
			continue;
		draw_bar(d, i);
		bars++;
	}
	if (!bars)
		fprintf(d->out,
		        "<text class=\"gutter nothing\" x=\"20\" y=\"%d\">keeps nothing it uses</text>\n",
		        d->does_y[cpu] + ROW / 2 + 8);
	fputs("</g>\n", d->out);
	d->y = d->bottom[cpu];
}

/* From the completion, on the CPU that waits for it, to the end of each bar that it ends. */
static void invalidations(struct drawing *d)
{
	const struct story *story = d->story;

	for (unsigned i = 0; i < story->nbars; i++) {
		const struct bar *bar = &story->bars[i];
		double x = d->middle[bar->ended];
		int y = d->bar_y[i] + 3 + BAR / 2;

		if (bar->ended && !step_is(&story->steps[bar->ended], "fault"))
			line(d->out, "tie ends", x, d->does_y[story->cpu_of[story->steps[bar->ended].lane]],
			     x, y);
	}
}

/* Where each CPU and bar will stand; returns the height of the drawing. */
static int place_rows(struct drawing *d, int y)
{
	const struct story *story = d->story;

	for (unsigned cpu = 0; cpu < story->ncpus; cpu++) {
		unsigned bars = 0;

		d->does_y[cpu] = y + 4 + ROW / 2;
		y += 4 + ROW;
		for (unsigned i = 0; i < story->nbars; i++) {
			const struct bar *bar = &story->bars[i];

			if (bar->cpu != cpu)
				continue;
			bars++;
			d->bar_y[i] = bar->row == i ? y : d->bar_y[bar->row];
			if (bar->row == i)
				y += bar_stale(bar) ? BAR_ROW : BAR_ROW - 14;
		}
		y += (bars ? 0 : 14) + GROUP_GAP;
		d->bottom[cpu] = y;
	}
	return y;
}

static int memory_rows(const struct story *story)
{
	int rows = 0;

	for (int i = 1; i <= story->nsteps && rows < MEMORY_ROWS; i++)
		rows += first_walk(story, i);
	return rows;
}

bool report_tlb(FILE *out, const struct story *story)
{
	struct drawing d = {.out = out, .story = story, .y = AXIS};
	bool good;

	d.bar_y = calloc(story->nbars + 1, sizeof(*d.bar_y));
	good = d.bar_y && place_columns(&d);
	if (good) {
		int height = place_rows(&d, AXIS + 22 + memory_rows(story) * ROW + GROUP_GAP);

		fprintf(
		    out,
		    "<svg id=\"tlb\" role=\"img\" aria-label=\"Entries kept by each CPU over time\" "
		    "viewBox=\"0 0 %.0f %d\" width=\"%.0f\" height=\"%d\">\n"
		    "<defs><pattern id=\"hatching\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" "
		    "patternTransform=\"rotate(45)\"><line class=\"hatching\" x1=\"0\" y1=\"0\" x2=\"0\" "
		    "y2=\"7\"/></pattern></defs>\n",
		    d.right + MARGIN, height, d.right + MARGIN, height);
		axis(&d, height - GROUP_GAP);
		memory(&d);
		invalidations(&d);
		for (unsigned cpu = 0; cpu < story->ncpus; cpu++)
			draw_cpu(&d, cpu);
		fputs("</svg>\n", out);
	}
	free(d.bar_y);
	free(d.left);
	free(d.middle);
	return good;
}
