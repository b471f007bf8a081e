/* test_mmap.c: where mappings go and what a space refuses; stacks; the end of a program.
 * SPDX-License-Identifier: MIT */
#include "space_user.h"
#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

enum { RW = OCT_READ | OCT_WRITE, RX = OCT_READ | OCT_EXEC };
#define PAGES(n) ((size_t)(n) << OCT_PAGE_SHIFT)

static struct oct_system machine;
static struct oct_mm mm;
static uintptr_t middle; /* a table border of every level but the root's */

static int make(void **state)
{
	(void)state;
	user_sets_bits = true;
	host_reset();
	assert_int_equal(oct_system_init(&machine, 2), 0);
	host_system = &machine;
	assert_int_equal(oct_mm_init(&mm, &machine), 0);
	middle = (mm.space.last + 1) / 2;
	return 0;
}

static int drop(void **state)
{
	(void)state;
	oct_mm_exit(&mm);
	oct_system_exit(&machine);
	return host_pages() == 0 ? 0 : -1;
}

static uintptr_t map(uintptr_t addr, size_t pages, unsigned prot, unsigned flags)
{
	uintptr_t result = 0;

	assert_int_equal(oct_mmap(&mm, addr, PAGES(pages), prot, flags, &result), 0);
	return result;
}

static void no_replace(void **state)
{
	uintptr_t result = 7;

	(void)state;
	map(middle, 2, RW, OCT_MAP_FIXED_NOREPLACE);
	assert_int_equal(user_store(&mm, middle + PAGES(1), 5), 0);
	assert_int_equal(oct_mmap(&mm, middle + PAGES(1), PAGES(2), OCT_READ,
	                          OCT_MAP_FIXED | OCT_MAP_FIXED_NOREPLACE, &result),
	                 -OCT_EEXIST);
	assert_int_equal(oct_mmap(&mm, 0, PAGES(1), RW, OCT_MAP_FIXED_NOREPLACE, &result), -OCT_EINVAL);
	assert_int_equal(oct_mmap(&mm, 0, PAGES(1), RW, OCT_MAP_SHARED | OCT_MAP_GROWSDOWN, &result),
	                 -OCT_EINVAL);
	assert_int_equal(result, 7);
	assert_int_equal(mm.areas.count, 1);
	map(middle + PAGES(2), 1, RW, OCT_MAP_FIXED_NOREPLACE);
	assert_int_equal(mm.areas.count, 1);
}

static void populated(void **state)
{
	const unsigned flags[] = {OCT_MAP_POPULATE, OCT_MAP_POPULATE | OCT_MAP_SHARED};
	uintptr_t va;
	uint32_t value;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		va = map(0, 3, RW, flags[i]);
		user_faults = 0;
		for (unsigned page = 0; page < 3; page++) {
			assert_true(oct_pte_dirty(user_entry(&mm, va + PAGES(page))));
			assert_int_equal(user_store(&mm, va + PAGES(page), page), 0);
		}
		assert_int_equal(user_faults, 0);
	}
	va = map(0, 2, OCT_READ, OCT_MAP_POPULATE);
	assert_true(oct_pte_phys(user_entry(&mm, va + PAGES(1))) == mm.zero_page);
	va = map(middle, 2, OCT_NONE, OCT_MAP_POPULATE);
	assert_true(oct_pte_none(user_entry(&mm, va)));
	/* no memory for the second page: it comes by a fault */
	host_fail_allocation(4);
	va = map(middle + PAGES(16), 3, RW, OCT_MAP_POPULATE);
	host_fail_allocation(0);
	assert_true(oct_pte_none(user_entry(&mm, va + PAGES(2))));
	assert_int_equal(user_load(&mm, va + PAGES(2), &value), 0);
	assert_int_equal(value, 0);
}

static void write_or_execute(void **state)
{
	const unsigned both = OCT_WRITE | OCT_EXEC;
	uintptr_t va, result;
	struct oct_mm child;

	(void)state;
	assert_int_equal(oct_mm_set_policy(&mm, 8), -OCT_EINVAL);
	va = map(0, 1, both, 0);
	assert_int_equal(oct_mm_set_policy(&mm, OCT_MM_NO_WRITE_EXEC), 0);
	assert_int_equal(oct_mmap(&mm, 0, PAGES(1), both, 0, &result), -OCT_EACCES);
	assert_int_equal(oct_mmap(&mm, va, PAGES(1), both, OCT_MAP_FIXED, &result), -OCT_EACCES);
	assert_int_equal(oct_mprotect(&mm, va, PAGES(1), both), -OCT_EACCES);
	assert_int_equal(oct_mprotect(&mm, va, PAGES(2), both), -OCT_ENOMEM);
	assert_int_equal(oct_mprotect(&mm, va, PAGES(1), RX), 0);
	assert_int_equal(oct_mprotect(&mm, va, PAGES(1), RW), 0);
	assert_int_equal(oct_mm_init(&child, &machine), 0);
	assert_int_equal(oct_fork(&child, &mm), 0);
	assert_int_equal(oct_mprotect(&child, va, PAGES(1), both), -OCT_EACCES);
	oct_mm_exit(&child);
	assert_int_equal(oct_mm_set_policy(&mm, 0), 0);
	assert_int_equal(oct_mprotect(&mm, va, PAGES(1), both), 0);
}

static void top_down(void **state)
{
	uintptr_t top = mm.space.last + 1, result;

	(void)state;
	assert_int_equal(oct_mm_set_policy(&mm, OCT_MM_TOP_DOWN), 0);
	assert_int_equal(map(0, 2, RW, 0), top - PAGES(2));
	assert_int_equal(map(0, 2, RW, 0), top - PAGES(4));
	assert_int_equal(mm.areas.count, 1);
	assert_int_equal(oct_munmap(&mm, top - PAGES(3), PAGES(1)), 0);
	assert_int_equal(map(0, 2, OCT_READ, 0), top - PAGES(6));
	assert_int_equal(map(0, 1, OCT_READ, 0), top - PAGES(3));
	assert_int_equal(oct_mmap(&mm, 0, top - PAGES(6), RW, 0, &result), -OCT_ENOMEM);
	assert_int_equal(oct_mmap(&mm, 0, top - PAGES(7), RW, 0, &result), 0);
	assert_int_equal(result, OCT_USER_START);
}

/* ---- Stacks --------------------------------------------------------------------------------- */

enum { GUARD = OCT_STACK_GUARD_PAGES };

static void stack_grows(void **state)
{
	const unsigned limit = GUARD + 64;
	uintptr_t va = middle, low;
	struct oct_vma *vma;
	uint32_t value;

	(void)state;
	mm.stack_bytes = PAGES(limit);
	map(va, 2, RW, OCT_MAP_GROWSDOWN);
	assert_int_equal(user_store(&mm, va, 1), 0);
	assert_int_equal(oct_fault(&mm, va - PAGES(3), OCT_EXEC), OCT_FAULT_SIGNAL);
	assert_int_equal(oct_vma_find(&mm.areas, va)->start, va);
	assert_int_equal(user_store(&mm, va - PAGES(3) + 8, 2), 0);
	vma = oct_vma_find(&mm.areas, va);
	assert_int_equal(vma->start, va - PAGES(3));
	assert_int_equal(vma->pgoff, vma->start >> OCT_PAGE_SHIFT);
	assert_int_equal(user_load(&mm, va - PAGES(2), &value), 0);
	assert_int_equal(value, 0);
	/* not past its size */
	low = va + PAGES(2) - mm.stack_bytes;
	assert_int_equal(user_store(&mm, low - PAGES(1), 3), -OCT_EFAULT);
	assert_int_equal(user_store(&mm, low, 3), 0);
	/* what it has grown by is an area like any other */
	assert_int_equal(oct_munmap(&mm, low, PAGES(limit) - PAGES(1)), 0);
	assert_int_equal(mm.areas.count, 1);
	assert_int_equal(user_store(&mm, low, 3), 0);
}

static void stack_keeps_its_guard(void **state)
{
	uintptr_t va = middle;

	(void)state;
	map(va, 1, RW, OCT_MAP_GROWSDOWN);
	map(va - PAGES(GUARD + 3), 2, RW, OCT_MAP_FIXED); /* ends GUARD + 1 below */
	assert_int_equal(user_store(&mm, va - PAGES(2), 1), -OCT_EFAULT);
	assert_int_equal(user_store(&mm, va - PAGES(1), 1), 0);
	assert_int_equal(user_store(&mm, va - PAGES(2), 1), -OCT_EFAULT);
	assert_int_equal(oct_munmap(&mm, va - PAGES(GUARD + 2), PAGES(1)), 0);
	assert_int_equal(user_store(&mm, va - PAGES(2), 1), 0);
	assert_int_equal(user_store(&mm, va - PAGES(3), 1), -OCT_EFAULT);
	/* nobody is put into the guard unless he says so */
	map(OCT_USER_START, (va >> OCT_PAGE_SHIFT) - GUARD - 4, OCT_NONE, OCT_MAP_FIXED);
	assert_true(map(0, 1, RW, 0) > va);
	assert_int_equal(map(va - PAGES(3), 1, RW, 0), va - PAGES(3));
}

/* A gap for a stack has room for its guard, too. */
static void stack_in_a_gap(void **state)
{
	uintptr_t first, second, top = mm.space.last + 1;

	(void)state;
	first = map(0, 1, RW, OCT_MAP_GROWSDOWN);
	assert_int_equal(first, OCT_USER_START + PAGES(GUARD));
	second = map(0, 1, RW, OCT_MAP_GROWSDOWN);
	assert_int_equal(second, first + PAGES(1 + GUARD));
	assert_int_equal(map(0, 1, RW, 0), second + PAGES(1));
	assert_int_equal(oct_mm_set_policy(&mm, OCT_MM_TOP_DOWN), 0);
	assert_int_equal(map(0, 1, RW, OCT_MAP_GROWSDOWN), top - PAGES(1));
	assert_int_equal(map(0, 1, RW, 0), top - PAGES(2 + GUARD));
}

/* ---- The end of a program ------------------------------------------------------------------- */

static void reset(void **state)
{
	uint32_t value;
	unsigned before;

	(void)state;
	before = host_pages();
	mm.stack_bytes = PAGES(9);
	assert_int_equal(oct_mm_set_policy(&mm, OCT_MM_NO_WRITE_EXEC), 0);
	oct_mm_reset(&mm); /* of an empty space */
	assert_int_equal(host_pages(), before);
	map(middle - PAGES(1), 2, RW, 0);
	map(OCT_USER_START, 1, RW, OCT_MAP_SHARED);
	host_cpu = 1;
	assert_int_equal(user_store(&mm, middle, 4), 0);
	assert_int_equal(user_store(&mm, OCT_USER_START, 4), 0);
	host_cpu = 0;
	host_fail_allocation(1);
	oct_mm_reset(&mm);
	host_fail_allocation(0);
	assert_int_equal(host_pages(), before);
	assert_int_equal(mm.areas.count, 0);
	assert_int_equal(mm.policy, OCT_MM_NO_WRITE_EXEC);
	assert_int_equal(mm.stack_bytes, PAGES(9));
	host_cpu = 1; /* still runs the space, and must not reach what it had */
	assert_int_equal(user_load(&mm, middle, &value), -OCT_EFAULT);
	map(middle, 1, RW, 0);
	assert_int_equal(user_load(&mm, middle, &value), 0);
	assert_int_equal(value, 0);
	host_cpu = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(no_replace, make, drop),
	    cmocka_unit_test_setup_teardown(populated, make, drop),
	    cmocka_unit_test_setup_teardown(write_or_execute, make, drop),
	    cmocka_unit_test_setup_teardown(top_down, make, drop),
	    cmocka_unit_test_setup_teardown(stack_grows, make, drop),
	    cmocka_unit_test_setup_teardown(stack_keeps_its_guard, make, drop),
	    cmocka_unit_test_setup_teardown(stack_in_a_gap, make, drop),
	    cmocka_unit_test_setup_teardown(reset, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
