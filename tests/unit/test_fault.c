/* test_fault.c: what a fault does to each state of an entry. SPDX-License-Identifier: MIT */
#include "space_user.h"
#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

enum { RW = OCT_READ | OCT_WRITE };

static struct oct_system machine;
static struct oct_mm mm, other;
static uintptr_t va; /* a private writable area of two pages */

static int make(void **state)
{
	(void)state;
	user_sets_bits = true;
	host_reset();
	assert_int_equal(oct_system_init(&machine, 2), 0);
	host_system = &machine;
	assert_int_equal(oct_mm_init(&mm, &machine), 0);
	oct_mm_switch(&machine, &mm);
	return oct_mmap(&mm, 0, 2 * OCT_PAGE_SIZE, RW, 0, &va);
}

static int drop(void **state)
{
	(void)state;
	oct_mm_exit(&mm); /* makes the CPU leave */
	oct_system_exit(&machine);
	return host_pages() == 0 ? 0 : -1;
}

static uint32_t loaded(struct oct_mm *space, uintptr_t addr)
{
	uint32_t value = 0xdead;

	assert_int_equal(user_load(space, addr, &value), 0);
	return value;
}

static void fresh_pages(void **state)
{
	oct_pte_t pte;

	(void)state;
	assert_int_equal(oct_fault(&mm, va + 5, OCT_READ), OCT_FAULT_DONE);
	pte = user_entry(&mm, va);
	assert_true(oct_pte_young(pte) && !oct_pte_dirty(pte) && !oct_pte_soft_dirty(pte));
	assert_int_equal(oct_pte_prot(pte), OCT_READ);
	assert_int_equal(loaded(&mm, va), 0);
	assert_int_equal(oct_fault(&mm, va + OCT_PAGE_SIZE, OCT_WRITE), OCT_FAULT_DONE);
	pte = user_entry(&mm, va + OCT_PAGE_SIZE);
	assert_true(oct_pte_young(pte) && oct_pte_dirty(pte) && oct_pte_soft_dirty(pte));
	assert_int_equal(oct_pte_prot(pte), RW);
	assert_int_equal(user_folio(&mm, va + OCT_PAGE_SIZE)->refcount, 1);
}

/* Loads share one page that nobody counts; a store gets a page of its own, also where a TLB holds the zero
 * page, and in the child of a fork. */
static void zero_page(void **state)
{
	struct oct_folio *zero = oct_port_folio_of(mm.zero_page);
	uintptr_t next = va + OCT_PAGE_SIZE;
	unsigned pages;

	(void)state;
	assert_int_equal(loaded(&mm, va), 0);
	pages = host_pages();
	assert_int_equal(loaded(&mm, next), 0);
	assert_int_equal(host_pages(), pages);
	assert_ptr_equal(user_folio(&mm, va), zero);
	assert_ptr_equal(user_folio(&mm, next), zero);
	assert_int_equal(zero->refcount, 1);
	assert_int_equal(oct_mm_init(&other, &machine), 0);
	assert_int_equal(oct_fork(&other, &mm), 0);
	assert_int_equal(zero->refcount, 1);
	host_cpu = 1;
	assert_int_equal(loaded(&mm, va), 0);
	host_cpu = 0;
	assert_int_equal(user_store(&mm, va, 3), 0);
	assert_ptr_not_equal(user_folio(&mm, va), zero);
	assert_true(oct_pte_write(user_entry(&mm, va)) && oct_pte_dirty(user_entry(&mm, va)));
	host_cpu = 1;
	assert_int_equal(loaded(&mm, va), 3);
	assert_int_equal(loaded(&other, va), 0);
	assert_int_equal(user_store(&other, next, 4), 0);
	assert_int_equal(loaded(&mm, next), 0);
	host_cpu = 0;
	assert_int_equal(oct_madvise_dontneed(&mm, va, va + 2 * OCT_PAGE_SIZE), 0);
	assert_int_equal(loaded(&mm, va), 0);
	assert_int_equal(oct_clear_refs(&mm, va, va + 2 * OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_uffd_writeprotect(&mm, va, next, true), 0);
	assert_int_equal(user_store(&mm, va, 5), -OCT_EBUSY);
	assert_int_equal(oct_uffd_writeprotect(&mm, va, next, false), 0);
	assert_int_equal(user_store(&mm, va, 5), 0);
	oct_mm_exit(&other);
	assert_int_equal(oct_munmap(&mm, va, 2 * OCT_PAGE_SIZE), 0);
	assert_int_equal(zero->refcount, 1);
	assert_int_equal(*(uint32_t *)oct_port_phys_to_virt(zero->page), 0);
}

/* No memory for the copy: the zero page stays. */
static void zero_page_without_memory(void **state)
{
	(void)state;
	assert_int_equal(loaded(&mm, va), 0);
	host_fail_allocation(1);
	assert_int_equal(user_store(&mm, va, 1), -OCT_ENOMEM);
	host_fail_allocation(0);
	assert_true(oct_pte_phys(user_entry(&mm, va)) == mm.zero_page);
	assert_int_equal(user_store(&mm, va, 1), 0);
	assert_int_equal(loaded(&mm, va), 1);
}

static void signals(void **state)
{
	uintptr_t text;

	(void)state;
	assert_int_equal(oct_mmap(&mm, 0, OCT_PAGE_SIZE, OCT_EXEC, 0, &text), 0);
	assert_int_equal(oct_fault(&mm, text, OCT_WRITE), OCT_FAULT_SIGNAL);
	assert_int_equal(oct_fault(&mm, text, OCT_EXEC), OCT_FAULT_DONE);
	assert_int_equal(oct_fault(&mm, text, OCT_READ), OCT_FAULT_DONE);
	assert_int_equal(oct_fault(&mm, va, OCT_EXEC), OCT_FAULT_SIGNAL);
	assert_int_equal(oct_fault(&mm, va - OCT_PAGE_SIZE, OCT_READ), OCT_FAULT_SIGNAL);
	assert_int_equal(oct_fault(&mm, text + OCT_PAGE_SIZE, OCT_READ), OCT_FAULT_SIGNAL);
}

/* An entry without the write right and with one reference is reused, with two copied. */
static void reuse_and_copy(void **state)
{
	struct oct_folio *first, *second;

	(void)state;
	assert_int_equal(user_store(&mm, va, 1), 0);
	first = user_folio(&mm, va);
	assert_int_equal(oct_clear_refs(&mm, va, va + OCT_PAGE_SIZE), 0);
	assert_int_equal(user_store(&mm, va, 2), 0);
	assert_ptr_equal(user_folio(&mm, va), first);
	oct_folio_get(first);
	assert_int_equal(oct_clear_refs(&mm, va, va + OCT_PAGE_SIZE), 0);
	assert_int_equal(user_store(&mm, va, 3), 0);
	second = user_folio(&mm, va);
	assert_ptr_not_equal(second, first);
	assert_int_equal(first->refcount, 1);
	assert_int_equal(second->refcount, 1);
	assert_int_equal(*(uint32_t *)oct_port_phys_to_virt(first->page), 2);
	assert_int_equal(loaded(&mm, va), 3);
	oct_folio_put(first);
}

/* A page mapped twice in one space is copied by the first store and reused by the second mapper. */
static void page_mapped_twice(void **state)
{
	uintptr_t twin = va + OCT_PAGE_SIZE;
	struct oct_folio *folio;

	(void)state;
	assert_int_equal(user_store(&mm, va, 6), 0);
	folio = user_folio(&mm, va);
	assert_int_equal(oct_mm_map_folio(&mm, twin, folio, OCT_READ), 0);
	assert_int_equal(folio->refcount, 2);
	assert_int_equal(loaded(&mm, twin), 6);
	assert_int_equal(user_store(&mm, twin, 7), 0);
	assert_int_equal(loaded(&mm, va), 6);
	assert_int_equal(loaded(&mm, twin), 7);
	assert_int_equal(folio->refcount, 1);
}

static void soft_dirty(void **state)
{
	(void)state;
	assert_int_equal(user_store(&mm, va, 1), 0);
	assert_true(oct_pte_soft_dirty(user_entry(&mm, va)));
	assert_int_equal(oct_clear_refs(&mm, va, va + 2 * OCT_PAGE_SIZE), 0);
	assert_false(oct_pte_soft_dirty(user_entry(&mm, va)));
	assert_false(oct_pte_write(user_entry(&mm, va)));
	assert_true(oct_pte_dirty(user_entry(&mm, va)));
	assert_int_equal(loaded(&mm, va), 1);
	assert_false(oct_pte_soft_dirty(user_entry(&mm, va)));
	assert_int_equal(user_store(&mm, va, 2), 0);
	assert_true(oct_pte_soft_dirty(user_entry(&mm, va)));
}

static void userfault(void **state)
{
	struct oct_folio *folio;

	(void)state;
	assert_int_equal(user_store(&mm, va, 1), 0);
	folio = user_folio(&mm, va);
	assert_int_equal(oct_uffd_writeprotect(&mm, va, va + 2 * OCT_PAGE_SIZE, true), 0);
	assert_int_equal(user_store(&mm, va, 2), -OCT_EBUSY);
	assert_int_equal(loaded(&mm, va), 1);
	/* protection changes of the area do not lift it */
	assert_int_equal(oct_mprotect(&mm, va, OCT_PAGE_SIZE, OCT_NONE), 0);
	assert_int_equal(oct_mprotect(&mm, va, OCT_PAGE_SIZE, RW), 0);
	assert_int_equal(loaded(&mm, va), 1);
	assert_int_equal(user_store(&mm, va, 2), -OCT_EBUSY);
	assert_int_equal(oct_uffd_writeprotect(&mm, va, va + OCT_PAGE_SIZE, false), 0);
	assert_int_equal(user_store(&mm, va, 3), 0);
	assert_int_equal(loaded(&mm, va), 3);
	assert_ptr_equal(user_folio(&mm, va), folio);
}

/* Absent pages are not protected; a child has no userfault protection. */
static void userfault_limits(void **state)
{
	(void)state;
	assert_int_equal(oct_uffd_writeprotect(&mm, va, va + OCT_PAGE_SIZE, true), 0);
	assert_int_equal(user_store(&mm, va, 2), 0);
	assert_int_equal(oct_uffd_writeprotect(&mm, va, va + OCT_PAGE_SIZE, true), 0);
	assert_int_equal(oct_mm_init(&other, &machine), 0);
	assert_int_equal(oct_fork(&other, &mm), 0);
	assert_int_equal(user_store(&other, va, 4), 0);
	assert_int_equal(user_store(&mm, va, 5), -OCT_EBUSY);
	assert_int_equal(loaded(&mm, va), 2);
	oct_mm_exit(&other);
}

/* Hardware that sets no bits: faults do, one per bit that is missing. */
static void software_bits(void **state)
{
	oct_pte_t *pte;

	(void)state;
	user_sets_bits = false;
	assert_int_equal(user_store(&mm, va, 1), 0);
	pte = oct_pte_lock(&mm, va);
	oct_store(pte, oct_pte_mkclean(oct_pte_mkold(*pte)), OCT_RLX);
	oct_pte_unlock(&mm, pte);
	oct_tlb_forget_local(&mm.space, va, false); /* the raw change has no ticket */
	user_faults = 0;
	assert_int_equal(loaded(&mm, va), 1);
	assert_int_equal(user_faults, 1);
	assert_true(oct_pte_young(user_entry(&mm, va)) && !oct_pte_dirty(user_entry(&mm, va)));
	assert_int_equal(user_store(&mm, va, 2), 0);
	assert_int_equal(user_faults, 2);
	assert_true(oct_pte_dirty(user_entry(&mm, va)));
}

/* A fault on a good entry changes nothing; an entry in somebody's hands asks to come again. */
static void spurious_and_retry(void **state)
{
	oct_pte_t before, *pte;

	(void)state;
	assert_null(oct_pte_lock(&mm, va + (mm.space.last + 1) / 2));
	assert_int_equal(user_store(&mm, va, 1), 0);
	before = user_entry(&mm, va);
	assert_int_equal(oct_fault(&mm, va, OCT_WRITE), OCT_FAULT_DONE);
	assert_int_equal(oct_fault(&mm, va, OCT_READ), OCT_FAULT_DONE);
	assert_true(user_entry(&mm, va) == before);
	pte = oct_pte_lock(&mm, va);
	oct_store(pte, oct_pte_broken(), OCT_RLX);
	oct_pte_unlock(&mm, pte);
	assert_int_equal(oct_fault(&mm, va, OCT_WRITE), OCT_FAULT_RETRY);
	pte = oct_pte_lock(&mm, va);
	oct_store(pte, before, OCT_RLX);
	oct_pte_unlock(&mm, pte);
	assert_int_equal(loaded(&mm, va), 1);
}

#if OCT_FORMAT_CACHES_INVALID
/* TLBs that keep what was invalid: who maps faults once; who had looked before faults once without
 * need, also where the table was missing. */
static void invalid_is_kept(void **state)
{
	(void)state;
	host_tlb_keeps_invalid = true;
	for (unsigned cpu = 0; cpu < 2; cpu++) { /* CPU 1 keeps that there is no table */
		host_cpu = cpu;
		oct_mm_switch(&machine, &mm);
		assert_int_equal(host_tlb_touch(cpu, va), 0);
	}
	host_cpu = 0;
	user_faults = 0;
	assert_int_equal(user_store(&mm, va, 1), 0);
	assert_int_equal(user_faults, 1);
	host_cpu = 1;
	assert_int_equal(loaded(&mm, va), 1);
	assert_int_equal(user_faults, 2);
	assert_int_equal(loaded(&mm, va), 1);
	assert_int_equal(user_faults, 2);
	/* Now that there is no page, in a table that is there. */
	assert_int_equal(host_tlb_touch(0, va + OCT_PAGE_SIZE), 0);
	assert_int_equal(host_tlb_touch(1, va + OCT_PAGE_SIZE), 0);
	assert_int_equal(user_store(&mm, va + OCT_PAGE_SIZE, 2), 0);
	assert_int_equal(user_faults, 3);
	host_cpu = 0;
	assert_int_equal(user_store(&mm, va + OCT_PAGE_SIZE, 3), 0);
	assert_int_equal(user_faults, 4);
	host_cpu = 1;
	assert_int_equal(loaded(&mm, va + OCT_PAGE_SIZE), 3);
	assert_int_equal(user_faults, 4);
}
#endif

static void dontneed_forgets(void **state)
{
	(void)state;
	assert_int_equal(user_store(&mm, va, 1), 0);
	assert_int_equal(user_store(&mm, va + OCT_PAGE_SIZE, 2), 0);
	assert_int_equal(oct_madvise_dontneed(&mm, va, va + OCT_PAGE_SIZE), 0);
	assert_true(oct_pte_none(user_entry(&mm, va)));
	assert_int_equal(oct_madvise_dontneed(&mm, va, va + OCT_PAGE_SIZE), 0);
	assert_int_equal(loaded(&mm, va), 0);
	assert_int_equal(loaded(&mm, va + OCT_PAGE_SIZE), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fresh_pages, make, drop),
		cmocka_unit_test_setup_teardown(zero_page, make, drop),
		cmocka_unit_test_setup_teardown(zero_page_without_memory, make, drop),
		cmocka_unit_test_setup_teardown(signals, make, drop),
		cmocka_unit_test_setup_teardown(reuse_and_copy, make, drop),
		cmocka_unit_test_setup_teardown(page_mapped_twice, make, drop),
		cmocka_unit_test_setup_teardown(soft_dirty, make, drop),
		cmocka_unit_test_setup_teardown(userfault, make, drop),
		cmocka_unit_test_setup_teardown(userfault_limits, make, drop),
		cmocka_unit_test_setup_teardown(software_bits, make, drop),
		cmocka_unit_test_setup_teardown(spurious_and_retry, make, drop),
		cmocka_unit_test_setup_teardown(dontneed_forgets, make, drop),
#if OCT_FORMAT_CACHES_INVALID
		cmocka_unit_test_setup_teardown(invalid_is_kept, make, drop),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
