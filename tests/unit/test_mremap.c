/* test_mremap.c: mappings that grow, shrink and move. SPDX-License-Identifier: MIT */
#include "space_user.h"
#include <octavo/mapping.h>
#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

enum { RW = OCT_READ | OCT_WRITE, FIXED = OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED };
#define PAGES(n) ((size_t)(n) << OCT_PAGE_SHIFT)
#define TABLE    ((size_t)OCT_TABLE_ENTRIES << OCT_PAGE_SHIFT)

static struct oct_system machine;
static struct oct_mm mm;
static uintptr_t va, far; /* four pages across two leaf tables; an unused place with the same tables above */

static int make(void **state)
{
	(void)state;
	user_sets_bits = true;
	host_reset();
	assert_int_equal(oct_system_init(&machine, 2), 0);
	host_system = &machine;
	assert_int_equal(oct_mm_init(&mm, &machine), 0);
	va = (mm.space.last + 1) / 2 + TABLE - PAGES(2);
	far = va + 3 * TABLE;
	return oct_mmap(&mm, va, PAGES(4), RW, 0, &va);
}

static int drop(void **state)
{
	(void)state;
	oct_mm_exit(&mm);
	oct_system_exit(&machine);
	return host_pages() == 0 ? 0 : -1;
}

static void fill(uintptr_t addr, unsigned pages, uint32_t first)
{
	for (unsigned i = 0; i < pages; i++)
		assert_int_equal(user_store(&mm, addr + PAGES(i), first + i), 0);
}

static void check(uintptr_t addr, unsigned pages, uint32_t first)
{
	uint32_t value;

	for (unsigned i = 0; i < pages; i++) {
		assert_int_equal(user_load(&mm, addr + PAGES(i), &value), 0);
		assert_int_equal(value, first + i);
	}
}

static void check_gone(uintptr_t addr, unsigned pages)
{
	uint32_t value;

	for (unsigned i = 0; i < pages; i++)
		assert_int_equal(user_load(&mm, addr + PAGES(i), &value), -OCT_EFAULT);
}

static uintptr_t moved(uintptr_t addr, size_t bytes, size_t new_bytes, unsigned flags, uintptr_t to)
{
	uintptr_t result = 0;

	assert_int_equal(oct_mremap(&mm, addr, bytes, new_bytes, flags, to, &result), 0);
	return result;
}

static void refused(void **state)
{
	uintptr_t top = mm.space.last + 1, result = 7;
	const struct {
		uintptr_t addr;
		size_t bytes, new_bytes;
		unsigned flags;
		uintptr_t to;
		int error;
	} bad[] = {
	    {va + 8, PAGES(1), PAGES(1), 0, 0, -OCT_EINVAL},
	    {va, 0, PAGES(1), 0, 0, -OCT_EINVAL},
	    {va, PAGES(1), 0, 0, 0, -OCT_EINVAL},
	    {va, PAGES(1), PAGES(1), 4, 0, -OCT_EINVAL},
	    {va, PAGES(1), PAGES(1), OCT_MREMAP_FIXED, far, -OCT_EINVAL},
	    {va, PAGES(1), PAGES(1), FIXED, far + 1, -OCT_EINVAL},
	    {va, PAGES(1), PAGES(1), FIXED, 0, -OCT_EINVAL},
	    {va, PAGES(1), PAGES(1), FIXED, top, -OCT_EINVAL},
	    {va, PAGES(4), PAGES(4), FIXED, va, -OCT_EINVAL},
	    {va, PAGES(4), PAGES(4), FIXED, va + PAGES(3), -OCT_EINVAL},
	    {va, PAGES(1), PAGES(3), FIXED, va - PAGES(2), -OCT_EINVAL},
	    {va, PAGES(1), top, OCT_MREMAP_MAYMOVE, 0, -OCT_EINVAL},
	    {va, PAGES(1), top - PAGES(1), OCT_MREMAP_MAYMOVE, 0, -OCT_ENOMEM},
	    {va, PAGES(5), PAGES(6), OCT_MREMAP_MAYMOVE, 0, -OCT_EFAULT},
	    {far, PAGES(1), PAGES(1), 0, 0, -OCT_EFAULT},
	    {va, PAGES(2), PAGES(3), 0, 0, -OCT_ENOMEM},
	};

	(void)state;
	fill(va, 4, 10);
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(oct_mremap(&mm, bad[i].addr, bad[i].bytes, bad[i].new_bytes, bad[i].flags,
		                            bad[i].to, &result),
		                 bad[i].error);
		assert_int_equal(result, 7);
	}
	assert_int_equal(mm.areas.count, 1);
	check(va, 4, 10);
}

static void grows_and_shrinks(void **state)
{
	(void)state;
	fill(va, 4, 20);
	assert_int_equal(moved(va + PAGES(2), PAGES(2), PAGES(4) - 1, 0, 0), va + PAGES(2));
	assert_int_equal(mm.areas.count, 1);
	check(va, 4, 20);
	fill(va + PAGES(4), 2, 24);
	host_cpu = 1;
	check(va, 6, 20);
	host_cpu = 0;
	assert_int_equal(moved(va, PAGES(6), PAGES(1), 0, 0), va);
	host_cpu = 1;
	check_gone(va + PAGES(1), 5);
	host_cpu = 0;
	check(va, 1, 20);
	assert_int_equal(moved(va, PAGES(1), PAGES(1), OCT_MREMAP_MAYMOVE, 0), va);
	check(va, 1, 20);
}

/* Up to a neighbour, which may be one of its kind, but not into the guard of a stack. */
static void grows_to_neighbours(void **state)
{
	uintptr_t result, stack = va + PAGES(8 + OCT_STACK_GUARD_PAGES);

	(void)state;
	assert_int_equal(oct_mmap(&mm, stack, PAGES(1), RW, OCT_MAP_GROWSDOWN, &result), 0);
	assert_int_equal(moved(va, PAGES(4), PAGES(8), 0, 0), va);
	assert_int_equal(oct_mremap(&mm, va, PAGES(8), PAGES(9), 0, 0, &result), -OCT_ENOMEM);
	assert_int_equal(oct_munmap(&mm, stack, PAGES(1)), 0);
	assert_int_equal(oct_mmap(&mm, va + PAGES(10), PAGES(1), RW, 0, &result), 0);
	assert_int_equal(oct_mremap(&mm, va, PAGES(8), PAGES(11), 0, 0, &result), -OCT_ENOMEM);
	assert_int_equal(moved(va, PAGES(8), PAGES(10), 0, 0), va);
	assert_int_equal(mm.areas.count, 1);
}

/* Elsewhere, both up and down and within one leaf table, by CPUs that hold the old entries. */
static void moves(void **state)
{
	const uintptr_t places[] = {far, far + PAGES(5), va - PAGES(20), va - PAGES(9), va + PAGES(3)};
	uintptr_t at = va;
	struct oct_folio *folio;
	unsigned pages;

	(void)state;
	fill(at, 3, 30); /* and one that stays empty */
	pages = host_pages();
	for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
		host_cpu = 1;
		check(at, 3, 30 + (i ? i - 1 : 0));
		fill(at, 3, 30 + i);
		host_cpu = 0;
		folio = user_folio(&mm, at);
		assert_int_equal(moved(at, PAGES(4), PAGES(4), FIXED, places[i]), places[i]);
		host_cpu = 1;
		check_gone(at, 4);
		at = places[i];
		check(at, 3, 30 + i);
		assert_true(oct_pte_none(user_entry(&mm, at + PAGES(3))));
		host_cpu = 0;
		assert_ptr_equal(user_folio(&mm, at), folio);
		assert_int_equal(folio->refcount, 1);
		assert_int_equal(mm.areas.count, 1);
		assert_true(host_pages() <= pages + 1);
	}
	at = moved(at, PAGES(4), PAGES(64), OCT_MREMAP_MAYMOVE, 0); /* in place: nothing is above */
	check(at, 3, 34);
	fill(at + PAGES(60), 4, 90);
}

/* A part of an area, over a part of another and a hole; what is cut off goes. */
static void moves_a_part(void **state)
{
	uintptr_t result;

	(void)state;
	fill(va, 4, 40);
	assert_int_equal(oct_mmap(&mm, far, PAGES(3), OCT_READ | OCT_WRITE, OCT_MAP_FIXED, &result), 0);
	fill(far, 3, 50);
	host_cpu = 1;
	check(va, 4, 40);
	check(far, 3, 50);
	host_cpu = 0;
	assert_int_equal(moved(va + PAGES(1), PAGES(2), PAGES(3), FIXED, far + PAGES(2)), far + PAGES(2));
	host_cpu = 1;
	check(va, 1, 40);
	check_gone(va + PAGES(1), 2);
	check(va + PAGES(3), 1, 43);
	check(far, 2, 50);
	check(far + PAGES(2), 2, 41);
	fill(far + PAGES(4), 1, 60);
	check_gone(far + PAGES(5), 1);
	host_cpu = 0;
	/* a shorter one: its tail goes as well */
	assert_int_equal(moved(far, PAGES(5), PAGES(2), FIXED, va - PAGES(8)), va - PAGES(8));
	check(va - PAGES(8), 2, 50);
	check_gone(far, 6);
}

/* Tables that the move covers go whole; what CPUs kept of the way to them is gone. */
static void tables_move(void **state)
{
	uintptr_t start = va - PAGES(2) + TABLE, to = start + 8 * TABLE, result;
	unsigned pages;

	(void)state;
	start = (start + TABLE - 1) & ~(TABLE - 1);
	to = start + 8 * TABLE;
	assert_int_equal(oct_munmap(&mm, va, PAGES(4)), 0);
	assert_int_equal(oct_mmap(&mm, start - PAGES(1), 2 * TABLE + PAGES(3), RW, 0, &result), 0);
	fill(start - PAGES(1), 3, 70);
	fill(start + 2 * TABLE, 1, 77);
	pages = host_pages();
	host_cpu = 1;
	check(start - PAGES(1), 3, 70);
	host_cpu = 0;
	assert_int_equal(
	    moved(start - PAGES(1), 2 * TABLE + PAGES(3), 2 * TABLE + PAGES(3), FIXED, to - PAGES(1)),
	    to - PAGES(1));
	assert_int_equal(host_pages(), pages);
	host_cpu = 1;
	check_gone(start - PAGES(1), 3);
	check(to - PAGES(1), 3, 70);
	check(to + 2 * TABLE, 1, 77);
	/* the old place is as new */
	assert_int_equal(oct_mmap(&mm, start, PAGES(4), RW, 0, &result), 0);
	fill(start, 4, 1);
	check(to - PAGES(1), 3, 70);
	host_cpu = 0;
	/* onto a place that has a table of its own: entry by entry */
	assert_int_equal(moved(to, TABLE, TABLE, FIXED, start), start);
	check(start, 2, 71);
	check_gone(start + TABLE, 1);
	check(to - PAGES(1), 1, 70);
}

static void state_goes_along(void **state)
{
	oct_pte_t pte;

	(void)state;
	fill(va, 3, 80);
	assert_int_equal(oct_clear_refs(&mm, va, va + PAGES(3)), 0);
	fill(va + PAGES(1), 1, 81);
	assert_int_equal(oct_uffd_writeprotect(&mm, va, va + PAGES(1), true), 0);
	moved(va, PAGES(4), PAGES(4), FIXED, far);
	pte = user_entry(&mm, far);
	assert_true(oct_pte_uffd_wp(pte) && oct_pte_dirty(pte) && !oct_pte_soft_dirty(pte));
	assert_int_equal(user_store(&mm, far, 1), -OCT_EBUSY);
	assert_true(oct_pte_soft_dirty(user_entry(&mm, far + PAGES(1))));
	assert_false(oct_pte_write(user_entry(&mm, far + PAGES(2))));
	check(far, 3, 80);
	fill(far + PAGES(2), 1, 5);
}

/* The other side of a fork keeps its own; shared memory is the same at its new address. */
static void after_fork(void **state)
{
	struct oct_mm child;
	uintptr_t shared, gone;
	uint32_t value;

	(void)state;
	fill(va, 1, 90);
	assert_int_equal(oct_mmap(&mm, 0, PAGES(2), RW, OCT_MAP_SHARED, &shared), 0);
	fill(shared, 2, 95);
	assert_int_equal(oct_mm_init(&child, &machine), 0);
	assert_int_equal(oct_fork(&child, &mm), 0);
	moved(va, PAGES(4), PAGES(4), FIXED, far);
	fill(far, 1, 91);
	assert_int_equal(user_load(&child, va, &value), 0);
	assert_int_equal(value, 90);
	gone = shared;
	shared = moved(shared, PAGES(2), PAGES(3), FIXED, far + PAGES(32));
	check_gone(gone, 2);
	check(shared, 2, 95);
	user_faults = 0;
	assert_int_equal(user_store(&mm, shared + PAGES(2), 97), 0); /* its page is there already */
	assert_int_equal(user_faults, 0);
	assert_int_equal(user_store(&child, gone, 4), 0);
	assert_int_equal(user_load(&mm, shared, &value), 0);
	assert_int_equal(value, 4);
	shared = moved(shared, PAGES(3), PAGES(5), 0, 0);
	user_faults = 0;
	assert_int_equal(user_store(&mm, shared + PAGES(4), 99), 0);
	assert_int_equal(user_faults, 0);
	/* what grows and is shared replaces nothing */
	assert_int_equal(oct_mremap(&mm, shared, PAGES(5), PAGES(6), FIXED, far - PAGES(1), &gone),
	                 -OCT_EINVAL);
	check(far, 1, 91);
	oct_mm_exit(&child);
}

/* An area of an object: its reverse map knows the new place, and what is replaced leaves it. */
static void file_moves(void **state)
{
	static int object;
	struct oct_mapping mapping;
	uintptr_t shared, private;
	uint32_t value;

	(void)state;
	assert_int_equal(oct_mapping_init(&mapping, &object, 8, 0), 0);
	assert_int_equal(oct_mmap_file(&mm, 0, PAGES(4), RW, OCT_MAP_SHARED, &mapping, 0, &shared), 0);
	assert_int_equal(oct_mmap_file(&mm, far, PAGES(4), RW, 0, &mapping, 2, &private), 0);
	fill(shared, 4, 10);
	fill(private + PAGES(1), 1, 50); /* a copy of page 3 */
	assert_int_equal(moved(shared + PAGES(1), PAGES(3), PAGES(3), FIXED, va), va);
	check(va, 3, 11);
	check(shared, 1, 10);
	assert_int_equal(oct_vma_find(&mm.areas, va)->pgoff, 1);
	assert_int_equal(oct_mapping_writeback(&mapping, 0, 8), 0);
	assert_false(oct_pte_write(user_entry(&mm, va + PAGES(1))));
	assert_int_equal(user_load(&mm, private, &value), 0);
	assert_int_equal(value, 12);
	/* over half of the private area */
	assert_int_equal(moved(va, PAGES(1), PAGES(2), FIXED, private + PAGES(1)), private + PAGES(1));
	check(private + PAGES(1), 2, 11);
	oct_mapping_truncate(&mapping, 2);
	assert_int_equal(user_load(&mm, private + PAGES(1), &value), 0);
	assert_int_equal(user_load(&mm, private + PAGES(2), &value), -OCT_EFAULT);
	assert_int_equal(user_load(&mm, private, &value), -OCT_EFAULT);
	assert_int_equal(user_load(&mm, va + PAGES(1), &value), -OCT_EFAULT);
	oct_mm_reset(&mm);
	assert_int_equal(oct_mapping_exit(&mapping), 0);
}

/* ---- Memory exhausted at every allocation ---------------------------------------------------- */

static void no_slot_left(void)
{
	uintptr_t low = OCT_USER_START, result;

	while (mm.areas.store.free_slots) {
		while (oct_vma_find(&mm.areas, low))
			low += PAGES(2);
		assert_int_equal(oct_mmap(&mm, low, PAGES(1), RW, 0, &result), 0);
	}
}

static void sweep(uintptr_t from, size_t bytes, size_t new_bytes, unsigned flags, uintptr_t to,
                  unsigned least)
{
	unsigned failures = 0;

	for (;;) {
		unsigned pages = host_pages(), areas = mm.areas.count;
		uintptr_t result = 7;
		int error;

		host_fail_allocation(failures + 1);
		error = oct_mremap(&mm, from, bytes, new_bytes, flags, to, &result);
		host_fail_allocation(0);
		if (!error)
			break;
		failures++;
		assert_int_equal(error, -OCT_ENOMEM);
		assert_int_equal(result, 7);
		assert_int_equal(host_pages(), pages);
		assert_int_equal(mm.areas.count, areas);
	}
	assert_true(failures >= least);
}

static void no_memory(void **state)
{
	uintptr_t other = va / 2 - PAGES(1), shared, result;

	(void)state;
	fill(va, 4, 10);
	no_slot_left();
	sweep(va, PAGES(4), PAGES(6), FIXED, other, 3); /* a slot, and tables on two sides of a border */
	check(other, 4, 10);
	no_slot_left();
	sweep(other + PAGES(1), PAGES(1), PAGES(1), FIXED, other + PAGES(9), 1); /* from the middle */
	check(other, 1, 10);
	check(other + PAGES(9), 1, 11);
	assert_int_equal(oct_mmap(&mm, va, PAGES(2), RW, OCT_MAP_SHARED, &shared), 0);
	fill(shared, 2, 60);
	no_slot_left();
	sweep(shared, PAGES(2), PAGES(4), 0, 0, 2);
	check(shared, 2, 60);
	no_slot_left();
	sweep(shared, PAGES(4), PAGES(7), FIXED, other + PAGES(32), 4);
	check(other + PAGES(32), 2, 60);
	check_gone(shared, 4);
	/* what only gets shorter needs nothing */
	host_fail_allocation(1);
	assert_int_equal(oct_mremap(&mm, other + PAGES(32), PAGES(7), PAGES(1), 0, 0, &result), 0);
	host_fail_allocation(0);
	check(other + PAGES(32), 1, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(refused, make, drop),
	    cmocka_unit_test_setup_teardown(grows_and_shrinks, make, drop),
	    cmocka_unit_test_setup_teardown(grows_to_neighbours, make, drop),
	    cmocka_unit_test_setup_teardown(moves, make, drop),
	    cmocka_unit_test_setup_teardown(moves_a_part, make, drop),
	    cmocka_unit_test_setup_teardown(tables_move, make, drop),
	    cmocka_unit_test_setup_teardown(state_goes_along, make, drop),
	    cmocka_unit_test_setup_teardown(after_fork, make, drop),
	    cmocka_unit_test_setup_teardown(file_moves, make, drop),
	    cmocka_unit_test_setup_teardown(no_memory, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
