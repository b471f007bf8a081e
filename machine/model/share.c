/* share.c: several processes explore one tree. SPDX-License-Identifier: MIT
 *
 * Every worker walks the top of the tree, down to a cut, and explores of the subtrees below those that
 * it claims first. Claims are made in an order that all walk alike, so a shared array of flags
 * is all that they need: no work is sent, and who is faster takes more. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "share.h"
#include "world.h"

enum { MAX_WORKERS = 64 };

struct shared {
	struct explore_share claims;
	struct explore_stats stats[MAX_WORKERS];
	unsigned ncover[MAX_WORKERS];
	const char *cover[MAX_WORKERS][MAX_COVER_SEEN]; /* the same addresses in every copy */
	bool finished[MAX_WORKERS];
	char locks[]; /* of each worker: what lockorder.c has seen */
};

static void work(struct shared *s, const struct explore_client *client, const struct explore_options *options,
                 unsigned worker, unsigned workers)
{
	struct explore_options own = *options;

	own.share = &s->claims;
	own.worker = worker;
	own.workers = workers;
	explore(client, &own, &s->stats[worker]);
	if (s->stats[worker].stopped || s->stats[worker].error)
		__atomic_store_n(&s->claims.stop, true, __ATOMIC_RELAXED);
	s->ncover[worker] = world.ncover;
	memcpy(s->cover[worker], world.cover, sizeof(world.cover));
	locks_save(s->locks + worker * locks_size());
	s->finished[worker] = true;
}

static void add(struct explore_stats *sum, const struct explore_stats *one)
{
	sum->runs += one->runs;
	if (one->runs > sum->busiest)
		sum->busiest = one->runs;
	sum->executions += one->executions;
	sum->blocked += one->blocked;
	sum->pruned += one->pruned;
	sum->twice += one->twice;
	if (one->events_max > sum->events_max)
		sum->events_max = one->events_max;
	sum->cut |= one->cut;
	sum->out_of_budget |= one->out_of_budget;
}

bool explore_shared(const struct explore_client *client, const struct explore_options *options,
                    unsigned workers, struct explore_stats *stats)
{
	size_t size = sizeof(struct shared) + MAX_WORKERS * locks_size();
	struct shared *s = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[MAX_WORKERS] = {0};
	bool good = true;

	if (s == MAP_FAILED)
		return false;
	if (workers > MAX_WORKERS)
		workers = MAX_WORKERS;
	for (unsigned i = 1; i < workers; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			work(s, client, options, i, workers);
			_exit(0);
		}
	}
	work(s, client, options, 0, workers);
	for (unsigned i = 1; i < workers; i++)
		if (pids[i] > 0)
			waitpid(pids[i], NULL, 0);
	memset(stats, 0, sizeof(*stats));
	for (unsigned i = 0; i < workers; i++) {
		good &= s->finished[i] && !s->stats[i].stopped && !s->stats[i].error;
		add(stats, &s->stats[i]);
		for (unsigned k = 0; k < s->ncover[i]; k++)
			cover_reached(s->cover[i][k]);
		if (i && s->finished[i])
			locks_join(s->locks + i * locks_size());
	}
	munmap(s, size);
	return good;
}
