/* test_userfault.c: modes, events, what resolves them, markers. SPDX-License-Identifier: MIT */
#include "space_user.h"
#include <octavo/userfault.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

enum { RW = OCT_READ | OCT_WRITE, PAGES = 24, SPACES = 2, SLOTS = 64 };
static const enum oct_uffd_mode MISSING = OCT_UFFD_MISSING, MINOR = OCT_UFFD_MINOR, WP = OCT_UFFD_WP;

static struct oct_system machine;
static struct oct_swap_slot slots[SLOTS];
static struct oct_swap swap;
static struct oct_reclaimer reclaim;
static struct oct_mm space[SPACES], *const mm = &space[0], *const other = &space[1];
static struct oct_mapping mapping;
static int object;        /* its address names the contents */
static oct_phys_t source; /* PAGES pages, the first word of page i is 100 + i */

static uint32_t *word_of(oct_phys_t page)
{
	return oct_port_phys_to_virt(page);
}

static int make_with(unsigned flags)
{
	user_sets_bits = true;
	host_reset();
	for (unsigned i = 0; i < PAGES; i++) {
		memset(host_object_page(&object, i), 0, OCT_PAGE_SIZE);
		host_object_page(&object, i)[0] = (unsigned char)(i + 1);
	}
	assert_int_equal(oct_system_init(&machine, 2), 0);
	host_system = &machine;
	assert_int_equal(oct_swap_init(&swap, &swap, slots, SLOTS), 0);
	oct_reclaim_init(&reclaim, &swap);
	for (unsigned i = 0; i < SPACES; i++) {
		assert_int_equal(oct_mm_init(&space[i], &machine), 0);
		assert_int_equal(oct_reclaim_add(&reclaim, &space[i]), 0);
	}
	source = oct_port_page_alloc(5, OCT_USE_CORE);
	for (unsigned i = 0; i < PAGES; i++)
		*word_of(source + i * OCT_PAGE_SIZE) = 100 + i;
	return oct_mapping_init(&mapping, &object, PAGES, flags);
}

static int make(void **state)
{
	(void)state;
	return make_with(0);
}

static int make_events(void **state)
{
	(void)state;
	return make_with(OCT_MAPPING_EVENTS);
}

static int drop(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SPACES; i++)
		oct_mm_exit(&space[i]);
	assert_int_equal(oct_mapping_exit(&mapping), 0);
	host_run_deferred();
	assert_int_equal(oct_swap_used(&swap), 0);
	oct_port_page_free(source, 5, OCT_USE_CORE);
	oct_system_exit(&machine);
	return host_pages() == 0 ? 0 : -1;
}

static uintptr_t page(uintptr_t va, unsigned i)
{
	return va + i * OCT_PAGE_SIZE;
}

static uintptr_t map_at(uintptr_t at, unsigned pages, unsigned flags)
{
	uintptr_t result;

	assert_int_equal(oct_mmap(mm, at, pages * OCT_PAGE_SIZE, RW, flags, &result), 0);
	return result;
}

static uintptr_t map(unsigned pages)
{
	return map_at(0, pages, 0);
}

static uintptr_t map_file(struct oct_mm *where, unsigned pages, unsigned flags)
{
	uintptr_t result;

	assert_int_equal(oct_mmap_file(where, 0, pages * OCT_PAGE_SIZE, RW, flags, &mapping, 0, &result), 0);
	return result;
}

static void want(uintptr_t va, unsigned pages, unsigned modes)
{
	assert_int_equal(oct_uffd_register(mm, va, page(va, pages), modes), 0);
}

static void protect(uintptr_t va, unsigned pages, bool enable)
{
	assert_int_equal(oct_uffd_writeprotect(mm, va, page(va, pages), enable), 0);
}

static uint32_t loaded(struct oct_mm *where, uintptr_t va)
{
	uint32_t value = 0xdead;

	assert_int_equal(user_load(where, va, &value), 0);
	return value;
}

static void store(uintptr_t va, uint32_t value)
{
	assert_int_equal(user_store(mm, va, value), 0);
}

/* The access is an event of mode, and changes nothing. */
static void is_event(uintptr_t va, unsigned access, enum oct_uffd_mode mode)
{
	struct oct_uffd_event event = {0};
	oct_pte_t before = user_entry(mm, va);

	assert_int_equal(oct_uffd_fault(mm, va + 4, access, &event), OCT_FAULT_EVENT);
	assert_int_equal(event.va, va);
	assert_int_equal(event.mode, mode);
	assert_int_equal(event.access, access);
	assert_int_equal(oct_fault(mm, va, access), OCT_FAULT_EVENT);
	assert_int_equal(user_entry(mm, va), before);
}

static bool marked(uintptr_t va)
{
	return oct_pte_marked(user_entry(mm, va), OCT_MARKER_UFFD_WP);
}

/* ---- Modes -------------------------------------------------------------------------------------- */

static void modes_belong_to_areas(void **state)
{
	uintptr_t va = map(8), moved;

	(void)state;
	want(page(va, 2), 4, MISSING);
	assert_int_equal(mm->areas.count, 3);
	assert_int_equal(loaded(mm, page(va, 1)), 0);
	is_event(page(va, 2), OCT_READ, MISSING);
	is_event(page(va, 5), OCT_WRITE, MISSING);
	assert_int_equal(oct_uffd_fault(mm, page(va, 2), OCT_EXEC, NULL), OCT_FAULT_SIGNAL);
	store(page(va, 6), 1);
	assert_int_equal(oct_mprotect(mm, page(va, 3), OCT_PAGE_SIZE, OCT_READ), 0);
	is_event(page(va, 3), OCT_READ, MISSING);
	assert_int_equal(oct_fault(mm, page(va, 3), OCT_WRITE), OCT_FAULT_SIGNAL);
	assert_int_equal(oct_mprotect(mm, page(va, 3), OCT_PAGE_SIZE, RW), 0);
	assert_int_equal(mm->areas.count, 3);
	assert_int_equal(
	    oct_mremap(mm, page(va, 2), 4 * OCT_PAGE_SIZE, 6 * OCT_PAGE_SIZE, OCT_MREMAP_MAYMOVE, 0, &moved),
	    0);
	is_event(moved, OCT_READ, MISSING);
	is_event(page(moved, 5), OCT_READ, MISSING);
	assert_int_equal(oct_munmap(mm, moved, 6 * OCT_PAGE_SIZE), 0);
	map_at(moved, 6, OCT_MAP_FIXED);
	assert_int_equal(loaded(mm, moved), 0);
	want(moved, 6, MISSING);
	assert_int_equal(loaded(mm, moved), 0); /* it is there */
	assert_int_equal(oct_madvise_dontneed(mm, moved, page(moved, 1)), 0);
	is_event(moved, OCT_READ, MISSING);
	assert_int_equal(oct_madvise(mm, moved, page(moved, 2), OCT_MADV_POPULATE_READ), -OCT_EBUSY);
	want(moved, 6, 0);
	assert_int_equal(loaded(mm, page(moved, 3)), 0);
}

static void modes_that_make_no_sense(void **state)
{
	uintptr_t anon = map(2), shared = map_at(0, 2, OCT_MAP_SHARED), pfn, end;
	oct_phys_t memory = oct_port_page_alloc(0, OCT_USE_CORE);
	struct oct_mapping driver;

	(void)state;
	assert_int_equal(oct_mapping_init_pfn(&driver, &driver, memory, 1, OCT_NORMAL, 0), 0);
	assert_int_equal(oct_mmap_file(mm, 0, OCT_PAGE_SIZE, RW, OCT_MAP_SHARED, &driver, 0, &pfn), 0);
	end = page(anon, 2);
	assert_int_equal(oct_uffd_register(mm, anon, end, MINOR), -OCT_EINVAL);
	assert_int_equal(oct_uffd_register(mm, anon, end, 8), -OCT_EINVAL);
	assert_int_equal(oct_uffd_register(mm, anon + 1, end, MISSING), -OCT_EINVAL);
	assert_int_equal(oct_uffd_register(mm, anon, anon, MISSING), -OCT_EINVAL);
	assert_int_equal(oct_uffd_register(mm, page(anon, 400), page(anon, 401), MISSING), -OCT_ENOMEM);
	assert_int_equal(oct_uffd_register(mm, shared, page(shared, 2), MISSING), -OCT_EINVAL);
	assert_int_equal(oct_uffd_register(mm, shared, page(shared, 2), MINOR), -OCT_EINVAL);
	assert_int_equal(oct_uffd_register(mm, pfn, page(pfn, 1), MISSING), -OCT_EINVAL);
	assert_int_equal(oct_uffd_register(mm, pfn, page(pfn, 1), MINOR), -OCT_EINVAL);
	assert_int_equal(oct_uffd_copy(mm, anon, 1, source, 0), -OCT_ENOENT);
	assert_int_equal(loaded(mm, anon), 0);
	want(shared, 2, WP);
	want(pfn, 1, WP);
	want(anon, 2, MISSING);
	assert_int_equal(oct_uffd_copy(mm, anon, 0, source, 0), -OCT_EINVAL);
	assert_int_equal(oct_uffd_copy(mm, anon, 1, source + 8, 0), -OCT_EINVAL);
	assert_int_equal(oct_uffd_copy(mm, anon, 1, source, OCT_UFFD_ALLOW_HOLES), -OCT_EINVAL);
	assert_int_equal(oct_uffd_copy(mm, page(anon, 1), 1, source, OCT_UFFD_PROTECTED), -OCT_EINVAL);
	assert_int_equal(oct_uffd_copy(mm, 0, 1, source, 0), -OCT_EINVAL);
	assert_int_equal(oct_uffd_copy(mm, page(anon, 100), 1, source, 0), -OCT_ENOENT);
	assert_int_equal(oct_uffd_continue(mm, page(anon, 1), 1, 0), -OCT_EINVAL);
	assert_int_equal(oct_uffd_continue(mm, shared, 1, 0), -OCT_EINVAL);
	assert_int_equal(oct_uffd_zeropage(mm, shared, 1, 0), -OCT_EEXIST);
	assert_int_equal(oct_uffd_copy(mm, pfn, 1, source, 0), -OCT_EEXIST);
	assert_int_equal(oct_munmap(mm, pfn, OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_mapping_exit(&driver), 0);
	oct_port_page_free(memory, 0, OCT_USE_CORE);
}

/* ---- Private memory ----------------------------------------------------------------------------- */

static int fill(void *arg, uintptr_t va, oct_phys_t to)
{
	unsigned *calls = arg;

	(*calls)++;
	memset(oct_port_phys_to_virt(to), 0, OCT_PAGE_SIZE);
	*word_of(to) = (uint32_t)(va >> OCT_PAGE_SHIFT);
	return *calls == 3 ? -OCT_EIO : 0;
}

static void pages_are_supplied(void **state)
{
	uintptr_t va = map(8);
	unsigned calls = 0, pages;
	oct_pte_t pte;

	(void)state;
	want(va, 8, MISSING);
	assert_int_equal(oct_uffd_copy(mm, va, 2, source, 0), 2);
	pte = user_entry(mm, page(va, 1));
	assert_true(oct_pte_write(pte) && oct_pte_dirty(pte) && oct_pte_young(pte) &&
	            oct_pte_soft_dirty(pte));
	assert_int_equal(loaded(mm, page(va, 1)), 101);
	store(page(va, 1), 7);
	pages = host_pages();
	assert_int_equal(oct_uffd_copy(mm, page(va, 1), 2, source, 0), -OCT_EEXIST);
	assert_int_equal(oct_uffd_zeropage(mm, page(va, 1), 1, 0), -OCT_EEXIST);
	assert_int_equal(host_pages(), pages);
	assert_int_equal(loaded(mm, page(va, 1)), 7);
	assert_int_equal(oct_uffd_zeropage(mm, page(va, 2), 2, 0), 2);
	assert_int_equal(host_pages(), pages); /* the zero page */
	assert_int_equal(loaded(mm, page(va, 3)), 0);
	store(page(va, 3), 9);
	assert_int_equal(loaded(mm, page(va, 3)), 9);
	assert_int_equal(loaded(mm, page(va, 2)), 0);
	assert_int_equal(oct_uffd_fill(mm, page(va, 4), 4, fill, &calls, 0), 2);
	assert_int_equal(calls, 3);
	assert_int_equal(loaded(mm, page(va, 5)), (uint32_t)(page(va, 5) >> OCT_PAGE_SHIFT));
	is_event(page(va, 6), OCT_WRITE, MISSING);
	calls = 2;
	assert_int_equal(oct_uffd_fill(mm, page(va, 6), 1, fill, &calls, 0), -OCT_EIO);
	assert_int_equal(host_pages(), pages + 3);
	/* What was supplied goes to swap and comes back without an event. */
	assert_int_equal(oct_madvise_pageout(mm, va, page(va, 8)), 0);
	assert_false(oct_pte_present(user_entry(mm, va)));
	assert_int_equal(oct_uffd_copy(mm, va, 1, source, 0), -OCT_EEXIST);
	assert_int_equal(loaded(mm, va), 100);
}

static void pages_come_protected(void **state)
{
	uintptr_t va = map(4);

	(void)state;
	want(va, 4, MISSING | WP);
	assert_int_equal(oct_uffd_copy(mm, va, 1, source, OCT_UFFD_PROTECTED), 1);
	assert_int_equal(oct_uffd_zeropage(mm, page(va, 1), 1, OCT_UFFD_PROTECTED), 1);
	assert_int_equal(loaded(mm, va), 100);
	is_event(va, OCT_WRITE, WP);
	is_event(page(va, 1), OCT_WRITE, WP);
	oct_uffd_wait(mm, va, OCT_READ); /* no event: does not sleep */
	protect(va, 2, false);
	store(va, 1);
	store(page(va, 1), 2);
	oct_uffd_wait(mm, va, OCT_WRITE);
	assert_int_equal(loaded(mm, va) + loaded(mm, page(va, 1)), 3);
}

/* ---- Objects ------------------------------------------------------------------------------------ */

static void objects_get_pages(void **state)
{
	uintptr_t a = map_file(mm, 4, OCT_MAP_SHARED), b = map_file(other, 4, OCT_MAP_SHARED);
	unsigned long reads = host_reads;
	struct oct_folio *folio;
	bool asks = mapping.flags & OCT_MAPPING_EVENTS;

	(void)state;
	want(a, 4, MISSING);
	is_event(a, OCT_READ, MISSING);
	assert_int_equal(oct_uffd_copy(mm, a, 1, source, 0), 1);
	assert_int_equal(host_reads, reads);
	assert_int_equal(loaded(mm, a), 100);
	assert_int_equal(loaded(other, b), 100);
	folio = user_folio(mm, a);
	assert_ptr_equal(user_folio(other, b), folio);
	assert_int_equal(folio->refcount, 3);
	assert_true(folio->flags & OCT_FOLIO_DIRTY);
	assert_int_equal(oct_pte_write(user_entry(mm, a)), !asks);
	store(a, 5);
	assert_int_equal(host_events, asks ? 1 : 0);
	assert_int_equal(oct_mapping_writeback(&mapping, 0, 1), 0);
	assert_int_equal(host_object_page(&object, 0)[0], 5);
	assert_int_equal(oct_uffd_copy(mm, a, 1, source, 0), -OCT_EEXIST);
	/* Not mapped here, but there: no event, and nothing to supply. */
	assert_int_equal(loaded(other, page(b, 1)), 2);
	assert_int_equal(oct_uffd_copy(mm, page(a, 1), 1, source, 0), -OCT_EEXIST);
	assert_int_equal(loaded(mm, page(a, 1)), 2);
	assert_int_equal(oct_uffd_zeropage(mm, page(a, 2), 1, 0), 1);
	assert_int_equal(loaded(other, page(b, 2)), 0);
	oct_mapping_truncate(&mapping, 3);
	assert_int_equal(oct_fault(mm, page(a, 3), OCT_READ), OCT_FAULT_SIGNAL);
	assert_int_equal(oct_uffd_copy(mm, page(a, 3), 1, source, 0), -OCT_EFAULT);
	assert_int_equal(oct_uffd_continue(mm, page(a, 3), 1, 0), -OCT_EFAULT);
}

static void pages_of_objects_are_mapped(void **state)
{
	uintptr_t a = map_file(mm, 4, OCT_MAP_SHARED), p = map_file(mm, 4, 0);
	uintptr_t b = map_file(other, 4, OCT_MAP_SHARED);

	(void)state;
	want(a, 4, MINOR);
	want(p, 4, MINOR);
	assert_int_equal(loaded(other, b), 1);
	is_event(a, OCT_READ, MINOR);
	is_event(a, OCT_WRITE, MINOR);
	is_event(p, OCT_WRITE, MINOR);
	assert_int_equal(oct_uffd_continue(mm, page(a, 1), 1, 0), -OCT_EFAULT); /* not in memory */
	is_event(page(a, 1), OCT_READ, MINOR);                                  /* now it is */
	assert_int_equal(oct_uffd_continue(mm, a, 3, 0), 2);
	assert_int_equal(oct_uffd_continue(mm, a, 1, 0), -OCT_EEXIST);
	assert_int_equal(oct_uffd_continue(mm, p, 1, 0), 1);
	assert_int_equal(user_folio(mm, a)->refcount, 4);
	assert_false(oct_pte_write(user_entry(mm, a)));
	store(a, 8);
	assert_true(user_folio(mm, a)->flags & OCT_FOLIO_DIRTY);
	store(p, 9);
	assert_int_equal(loaded(other, b), 8);
	assert_int_equal(loaded(mm, p), 9);
	oct_uffd_wait(mm, a, OCT_WRITE);
	assert_int_equal(oct_mapping_evict(&mapping, 1), 0);
	oct_uffd_wait(mm, page(a, 1), OCT_WRITE); /* would be read: no event */
}

static void private_copies_of_objects(void **state)
{
	uintptr_t p = map_file(mm, 4, 0), b = map_file(other, 4, OCT_MAP_SHARED);

	(void)state;
	want(p, 4, MISSING | MINOR);
	is_event(p, OCT_READ, MISSING);
	assert_int_equal(oct_uffd_copy(mm, p, 1, source, 0), 1);
	assert_int_equal(oct_uffd_zeropage(mm, page(p, 1), 1, 0), 1);
	assert_int_equal(mapping.cached, 0);
	assert_int_equal(loaded(mm, p), 100);
	assert_int_equal(loaded(other, b), 1); /* the object's own */
	assert_int_equal(loaded(other, page(b, 1)), 2);
	assert_int_equal(loaded(mm, page(p, 1)), 0);
	store(page(p, 1), 3);
	assert_int_equal(loaded(other, page(b, 2)), 3);
	is_event(page(p, 2), OCT_READ, MINOR);
	assert_int_equal(oct_uffd_copy(mm, page(p, 2), 1, source, 0), 1); /* that is its own, too */
	assert_int_equal(loaded(mm, page(p, 2)), 100);
	/* A truncation takes private copies and zero pages too. */
	assert_int_equal(oct_uffd_zeropage(mm, page(p, 3), 1, 0), 1);
	oct_mapping_truncate(&mapping, 0);
	for (unsigned i = 0; i < 4; i++)
		assert_true(oct_pte_none(user_entry(mm, page(p, i))));
	assert_int_equal(oct_uffd_copy(mm, p, 1, source, 0), -OCT_EFAULT);
	assert_int_equal(oct_uffd_zeropage(mm, p, 1, 0), -OCT_EFAULT);
}

/* ---- Markers ------------------------------------------------------------------------------------ */

static void absent_pages_are_protected(void **state)
{
	uintptr_t va = map(40), moved;

	(void)state;
	store(page(va, 1), 1);
	want(va, 40, WP);
	protect(va, 40, true);
	assert_true(marked(va) && marked(page(va, 39)));
	assert_true(oct_pte_uffd_wp(user_entry(mm, page(va, 1))));
	is_event(va, OCT_WRITE, WP);
	is_event(page(va, 1), OCT_WRITE, WP);
	assert_int_equal(loaded(mm, va), 0); /* comes protected */
	assert_true(oct_pte_uffd_wp(user_entry(mm, va)));
	is_event(va, OCT_WRITE, WP);
	protect(va, 1, false);
	protect(page(va, 2), 1, false);
	assert_int_equal(user_entry(mm, page(va, 2)), 0);
	store(va, 2);
	store(page(va, 2), 3);
	/* They go along, and away. */
	assert_int_equal(oct_mremap(mm, page(va, 4), 2 * OCT_PAGE_SIZE, 2 * OCT_PAGE_SIZE,
	                            OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, page(va, 600), &moved),
	                 0);
	is_event(page(moved, 1), OCT_WRITE, WP);
	assert_int_equal(oct_madvise_dontneed(mm, moved, page(moved, 1)), 0);
	store(moved, 1);
	assert_int_equal(oct_fork(other, mm), 0);
	assert_int_equal(user_store(other, page(moved, 1), 4), 0);
	assert_int_equal(user_store(other, page(va, 1), 4), 0);
	is_event(page(moved, 1), OCT_WRITE, WP);
	is_event(page(va, 1), OCT_WRITE, WP);
	assert_int_equal(oct_uffd_async(mm, va, page(va, 4), true), 0);
	assert_int_equal(loaded(mm, page(va, 3)), 0);
	assert_true(oct_pte_uffd_wp(user_entry(mm, page(va, 3))));
	store(page(va, 3), 1);
	store(page(va, 1), 1);
	assert_false(oct_pte_uffd_wp(user_entry(mm, page(va, 3))));
	want(page(va, 6), 34, MISSING); /* without WP */
	for (unsigned i = 6; i < 40; i++)
		assert_int_equal(user_entry(mm, page(va, i)), 0);
	is_event(page(va, 6), OCT_WRITE, MISSING);
	want(page(va, 6), 34, MISSING | WP);
	protect(page(va, 6), 2, true);
	is_event(page(va, 6), OCT_WRITE, MISSING);
	assert_int_equal(oct_uffd_copy(mm, page(va, 6), 1, source, 0), 1);
	is_event(page(va, 6), OCT_WRITE, WP); /* as its marker said */
	assert_int_equal(oct_munmap(mm, page(va, 7), OCT_PAGE_SIZE), 0);
}

static void what_objects_take_away_stays_protected(void **state)
{
	uintptr_t a = map_file(mm, 4, OCT_MAP_SHARED), p = map_file(mm, 4, 0);

	(void)state;
	store(p, 1);
	assert_int_equal(loaded(mm, a), 1);
	store(page(a, 1), 1);
	want(a, 4, WP);
	want(p, 4, WP);
	protect(a, 2, true);
	protect(p, 1, true);
	assert_int_equal(oct_mapping_evict(&mapping, 0), 0);
	assert_true(marked(a));
	is_event(a, OCT_WRITE, WP);
	assert_int_equal(loaded(mm, a), 1);
	is_event(a, OCT_WRITE, WP);
	assert_int_equal(oct_madvise_pageout(mm, p, page(p, 1)), 0);
	assert_int_equal(oct_pte_soft_kind(user_entry(mm, p)), OCT_SOFT_SWAP);
	oct_mapping_truncate(&mapping, 0);
	assert_true(marked(a) && marked(page(a, 1)) && marked(p));
	assert_int_equal(user_entry(mm, page(p, 1)), 0);
	assert_int_equal(oct_swap_used(&swap), 0);
	oct_mapping_truncate(&mapping, 4);
	is_event(page(a, 1), OCT_WRITE, WP);
	assert_int_equal(loaded(mm, page(a, 1)), 2);
	protect(a, 4, false);
	store(page(a, 1), 7);
	assert_int_equal(oct_madvise_dontneed(mm, p, page(p, 4)), 0);
	assert_int_equal(user_entry(mm, p), 0);
}

static void lost_contents_are_a_signal(void **state)
{
	uintptr_t va = map(4);
	uint32_t value;

	(void)state;
	want(va, 4, MISSING | WP);
	assert_int_equal(oct_uffd_copy(mm, page(va, 2), 1, source, 0), 1);
	assert_int_equal(oct_uffd_poison(mm, va, 4), 2);
	assert_int_equal(oct_uffd_poison(mm, page(va, 2), 1), -OCT_EEXIST);
	assert_int_equal(user_load(mm, va, &value), -OCT_EFAULT);
	oct_uffd_wait(mm, va, OCT_READ);
	protect(va, 2, true);
	assert_int_equal(user_store(mm, va, 1), -OCT_EFAULT);
	oct_uffd_wait(mm, va, OCT_WRITE); /* no event: does not sleep */
	protect(va, 2, false);
	assert_int_equal(user_load(mm, va, &value), -OCT_EFAULT);
	assert_int_equal(oct_fork(other, mm), 0);
	assert_int_equal(user_load(other, va, &value), -OCT_EFAULT);
	assert_int_equal(oct_uffd_copy(mm, va, 1, source, 0), 1); /* somebody has them after all */
	assert_int_equal(loaded(mm, va), 100);
	assert_int_equal(oct_madvise_dontneed(mm, page(va, 1), page(va, 2)), 0);
	is_event(page(va, 1), OCT_READ, MISSING);
}

/* ---- Moving ------------------------------------------------------------------------------------- */

static void move_between(uintptr_t to, uintptr_t from)
{
	struct oct_folio *folio;
	oct_pte_t pte;

	store(from, 11);
	folio = user_folio(mm, from);
	is_event(to, OCT_READ, MISSING);
	assert_int_equal(oct_uffd_move(mm, to, from, 1, 0), 1);
	assert_ptr_equal(user_folio(mm, to), folio);
	assert_int_equal(user_entry(mm, from), 0);
	pte = user_entry(mm, to);
	assert_true(oct_pte_dirty(pte) && oct_pte_young(pte) && oct_pte_write(pte) &&
	            oct_pte_soft_dirty(pte));
	assert_int_equal(loaded(mm, to), 11);
	assert_int_equal(oct_uffd_move(mm, page(to, 1), from, 1, 0), -OCT_ENOENT);
	store(from, 12);
	assert_int_equal(oct_uffd_move(mm, to, from, 1, 0), -OCT_EEXIST);
	/* Reclaim finds it at its new address. */
	assert_int_equal(oct_fork(other, mm), 0);
	assert_int_equal(oct_uffd_move(mm, page(to, 1), to, 1, 0), -OCT_EBUSY);
	assert_int_equal(oct_madvise_pageout(mm, to, page(to, 1)), 0);
	assert_int_equal(oct_pte_soft_kind(user_entry(other, to)), OCT_SOFT_SWAP);
	oct_mm_reset(other);
	assert_int_equal(oct_uffd_move(mm, page(to, 1), to, 1, 0), 1); /* read in before */
	assert_int_equal(loaded(mm, page(to, 1)), 11);
	is_event(to, OCT_READ, MISSING);
}

static void pages_move(void **state)
{
	uintptr_t va = map(3 * OCT_TABLE_ENTRIES), far = page(va, 2 * OCT_TABLE_ENTRIES);

	(void)state;
	want(page(va, 4), 4, MISSING);
	move_between(page(va, 4), page(va, 1));
	want(far, 4, MISSING);
	move_between(far, page(va, 2));
	want(page(va, 12), 4, MISSING);
	move_between(page(va, 12), page(far, 8)); /* downwards */
}

static void moves_that_are_refused(void **state)
{
	uintptr_t va = map(8), to, readable = map_at(0, 1, 0), file = map_file(mm, 1, 0), holes;
	struct oct_folio *pin;

	(void)state;
	to = page(va, 4);
	store(va, 1);
	assert_int_equal(oct_uffd_move(mm, to, va, 1, 0), -OCT_ENOENT);
	want(to, 4, MISSING | WP);
	assert_int_equal(oct_uffd_move(mm, to, va + 1, 1, 0), -OCT_EINVAL);
	assert_int_equal(oct_uffd_move(mm, to, va, 0, 0), -OCT_EINVAL);
	assert_int_equal(oct_uffd_move(mm, to, va, 1, 4), -OCT_EINVAL);
	assert_int_equal(oct_uffd_move(mm, to, page(va, 3), 2, 0), -OCT_EINVAL);
	assert_int_equal(oct_uffd_move(mm, to, page(va, 500), 1, 0), -OCT_ENOENT);
	assert_int_equal(oct_mprotect(mm, readable, OCT_PAGE_SIZE, OCT_READ), 0);
	assert_int_equal(oct_uffd_move(mm, to, readable, 1, 0), -OCT_EINVAL);
	assert_int_equal(oct_uffd_move(mm, to, file, 1, 0), -OCT_EINVAL);
	assert_int_equal(oct_gup_fast(mm, va, 1, OCT_WRITE, &pin), 1);
	assert_int_equal(oct_uffd_move(mm, to, va, 1, 0), -OCT_EBUSY);
	assert_ptr_equal(user_folio(mm, va), pin);
	oct_unpin(pin, false);
	/* Holes, the zero page, and what comes protected. */
	assert_int_equal(loaded(mm, page(va, 2)), 0);
	assert_int_equal(oct_uffd_move(mm, to, va, 3, 0), 1);
	holes = map(3);
	store(page(holes, 2), 5);
	assert_int_equal(oct_uffd_move(mm, page(to, 1), page(va, 1), 2, OCT_UFFD_ALLOW_HOLES), 2);
	is_event(page(to, 1), OCT_READ, MISSING);
	assert_int_equal(loaded(mm, page(to, 2)), 0);
	assert_int_equal(user_entry(mm, page(va, 2)), 0);
	assert_int_equal(oct_uffd_move(mm, page(to, 3), page(holes, 2), 1, OCT_UFFD_PROTECTED), 1);
	assert_int_equal(loaded(mm, page(to, 3)), 5);
	is_event(page(to, 3), OCT_WRITE, WP);
	/* A page of its own where the zero page is. */
	store(page(to, 2), 6);
	assert_int_equal(loaded(mm, page(to, 2)), 6);
}

static void large_folios_move_page_by_page(void **state)
{
	uintptr_t va = map(4 * OCT_FOLIO_PAGES), block = (va + OCT_FOLIO_BYTES - 1) & ~(OCT_FOLIO_BYTES - 1);
	uintptr_t to = page(block, 2 * OCT_FOLIO_PAGES);

	(void)state;
	assert_int_equal(oct_madvise(mm, va, page(va, 2 * OCT_FOLIO_PAGES), OCT_MADV_HUGEPAGE), 0);
	store(block, 1);
	store(page(block, 3), 4);
	want(to, 4, MISSING);
	assert_int_equal(oct_uffd_move(mm, to, page(block, 3), 1, 0), 1);
	assert_int_equal(loaded(mm, to), 4);
	assert_int_equal(loaded(mm, block), 1);
	assert_int_equal(user_entry(mm, page(block, 3)), 0);
	assert_int_equal(user_folio(mm, to)->order, 0);
}

/* ---- Memory ------------------------------------------------------------------------------------- */

/* The n-th allocation fails, for every n, and nothing has changed. */
static void nothing_is_lost_without_memory(void **state)
{
	unsigned calls = 0;

	(void)state;
	for (unsigned what = 0; what < 7; what++)
		for (unsigned n = 1;; n++) {
			bool shows = what == 2 || what == 3;
			uintptr_t from = map(1), far = 0x40000000u + 0x10000000u * what, va;
			int result = 0;

			store(from, 3);
			if (shows)
				assert_int_equal(oct_mmap_file(mm, far, 4 * OCT_PAGE_SIZE, RW,
				                               OCT_MAP_SHARED | OCT_MAP_FIXED, &mapping, 0,
				                               &va),
				                 0);
			else
				va = map_at(far, 4, OCT_MAP_FIXED);
			want(va, 4, MISSING | WP);
			host_fail_allocation(n);
			switch (what) {
			case 0:
				result = oct_uffd_copy(mm, va, 1, source, 0);
				break;
			case 1:
				result = oct_uffd_fill(mm, va, 1, fill, &calls, 0);
				calls = 0;
				break;
			case 2:
				result = oct_uffd_copy(mm, va, 1, source, 0);
				break;
			case 3:
				result = oct_uffd_zeropage(mm, va, 1, 0);
				break;
			case 4:
				result = oct_uffd_move(mm, va, from, 1, 0);
				break;
			case 5:
				result = oct_uffd_writeprotect(mm, va, page(va, 4), true);
				result = result ? result : 1;
				break;
			case 6:
				result = oct_uffd_poison(mm, va, 1);
				break;
			}
			host_fail_allocation(0);
			if (result != 1) {
				assert_int_equal(result, -OCT_ENOMEM);
				is_event(va, OCT_READ, MISSING);
				assert_int_equal(mapping.cached, 0);
				assert_int_equal(loaded(mm, from), 3);
			}
			assert_int_equal(oct_munmap(mm, va, 4 * OCT_PAGE_SIZE), 0);
			assert_int_equal(oct_munmap(mm, from, OCT_PAGE_SIZE), 0);
			oct_mapping_truncate(&mapping, 0);
			oct_mapping_truncate(&mapping, PAGES);
			host_run_deferred();
			if (result == 1) {
				assert_true(n > 1);
				break;
			}
		}
}

/* ---- At random, against a table ------------------------------------------------------------------- */

/* What is known of a page of private memory. */
struct known {
	bool there, protected;
	uint32_t value;
};

static void check(uintptr_t va, const struct known *known, unsigned i)
{
	const struct known *k = &known[i];
	uint32_t value = 0xdead;
	int result = user_load(mm, page(va, i), &value);

	assert_int_equal(result, k->there ? 0 : -OCT_EBUSY);
	if (k->there)
		assert_int_equal(value, k->value);
}

static void step(uintptr_t va, struct known *known, unsigned i, unsigned j)
{
	struct known *k = &known[i], *from = &known[j];
	int result;

	switch (random() % 9) {
	case 0:
		result = oct_uffd_copy(mm, page(va, i), 1, source + j * OCT_PAGE_SIZE, 0);
		assert_int_equal(result, k->there ? -OCT_EEXIST : 1);
		if (!k->there)
			*k = (struct known){true, k->protected, 100 + j};
		break;
	case 1:
		result = oct_uffd_zeropage(mm, page(va, i), 1, j % 2 ? OCT_UFFD_PROTECTED : 0);
		assert_int_equal(result, k->there ? -OCT_EEXIST : 1);
		if (!k->there)
			*k = (struct known){true, k->protected || j % 2, 0};
		break;
	case 2:
		if (i == j)
			break;
		result = oct_uffd_move(mm, page(va, i), page(va, j), 1, 0);
		assert_int_equal(result, k->there ? -OCT_EEXIST : from->there ? 1 : -OCT_ENOENT);
		if (result != 1)
			break;
		*k = (struct known){true, k->protected, from->value};
		*from = (struct known){false, false, 0};
		break;
	case 3:
		assert_int_equal(oct_madvise_dontneed(mm, page(va, i), page(va, i + 1)), 0);
		*k = (struct known){false, false, 0};
		break;
	case 4:
		protect(page(va, i), 1, j % 2);
		k->protected = j % 2;
		break;
	case 5:
		assert_int_equal(oct_madvise_pageout(mm, page(va, i), page(va, i + 1)), 0);
		break;
	case 6:
		assert_int_equal(oct_clear_refs(mm, va, page(va, PAGES)), 0);
		break;
	default:
		result = user_store(mm, page(va, i), j);
		assert_int_equal(result, k->there && !k->protected ? 0 : -OCT_EBUSY);
		if (!result)
			k->value = j;
		break;
	}
}

static void calls_at_random(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 6; seed++) {
		struct known known[PAGES] = {{0}};
		uintptr_t va = map(PAGES);

		srandom(seed);
		user_sets_bits = seed % 2;
		want(va, PAGES, MISSING | WP);
		for (unsigned n = 0; n < 3000; n++) {
			host_cpu = (unsigned)random() % 2;
			step(va, known, (unsigned)random() % PAGES, (unsigned)random() % PAGES);
			check(va, known, (unsigned)random() % PAGES);
		}
		for (unsigned i = 0; i < PAGES; i++)
			check(va, known, i);
		assert_int_equal(oct_munmap(mm, va, PAGES * OCT_PAGE_SIZE), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(modes_belong_to_areas, make, drop),
	    cmocka_unit_test_setup_teardown(modes_that_make_no_sense, make, drop),
	    cmocka_unit_test_setup_teardown(pages_are_supplied, make, drop),
	    cmocka_unit_test_setup_teardown(pages_come_protected, make, drop),
	    cmocka_unit_test_setup_teardown(objects_get_pages, make, drop),
	    cmocka_unit_test_setup_teardown(objects_get_pages, make_events, drop),
	    cmocka_unit_test_setup_teardown(pages_of_objects_are_mapped, make, drop),
	    cmocka_unit_test_setup_teardown(private_copies_of_objects, make, drop),
	    cmocka_unit_test_setup_teardown(absent_pages_are_protected, make, drop),
	    cmocka_unit_test_setup_teardown(what_objects_take_away_stays_protected, make, drop),
	    cmocka_unit_test_setup_teardown(lost_contents_are_a_signal, make, drop),
	    cmocka_unit_test_setup_teardown(pages_move, make, drop),
	    cmocka_unit_test_setup_teardown(moves_that_are_refused, make, drop),
	    cmocka_unit_test_setup_teardown(large_folios_move_page_by_page, make, drop),
	    cmocka_unit_test_setup_teardown(nothing_is_lost_without_memory, make, drop),
	    cmocka_unit_test_setup_teardown(calls_at_random, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
