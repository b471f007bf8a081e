/* progress.c: how much of the search is done. SPDX-License-Identifier: MIT
 *
 * What has been visited weighs the sum of its leaves, and a leaf what its way down gives it: a choice point
 * shares its weight among its children. That is the weighted backtrack estimator (Kilby, Slaney, Thiebaux,
 * Walsh, "Estimating search tree size", AAAI 2006), after Knuth's (1975), for a tree that is walked in order.
 * Equal shares would be far off: the first choice has larger subtrees than the others, and most revisits
 * none. So how these compare is learnt for each depth from the choice points that are finished, and where
 * none is, from the next deeper one. It is an estimate, and jumps. */
#include <string.h>

#include "explorer.h"

enum { DEPTHS = 256 };

/* Of the finished choice points at one depth, in executions. */
static struct {
	double first, others; /* below first choices, as often as there were others; below those */
	double choices, revisits;
} learnt[DEPTHS];

void progress_reset(void)
{
	memset(learnt, 0, sizeof(learnt));
}

void progress_finished(const struct frame *f, unsigned depth)
{
	uint64_t end = f->revisiting ? f->turned : explorer.stats->runs;

	if (depth >= DEPTHS)
		return;
	if (f->first > f->born) {
		learnt[depth].first += (double)(f->first - f->born);
		learnt[depth].others += (double)(end - f->first);
	}
	if (f->revisiting) {
		learnt[depth].choices += (double)(f->turned - f->born);
		learnt[depth].revisits += (double)(explorer.stats->runs - f->turned);
	}
}

/* How large are the other choices together, compared with the first, or a write's revisits with its choices?
 */
static double ratio(unsigned depth, bool of_revisits, double unknown)
{
	double part, whole;

	if (depth >= DEPTHS)
		return unknown;
	part = of_revisits ? learnt[depth].revisits : learnt[depth].others;
	whole = of_revisits ? learnt[depth].choices : learnt[depth].first;
	return whole > 0 ? part / whole : unknown;
}

double explore_fraction(void)
{
	double weight = 1, done = 0;
	unsigned depth = 0;

	for (unsigned d = 0; d < explorer.depth; d++)
		for (unsigned i = 0; i < explorer.levels[d]->nframes; i++, depth++) {
			const struct frame *f = &explorer.levels[d]->frames[i];
			unsigned behind = f->next ? f->next - 1 : 0;
			double first;

			if (f->revisiting || (ev_is_write(&f->tmpl) && !f->fixed)) {
				double choices = 1 / (1 + ratio(depth, true, 1));

				if (f->revisiting)
					done += weight * choices;
				weight *= f->revisiting ? 1 - choices : choices;
			}
			if (f->n < 2)
				continue;
			first = f->revisiting ? 1.0 / f->n : 1 / (1 + ratio(depth, false, f->n - 1));
			if (behind) {
				done += weight * (first + (1 - first) * (behind - 1) / (f->n - 1));
				weight *= (1 - first) / (f->n - 1);
			} else {
				weight *= first;
			}
		}
	return done;
}
