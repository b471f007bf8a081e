/* test_progress.c: the estimate of how much of a search is done, on trees whose size is known.
 * SPDX-License-Identifier: MIT
 *
 * formats: arm64
 * What people see is executions so far, divided by the fraction that is done: the size of the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include "explorer.h"
#include <cmocka.h>

enum { RUNS = 40320 };

static struct machine_rules rules;
static void (*body)(unsigned thread);
static unsigned threads;
static double fraction[RUNS]; /* when each execution ended */
static unsigned runs;

static uint16_t event(enum event_kind kind, unsigned location, unsigned operand)
{
	struct event e;

	memset(&e, 0, sizeof(e));
	e.kind = (uint8_t)kind;
	e.location = (uint16_t)location;
	e.order = __ATOMIC_RELAXED;
	e.size = 8;
	e.upper = NO_EVENT;
	e.rf = NO_EVENT;
	e.operand = operand;
	e.op = RMW_ADD;
	return explore_event(&e);
}

static void fetch_add(unsigned thread)
{
	uint16_t id;
	struct event write;

	if (thread >= threads)
		return;
	id = event(EV_RMW_READ, 0, 1);
	write = rmw_write_of(&rules, &explore_graph()->ev[id]);
	explore_event(&write);
}

/* One writer of a word, readers of it. */
static void readers(unsigned thread)
{
	if (thread < threads)
		event(thread ? EV_READ : EV_WRITE, 0, 0);
}

/* Three questions with as many answers each, in any case. */
static void even(unsigned thread)
{
	for (unsigned i = 0; !thread && i < 3; i++)
		event(EV_CHOOSE, 0, threads);
}

/* One answer asks for six more of two; the others end it. */
static void lopsided(unsigned thread)
{
	if (thread || explore_graph()->ev[event(EV_CHOOSE, 0, 4)].value != threads)
		return;
	for (unsigned i = 0; i < 6; i++)
		event(EV_CHOOSE, 0, 2);
}

static void restore(void *arg)
{
	(void)arg;
}

static void run(void *arg, unsigned thread)
{
	(void)arg;
	body(thread);
}

static bool ended(void *arg, enum explore_end end)
{
	(void)arg;
	(void)end;
	assert_true(runs < RUNS);
	fraction[runs++] = explore_fraction();
	return true;
}

static void explored(void (*what)(unsigned thread), unsigned n, uint64_t executions)
{
	struct explore_client client = {.rules = &rules, .restore = restore, .run = run, .ended = ended};
	struct explore_options options = {.bound = -1};
	struct explore_stats stats;

	body = what;
	threads = n;
	runs = 0;
	rules.nthreads = what == even || what == lopsided ? 1 : n;
	explore(&client, &options, &stats);
	assert_null(stats.error);
	assert_int_equal(stats.executions, executions);
	for (unsigned i = 0; i < runs; i++)
		assert_true(fraction[i] >= 0 && fraction[i] < 1);
}

/* How many times as large as it is the whole seems to be, when so much of it is done. */
static double seems(unsigned percent)
{
	unsigned at = runs * percent / 100;

	return (double)at / (fraction[at] * runs);
}

static bool within(double factor, unsigned percent)
{
	double size = seems(percent);

	return size <= factor && size >= 1 / factor;
}

/* n! orders of n read-modify-writes: most of the tree lies behind revisits, of which most lead nowhere. */
static void orders_of_additions(void **state)
{
	(void)state;
	explored(fetch_add, 6, 720);
	assert_true(within(5, 10) && within(3, 25) && within(2, 50) && within(1.5, 75));
	explored(fetch_add, 7, 5040);
	assert_true(within(5, 10) && within(4, 25) && within(2, 50) && within(1.5, 75));
}

static void each_reader_old_or_new(void **state)
{
	(void)state;
	for (unsigned n = 7; n <= 13; n += 3) {
		explored(readers, n, 1u << (n - 1));
		for (unsigned percent = 10; percent < 100; percent += 10)
			assert_true(within(1.5, percent));
	}
}

/* Nothing to guess. */
static void an_even_tree(void **state)
{
	(void)state;
	explored(even, 10, 1000);
	for (unsigned percent = 5; percent < 100; percent += 5)
		assert_true(within(1.02, percent));
}

/* No estimate can know where the large subtree is; but it is not far off for long. */
static void a_lopsided_tree(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		explored(lopsided, n, 67);
		assert_true(within(5, 50) && within(4.5, 75));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(orders_of_additions),
	    cmocka_unit_test(each_reader_old_or_new),
	    cmocka_unit_test(an_even_tree),
	    cmocka_unit_test(a_lopsided_tree),
	};

	rules_for(&rules, RULES_ARM64, false);
	rules.levels = 2;
	rules.table_shift = 3;
	rules.page_shift = 12;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
