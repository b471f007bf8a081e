/* test_notify.c: what a secondary MMU is told, and when. SPDX-License-Identifier: MIT */
#include "host_port.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { CPUS = 4 };

static struct oct_system machine;
static struct oct_space space;
static const uintptr_t VA = 0x8000;

/* A secondary that writes down what it is told. */
struct recorder {
	struct oct_secondary secondary;
	unsigned told, left;
	uintptr_t start;
	size_t pages;
	enum oct_depth depth;
	oct_phys_t watched; /* must still be out when it is told */
};

static void record(struct oct_secondary *secondary, struct oct_space *of, uintptr_t start, size_t pages,
                   enum oct_depth depth)
{
	struct recorder *r = (struct recorder *)(void *)secondary;

	assert_ptr_equal(of, &space);
	assert_true(!r->watched || host_page_is_out(r->watched));
	r->told++;
	r->start = start;
	r->pages = pages;
	r->depth = depth;
}

static void leave(struct oct_secondary *secondary, struct oct_space *of)
{
	assert_ptr_equal(of, &space);
	assert_true(host_page_is_out(of->root));
	((struct recorder *)(void *)secondary)->left++;
}

static struct recorder recorders[2];

static int start(void **state)
{
	(void)state;
	host_reset();
	assert_int_equal(oct_system_init(&machine, CPUS), 0);
	host_system = &machine;
	assert_int_equal(oct_space_init(&space, &machine), 0);
	for (unsigned i = 0; i < 2; i++) {
		recorders[i] = (struct recorder){.secondary = {.invalidate = record, .leave = leave}};
		oct_secondary_bind(&space, &recorders[i].secondary);
	}
	return 0;
}

static int finish(void **state)
{
	(void)state;
	oct_system_exit(&machine);
	assert_int_equal(host_pages(), 0);
	return 0;
}

static oct_phys_t map(uintptr_t va, size_t pages)
{
	oct_phys_t first = oct_port_page_alloc(0, OCT_USE_USER);

	assert_int_equal(oct_table_map(&space, va, first, 1, OCT_READ | OCT_WRITE, OCT_NORMAL), 0);
	for (size_t i = 1; i < pages; i++)
		assert_int_equal(oct_table_map(&space, va + i * OCT_PAGE_SIZE,
		                               oct_port_page_alloc(0, OCT_USE_USER), 1, OCT_READ, OCT_NORMAL),
		                 0);
	return first;
}

static void unmap(uintptr_t va, size_t pages)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, &space);
	assert_int_equal(oct_table_unmap(&space, va, va + pages * OCT_PAGE_SIZE, true, &ticket), 0);
	oct_ticket_complete(&ticket);
}

/* Each is told of each flush, also where no CPU runs the space, and before pages are released. */
static void told_before_release(void **state)
{
	oct_phys_t page = map(VA, 1);

	(void)state;
	assert_int_equal(recorders[0].told, 0); /* an entry that comes needs no flush */
	recorders[0].watched = recorders[1].watched = page;
	unmap(VA, 1);
	assert_false(host_page_is_out(page));
	recorders[0].watched = recorders[1].watched = 0;
	for (unsigned i = 0; i < 2; i++) {
		assert_true(recorders[i].told > 0);
		assert_true(recorders[i].pages == 0 || (recorders[i].start <= VA && recorders[i].pages >= 1));
	}
	oct_space_exit(&space);
}

/* A flush that one CPU could do alone. */
static void local_is_not_enough(void **state)
{
	struct oct_ticket ticket;

	(void)state;
	map(VA, 2);
	host_cpu = 0;
	oct_space_switch(&machine, &space);
	oct_ticket_init(&ticket, &space);
	assert_int_equal(oct_table_protect(&space, VA, VA + OCT_PAGE_SIZE, OCT_READ, &ticket), 0);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_interrupts, 0);
	assert_int_equal(recorders[0].told, 1);
	assert_int_equal(recorders[0].start, VA);
	assert_int_equal(recorders[0].pages, 1);
	assert_int_equal(recorders[0].depth, OCT_LEAF);
	unmap(VA, 2);
	oct_space_exit(&space);
}

static void unbound(void **state)
{
	(void)state;
	map(VA, 2);
	oct_secondary_unbind(&space, &recorders[0].secondary); /* the older: behind the other in the list */
	unmap(VA, 1);
	assert_int_equal(recorders[0].told, 0);
	assert_true(recorders[1].told > 0);
	oct_secondary_unbind(&space, &recorders[1].secondary);
	unmap(VA + OCT_PAGE_SIZE, 1);
	expect_assert_failure(oct_secondary_unbind(&space, &recorders[1].secondary));
	oct_space_exit(&space);
	assert_int_equal(recorders[0].left + recorders[1].left, 0);
}

static void by_hand(void **state)
{
	(void)state;
	oct_secondary_invalidate(&space, VA, 3, OCT_ALL_LEVELS);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(recorders[i].told, 1);
		assert_int_equal(recorders[i].start, VA);
		assert_int_equal(recorders[i].pages, 3);
		assert_int_equal(recorders[i].depth, OCT_ALL_LEVELS);
	}
	oct_space_exit(&space);
}

/* The space ends: each leaves while the tables still stand. */
static void leaving(void **state)
{
	(void)state;
	map(VA, 1);
	unmap(VA, 1);
	oct_space_exit(&space);
	assert_int_equal(recorders[0].left, 1);
	assert_int_equal(recorders[1].left, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(told_before_release, start, finish),
	    cmocka_unit_test_setup_teardown(local_is_not_enough, start, finish),
	    cmocka_unit_test_setup_teardown(unbound, start, finish),
	    cmocka_unit_test_setup_teardown(by_hand, start, finish),
	    cmocka_unit_test_setup_teardown(leaving, start, finish),
	};

	return cmocka_run_group_tests_name("notify " OCT_FORMAT_NAME, tests, NULL, NULL);
}
