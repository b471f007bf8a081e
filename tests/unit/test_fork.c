/* test_fork.c: fork: isolation, sharing, and failure at every allocation. SPDX-License-Identifier: MIT */
#include "space_user.h"
#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

enum { RW = OCT_READ | OCT_WRITE };

static struct oct_system machine;
static struct oct_mm parent, child;

static int make(void **state)
{
	(void)state;
	user_sets_bits = true;
	host_reset();
	assert_int_equal(oct_system_init(&machine, 2), 0);
	host_system = &machine;
	assert_int_equal(oct_mm_init(&parent, &machine), 0);
	oct_mm_switch(&machine, &parent);
	return oct_mm_init(&child, &machine);
}

static int drop(void **state)
{
	(void)state;
	oct_mm_exit(&child);
	oct_mm_exit(&parent);
	oct_system_exit(&machine);
	return host_pages() == 0 ? 0 : -1;
}

static uint32_t loaded(struct oct_mm *space, uintptr_t va)
{
	uint32_t value = 0xdead;

	assert_int_equal(user_load(space, va, &value), 0);
	return value;
}

static uintptr_t map_at(struct oct_mm *space, uintptr_t va, unsigned pages, unsigned prot, unsigned flags)
{
	uintptr_t result;

	assert_int_equal(oct_mmap(space, va, pages * OCT_PAGE_SIZE, prot, flags, &result), 0);
	return result;
}

static void private_pages_are_copied_once(void **state)
{
	uintptr_t va = map_at(&parent, 0, 3, RW, 0);
	struct oct_folio *folio;

	(void)state;
	assert_int_equal(user_store(&parent, va, 1), 0);
	assert_int_equal(user_store(&parent, va + OCT_PAGE_SIZE, 2), 0);
	folio = user_folio(&parent, va);
	assert_int_equal(oct_fork(&child, &parent), 0);
	assert_int_equal(child.areas.count, parent.areas.count);
	assert_ptr_equal(user_folio(&child, va), folio);
	assert_int_equal(folio->refcount, 2);
	assert_false(oct_pte_write(user_entry(&parent, va)));
	assert_false(oct_pte_write(user_entry(&child, va)));
	assert_true(oct_pte_dirty(user_entry(&child, va)));
	assert_int_equal(user_store(&parent, va, 10), 0);
	assert_int_equal(loaded(&child, va), 1);
	assert_int_equal(folio->refcount, 1);
	assert_int_equal(user_store(&child, va, 11), 0);
	assert_ptr_equal(user_folio(&child, va), folio); /* the last mapper keeps it */
	assert_int_equal(loaded(&parent, va), 10);
	assert_int_equal(user_store(&child, va + 2 * OCT_PAGE_SIZE, 12), 0);
	assert_int_equal(loaded(&parent, va + 2 * OCT_PAGE_SIZE), 0);
	assert_int_equal(loaded(&child, va + OCT_PAGE_SIZE), 2);
}

static void shared_pages_stay_shared(void **state)
{
	uintptr_t va = map_at(&parent, 0, 2, RW, OCT_MAP_SHARED);

	(void)state;
	assert_int_equal(user_store(&parent, va, 1), 0);
	assert_int_equal(oct_fork(&child, &parent), 0);
	assert_int_equal(user_store(&child, va, 2), 0);
	assert_int_equal(loaded(&parent, va), 2);
	assert_int_equal(user_store(&parent, va + OCT_PAGE_SIZE, 3), 0);
	assert_int_equal(loaded(&child, va + OCT_PAGE_SIZE), 3);
	assert_int_equal(oct_munmap(&parent, va, 2 * OCT_PAGE_SIZE), 0);
	assert_int_equal(loaded(&child, va), 2);
	assert_int_equal(oct_clear_refs(&child, va, va + OCT_PAGE_SIZE), 0);
	assert_int_equal(user_store(&child, va, 4), 0);
	assert_int_equal(loaded(&child, va), 4);
}

static void refuses_a_child_in_use(void **state)
{
	uintptr_t va = map_at(&parent, 0, 1, RW, 0);

	(void)state;
	assert_int_equal(user_store(&parent, va, 1), 0);
	map_at(&child, 0, 1, RW, 0);
	assert_int_equal(oct_fork(&child, &parent), -OCT_EINVAL);
	assert_true(oct_pte_write(user_entry(&parent, va)));
	assert_int_equal(oct_munmap(&child, va, OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_fork(&child, &parent), 0);
}

/* ---- Neighbours of all kinds, in random order -----------------------------------------------------------
 */
enum { MIXED = OCT_TABLE_ENTRIES + 70 };
enum kind { NOTHING, ZERO, WRITTEN, WATCHED, PROTECTED, KINDS };

static void make_page(uintptr_t va, enum kind kind, uint32_t value)
{
	if (kind == ZERO)
		assert_int_equal(loaded(&parent, va), 0);
	if (kind > ZERO)
		assert_int_equal(user_store(&parent, va, value), 0);
	if (kind == WATCHED)
		assert_int_equal(oct_clear_refs(&parent, va, va + OCT_PAGE_SIZE), 0);
	if (kind == PROTECTED) {
		assert_int_equal(oct_mprotect(&parent, va, OCT_PAGE_SIZE, OCT_READ), 0);
		assert_int_equal(oct_mprotect(&parent, va, OCT_PAGE_SIZE, RW), 0);
	}
}

/* was: the parent's entry before. */
static void check_page(uintptr_t va, oct_pte_t was)
{
	oct_pte_t now = user_entry(&parent, va);

	assert_int_equal(user_entry(&child, va), now);
	if (!oct_pte_present(was)) {
		assert_int_equal(now, was);
		return;
	}
	assert_int_equal(now, oct_pte_wrprotect(was)); /* the page, young and dirty stay */
	if (oct_pte_phys(was) != parent.zero_page)
		assert_int_equal(oct_port_folio_of(oct_pte_phys(was))->refcount, 2);
}

static void neighbours_of_all_kinds(void **state)
{
	static oct_pte_t was[MIXED];
	static enum kind kind[MIXED];
	uintptr_t va = map_at(&parent, 0, MIXED, RW, 0);
	uint32_t random = 1, zero_refs;

	(void)state;
	for (unsigned i = 0; i < MIXED; i++) {
		random = random * 1664525 + 1013904223;
		kind[i] =
		    i > 0 && random >> 30 ? kind[i - 1] : (enum kind)((random >> 16) % KINDS); /* runs */
		make_page(va + i * OCT_PAGE_SIZE, kind[i], i + 1);
	}
	for (unsigned i = 0; i < MIXED; i++)
		was[i] = user_entry(&parent, va + i * OCT_PAGE_SIZE);
	zero_refs = oct_port_folio_of(parent.zero_page)->refcount;
	assert_int_equal(oct_fork(&child, &parent), 0);
	assert_int_equal(oct_port_folio_of(parent.zero_page)->refcount, zero_refs);
	for (unsigned i = 0; i < MIXED; i++)
		check_page(va + i * OCT_PAGE_SIZE, was[i]);
	for (unsigned i = 0; i < MIXED; i++) {
		assert_int_equal(user_store(&parent, va + i * OCT_PAGE_SIZE, 10000 + i), 0);
		assert_int_equal(loaded(&child, va + i * OCT_PAGE_SIZE), kind[i] > ZERO ? i + 1 : 0);
		assert_int_equal(user_store(&child, va + i * OCT_PAGE_SIZE, 20000 + i), 0);
		assert_int_equal(loaded(&parent, va + i * OCT_PAGE_SIZE), 10000 + i);
	}
}

/* Areas far apart, so that the child needs tables at every level; each allocation fails once. */
static void every_allocation_fails(void **state)
{
	uintptr_t quarter = (parent.space.last + 1) / 4;
	uintptr_t va[4] = {quarter, 2 * quarter, 2 * quarter + oct_level_bytes(1), 3 * quarter};
	unsigned failures = 0, pages;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		map_at(&parent, va[i], 2, RW, 0);
		assert_int_equal(user_store(&parent, va[i], i + 1), 0);
	}
	pages = host_pages();
	for (;; failures++) {
		int error;

		host_fail_allocation(failures + 1);
		error = oct_fork(&child, &parent);
		host_fail_allocation(0);
		if (!error)
			break;
		assert_int_equal(error, -OCT_ENOMEM);
		assert_int_equal(host_pages(), pages);
		assert_int_equal(child.areas.count, 0);
		for (unsigned i = 0; i < 4; i++) {
			struct oct_folio *folio = user_folio(&parent, va[i]);

			assert_int_equal(folio->refcount, 1);
			assert_int_equal(user_store(&parent, va[i], i + 1), 0);
			assert_ptr_equal(user_folio(&parent, va[i]), folio);
		}
	}
	assert_true(failures >= 5); /* an area page and at least one table for each place */
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(user_store(&parent, va[i], 100), 0);
		assert_int_equal(loaded(&child, va[i]), i + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(private_pages_are_copied_once, make, drop),
	    cmocka_unit_test_setup_teardown(shared_pages_stay_shared, make, drop),
	    cmocka_unit_test_setup_teardown(neighbours_of_all_kinds, make, drop),
	    cmocka_unit_test_setup_teardown(refuses_a_child_in_use, make, drop),
	    cmocka_unit_test_setup_teardown(every_allocation_fails, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
