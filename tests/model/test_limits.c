/* test_limits.c: fixed sizes of the explorer: the last that fits, and the first that does not.
 * SPDX-License-Identifier: MIT
 *
 * formats: arm64
 * A search that runs into one ends with an error, never with a verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include "explorer.h"
#include "order.h"
#include <cmocka.h>

static struct machine_rules rules;
static unsigned times;
static void (*body)(unsigned thread);

static void event(enum event_kind kind, unsigned location, unsigned operand)
{
	struct event e;

	memset(&e, 0, sizeof(e));
	e.kind = (uint8_t)kind;
	e.location = (uint16_t)location;
	e.order = kind == EV_DSB ? __ATOMIC_SEQ_CST : __ATOMIC_RELAXED;
	e.size = 8;
	e.upper = NO_EVENT;
	e.rf = NO_EVENT;
	e.operand = operand;
	explore_event(&e);
}

static void repeat(enum event_kind kind, unsigned location)
{
	for (unsigned i = 0; i < times; i++)
		event(kind, location, 0);
}

static void invalidations(unsigned thread)
{
	if (!thread)
		repeat(EV_TLBI, 0);
}

static void frees(unsigned thread)
{
	if (!thread)
		repeat(EV_FREE, 0);
}

static void choice(unsigned thread)
{
	if (!thread)
		event(EV_CHOOSE, 0, times);
}

/* All that stand before the other's write could be revisited. */
static void reads(unsigned thread)
{
	if (!thread)
		repeat(EV_READ, 0);
	else
		event(EV_WRITE, 0, 0);
}

static void writes(unsigned thread)
{
	if (!thread)
		repeat(EV_WRITE, 0);
}

/* The last read may be of the old value: is that against the fences? */
static void fences(unsigned thread)
{
	if (!thread) {
		event(EV_WRITE, 0, 0);
		event(EV_DSB, 0, 0);
		return;
	}
	for (unsigned i = 1; i < times; i++)
		event(EV_DSB, 0, 0);
	event(EV_READ, 0, 0);
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
	assert_int_equal(end, END_COMPLETE);
	return true;
}

static const char *explored(void (*what)(unsigned thread), unsigned n)
{
	struct explore_client client = {.rules = &rules, .restore = restore, .run = run, .ended = ended};
	struct explore_options options = {.bound = -1, .max_runs = 300};
	struct explore_stats stats;

	body = what;
	times = n;
	explore(&client, &options, &stats);
	assert_true(stats.error || stats.executions > 0);
	return stats.error;
}

static void fits_and_does_not(void (*what)(unsigned thread), unsigned most)
{
	assert_null(explored(what, most));
	assert_non_null(explored(what, most + 1));
	assert_null(explored(what, 1)); /* the next search is a search */
}

static void of_the_graph(void **state)
{
	(void)state;
	fits_and_does_not(invalidations, MAX_INVALIDATIONS);
	fits_and_does_not(frees, MAX_FREES);
}

static void of_the_search(void **state)
{
	(void)state;
	fits_and_does_not(choice, MAX_CHOICES);
	fits_and_does_not(reads, MAX_CHOICES);
	fits_and_does_not(writes, MAX_CHOICES - 2);
}

static void of_the_orders(void **state)
{
	(void)state;
	assert_null(explored(fences, 100));
	assert_non_null(explored(fences, 200));
}

static bool never(uint64_t value, unsigned level, unsigned cpu)
{
	(void)value;
	(void)level;
	(void)cpu;
	return false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_the_graph),
	    cmocka_unit_test(of_the_search),
	    cmocka_unit_test(of_the_orders),
	};

	rules_for(&rules, RULES_ARM64, false);
	rules.nthreads = 2;
	rules.cpu[1] = 1;
	rules.levels = 2;
	rules.table_shift = 3;
	rules.page_shift = 12;
	rules.cacheable = never;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
