/* test_selftest.c: the selftest on a good port, and on one without memory. SPDX-License-Identifier: MIT */
#include "host_port.h"
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static struct oct_system oct;

static void start(void)
{
	host_reset();
	assert_int_equal(oct_system_init(&oct, 2), 0);
	host_system = &oct;
}

static void good_port(void **state)
{
	unsigned before;

	(void)state;
	start();
	assert_int_equal(oct_selftest(&oct), 0);
	before = host_pages(); /* the zero page stays with the system */
	assert_int_equal(oct_selftest_tables(&oct), 0);
	assert_int_equal(oct_selftest(&oct), 0);
	assert_int_equal(host_pages(), before);
	oct_system_exit(&oct);
	assert_int_equal(host_pages(), 0);
}

/* Each allocation fails once: the test says so and gives everything back. */
static void without_memory(void **state)
{
	unsigned long needed;
	unsigned before;

	(void)state;
	start();
	assert_int_equal(oct_selftest(&oct), 0);
	before = host_pages();
	needed = host_allocations();
	assert_int_equal(oct_selftest(&oct), 0);
	needed = host_allocations() - needed;
	assert_true(needed > 10);
	for (unsigned n = 1; n <= needed; n++) {
		host_fail_allocation(n);
		assert_int_not_equal(oct_selftest(&oct), 0);
		assert_int_equal(host_pages(), before);
	}
	host_fail_allocation(0);
	oct_system_exit(&oct);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_port),
	    cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
