/* test_file.c: areas that show an object, against an array. SPDX-License-Identifier: MIT */
#include "space_user.h"
#include <octavo/mapping.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

enum { RW = OCT_READ | OCT_WRITE, SHARED = OCT_MAP_SHARED, PAGES = 24, SPACES = 2 };

static struct oct_system machine;
static struct oct_mm space[SPACES];
static struct oct_mapping mapping;
static int object; /* its address names the contents */

static int make_with(unsigned flags)
{
	user_sets_bits = true;
	host_reset();
	host_fail_io(0);
	for (unsigned i = 0; i < PAGES; i++)
		memset(host_object_page(&object, i), 0, OCT_PAGE_SIZE);
	assert_int_equal(oct_system_init(&machine, 2), 0);
	host_system = &machine;
	for (unsigned i = 0; i < SPACES; i++)
		assert_int_equal(oct_mm_init(&space[i], &machine), 0);
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
	assert_null(mapping.areas);
	assert_int_equal(oct_mapping_exit(&mapping), 0);
	oct_system_exit(&machine);
	return host_pages() == 0 ? 0 : -1;
}

static uintptr_t map_file(struct oct_mm *mm, uint64_t pgoff, unsigned pages, unsigned flags)
{
	uintptr_t result;

	assert_int_equal(oct_mmap_file(mm, 0, pages * OCT_PAGE_SIZE, RW, flags, &mapping, pgoff, &result), 0);
	return result;
}

static uintptr_t page_at(uintptr_t va, unsigned page)
{
	return va + page * OCT_PAGE_SIZE;
}

static uint32_t loaded(struct oct_mm *mm, uintptr_t va)
{
	uint32_t value = 0xdead;

	assert_int_equal(user_load(mm, va, &value), 0);
	return value;
}

static void store(struct oct_mm *mm, uintptr_t va, uint32_t value)
{
	assert_int_equal(user_store(mm, va, value), 0);
}

static uint32_t device(uint64_t index)
{
	uint32_t word;

	memcpy(&word, host_object_page(&object, index), sizeof word);
	return word;
}

static void set_device(uint64_t index, uint32_t word)
{
	memcpy(host_object_page(&object, index), &word, sizeof word);
}

static bool dirty(const struct oct_folio *folio)
{
	return folio->flags & OCT_FOLIO_DIRTY;
}

/* ---- One thing at a time ------------------------------------------------------------------------- */

static void shared_stores_reach_the_object(void **state)
{
	uintptr_t a = map_file(&space[0], 0, 4, SHARED), b = map_file(&space[1], 1, 3, SHARED);
	unsigned long writes = host_writes;
	struct oct_folio *folio;

	(void)state;
	set_device(1, 11);
	assert_int_equal(loaded(&space[0], page_at(a, 1)), 11);
	assert_int_equal(loaded(&space[1], b), 11);
	folio = user_folio(&space[0], page_at(a, 1));
	assert_ptr_equal(user_folio(&space[1], b), folio);
	assert_int_equal(folio->refcount, 3);
	assert_false(oct_pte_write(user_entry(&space[0], page_at(a, 1)))); /* a store must be noticed */
	assert_false(dirty(folio));
	store(&space[1], b, 12);
	assert_true(dirty(folio));
	assert_int_equal(loaded(&space[0], page_at(a, 1)), 12);
	assert_int_equal(device(1), 11);
	assert_int_equal(oct_msync(&space[0], a, page_at(a, 4)), 0);
	assert_int_equal(device(1), 12);
	assert_int_equal(host_writes, writes + 1);
	assert_false(dirty(folio));
	assert_false(oct_pte_write(user_entry(&space[1], b)));
	assert_false(oct_pte_dirty(user_entry(&space[1], b)));
	assert_int_equal(oct_mapping_writeback(&mapping, 0, PAGES), 0);
	assert_int_equal(host_writes, writes + 1); /* clean */
	store(&space[1], b, 13);
	assert_true(dirty(folio));
	assert_int_equal(oct_munmap(&space[1], b, OCT_PAGE_SIZE), 0);
	assert_true(dirty(folio));
	assert_int_equal(oct_mapping_writeback(&mapping, 1, 1), 0);
	assert_int_equal(device(1), 13);
}

static void private_stores_do_not(void **state)
{
	uintptr_t a = map_file(&space[0], 0, 4, 0), b = map_file(&space[1], 0, 4, SHARED);

	(void)state;
	set_device(0, 1);
	store(&space[0], a, 2); /* copied at once */
	assert_int_equal(loaded(&space[0], page_at(a, 1)), 0);
	store(&space[0], page_at(a, 1), 3); /* copied on write */
	assert_int_equal(loaded(&space[1], b), 1);
	assert_int_equal(loaded(&space[1], page_at(b, 1)), 0);
	store(&space[1], page_at(b, 2), 4);
	assert_int_equal(loaded(&space[0], page_at(a, 2)), 4);
	assert_int_equal(oct_mapping_writeback(&mapping, 0, PAGES), 0);
	assert_int_equal(device(0), 1);
	assert_int_equal(device(1), 0);
	assert_int_equal(device(2), 4);
	assert_int_equal(oct_madvise_dontneed(&space[0], a, page_at(a, 2)), 0);
	assert_int_equal(loaded(&space[0], a), 1);
}

/* The other CPU has the writable entry in its TLB: after the call it has not. */
static void writeback_is_complete(void **state)
{
	uintptr_t a = map_file(&space[0], 0, 1, SHARED);

	(void)state;
	host_cpu = 1;
	store(&space[0], a, 1);
	assert_true(oct_pte_write(host_tlb_cached(1, a)));
	host_cpu = 0;
	assert_int_equal(oct_mapping_writeback(&mapping, 0, 1), 0);
	assert_false(oct_pte_present(host_tlb_cached(1, a)) && oct_pte_write(host_tlb_cached(1, a)));
	host_cpu = 1;
	store(&space[0], a, 2);
	host_cpu = 0;
	assert_true(dirty(user_folio(&space[0], a)));
}

static void truncation_unmaps_everywhere(void **state)
{
	uintptr_t a = map_file(&space[0], 0, 4, SHARED), b = map_file(&space[1], 0, 4, 0);
	uint32_t value;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		store(&space[0], page_at(a, i), i + 1);
		store(&space[1], page_at(b, i), i + 5);
	}
	oct_mapping_truncate(&mapping, 2);
	assert_int_equal(mapping.cached, 2);
	assert_null(user_folio(&space[0], page_at(a, 2)));
	assert_null(user_folio(&space[1], page_at(b, 3)));
	assert_int_equal(oct_fault(&space[0], page_at(a, 2), OCT_READ), OCT_FAULT_SIGNAL);
	assert_int_equal(user_load(&space[1], page_at(b, 2), &value), -OCT_EFAULT);
	assert_int_equal(loaded(&space[0], page_at(a, 1)), 2);
	assert_int_equal(loaded(&space[1], page_at(b, 1)), 6);
	oct_mapping_truncate(&mapping, 4);
	assert_int_equal(loaded(&space[0], page_at(a, 2)), 0); /* what the device has */
	oct_mapping_truncate(&mapping, 0);
	assert_int_equal(mapping.cached, 0);
	assert_int_equal(mapping.height, 0);
}

static void devices_fail(void **state)
{
	uintptr_t a = map_file(&space[0], 0, 4, SHARED);
	struct oct_folio *folio;
	uint32_t value;

	(void)state;
	host_fail_io(1);
	assert_int_equal(user_load(&space[0], a, &value), -OCT_EIO);
	assert_int_equal(mapping.cached, 0);
	host_fail_io(1);
	assert_int_equal(oct_mapping_get(&mapping, 0, &folio), -OCT_EIO);
	for (unsigned i = 0; i < 3; i++)
		store(&space[0], page_at(a, i), i + 1);
	host_fail_io(2);
	assert_int_equal(oct_msync(&space[0], a, page_at(a, 4)), -OCT_EIO);
	assert_int_equal(device(0), 1);
	assert_int_equal(device(1), 0);
	assert_int_equal(device(2), 3);
	assert_true(dirty(user_folio(&space[0], page_at(a, 1))));
	assert_int_equal(oct_msync(&space[0], a, page_at(a, 4)), 0);
	assert_int_equal(device(1), 2);
}

static void eviction(void **state)
{
	uintptr_t a = map_file(&space[0], 0, 2, SHARED), b = map_file(&space[1], 0, 2, 0);
	struct oct_folio *folio;

	(void)state;
	assert_int_equal(loaded(&space[0], a), 0);
	store(&space[1], b, 7); /* a copy: stays */
	assert_int_equal(oct_mapping_evict(&mapping, 0), 0);
	assert_int_equal(mapping.cached, 0);
	assert_null(user_folio(&space[0], a));
	assert_int_equal(loaded(&space[1], b), 7);
	assert_int_equal(oct_mapping_evict(&mapping, 0), 0); /* not there */
	store(&space[0], a, 8);
	assert_int_equal(oct_mapping_evict(&mapping, 0), -OCT_EBUSY);
	assert_int_equal(oct_mapping_writeback(&mapping, 0, 1), 0);
	assert_int_equal(oct_mapping_get(&mapping, 0, &folio), 0);
	assert_int_equal(oct_mapping_evict(&mapping, 0), -OCT_EBUSY); /* held */
	oct_folio_put(folio);
	assert_int_equal(oct_mapping_evict(&mapping, 0), 0);
	assert_int_equal(loaded(&space[0], a), 8);
}

static void events(void **state)
{
	uintptr_t a = map_file(&space[0], 3, 1, SHARED), b = map_file(&space[0], 3, 1, 0);

	(void)state;
	assert_int_equal(loaded(&space[0], a), 0);
	store(&space[0], b, 1);
	assert_int_equal(host_events, 0);
	host_event_answer = -OCT_EAGAIN;
	assert_int_equal(oct_fault(&space[0], a, OCT_WRITE), OCT_FAULT_RETRY);
	host_event_answer = -OCT_EACCES;
	assert_int_equal(user_store(&space[0], a, 1), -OCT_EFAULT);
	assert_false(dirty(user_folio(&space[0], a)));
	host_event_answer = 0;
	host_events = 0;
	store(&space[0], a, 2);
	store(&space[0], a, 3);
	assert_int_equal(host_events, 1);
	assert_int_equal(host_event.kind, OCT_EVENT_PAGE_MKWRITE);
	assert_int_equal(host_event.index, 3);
	assert_int_equal(host_event.va, a);
	assert_ptr_equal(host_event.object, &object);
	assert_ptr_equal(host_event.mm, &space[0]);
	assert_int_equal(oct_msync(&space[0], a, page_at(a, 1)), 0);
	store(&space[0], a, 4);
	assert_int_equal(host_events, 2);
}

static void memory_without_folios(void **state)
{
	oct_phys_t memory = oct_port_page_alloc(2, OCT_USE_CORE);
	struct oct_mapping device_memory;
	uintptr_t a, b;
	uint32_t value;

	(void)state;
	assert_int_equal(
	    oct_mapping_init_pfn(&device_memory, &object, memory, 4, OCT_NORMAL, OCT_MAPPING_EVENTS), 0);
	oct_port_page_clear(memory, 2);
	assert_int_equal(oct_mmap_file(&space[0], 0, 4 * OCT_PAGE_SIZE, RW, 0, &device_memory, 0, &a),
	                 -OCT_EINVAL);
	assert_int_equal(oct_mmap_file(&space[0], 0, 4 * OCT_PAGE_SIZE, RW, SHARED, &device_memory, 0, &a),
	                 0);
	assert_int_equal(oct_mmap_file(&space[1], 0, 2 * OCT_PAGE_SIZE, RW, SHARED, &device_memory, 2, &b),
	                 0);
	host_events = 0;
	store(&space[0], page_at(a, 2), 5);
	assert_int_equal(host_events, 1);
	assert_int_equal(host_event.kind, OCT_EVENT_PFN_MKWRITE);
	assert_int_equal(loaded(&space[1], b), 5);
	assert_int_equal(oct_mapping_exit(&device_memory), -OCT_EBUSY);
	assert_int_equal(oct_mapping_writeback(&device_memory, 0, 4), 0);
	oct_mapping_truncate(&device_memory, 0);
	assert_int_equal(user_load(&space[1], b, &value), -OCT_EFAULT);
	oct_port_page_free(memory, 2, OCT_USE_CORE); /* a TLB that held it would be told */
	assert_int_equal(user_load(&space[0], page_at(a, 2), &value), -OCT_EFAULT);
	assert_int_equal(oct_munmap(&space[0], a, 4 * OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_munmap(&space[1], b, 2 * OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_mapping_exit(&device_memory), 0);
}

static void fork_of_files(void **state)
{
	uintptr_t a = map_file(&space[0], 0, 4, SHARED), b = map_file(&space[0], 0, 4, 0);

	(void)state;
	store(&space[0], a, 1);
	store(&space[0], page_at(b, 1), 2);
	assert_int_equal(loaded(&space[0], page_at(b, 2)), 0);
	assert_int_equal(oct_fork(&space[1], &space[0]), 0);
	assert_int_equal(loaded(&space[1], a), 1);
	assert_int_equal(loaded(&space[1], page_at(b, 1)), 2);
	store(&space[0], page_at(b, 1), 3);
	assert_int_equal(loaded(&space[1], page_at(b, 1)), 2);
	store(&space[1], page_at(a, 2), 4);
	assert_int_equal(loaded(&space[0], page_at(b, 2)), 4);
	oct_mapping_truncate(&mapping, 1);
	assert_null(user_folio(&space[1], page_at(b, 1)));
	assert_null(user_folio(&space[0], page_at(b, 1)));
	assert_int_equal(loaded(&space[1], a), 1);
}

static void bad_arguments(void **state)
{
	const uint64_t most = (uint64_t)1 << 52; /* pages of an object */
	struct oct_mapping other;
	struct oct_folio *folio;
	uintptr_t a;

	(void)state;
	assert_int_equal(oct_mapping_init(&other, NULL, (uint64_t)1 << 60, 0), -OCT_EINVAL);
	assert_int_equal(oct_mapping_init(&other, NULL, 1, 0x100), -OCT_EINVAL);
	assert_int_equal(oct_mapping_init_pfn(&other, NULL, 1, 1, OCT_NORMAL, 0), -OCT_EINVAL);
	/* Its last page lies past 2^64, that is, before its first. */
	assert_int_equal(oct_mapping_init_pfn(&other, NULL, OCT_PAGE_SIZE, most, OCT_NORMAL, 0), -OCT_EINVAL);
	assert_int_equal(oct_mapping_init(&other, NULL, most + 1, 0), -OCT_EINVAL);
	/* No object becomes larger than one can be made: the page would be in no walk over the cache. */
	oct_mapping_truncate(&mapping, ~(uint64_t)0);
	assert_int_equal(mapping.pages, most);
	assert_int_equal(oct_mapping_get(&mapping, most, &folio), -OCT_EINVAL);
	oct_mapping_truncate(&mapping, PAGES);
	assert_int_equal(oct_mmap_file(&space[0], 0, OCT_PAGE_SIZE, RW, SHARED, NULL, 0, &a), -OCT_EINVAL);
	assert_int_equal(oct_mmap_file(&space[0], 0, OCT_PAGE_SIZE, RW, SHARED, &mapping, ~0ull, &a),
	                 -OCT_EINVAL);
	assert_int_equal(oct_mapping_writeback(&mapping, 1, 0), -OCT_EINVAL);
	assert_int_equal(oct_mapping_writeback(&mapping, ~0ull, 2), -OCT_EINVAL);
	assert_int_equal(oct_msync(&space[0], 1, 2), -OCT_EINVAL);
	assert_int_equal(oct_mapping_get(&mapping, PAGES, &folio), -OCT_EINVAL);
	assert_null(mapping.areas);
}

/* Areas that are cut, joined and removed leave the reverse map as they should. */
/* Entries of an area that shows an object are the object's: another page in one of them would be taken for
 * its, and in memory without folios its reference would be lost. */
static void no_foreign_page(void **state)
{
	struct oct_mapping device_memory;
	oct_phys_t memory = oct_port_page_alloc(0, OCT_USE_CORE);
	struct oct_folio *folio = oct_folio_alloc();
	uintptr_t a, b = map_file(&space[0], 0, 1, 0);

	(void)state;
	assert_int_equal(oct_mapping_init_pfn(&device_memory, &object, memory, 1, OCT_NORMAL, 0), 0);
	assert_int_equal(oct_mmap_file(&space[0], 0, OCT_PAGE_SIZE, RW, SHARED, &device_memory, 0, &a), 0);
	assert_int_equal(oct_mm_map_folio(&space[0], a, folio, OCT_READ), -OCT_EINVAL);
	assert_int_equal(oct_mm_map_folio(&space[0], b, folio, OCT_READ), -OCT_EINVAL);
	assert_true(oct_folio_exclusive(folio));
	oct_folio_put(folio);
	assert_int_equal(oct_munmap(&space[0], a, OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_mapping_exit(&device_memory), 0);
	oct_port_page_free(memory, 0, OCT_USE_CORE);
}

static void areas_in_the_reverse_map(void **state)
{
	uintptr_t a = map_file(&space[0], 4, 8, SHARED);

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		store(&space[0], page_at(a, i), i + 1);
	assert_int_equal(oct_mprotect(&space[0], page_at(a, 2), 2 * OCT_PAGE_SIZE, OCT_READ), 0);
	assert_int_equal(oct_munmap(&space[0], page_at(a, 5), OCT_PAGE_SIZE), 0);
	assert_int_equal(space[0].areas.count, 4);
	oct_mapping_truncate(&mapping, 11); /* pages 7 and on of the area: its last one */
	assert_null(user_folio(&space[0], page_at(a, 7)));
	assert_int_equal(loaded(&space[0], page_at(a, 6)), 7);
	assert_int_equal(oct_mprotect(&space[0], page_at(a, 2), 2 * OCT_PAGE_SIZE, RW), 0);
	assert_int_equal(space[0].areas.count, 2);
	oct_mapping_truncate(&mapping, 6);
	for (unsigned i = 2; i < 8; i++)
		assert_null(user_folio(&space[0], page_at(a, i)));
	assert_int_equal(loaded(&space[0], page_at(a, 1)), 2);
	oct_mm_reset(&space[0]);
	assert_null(mapping.areas);
}

/* ---- Against an array ------------------------------------------------------------------------------ */

static struct {
	uint32_t word[PAGES], own[SPACES][PAGES];
	bool copied[SPACES][PAGES];
	uint64_t pages;
} expected;
static uintptr_t at[SPACES][2]; /* private, shared; 0: not mapped */

static void check_load(unsigned who, unsigned kind, unsigned page)
{
	uint32_t value = 0,
	         want = kind || !expected.copied[who][page] ? expected.word[page] : expected.own[who][page];
	int error = user_load(&space[who], page_at(at[who][kind], page), &value);

	assert_int_equal(error, page < expected.pages ? 0 : -OCT_EFAULT);
	if (!error)
		assert_int_equal(value, want);
}

static void check_store(unsigned who, unsigned kind, unsigned page, uint32_t value)
{
	int error = user_store(&space[who], page_at(at[who][kind], page), value);

	assert_int_equal(error, page < expected.pages ? 0 : -OCT_EFAULT);
	if (error)
		return;
	if (kind) {
		expected.word[page] = value;
	} else {
		expected.own[who][page] = value;
		expected.copied[who][page] = true;
	}
}

static void resize_to(unsigned pages)
{
	oct_mapping_truncate(&mapping, pages);
	for (unsigned page = pages; page < expected.pages; page++) {
		expected.word[page] = 0;
		set_device(page, 0); /* as a file system does */
		for (unsigned who = 0; who < SPACES; who++)
			expected.copied[who][page] = false;
	}
	expected.pages = pages;
}

static void write_back(unsigned first, unsigned pages)
{
	assert_int_equal(oct_mapping_writeback(&mapping, first, pages), 0);
	for (unsigned page = first; page < first + pages && page < expected.pages; page++)
		assert_int_equal(device(page), expected.word[page]);
}

static void dontneed(unsigned who, unsigned page, unsigned pages)
{
	if (page + pages > PAGES)
		pages = PAGES - page;
	assert_int_equal(
	    oct_madvise_dontneed(&space[who], page_at(at[who][0], page), page_at(at[who][0], page + pages)),
	    0);
	while (pages--)
		expected.copied[who][page + pages] = false;
}

static void remap(unsigned who, unsigned kind)
{
	assert_int_equal(oct_munmap(&space[who], at[who][kind], PAGES * OCT_PAGE_SIZE), 0);
	at[who][kind] = map_file(&space[who], 0, PAGES, kind ? SHARED : 0);
	if (!kind)
		memset(expected.copied[who], 0, sizeof expected.copied[who]);
}

static void random_calls(void **state)
{
	(void)state;
	srand(7);
	memset(&expected, 0, sizeof expected);
	expected.pages = PAGES;
	for (unsigned who = 0; who < SPACES; who++)
		for (unsigned kind = 0; kind < 2; kind++)
			at[who][kind] = map_file(&space[who], 0, PAGES, kind ? SHARED : 0);
	for (unsigned step = 1; step < 6000; step++) {
		unsigned page = (unsigned)rand() % PAGES, more = (unsigned)rand() % 6;
		unsigned who = (unsigned)rand() % SPACES, kind = (unsigned)rand() % 2;

		host_cpu = (unsigned)rand() % 2;
		user_sets_bits = rand() % 4;
		switch (rand() % 20) {
		case 0:
			write_back(page, 1 + more);
			break;
		case 1:
			resize_to(page);
			break;
		case 2:
			resize_to(PAGES);
			break;
		case 3:
			(void)!oct_mapping_evict(&mapping, page);
			break;
		case 4:
			dontneed(who, page, 1 + more);
			break;
		case 5:
			remap(who, kind);
			break;
		case 6:
			assert_int_equal(
			    oct_mprotect(&space[who], page_at(at[who][kind], page), OCT_PAGE_SIZE, OCT_READ),
			    0);
			assert_int_equal(oct_mprotect(&space[who], at[who][kind], PAGES * OCT_PAGE_SIZE, RW),
			                 0);
			break;
		default:
			if (rand() % 2)
				check_load(who, kind, page);
			else
				check_store(who, kind, page, step);
		}
	}
	write_back(0, PAGES);
}

/* ---- No memory ------------------------------------------------------------------------------------- */

/* A sequence that goes on after a failure; what it stored to the object before must not be lost. */
static bool sequence(void)
{
	uintptr_t a = 0, b = 0;
	bool failed = false;
	uint32_t value;

	failed |= oct_mmap_file(&space[0], 0, 4 * OCT_PAGE_SIZE, RW, SHARED, &mapping, 0, &a) != 0;
	failed |= oct_mmap_file(&space[0], 0, 4 * OCT_PAGE_SIZE, RW, 0, &mapping, 0, &b) != 0;
	if (a && user_store(&space[0], a, 5) == 0) {
		assert_int_equal(oct_munmap(&space[0], page_at(a, 3), OCT_PAGE_SIZE), 0);
		failed |= oct_mapping_writeback(&mapping, 0, 1) != 0;
		assert_int_equal(device(0), 5);
	} else {
		failed = true;
	}
	if (b) {
		failed |= user_load(&space[0], page_at(b, 2), &value) != 0;
		failed |= user_store(&space[0], page_at(b, 2), 6) != 0;
		failed |= user_store(&space[0], page_at(b, 1), 7) != 0;
	}
	failed |= oct_fork(&space[1], &space[0]) != 0;
	if (b)
		failed |= user_store(&space[0], page_at(b, 2), 8) != 0;
	oct_mapping_truncate(&mapping, 2);
	assert_null(b ? user_folio(&space[0], page_at(b, 2)) : NULL);
	return failed;
}

static void every_allocation_fails(void **state)
{
	unsigned n = 1;

	for (bool failed = true; failed; n++) {
		if (n > 1)
			assert_int_equal(make(state), 0);
		host_fail_allocation(n);
		failed = sequence();
		host_fail_allocation(0);
		if (failed)
			assert_int_equal(drop(state), 0);
		assert_true(n < 200);
	}
	assert_true(n > 10);
}

/* Nodes above nodes: pages far apart are found, written in order, and go at the end. Each allocation fails.
 */
static void pages_far_apart(void **state)
{
	static const uint64_t index[] = {
	    0, 511, 512, 513, 1 << 18, ((uint64_t)1 << 40) + 3, ((uint64_t)1 << 52) - 1};
	enum { MANY = sizeof index / sizeof index[0] };
	struct oct_folio *folio[MANY], *again;
	unsigned failures = 0;

	(void)state;
	oct_mapping_truncate(&mapping, (uint64_t)1 << 52);
	for (unsigned i = 0; i < MANY; i++) {
		unsigned n = 1;
		int error;

		do {
			host_fail_allocation(n++);
			error = oct_mapping_get(&mapping, index[i], &folio[i]);
			host_fail_allocation(0);
			assert_true(error == 0 || error == -OCT_ENOMEM);
			assert_int_equal(mapping.cached, i + !error);
			failures += error != 0;
		} while (error);
		*(uint64_t *)oct_port_phys_to_virt(folio[i]->page) = index[i] + 1;
		oct_folio_mark_dirty(folio[i]);
		oct_folio_put(folio[i]);
	}
	assert_true(failures >= 7);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(oct_mapping_get(&mapping, index[i], &again), 0);
		assert_ptr_equal(again, folio[i]);
		oct_folio_put(again);
	}
	assert_int_equal(oct_mapping_evict(&mapping, ((uint64_t)1 << 30)), 0); /* no node leads there */
	assert_int_equal(oct_mapping_writeback(&mapping, 512, ~(uint64_t)0 - 512), 0);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(*(uint64_t *)(void *)host_object_page(&object, index[i]),
		                 i < 2 ? 0 : index[i] + 1);
	assert_int_equal(oct_mapping_evict(&mapping, 513), 0);
	oct_mapping_truncate(&mapping, 512);
	assert_int_equal(mapping.cached, 2);
	assert_int_equal(oct_mapping_writeback(&mapping, 0, 512), 0);
	assert_int_equal(*(uint64_t *)(void *)host_object_page(&object, 511), 512);
	oct_mapping_truncate(&mapping, 0);
	assert_int_equal(mapping.height, 0);
}

int main(void)
{
#define TEST(name)        cmocka_unit_test_setup_teardown(name, make, drop)
#define EVENTS_TEST(name) cmocka_unit_test_setup_teardown(name, make_events, drop)
	const struct CMUnitTest tests[] = {
	    TEST(shared_stores_reach_the_object),
	    TEST(private_stores_do_not),
	    TEST(pages_far_apart),
	    TEST(writeback_is_complete),
	    TEST(truncation_unmaps_everywhere),
	    TEST(devices_fail),
	    TEST(eviction),
	    EVENTS_TEST(events),
	    TEST(memory_without_folios),
	    TEST(fork_of_files),
	    TEST(bad_arguments),
	    TEST(no_foreign_page),
	    TEST(areas_in_the_reverse_map),
	    TEST(random_calls),
	    TEST(every_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
