/* test_table.c: tables against an array, bad input, memory that runs out. SPDX-License-Identifier: MIT */
#include "host_port.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PAGES = 160, STEPS = 6000 };

static struct oct_system machine;
static struct oct_space space;

/* A range that straddles a leaf table's end, and with small tables several levels. */
static uintptr_t base(void)
{
	return (oct_level_bytes(1) * 3) - 5 * OCT_PAGE_SIZE;
}

static uintptr_t address(unsigned page)
{
	return base() + page * OCT_PAGE_SIZE;
}

static void start(void)
{
	host_reset();
	assert_int_equal(oct_system_init(&machine, OCT_TIER == 0 ? 1 : 2), 0);
	host_system = &machine;
	assert_int_equal(oct_space_init(&space, &machine), 0);
}

static void finish(void)
{
	oct_space_exit(&space);
	oct_system_exit(&machine);
	assert_int_equal(host_pages(), 0);
}

/* ---- Random sequences against an array ---------------------------------------------------------- */
static struct expected {
	bool mapped;
	unsigned prot;
	oct_phys_t page;
} expected[PAGES];

static void check_all(void)
{
	for (unsigned i = 0; i < PAGES; i++) {
		oct_pte_t pte = oct_table_query(&space, address(i));

		assert_int_equal(oct_pte_present(pte), expected[i].mapped);
		if (!expected[i].mapped) {
			assert_true(oct_pte_none(pte));
			continue;
		}
		assert_int_equal(oct_pte_prot(pte), expected[i].prot);
		assert_int_equal(oct_pte_phys(pte), expected[i].page);
		assert_true(oct_pte_young(pte));
		assert_true(!(expected[i].prot & OCT_WRITE) || oct_pte_dirty(pte));
	}
}

static unsigned random_prot(void)
{
	unsigned prot = (unsigned)rand() & OCT_PROT_MASK;

	return prot != 0 ? prot | OCT_READ : 0;
}

static void random_map(unsigned first, unsigned count)
{
	oct_phys_t page = 0x1000000 + ((oct_phys_t)(rand() % 1000) << OCT_PAGE_SHIFT);
	unsigned prot = random_prot();
	int want = 0;

	for (unsigned i = first; i < first + count; i++)
		if (expected[i].mapped)
			want = -OCT_EEXIST;
	assert_int_equal(oct_table_map(&space, address(first), page, count, prot, OCT_NORMAL), want);
	for (unsigned i = first; want == 0 && i < first + count; i++)
		expected[i] =
		    (struct expected){true, prot, page + ((oct_phys_t)(i - first) << OCT_PAGE_SHIFT)};
}

static void random_step(struct oct_ticket *ticket)
{
	unsigned first = (unsigned)rand() % PAGES;
	unsigned count = 1 + (unsigned)rand() % (rand() % 4 ? 8 : PAGES);
	unsigned prot = random_prot();

	if (count > PAGES - first)
		count = PAGES - first;
	switch (rand() % 5) {
	case 0:
	case 1:
		random_map(first, count > 12 ? 12 : count);
		break;
	case 2:
		assert_int_equal(
		    oct_table_unmap(&space, address(first), address(first + count), false, ticket), 0);
		memset(expected + first, 0, count * sizeof expected[0]);
		break;
	case 3:
		assert_int_equal(
		    oct_table_protect(&space, address(first), address(first + count), prot, ticket), 0);
		for (unsigned i = first; i < first + count; i++)
			expected[i].prot = prot;
		break;
	default:
		assert_int_equal(oct_table_trim(&space, address(first), address(first + count), ticket), 0);
	}
	if (rand() % 3 == 0)
		oct_ticket_complete(ticket);
}

static void random_sequences(void **state)
{
	struct oct_ticket ticket;

	(void)state;
	start();
	srand(7);
	memset(expected, 0, sizeof expected);
	oct_ticket_init(&ticket, &space);
	for (unsigned step = 0; step < STEPS; step++) {
		random_step(&ticket);
		if (step % 16 == 0)
			check_all();
	}
	check_all();
	assert_int_equal(oct_table_unmap(&space, address(0), address(PAGES), false, &ticket), 0);
	assert_int_equal(oct_table_trim(&space, 0, space.last + 1, &ticket), 0);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_pages(), 4); /* the idle root and the space's: every other table has gone */
	finish();
}

/* ---- Memory ----------------------------------------------------------------------------------------- */
/* Whatever allocation fails: an error, no entry changed, and nothing lost. */
static void allocation_sweep(void **state)
{
	unsigned long needed;

	(void)state;
	for (unsigned n = 1;; n++) {
		int error;

		host_reset();
		host_system = &machine;
		host_fail_allocation(n);
		if (oct_system_init(&machine, 1) != 0) {
			assert_int_equal(host_pages(), 0);
			continue;
		}
		if (oct_space_init(&space, &machine) != 0) {
			oct_system_exit(&machine);
			assert_int_equal(host_pages(), 0);
			continue;
		}
		error = oct_table_map(&space, address(0), 0x1000000, PAGES, OCT_READ, OCT_NORMAL);
		for (unsigned i = 0; i < PAGES; i++)
			assert_int_equal(oct_pte_present(oct_table_query(&space, address(i))), error == 0);
		if (error != 0) {
			assert_int_equal(error, -OCT_ENOMEM);
			assert_int_equal(
			    oct_table_map(&space, address(0), 0x1000000, PAGES, OCT_READ, OCT_NORMAL), 0);
		}
		needed = host_allocations();
		host_fail_allocation(0);
		finish();
		if (error == 0 && n > needed)
			break;
	}
	assert_true(needed >= OCT_LEVELS + 1);
}

static void prepared_map_needs_no_memory(void **state)
{
	(void)state;
	start();
	assert_int_equal(oct_table_prepare(&space, address(0), address(PAGES)), 0);
	host_fail_allocation(1);
	assert_int_equal(oct_table_map(&space, address(0), 0x1000000, PAGES, OCT_READ, OCT_NORMAL), 0);
	host_fail_allocation(0);
	finish();
}

/* ---- Bad input ---------------------------------------------------------------------------------------- */
static int map(uintptr_t va, oct_phys_t page, size_t pages, unsigned prot)
{
	return oct_table_map(&space, va, page, pages, prot, OCT_NORMAL);
}

static void bad_input(void **state)
{
	struct oct_ticket ticket, foreign;
	struct oct_space other;
	unsigned pages;

	(void)state;
	start();
	assert_int_equal(oct_space_init(&other, &machine), 0);
	oct_ticket_init(&ticket, &space);
	oct_ticket_init(&foreign, &other);
	pages = host_pages();
	assert_int_equal(map(base() + 1, 0x1000000, 1, OCT_READ), -OCT_EINVAL);
	assert_int_equal(map(base(), 0x1000001, 1, OCT_READ), -OCT_EINVAL);
	assert_int_equal(map(base(), (oct_phys_t)1 << 60, 1, OCT_READ), -OCT_EINVAL);
	assert_int_equal(map(base(), 0x1000000, 0, OCT_READ), -OCT_EINVAL);
	assert_int_equal(map(base(), 0x1000000, SIZE_MAX, OCT_READ), -OCT_EINVAL);
	assert_int_equal(map(base(), 0x1000000, SIZE_MAX >> OCT_PAGE_SHIFT, OCT_READ), -OCT_EINVAL);
	assert_int_equal(map(space.last + 1, 0x1000000, 1, OCT_READ), -OCT_EINVAL);
	assert_int_equal(map(space.last + 1 - OCT_PAGE_SIZE, 0x1000000, 2, OCT_READ), -OCT_EINVAL);
	assert_int_equal(map(~(uintptr_t)0 - OCT_PAGE_SIZE + 1, 0x1000000, 1, OCT_READ), -OCT_EINVAL);
	assert_int_equal(map(base(), 0x1000000, 1, OCT_READ | OCT_KERNEL), -OCT_EINVAL);
	assert_int_equal(map(base(), 0x1000000, 1, 64), -OCT_EINVAL);
	assert_int_equal(oct_table_map(&space, base(), 0x1000000, 1, OCT_READ, (enum oct_memory_type)9),
	                 -OCT_EINVAL);
	assert_int_equal(oct_table_unmap(&space, address(2), address(2), false, &ticket), -OCT_EINVAL);
	assert_int_equal(oct_table_unmap(&space, address(2), address(1), false, &ticket), -OCT_EINVAL);
	assert_int_equal(oct_table_unmap(&space, address(1), address(2), false, &foreign), -OCT_EINVAL);
	assert_int_equal(oct_table_protect(&space, address(1), address(2), 64, &ticket), -OCT_EINVAL);
	assert_int_equal(oct_table_protect(&space, address(1) + 8, address(2), OCT_READ, &ticket),
	                 -OCT_EINVAL);
	assert_int_equal(oct_table_trim(&space, address(1), address(2) + 1, &ticket), -OCT_EINVAL);
	assert_int_equal(oct_table_prepare(&space, 0, 0), -OCT_EINVAL);
	assert_int_equal(oct_system_init(&machine, 0), -OCT_EINVAL);
	assert_int_equal(oct_system_init(&machine, OCT_MAX_CPUS + 1), -OCT_EINVAL);
	assert_int_equal(host_pages(), pages);
	expect_assert_failure(oct_pte_lock_at(&space, space.last + 1, &(struct oct_pte_guard){0}));
	oct_space_exit(&other);
	finish();
}

/* ---- Single calls -----------------------------------------------------------------------------------------
 */
static void raw_lock(void **state)
{
	oct_pte_t *first, *second;

	(void)state;
	start();
	assert_null(oct_space_pte_lock_raw(&space, address(0)));
	assert_int_equal(map(address(0), 0x1000000, 8, OCT_READ), 0);
	first = oct_space_pte_lock_raw(&space, address(0));
	second = oct_space_pte_lock_raw(&space, address(6)); /* another leaf table */
	assert_ptr_equal(first, oct_table_find(&space, address(0), 0));
	assert_ptr_equal(second, oct_table_find(&space, address(6), 0));
	oct_space_pte_unlock_raw(&space, first);
	expect_assert_failure(oct_space_pte_unlock_raw(&space, first));
	oct_space_pte_unlock_raw(&space, second);
	finish();
}

static void whole_space(void **state)
{
	struct oct_ticket ticket;
	uintptr_t top;

	(void)state;
	start();
	top = space.last + 1 - OCT_PAGE_SIZE;
	oct_ticket_init(&ticket, &space);
	assert_int_equal(map(0, 0x1000000, 1, OCT_READ), 0);
	assert_int_equal(map(top, 0x1000000, 1, OCT_READ), 0);
	assert_int_equal(oct_table_protect(&space, 0, space.last + 1, OCT_NONE, &ticket), 0);
	assert_int_equal(oct_pte_prot(oct_table_query(&space, top)), OCT_NONE);
	assert_true(oct_pte_present(oct_table_query(&space, top)));
	assert_int_equal(oct_table_unmap(&space, 0, space.last + 1, false, &ticket), 0);
	assert_int_equal(oct_table_query(&space, 0), 0);
	assert_int_equal(oct_table_query(&space, top), 0);
	oct_ticket_complete(&ticket);
	finish();
}

static void kernel_half(void **state)
{
	uintptr_t top = ~(uintptr_t)0 - OCT_PAGE_SIZE + 1;
	struct oct_space kernel, second;
	struct oct_ticket ticket;

	(void)state;
	start();
	oct_space_exit(&space);
	assert_int_equal(oct_kernel_space_init(&kernel, &machine, 0, 0xffff), -OCT_EINVAL);
	assert_int_equal(oct_kernel_space_init(&kernel, &machine, top + 1, ~(uintptr_t)0), -OCT_EINVAL);
	assert_int_equal(oct_kernel_space_init(&kernel, &machine, top - 64 * OCT_PAGE_SIZE, ~(uintptr_t)0),
	                 0);
	assert_int_equal(oct_kernel_space_init(&second, &machine, top, ~(uintptr_t)0), -OCT_EBUSY);
	assert_int_equal(oct_space_init(&space, &machine), 0);
	host_kernel_root = kernel.root;
	oct_space_switch(&machine, &space);
	/* Mapped after the user space was made, seen through its root, up to the last page. */
	assert_int_equal(oct_table_map(&kernel, top, 0x1000000, 1, OCT_READ | OCT_WRITE, OCT_NORMAL),
	                 -OCT_EINVAL);
	assert_int_equal(
	    oct_table_map(&kernel, top, 0x1000000, 1, OCT_READ | OCT_WRITE | OCT_KERNEL, OCT_DEVICE), 0);
	assert_int_equal(oct_pte_phys(host_tlb_touch(0, top)), 0x1000000);
	assert_true(oct_pte_global(host_tlb_touch(0, top)));
	oct_ticket_init(&ticket, &kernel);
	assert_int_equal(oct_table_unmap(&kernel, top, 0, false, &ticket), 0);
	assert_int_equal(oct_table_trim(&kernel, kernel.start, 0, &ticket), 0);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_tlb_cached(0, top), 0);
	assert_int_equal(host_tlb_touch(0, top), 0);
	oct_space_switch(&machine, NULL);
	oct_space_exit(&space);
	oct_space_exit(&kernel);
	oct_system_exit(&machine);
	assert_int_equal(host_pages(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_sequences),
	    cmocka_unit_test(allocation_sweep),
	    cmocka_unit_test(prepared_map_needs_no_memory),
	    cmocka_unit_test(bad_input),
	    cmocka_unit_test(raw_lock),
	    cmocka_unit_test(whole_space),
	    cmocka_unit_test(kernel_half),
	};

	return cmocka_run_group_tests_name("table " OCT_FORMAT_NAME, tests, NULL, NULL);
}
