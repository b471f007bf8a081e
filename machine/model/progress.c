/* progress.c: how much of the search is done. SPDX-License-Identifier: MIT
 *
 * The size of the whole is guessed from the way down to where the search stands: the present execution
 * counts one, and each choice point on the way back up adds what its finished children had and what those to
 * come may have (Knuth, "Estimating the efficiency of backtrack programs", 1975; the recursive estimator of
 * Kilby, Slaney, Thiebaux, Walsh, "Estimating search tree size", AAAI 2006). Equal shares would be far
 * off: the first choice has larger subtrees than the others, and most revisits none. So children to come are
 * held for as large as those are on average that were finished: at choice points for an event that stood at
 * the same position of its graph, since what is behind that decides; where there was none, as large in
 * comparison with the first child (with all choices, for revisits) as over all. It is an estimate, and
 * jumps. */
#include <string.h>

#include "explorer.h"

struct mean {
	double runs, subtrees;
};

/* Of finished choice points: first choices and the others, where there were others; all choices and revisits,
 * where there was something to revisit. */
struct learnt {
	struct mean first, others, choices, revisits;
};
static struct learnt by_position[MAX_EVENTS], all;

void progress_reset(void)
{
	memset(by_position, 0, sizeof(by_position));
	memset(&all, 0, sizeof(all));
}

static void add(struct mean *mean, uint64_t runs, unsigned subtrees)
{
	mean->runs += (double)runs;
	mean->subtrees += subtrees;
}

static void learn(struct learnt *l, const struct frame *f)
{
	uint64_t now = explorer.stats->runs, end = f->revisiting ? f->turned : now;
	unsigned choices = f->revisiting ? f->choices : f->n;

	if (choices > 1) {
		add(&l->first, f->first - f->born, 1);
		add(&l->others, end - f->first, choices - 1);
	}
	if (f->revisiting && f->n) {
		add(&l->choices, f->turned - f->born, 1);
		add(&l->revisits, now - f->turned, f->n);
	}
}

void progress_finished(const struct frame *f)
{
	learn(&by_position[f->pos], f);
	learn(&all, f);
}

/* Runs of one subtree, if one of whole has so many; half of it where nothing is known. */
static double compared(const struct mean *part, const struct mean *whole, double runs)
{
	if (!(part->subtrees > 0) || !(whole->runs > 0))
		return runs / 2;
	return runs * (part->runs / part->subtrees) / (whole->runs / whole->subtrees);
}

/* Another choice at f, whose first has so many runs. */
static double another_choice(const struct frame *f, double first)
{
	const struct mean *known = &by_position[f->pos].others;

	return known->subtrees > 0 ? known->runs / known->subtrees : compared(&all.others, &all.first, first);
}

/* A revisit by f's write, whose choices have so many runs together. */
static double another_revisit(const struct frame *f, double choices)
{
	const struct mean *known = &by_position[f->pos].revisits;

	return known->subtrees > 0 ? known->runs / known->subtrees
	                           : compared(&all.revisits, &all.choices, choices);
}

/* How many reads f's write will find that it might revisit. */
static unsigned to_revisit(const struct graph *g, const struct frame *f)
{
	const int16_t *prefix = NULL;
	unsigned thread = f->tmpl.thread, n = 0;

	if (!ev_is_write(&f->tmpl) || f->fixed)
		return 0;
	for (unsigned i = 0; i < g->length[thread] && g->thread[thread][i] < f->pos; i++)
		prefix = g->ev[g->thread[thread][i]].prefix;
	for (uint16_t r = g->loc[f->tmpl.location].reads; r != NO_EVENT; r = g->ev[r].next_read)
		n += r < f->pos && (!prefix || g->ev[r].index >= prefix[g->ev[r].thread]);
	return n;
}

/* The runs of f in all, if its present child has so many. */
static double runs_of(const struct graph *g, const struct frame *f, double child)
{
	double sum = (double)(f->child - f->born) + child, left = f->next < f->n ? f->n - f->next : 0, each;

	if (f->revisiting) {
		each = another_revisit(f, (double)(f->turned - f->born));
		if (f->next) /* what its own are like counts as much as one more */
			each = ((double)(f->child - f->turned) + child + each) / (f->next + 1);
		return sum + left * each;
	}
	if (f->next > 1)
		each = ((double)(f->child - f->first) + child) / (f->next - 1);
	else
		each = another_choice(f, child);
	sum += left * each;
	return sum + to_revisit(g, f) * another_revisit(f, sum);
}

double explore_fraction(void)
{
	double runs = 1;

	for (unsigned d = explorer.depth; d; d--)
		for (unsigned i = explorer.levels[d - 1]->nframes; i; i--)
			runs = runs_of(&explorer.levels[d - 1]->graph, &explorer.levels[d - 1]->frames[i - 1],
			               runs);
	return (double)(explorer.stats->runs - 1) / runs;
}
