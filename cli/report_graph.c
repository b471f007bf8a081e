/* report_graph.c: the execution graph as a drawing. SPDX-License-Identifier: MIT
 *
 * One column per lane, program order and time downwards. Drawn are the edges that cross lanes, and
 * what binds translations: reads-from, the store that overwrote what was read (from-read), coherence
 * of entries, and what a completion waits for. */
#include <stdlib.h>
#include <string.h>
#include "report.h"

enum {
	ROOM = 1270, /* that the lanes share */
	NODE_LEAST = 196,
	NODE_MOST = 330,
	EMPTY = 104, /* a lane that does nothing told */
	GAP = 60,
	HEAD = 34,
	TALL = 27,
	SHORT = 16,
	LEFT = 40,  /* numbers of steps */
	SCALE = 69, /* tenths of a unit per character */
};

struct graph {
	FILE *out;
	const struct story *story;
	double x[REPORT_LANES], width[REPORT_LANES];
	double *y; /* middle of each step's row */
	bool *tall;
	double right, bottom;
	int node; /* width of nodes */
};

typedef void (*edge_fn)(struct graph *graph, const char *class, int from, int to, const char *what);

static bool writes_word(const struct step *step)
{
	return step_is(step, "write") || step_is(step, "rmw");
}

static int overwriter(const struct story *story, int at)
{
	const struct step *step = &story->steps[at];

	for (int i = step->from + 1; i <= story->nsteps; i++)
		if (i != at && story->steps[i].word == step->word && writes_word(&story->steps[i]))
			return i;
	return 0;
}

static int word_stored_before(const struct story *story, int at)
{
	for (int i = at - 1; i > 0; i--)
		if (story->steps[i].word == story->steps[at].word && writes_word(&story->steps[i]))
			return i;
	return 0;
}

static bool crosses(const struct story *story, int a, int b)
{
	return story->steps[a].lane != story->steps[b].lane;
}

/* Every edge, in the order in which they are drawn: the ones that matter most on top. */
static void each_edge(struct graph *g, edge_fn edge)
{
	const struct story *s = g->story;

	for (int i = 1; i <= s->nsteps; i++) {
		const struct step *step = &s->steps[i];
		int before = step->word && writes_word(step) ? word_stored_before(s, i) : 0;

		if (!step->told)
			continue;
		if (before && !strcmp(step->place, "entry") && before != step->from)
			edge(g, "co", before, i, "is overwritten by");
		if (step->from && (crosses(s, i, step->from) || step_is(step, "translate")))
			edge(g, "rf", step->from, i, "is read by");
		if (step->walk && step->walk < i - 1)
			edge(g, step->harm ? "via stale" : "via", step->walk, i, "is used by");
		for (int k = step->completes; k && k < i; k++)
			if (s->steps[k].lane == step->lane && step_is(&s->steps[k], "invalidate"))
				edge(g, "done", k, i, "is complete at");
	}
	for (int i = 1; i <= s->nsteps; i++) {
		bool read = s->steps[i].stale || (!s->mmu && step_is(&s->steps[i], "read"));
		int by = read && s->steps[i].told ? overwriter(s, i) : 0;

		if (by && (s->mmu || crosses(s, i, by)))
			edge(g, "fr", i, by, "read what is overwritten by");
	}
	for (unsigned i = 0; i < s->nbars; i++) {
		const struct bar *bar = &s->bars[i];

		if (bar_stale(bar) && bar->ended && step_uses(s, bar->last_use, bar) &&
		    crosses(s, bar->last_use, bar->ended))
			edge(g, "flight", bar->last_use, bar->ended, "is waited for by");
	}
}

static void note_ends(struct graph *g, const char *class, int from, int to, const char *what)
{
	(void)class;
	(void)what;
	g->tall[from] = g->tall[to] = true;
}

static void draw_edge(struct graph *g, const char *class, int from, int to, const char *what)
{
	unsigned a = g->story->steps[from].lane, b = g->story->steps[to].lane;
	double y1 = g->y[from], y2 = g->y[to], x1, x2, bend;

	if (!g->story->steps[from].told || !g->story->steps[to].told)
		return;
	fprintf(g->out, "<path class=\"edge %s\" marker-end=\"url(#to-%.*s)\" d=\"", class,
	        (int)strcspn(class, " "), class);
	if (a == b) {
		x1 = g->x[a] + g->width[a];
		bend = 16 + (y2 - y1 > 0 ? y2 - y1 : y1 - y2) * 0.08;
		bend = bend > GAP - 12 ? GAP - 12 : bend;
		fprintf(g->out, "M%.1f %.1f C%.1f %.1f %.1f %.1f %.1f %.1f", x1, y1, x1 + bend, y1, x1 + bend,
		        y2, x1 + 2, y2);
	} else {
		bool rightwards = g->x[b] > g->x[a];

		x1 = rightwards ? g->x[a] + g->width[a] : g->x[a];
		x2 = rightwards ? g->x[b] - 2 : g->x[b] + g->width[b] + 2;
		bend = rightwards ? GAP * 0.7 : -GAP * 0.7;
		fprintf(g->out, "M%.1f %.1f C%.1f %.1f %.1f %.1f %.1f %.1f", x1, y1, x1 + bend, y1, x2 - bend,
		        y2, x2, y2);
	}
	fprintf(g->out, "\"><title>step %d %s step %d</title></path>\n", from, what, to);
}

static void place(struct graph *g)
{
	bool tells[REPORT_LANES] = {false};
	const struct story *s = g->story;
	double x = LEFT, y = HEAD;
	int busy = 0;

	for (int i = 1; i <= s->nsteps; i++) {
		g->tall[i] |= s->steps[i].mmu || !s->mmu;
		tells[s->steps[i].lane] |= s->steps[i].told;
	}
	for (unsigned i = 0; i < s->nlanes; i++)
		busy += tells[i];
	g->node = busy ? ROOM / busy - GAP : NODE_MOST;
	g->node = g->node < NODE_LEAST ? NODE_LEAST : g->node > NODE_MOST ? NODE_MOST : g->node;
	for (unsigned i = 0; i < s->nlanes; i++) {
		g->x[i] = x;
		g->width[i] = tells[i] ? g->node : EMPTY;
		x += g->width[i] + (tells[i] ? GAP : GAP / 3);
	}
	g->right = x;
	for (int i = 1; i <= s->nsteps; i++) {
		double height = !s->steps[i].told ? 0 : g->tall[i] ? TALL : SHORT;

		g->y[i] = y + height / 2;
		y += height;
	}
	g->bottom = y + 10;
}

/* The word in few letters: "entry 0x10000", or as in the sentence without its article. */
static void short_place(const struct step *step, char *text, size_t size)
{
	unsigned long long va = (unsigned long long)step->va;

	if (!strcmp(step->place, "entry") && step->level)
		snprintf(text, size, "level %d entry 0x%llx", step->level, va);
	else if (!strcmp(step->place, "entry"))
		snprintf(text, size, "entry 0x%llx", va);
	else
		snprintf(text, size, "%s", strncmp(step->at, "the ", 4) ? step->at : step->at + 4);
}

/* Short: symbols of the field; the sentence is the tooltip. */
static void label(const struct step *step, char *text, size_t size)
{
	unsigned long long va = (unsigned long long)step->va;
	bool entry = !strcmp(step->place, "entry");
	char at[200];

	short_place(step, at, sizeof(at));
	if (step_is(step, "read"))
		snprintf(text, size, "R %s = %s", at, step->value);
	else if (step_is(step, "write"))
		snprintf(text, size, "W %s = %s", at, step->value);
	else if (step_is(step, "rmw"))
		snprintf(text, size, "U %s%s%s \u2192 %s", at, entry ? "" : " ", entry ? "" : step->old,
		         step->value);
	else if (step_is(step, "accessed-dirty"))
		snprintf(text, size, "A/D %s \u2192 %s", at, step->value);
	else if (step_is(step, "translate") && step->level)
		snprintf(text, size, "T 0x%llx level %d %s", va, step->level, step->value);
	else if (step_is(step, "translate"))
		snprintf(text, size, "T 0x%llx %s", va, step->value);
	else if (step_is(step, "load") || step_is(step, "store"))
		snprintf(text, size, "%s 0x%llx = %s, %s", step->kind, va, step->value, at);
	else if (step_is(step, "invalidate") && step->bytes)
		snprintf(text, size, "invalidate 0x%llx, %s", va, step->broadcast ? "every CPU" : "this CPU");
	else if (step_is(step, "invalidate"))
		snprintf(text, size, "invalidate all, %s", step->broadcast ? "every CPU" : "this CPU");
	else
		snprintf(text, size, "%s", step->completes ? "invalidations complete" : step->does);
}

/* At most count characters of UTF-8. */
static void cut(char *text, int count)
{
	char *at = text;

	for (int n = 0; *at; at++) {
		if ((*at & 0xc0) == 0x80)
			continue;
		if (++n == count && strlen(at) > 3) {
			memcpy(at, "\u2026", 4);
			return;
		}
	}
}

static void node(struct graph *g, int i)
{
	const struct step *step = &g->story->steps[i];
	double height = g->tall[i] ? TALL - 6 : SHORT - 2, x = g->x[step->lane];
	char text[400];

	label(step, text, sizeof(text));
	cut(text, (g->tall[i] ? g->node * 10 / SCALE : g->node * 12 / SCALE) - 2);
	fprintf(g->out, "<g class=\"node %s%s%s%s%s\"><title>step %d: ", step->kind,
	        step->stale || step->harm ? " stale" : "", g->tall[i] ? "" : " quiet",
	        step->completes ? " waits" : "",
	        !strcmp(step->place, "entry") && writes_word(step) ? " stores-entry" : "", i);
	escaped(g->out, step->does);
	if (*step->source)
		fputs(" (", g->out);
	escaped(g->out, step->source);
	if (*step->source)
		fputs(")", g->out);
	fprintf(
	    g->out,
	    "</title><rect class=\"under\" x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" rx=\"4\"/>"
	    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" rx=\"4\"/><text x=\"%.1f\" y=\"%.1f\">",
	    x, g->y[i] - height / 2, g->node, height, x, g->y[i] - height / 2, g->node, height, x + 8,
	    g->y[i] + (g->tall[i] ? 4 : 3.4));
	escaped(g->out, text);
	fprintf(g->out, "</text></g>\n<text class=\"number\" x=\"%d\" y=\"%.1f\">%d</text>\n", LEFT - 10,
	        g->y[i] + 4, i);
}

static void markers(FILE *out)
{
	static const char *const classes[] = {"rf", "fr", "co", "via", "done", "flight"};

	fputs("<defs>", out);
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		fprintf(out,
		        "<marker id=\"to-%s\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" "
		        "markerHeight=\"7\" orient=\"auto\" markerUnits=\"userSpaceOnUse\"><path class=\"tip "
		        "%s\" "
		        "d=\"M0 0 L8 4 L0 8 z\"/></marker>",
		        classes[i], classes[i]);
	fputs("</defs>\n", out);
}

static void draw_graph(struct graph *g)
{
	const struct story *s = g->story;

	fprintf(g->out,
	        "<svg id=\"graph\" role=\"img\" aria-label=\"Execution graph\" viewBox=\"0 0 %.0f %.0f\" "
	        "width=\"%.0f\" height=\"%.0f\">\n",
	        g->right, g->bottom, g->right, g->bottom);
	markers(g->out);
	for (unsigned i = 0; i < s->nlanes; i++) {
		double middle = g->x[i] + g->width[i] / 2;

		fprintf(
		    g->out,
		    "<g class=\"graph-lane\" id=\"graph-lane-%u\"><line class=\"po\" x1=\"%.1f\" y1=\"%d\" "
		    "x2=\"%.1f\" y2=\"%.1f\"/><text class=\"lane-name\" x=\"%.1f\" y=\"18\">",
		    i, middle, HEAD - 8, middle, g->bottom - 6, middle);
		escaped(g->out, s->lanes[i]);
		fputs("</text></g>\n", g->out);
	}
	each_edge(g, draw_edge);
	for (int i = 1; i <= s->nsteps; i++)
		if (s->steps[i].told && s->steps[i].lane < s->nlanes)
			node(g, i);
	fputs("</svg>\n", g->out);
}

bool report_graph(FILE *out, const struct story *story)
{
	struct graph g = {.out = out, .story = story};
	bool good;

	g.y = calloc((size_t)story->nsteps + 1, sizeof(*g.y));
	g.tall = calloc((size_t)story->nsteps + 1, sizeof(*g.tall));
	good = g.y && g.tall;
	if (good) {
		each_edge(&g, note_ends);
		place(&g);
		draw_graph(&g);
	}
	free(g.y);
	free(g.tall);
	return good;
}
