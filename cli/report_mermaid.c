/* report_mermaid.c: a schedule as a Mermaid sequence diagram, to paste into a mail or an issue.
 * SPDX-License-Identifier: MIT */
#include <string.h>
#include "report.h"

/* Mermaid ends a statement at a semicolon and takes # as the start of a character's number. */
static void mermaid_text(FILE *out, const char *text)
{
	char one[2] = "";

	for (; *text; text++) {
		one[0] = *text;
		if (*text == '#')
			fputs("#35;", out);
		else if (*text == ';')
			fputs("#59;", out);
		else if (*text != '\n')
			escaped(out, one);
	}
}

static void statement(FILE *out, const struct story *story, int i)
{
	const struct step *step = &story->steps[i];
	const struct step *from = step->from ? &story->steps[step->from] : NULL;

	if (from && from->told && from->lane != step->lane)
		fprintf(out, "    L%u--&gt;&gt;L%u: %d ", from->lane, step->lane, i);
	else
		fprintf(out, "    Note over L%u: %d ", step->lane, i);
	mermaid_text(out, step->does);
	fputs("\n", out);
}

void report_mermaid(FILE *out, const struct story *story)
{
	fputs("sequenceDiagram\n", out);
	for (unsigned i = 0; i < story->nlanes; i++) {
		fprintf(out, "    participant L%u as ", i);
		mermaid_text(out, story->lanes[i]);
		fputs("\n", out);
	}
	for (int i = 1; i <= story->nsteps; i++) {
		const struct step *step = &story->steps[i];
		bool stale = step->stale || step->harm;

		if (!step->told)
			continue;
		if (stale)
			fputs("    rect rgb(255, 220, 215)\n", out);
		statement(out, story, i);
		if (stale)
			fputs("    end\n", out);
	}
}
