/* test_madvise.c: what is said of how a range will be used. SPDX-License-Identifier: MIT */
#include "space_user.h"
#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

enum { RW = OCT_READ | OCT_WRITE };
#define PAGES(n) ((size_t)(n) << OCT_PAGE_SHIFT)

static struct oct_system machine;
static struct oct_mm mm;
static uintptr_t va; /* a private writable area of four pages across two leaf tables */

static int make(void **state)
{
	(void)state;
	user_sets_bits = true;
	host_reset();
	assert_int_equal(oct_system_init(&machine, 2), 0);
	host_system = &machine;
	assert_int_equal(oct_mm_init(&mm, &machine), 0);
	va = (mm.space.last + 1) / 2 - PAGES(2);
	return oct_mmap(&mm, va, PAGES(4), RW, 0, &va);
}

static int drop(void **state)
{
	(void)state;
	oct_mm_exit(&mm);
	oct_system_exit(&machine);
	return host_pages() == 0 ? 0 : -1;
}

static uint32_t loaded(uintptr_t addr)
{
	uint32_t value = 0xdead;

	assert_int_equal(user_load(&mm, addr, &value), 0);
	return value;
}

static bool lazy(uintptr_t addr)
{
	return (user_folio(&mm, addr)->flags & OCT_FOLIO_LAZYFREE) != 0;
}

static void freed(void **state)
{
	struct oct_folio *held;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(user_store(&mm, va + PAGES(i), i + 1), 0);
	assert_int_equal(loaded(va + PAGES(3)), 0); /* the zero page */
	held = user_folio(&mm, va + PAGES(1));
	oct_folio_get(held);
	host_cpu = 1;
	assert_int_equal(user_store(&mm, va, 9), 0);
	host_cpu = 0;
	assert_int_equal(oct_madvise(&mm, va, va + PAGES(4), OCT_MADV_FREE), 0);
	assert_true(lazy(va) && lazy(va + PAGES(2)));
	assert_false(lazy(va + PAGES(1))); /* somebody wants it */
	assert_false(lazy(va + PAGES(3)));
	assert_false(oct_pte_dirty(user_entry(&mm, va)) || oct_pte_young(user_entry(&mm, va)));
	assert_true(oct_pte_write(user_entry(&mm, va)));
	assert_true(oct_pte_dirty(user_entry(&mm, va + PAGES(1))));
	assert_int_equal(loaded(va), 9); /* not reclaimed yet */
	assert_false(oct_pte_dirty(user_entry(&mm, va)));
	host_cpu = 1; /* held the entry as dirty: its store is seen all the same */
	assert_int_equal(user_store(&mm, va, 10), 0);
	assert_true(oct_pte_dirty(user_entry(&mm, va)));
	host_cpu = 0;
	oct_folio_put(held);
}

/* The same where hardware sets no bits. */
static void freed_in_software(void **state)
{
	(void)state;
	user_sets_bits = false;
	assert_int_equal(user_store(&mm, va, 1), 0);
	assert_int_equal(oct_madvise(&mm, va, va + PAGES(1), OCT_MADV_FREE), 0);
	assert_int_equal(loaded(va), 1);
	assert_false(oct_pte_dirty(user_entry(&mm, va)));
	assert_int_equal(user_store(&mm, va, 2), 0);
	assert_true(oct_pte_dirty(user_entry(&mm, va)));
	assert_int_equal(loaded(va), 2);
}

static void refused(void **state)
{
	uintptr_t shared;

	(void)state;
	assert_int_equal(oct_mmap(&mm, 0, PAGES(1), RW, OCT_MAP_SHARED, &shared), 0);
	assert_int_equal(user_store(&mm, shared, 3), 0);
	assert_int_equal(oct_madvise(&mm, shared, shared + PAGES(1), OCT_MADV_FREE), -OCT_EINVAL);
	assert_int_equal(oct_madvise(&mm, shared, shared + PAGES(1), OCT_MADV_DONTNEED), -OCT_EINVAL);
	assert_int_equal(loaded(shared), 3);
	for (int advice = OCT_MADV_DONTNEED; advice <= OCT_MADV_NORMAL; advice++) {
		assert_int_equal(oct_madvise(&mm, va + 8, va + PAGES(1), (enum oct_advice)advice),
		                 -OCT_EINVAL);
		assert_int_equal(oct_madvise(&mm, va, va, (enum oct_advice)advice), -OCT_EINVAL);
		assert_int_equal(oct_madvise(&mm, va, (uintptr_t)0 - PAGES(1), (enum oct_advice)advice),
		                 -OCT_EINVAL);
	}
	assert_int_equal(oct_madvise(&mm, va, va + PAGES(1), (enum oct_advice)77), -OCT_EINVAL);
	/* holes are no error here */
	assert_int_equal(oct_madvise(&mm, va, va + PAGES(64), OCT_MADV_FREE), 0);
	assert_int_equal(oct_madvise(&mm, va, va + PAGES(64), OCT_MADV_DONTNEED), 0);
}

static void populate(void **state)
{
	uintptr_t text;
	unsigned failures = 0;

	(void)state;
	assert_int_equal(oct_madvise(&mm, va, va + PAGES(4), OCT_MADV_POPULATE_READ), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_true(oct_pte_phys(user_entry(&mm, va + PAGES(i))) == mm.zero_page);
	for (;; failures++) {
		int error;

		host_fail_allocation(1);
		error = oct_madvise(&mm, va, va + PAGES(4), OCT_MADV_POPULATE_WRITE);
		host_fail_allocation(0);
		if (!error)
			break;
		assert_int_equal(error, -OCT_ENOMEM);
		assert_int_equal(user_store(&mm, va + PAGES(failures), failures), 0);
		assert_true(failures < 4);
	}
	assert_int_equal(failures, 4);
	user_faults = 0;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(loaded(va + PAGES(i)), i); /* populating keeps what is there */
	assert_int_equal(user_faults, 0);
	assert_int_equal(oct_madvise(&mm, va, va + PAGES(5), OCT_MADV_POPULATE_WRITE), -OCT_ENOMEM);
	assert_int_equal(oct_mmap(&mm, 0, PAGES(1), OCT_READ | OCT_EXEC, 0, &text), 0);
	assert_int_equal(oct_madvise(&mm, text, text + PAGES(1), OCT_MADV_POPULATE_WRITE), -OCT_EACCES);
	assert_int_equal(oct_madvise(&mm, text, text + PAGES(1), OCT_MADV_POPULATE_READ), 0);
	assert_int_equal(oct_uffd_writeprotect(&mm, va, va + PAGES(1), true), 0);
	assert_int_equal(oct_madvise(&mm, va, va + PAGES(1), OCT_MADV_POPULATE_WRITE), -OCT_EBUSY);
}

static void huge(void **state)
{
	(void)state;
	assert_int_equal(oct_madvise(&mm, va + PAGES(1), va + PAGES(3), OCT_MADV_HUGEPAGE), 0);
	assert_int_equal(mm.areas.count, 3);
	assert_int_equal(oct_vma_find(&mm.areas, va + PAGES(1))->flags, OCT_VMA_HUGE);
	assert_int_equal(oct_madvise(&mm, va + PAGES(1), va + PAGES(2), OCT_MADV_NOHUGEPAGE), 0);
	assert_int_equal(oct_vma_find(&mm.areas, va + PAGES(1))->flags, OCT_VMA_NOHUGE);
	assert_int_equal(oct_madvise(&mm, va, va + PAGES(5), OCT_MADV_HUGEPAGE), -OCT_ENOMEM);
	assert_int_equal(mm.areas.count, 4);
	assert_int_equal(oct_madvise(&mm, va, va + PAGES(4), OCT_MADV_NORMAL), 0);
	assert_int_equal(mm.areas.count, 1);
	while (mm.areas.store.free_slots) { /* no slot is left for a cut */
		uintptr_t result;

		assert_int_equal(
		    oct_mmap(&mm, OCT_USER_START + PAGES(2 * mm.areas.count), PAGES(1), RW, 0, &result), 0);
	}
	host_fail_allocation(1);
	assert_int_equal(oct_madvise(&mm, va, va + PAGES(1), OCT_MADV_HUGEPAGE), -OCT_ENOMEM);
	host_fail_allocation(0);
	assert_int_equal(oct_vma_find(&mm.areas, va)->flags, 0);
	assert_int_equal(oct_madvise(&mm, va, va + PAGES(1), OCT_MADV_HUGEPAGE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(freed, make, drop),
	    cmocka_unit_test_setup_teardown(freed_in_software, make, drop),
	    cmocka_unit_test_setup_teardown(refused, make, drop),
	    cmocka_unit_test_setup_teardown(populate, make, drop),
	    cmocka_unit_test_setup_teardown(huge, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
