/* test_fault_pending.c: relying on entries whose flush is not complete (R4). SPDX-License-Identifier: MIT
 *
 * Somebody (this file, with a ticket of its own) has taken a right away and not flushed yet; CPU 1 still
 * holds the old entry. Every call that then finds the entry as it wants it must not return
 * before CPU 1 has forgotten. */
#include "space_user.h"
#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

enum { RW = OCT_READ | OCT_WRITE };

static struct oct_system machine;
static struct oct_mm mm, child;
static uintptr_t va;
static struct oct_ticket pending; /* the other party's, not complete */

static oct_pte_t wrprotect(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_wrprotect(pte);
}

/* CPU 1 has stored 1 to va and caches its entry; CPU 0 goes on. */
static int make(void **state)
{
	(void)state;
	user_sets_bits = true;
	host_reset();
	assert_int_equal(oct_system_init(&machine, 2), 0);
	host_system = &machine;
	assert_int_equal(oct_mm_init(&mm, &machine), 0);
	assert_int_equal(oct_mm_init(&child, &machine), 0);
	assert_int_equal(oct_mmap(&mm, 0, 2 * OCT_PAGE_SIZE, RW, 0, &va), 0);
	host_cpu = 1;
	assert_int_equal(user_store(&mm, va, 1), 0);
	assert_true(oct_pte_write(host_tlb_cached(1, va)));
	host_cpu = 0;
	oct_mm_switch(&machine, &mm);
	oct_ticket_init(&pending, &mm.space);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	oct_ticket_complete(&pending);
	oct_mm_exit(&child);
	oct_mm_exit(&mm);
	oct_system_exit(&machine);
	return host_pages() == 0 ? 0 : -1;
}

static void begin_wrprotect(void)
{
	struct oct_pte_guard guard;
	oct_pte_t old;

	oct_pte_lock_at(&mm.space, va, &guard);
	assert_int_equal(oct_entry_update(&pending, &guard, guard.pte, va, wrprotect, 0, &old),
	                 OCT_FLUSH_AFTER);
	oct_pte_guard_unlock(&pending, &guard);
	assert_true(oct_pte_write(host_tlb_cached(1, va)));
}

static void begin_clear(void)
{
	struct oct_pte_guard guard;
	oct_pte_t old;

	oct_pte_lock_at(&mm.space, va, &guard);
	assert_int_equal(oct_entry_change(&pending, &guard, guard.pte, va, 0, &old), OCT_FLUSH_AFTER);
	oct_ticket_free_page(&pending, &guard, oct_pte_phys(old));
	oct_pte_guard_unlock(&pending, &guard);
	assert_true(oct_pte_present(host_tlb_cached(1, va)));
}

static void cpu1_cannot_write(void)
{
	assert_false(oct_pte_write(host_tlb_cached(1, va)));
}

static void cpu1_has_nothing(void)
{
	assert_true(host_tlb_cached(1, va) == 0);
}

static void clear_refs_on_a_protected_entry(void **state)
{
	(void)state;
	begin_wrprotect();
	assert_int_equal(oct_clear_refs(&mm, va, va + OCT_PAGE_SIZE), 0);
	cpu1_cannot_write();
	/* and once more with soft-dirty cleared already */
	assert_int_equal(oct_clear_refs(&mm, va, va + OCT_PAGE_SIZE), 0);
	cpu1_cannot_write();
}

static void userfault_on_a_protected_entry(void **state)
{
	(void)state;
	begin_wrprotect();
	assert_int_equal(oct_uffd_writeprotect(&mm, va, va + OCT_PAGE_SIZE, true), 0);
	cpu1_cannot_write();
}

static void mprotect_on_a_protected_entry(void **state)
{
	(void)state;
	begin_wrprotect();
	assert_int_equal(oct_mprotect(&mm, va, OCT_PAGE_SIZE, OCT_READ), 0);
	cpu1_cannot_write();
}

static void fork_of_a_protected_entry(void **state)
{
	(void)state;
	begin_wrprotect();
	assert_int_equal(oct_fork(&child, &mm), 0);
	cpu1_cannot_write();
}

/* The copy is made after CPU 1 has lost its right, and contains what CPU 1 stored before. */
static void copy_of_a_protected_entry(void **state)
{
	struct oct_folio *held = user_folio(&mm, va);
	uint32_t value = 0;

	(void)state;
	oct_folio_get(held);
	begin_wrprotect();
	host_cpu = 1;
	assert_int_equal(user_store(&mm, va, 7), 0); /* through the stale entry */
	assert_ptr_equal(user_folio(&mm, va), held);
	host_cpu = 0;
	assert_int_equal(user_store(&mm, va + 4, 2), 0);
	assert_ptr_not_equal(user_folio(&mm, va), held);
	cpu1_has_nothing();
	host_cpu = 1;
	assert_int_equal(user_load(&mm, va, &value), 0);
	assert_int_equal(value, 7);
	oct_folio_put(held);
}

static void dontneed_on_an_empty_entry(void **state)
{
	(void)state;
	begin_clear();
	assert_int_equal(oct_madvise_dontneed(&mm, va, va + OCT_PAGE_SIZE), 0);
	cpu1_has_nothing();
}

static void munmap_of_an_empty_entry(void **state)
{
	(void)state;
	begin_clear();
	assert_int_equal(oct_munmap(&mm, va, 2 * OCT_PAGE_SIZE), 0);
	cpu1_has_nothing();
}

/* Two pages are never usable at one address (I11). */
static void zero_fill_of_an_empty_entry(void **state)
{
	uint32_t value = 5;

	(void)state;
	begin_clear();
	assert_int_equal(oct_fault(&mm, va, OCT_READ), OCT_FAULT_DONE);
	cpu1_has_nothing();
	host_cpu = 1;
	assert_int_equal(user_load(&mm, va, &value), 0);
	assert_int_equal(value, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(clear_refs_on_a_protected_entry, make, drop),
	    cmocka_unit_test_setup_teardown(userfault_on_a_protected_entry, make, drop),
	    cmocka_unit_test_setup_teardown(mprotect_on_a_protected_entry, make, drop),
	    cmocka_unit_test_setup_teardown(fork_of_a_protected_entry, make, drop),
	    cmocka_unit_test_setup_teardown(copy_of_a_protected_entry, make, drop),
	    cmocka_unit_test_setup_teardown(dontneed_on_an_empty_entry, make, drop),
	    cmocka_unit_test_setup_teardown(munmap_of_an_empty_entry, make, drop),
	    cmocka_unit_test_setup_teardown(zero_fill_of_an_empty_entry, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
