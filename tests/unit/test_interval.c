/* test_interval.c: ranges that somebody mirrors. SPDX-License-Identifier: MIT */
#include "space_user.h"
#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

enum { RW = OCT_READ | OCT_WRITE, PAGES = 16, STEPS = 4000 };

static struct oct_system machine;
static struct oct_mm space, *const mm = &space;
static bool alive;
static struct oct_intervals set;

/* A shadow of some pages: which page it shows for each, and whether it may store. */
struct shadow {
	struct oct_interval interval; /* first */
	unsigned first, pages, calls;
	uintptr_t start, end; /* of the last call */
	oct_pte_t entry[PAGES];
};

static struct shadow one, two;
static uintptr_t area;

static uintptr_t page(unsigned i)
{
	return area + i * OCT_PAGE_SIZE;
}

static void drop_range(struct oct_interval *interval, uintptr_t start, uintptr_t end)
{
	struct shadow *shadow = (struct shadow *)(void *)interval;

	assert_true(start >= page(shadow->first) && start < end &&
	            end <= page(shadow->first + shadow->pages));
	shadow->calls++;
	shadow->start = start;
	shadow->end = end;
	for (uintptr_t va = start; va < end; va += OCT_PAGE_SIZE)
		shadow->entry[(va - area) / OCT_PAGE_SIZE] = 0;
}

static void insert(struct shadow *shadow, unsigned first, unsigned pages)
{
	*shadow = (struct shadow){.interval.invalidate = drop_range, .first = first, .pages = pages};
	assert_int_equal(oct_interval_insert(&set, &shadow->interval, page(first), page(first + pages)), 0);
}

static int make(void **state)
{
	(void)state;
	user_sets_bits = true;
	host_reset();
	assert_int_equal(oct_system_init(&machine, 2), 0);
	host_system = &machine;
	assert_int_equal(oct_mm_init(mm, &machine), 0);
	alive = true;
	assert_int_equal(oct_mmap(mm, 0, PAGES * OCT_PAGE_SIZE, RW, 0, &area), 0);
	for (unsigned i = 0; i < PAGES; i++)
		assert_int_equal(user_store(mm, page(i), i), 0);
	oct_intervals_bind(&set, &mm->space);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	if (alive)
		oct_mm_exit(mm);
	host_run_deferred();
	oct_system_exit(&machine);
	return host_pages() == 0 ? 0 : -1;
}

static void those_that_overlap_are_told(void **state)
{
	uint32_t seen;

	(void)state;
	insert(&one, 0, 4);
	insert(&two, 4, 4);
	seen = oct_interval_read_begin(&one.interval);
	assert_false(oct_interval_read_retry(&one.interval, seen));
	assert_int_equal(oct_mprotect(mm, page(2), 2 * OCT_PAGE_SIZE, OCT_READ), 0);
	assert_true(oct_interval_read_retry(&one.interval, seen));
	assert_int_equal(one.calls, 1);
	assert_int_equal(one.start, page(2));
	assert_int_equal(one.end, page(4));
	assert_int_equal(two.calls, 0);
	assert_int_equal(oct_madvise_dontneed(mm, page(3), page(6)), 0);
	assert_int_equal(one.start, page(3));
	assert_int_equal(one.end, page(4));
	assert_int_equal(two.start, page(4));
	assert_int_equal(two.end, page(6));
	seen = oct_interval_read_begin(&two.interval);
	assert_int_equal(oct_munmap(mm, page(8), OCT_PAGE_SIZE), 0); /* nobody's */
	assert_int_equal(user_store(mm, page(4), 1), 0);             /* a right is gained */
	assert_false(oct_interval_read_retry(&two.interval, seen));
	oct_interval_remove(&set, &two.interval);
	assert_int_equal(oct_munmap(mm, page(0), 8 * OCT_PAGE_SIZE), 0);
	assert_int_equal(two.calls, 1);
	assert_true(one.calls > 2);
	oct_interval_remove(&set, &one.interval);
	oct_intervals_unbind(&set, &mm->space);
}

static void the_whole_space(void **state)
{
	(void)state;
	insert(&one, 0, 4);
	insert(&two, 8, 8);
	oct_secondary_invalidate(&mm->space, 0, 0, OCT_ALL_LEVELS);
	assert_int_equal(one.start, page(0));
	assert_int_equal(one.end, page(4));
	assert_int_equal(two.start, page(8));
	assert_int_equal(two.end, page(16));
	oct_mm_exit(mm); /* the set is ours again */
	alive = false;
	assert_true(one.calls >= 2 && two.calls >= 2);
	assert_int_equal(two.end, page(16));
}

static void bad_calls(void **state)
{
	(void)state;
	one.interval.invalidate = drop_range;
	assert_int_equal(oct_interval_insert(&set, &one.interval, page(0) + 1, page(1)), -OCT_EINVAL);
	assert_int_equal(oct_interval_insert(&set, &one.interval, page(1), page(1)), -OCT_EINVAL);
	expect_assert_failure(oct_interval_remove(&set, &one.interval));
	insert(&one, 0, 1);
	expect_assert_failure(oct_intervals_unbind(&set, &mm->space));
	oct_interval_remove(&set, &one.interval);
}

/* ---- A shadow beside random calls: it never shows what the space does not ------------------------- */

static void check(const struct shadow *shadow)
{
	for (unsigned i = 0; i < PAGES; i++) {
		oct_pte_t now = user_entry(mm, page(i)), was = shadow->entry[i];

		if (!was)
			continue;
		assert_true(oct_pte_present(now) && oct_pte_phys(now) == oct_pte_phys(was));
		assert_true(oct_pte_write(now) || !oct_pte_write(was));
	}
}

static unsigned dice(unsigned sides)
{
	return (unsigned)rand() % sides;
}

static unsigned filled;

static void fill(struct shadow *shadow, unsigned i)
{
	uint32_t seen = oct_interval_read_begin(&shadow->interval);
	struct oct_folio *folio;
	oct_pte_t entry;

	if (i < shadow->first || i >= shadow->first + shadow->pages)
		return;
	if (oct_gup(mm, page(i), 1, dice(2) ? OCT_READ : OCT_WRITE, &folio) != 1)
		return;
	entry = user_entry(mm, page(i));
	if (dice(4) == 0) /* somebody is faster */
		assert_int_equal(oct_madvise_dontneed(mm, page(i), page(i + 1)), 0);
	if (!oct_interval_read_retry(&shadow->interval, seen)) {
		shadow->entry[i] = entry;
		filled++;
	}
	oct_unpin(folio, false);
}

static void random_calls(void **state)
{
	(void)state;
	srand(3);
	insert(&one, 0, 9);
	insert(&two, 5, PAGES - 5);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = dice(PAGES), n = 1 + dice(PAGES - i);
		struct oct_folio *fresh;

		host_cpu = dice(2);
		switch (dice(8)) {
		case 0:
			assert_int_equal(oct_madvise_dontneed(mm, page(i), page(i + n)), 0);
			break;
		case 1:
			assert_int_equal(oct_clear_refs(mm, page(i), page(i + n)), 0);
			break;
		case 2:
			assert_int_equal(
			    oct_mprotect(mm, page(i), n * OCT_PAGE_SIZE, dice(2) ? RW : OCT_READ), 0);
			break;
		case 3:
			fresh = oct_folio_alloc();
			if (oct_migrate_pages(mm, page(i), page(i + n), &fresh, 1) == 0)
				oct_folio_put(fresh);
			break;
		case 4:
			(void)user_store(mm, page(i), step);
			break;
		default:
			fill(dice(2) ? &one : &two, i);
			break;
		}
		check(&one);
		check(&two);
	}
	host_cpu = 0;
	assert_in_range(filled, 100, STEPS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
	    TEST(those_that_overlap_are_told),
	    TEST(the_whole_space),
	    TEST(bad_calls),
	    TEST(random_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
