/* test_track.c: which pages were stored to, against a plain set. SPDX-License-Identifier: MIT */
#include "space_user.h"
#include <octavo/swap.h>
#include <octavo/track.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

enum { RW = OCT_READ | OCT_WRITE, SHARED = OCT_MAP_SHARED, PAGES = 80, SPACES = 2, WORDS = 4 };

static struct oct_system machine;
static struct oct_mm space[SPACES];
static struct oct_mapping mapping;
static struct oct_tracker tracker;
static struct oct_dirty_bitmap bitmap;
static uint64_t words[WORDS], notes[WORDS];
static struct oct_track_result result;
static oct_phys_t reserved;
static int object;

static void make_spaces(void)
{
	user_sets_bits = true;
	host_reset();
	assert_int_equal(oct_system_init(&machine, 2), 0);
	host_system = &machine;
	for (unsigned i = 0; i < SPACES; i++)
		assert_int_equal(oct_mm_init(&space[i], &machine), 0);
	oct_dirty_init(&bitmap, words, 0, PAGES);
}

static int make(void **state)
{
	(void)state;
	make_spaces();
	reserved = OCT_NO_PAGE;
	return oct_mapping_init(&mapping, &object, PAGES, 0);
}

/* Memory without folios. */
static int make_pfn(void **state)
{
	(void)state;
	make_spaces();
	reserved = oct_port_page_alloc(7, OCT_USE_USER);
	assert_int_not_equal(reserved, OCT_NO_PAGE);
	oct_port_page_clear(reserved, 7);
	return oct_mapping_init_pfn(&mapping, &object, reserved, PAGES, OCT_NORMAL, OCT_MAPPING_EVENTS);
}

static int drop(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SPACES; i++)
		oct_mm_exit(&space[i]);
	assert_int_equal(oct_mapping_exit(&mapping), 0);
	oct_system_exit(&machine);
	if (reserved != OCT_NO_PAGE)
		oct_port_page_free(reserved, 7, OCT_USE_USER);
	return host_pages() == 0 ? 0 : -1;
}

static uintptr_t page_at(uintptr_t va, uint64_t page)
{
	return va + page * OCT_PAGE_SIZE;
}

static uintptr_t map_object(struct oct_mm *mm, uint64_t pgoff, unsigned pages)
{
	uintptr_t va;

	assert_int_equal(oct_mmap_file(mm, 0, pages * OCT_PAGE_SIZE, RW, SHARED, &mapping, pgoff, &va), 0);
	return va;
}

static uintptr_t map_anon(struct oct_mm *mm, unsigned pages)
{
	uintptr_t va;

	assert_int_equal(oct_mmap(mm, 0, pages * OCT_PAGE_SIZE, RW, 0, &va), 0);
	return va;
}

static void store(struct oct_mm *mm, uintptr_t va, uint32_t value)
{
	assert_int_equal(user_store(mm, va, value), 0);
}

/* Takes what the bitmap has: exactly the pages of expected. */
static void took(const bool *expected, unsigned line)
{
	bool got[PAGES] = {false};
	uint64_t from = 0, to;

	for (; oct_dirty_take(&bitmap, &from, PAGES, &to); from = to)
		for (uint64_t i = from; i < to; i++)
			got[i] = true;
	for (unsigned i = 0; i < PAGES; i++)
		if (got[i] != expected[i])
			fail_msg("line %u: page %u is %srecorded", line, i, got[i] ? "" : "not ");
}

/* ---- Bitmaps ----------------------------------------------------------------------------------- */

static void bitmaps(void **state)
{
	uint64_t other_words[WORDS], from, to;
	struct oct_dirty_bitmap other;

	(void)state;
	oct_dirty_init(&bitmap, words, 100, 130);
	oct_dirty_add(&bitmap, 99);
	oct_dirty_add(&bitmap, 230);
	from = 0;
	assert_false(oct_dirty_take(&bitmap, &from, ~(uint64_t)0, &to));
	for (uint64_t i = 160; i < 170; i++)
		oct_dirty_add(&bitmap, i);
	oct_dirty_add(&bitmap, 229);
	from = 161;
	assert_true(oct_dirty_take(&bitmap, &from, 168, &to)); /* a run ends with its word: 100 + 64 */
	assert_int_equal(from, 161);
	assert_int_equal(to, 164);
	from = to;
	assert_true(oct_dirty_take(&bitmap, &from, 168, &to));
	assert_int_equal(from, 164);
	assert_int_equal(to, 168);
	/* 160, 168, 169, 229 are left; into a set of [168, 228) go two. */
	oct_dirty_init(&other, other_words, 168, 60);
	oct_dirty_merge(&other, &bitmap);
	from = 0;
	assert_true(oct_dirty_take(&other, &from, ~(uint64_t)0, &to));
	assert_int_equal(from, 168);
	assert_int_equal(to, 170);
	from = to;
	assert_false(oct_dirty_take(&other, &from, ~(uint64_t)0, &to));
	from = 0;
	assert_true(oct_dirty_take(&bitmap, &from, 200, &to));
	assert_int_equal(from, 160);
	assert_int_equal(to, 161);
	from = to;
	assert_false(oct_dirty_take(&bitmap, &from, 229, &to));
	assert_true(oct_dirty_take(&bitmap, &from, 230, &to));
	assert_int_equal(from, 229);
	assert_int_equal(to, 230);
}

/* Against an array, word boundaries and offsets included. */
static void bitmaps_at_random(void **state)
{
	uint64_t other_words[WORDS], from, to;
	struct oct_dirty_bitmap other;
	bool in[400], in_other[400];

	(void)state;
	srandom(1);
	for (unsigned round = 0; round < 400; round++) {
		uint64_t first = (uint64_t)random() % 100, other_first = (uint64_t)random() % 100;
		uint64_t pages = 1 + (uint64_t)random() % 200, other_pages = 1 + (uint64_t)random() % 200;

		memset(in, 0, sizeof in);
		memset(in_other, 0, sizeof in_other);
		oct_dirty_init(&bitmap, words, first, pages);
		oct_dirty_init(&other, other_words, other_first, other_pages);
		for (unsigned i = 0; i < 150; i++) {
			uint64_t a = (uint64_t)random() % 400, b = (uint64_t)random() % 400;

			oct_dirty_add(&bitmap, a);
			in[a] |= a >= first && a < first + pages;
			oct_dirty_add(&other, b);
			in_other[b] |= b >= other_first && b < other_first + other_pages;
		}
		oct_dirty_merge(&other, &bitmap);
		for (uint64_t i = other_first; i < other_first + other_pages; i++) {
			in_other[i] |= in[i];
			in[i] = false;
		}
		for (from = 0; oct_dirty_take(&bitmap, &from, 400, &to); from = to)
			for (uint64_t i = from; i < to; i++, in[i - 1] = false)
				assert_true(in[i]);
		for (from = 0; oct_dirty_take(&other, &from, 400, &to); from = to)
			for (uint64_t i = from; i < to; i++, in_other[i - 1] = false)
				assert_true(in_other[i]);
		for (unsigned i = 0; i < 400; i++)
			assert_false(in[i] || in_other[i]);
	}
}

/* ---- Objects ------------------------------------------------------------------------------------- */

static void records_and_keeps_the_right(void **state)
{
	uintptr_t a = map_object(&space[0], 0, PAGES), b = map_object(&space[1], 10, PAGES - 10);
	bool expected[PAGES] = {false};

	(void)state;
	store(&space[0], page_at(a, 3), 1);
	store(&space[0], page_at(a, 64), 1);
	store(&space[1], page_at(b, 60), 1); /* 70 */
	store(&space[1], page_at(b, 54), 1); /* 64 again */
	expected[3] = expected[64] = expected[70] = true;
	assert_int_equal(oct_clean_record_shared_mapping_range(&mapping, 0, PAGES, &bitmap, &result), 0);
	assert_int_equal(result.start, 3);
	assert_int_equal(result.end, 71);
	assert_int_equal(result.entries, 4);
	assert_int_equal(result.huge, 0);
	took(expected, __LINE__);
	assert_true(oct_pte_write(user_entry(&space[0], page_at(a, 3))));
	assert_false(oct_pte_dirty(user_entry(&space[0], page_at(a, 3))));
	assert_false(oct_pte_dirty(user_entry(&space[1], page_at(b, 54))));
	/* Clean: nothing. And no fault for the next store where hardware sets bits. */
	assert_int_equal(oct_clean_record_shared_mapping_range(&mapping, 0, PAGES, &bitmap, &result), 0);
	assert_int_equal(result.entries, 0);
	assert_int_equal(result.start, 0);
	assert_int_equal(result.end, 0);
	user_faults = 0;
	store(&space[0], page_at(a, 3), 2);
	assert_int_equal(user_faults, 0);
	user_sets_bits = false;
	store(&space[0], page_at(a, 64), 2); /* not dirty and no hardware: a fault */
	assert_int_equal(user_faults, 1);
	expected[70] = false;
	assert_int_equal(oct_clean_record_shared_mapping_range(&mapping, 2, 63, &bitmap, &result), 0);
	assert_int_equal(result.entries, 2);
	took(expected, __LINE__);
}

static void protects_every_space(void **state)
{
	uintptr_t a = map_object(&space[0], 0, PAGES), b = map_object(&space[1], 0, PAGES);
	bool none[PAGES] = {false};

	(void)state;
	store(&space[0], page_at(a, 5), 1);
	host_cpu = 1;
	store(&space[1], page_at(b, 5), 1);
	store(&space[1], page_at(b, 9), 1);
	assert_true(oct_pte_write(host_tlb_cached(1, page_at(b, 9))));
	host_cpu = 0;
	assert_int_equal(oct_wp_shared_mapping_range(&mapping, 4, 6, &result), 0);
	assert_int_equal(result.entries, 3);
	assert_int_equal(result.start, 5);
	assert_int_equal(result.end, 10);
	assert_false(oct_pte_write(host_tlb_cached(1, page_at(b, 9)))); /* complete */
	assert_false(oct_pte_write(user_entry(&space[0], page_at(a, 5))));
	assert_true(oct_pte_dirty(user_entry(&space[0], page_at(a, 5))));
	user_faults = 0;
	store(&space[0], page_at(a, 5), 2);
	assert_int_equal(user_faults, 1);
	took(none, __LINE__);
}

static void refuses_what_makes_no_sense(void **state)
{
	uint64_t most = (uint64_t)1 << 52;

	(void)state;
	assert_int_equal(oct_wp_shared_mapping_range(&mapping, 0, 0, &result), -OCT_EINVAL);
	assert_int_equal(oct_wp_shared_mapping_range(&mapping, 1, most, &result), -OCT_EINVAL);
	assert_int_equal(oct_wp_shared_mapping_range(&mapping, ~(uint64_t)0, 2, &result), -OCT_EINVAL);
	assert_int_equal(oct_clean_record_shared_mapping_range(&mapping, 0, PAGES + 1, &bitmap, &result),
	                 -OCT_EINVAL);
	oct_dirty_init(&bitmap, words, 2, 10);
	assert_int_equal(oct_clean_record_shared_mapping_range(&mapping, 1, 3, &bitmap, &result),
	                 -OCT_EINVAL);
	assert_int_equal(oct_clean_record_shared_mapping_range(&mapping, 11, 2, &bitmap, &result),
	                 -OCT_EINVAL);
	assert_int_equal(oct_clean_record_shared_mapping_range(&mapping, 11, 1, &bitmap, &result), 0);
	assert_int_equal(oct_tracker_start(&tracker, &mapping, 0, 0, notes, OCT_TRACK_ADAPT), -OCT_EINVAL);
	assert_int_equal(oct_tracker_start(&tracker, &mapping, 0, 1, notes, OCT_TRACK_CLEAN_RECORD + 1),
	                 -OCT_EINVAL);
	assert_int_equal(oct_tracker_start(&tracker, &mapping, 5, 20, notes, OCT_TRACK_ADAPT), 0);
	{
		struct oct_tracker second;
		uint64_t second_notes[WORDS];

		assert_int_equal(oct_tracker_start(&second, &mapping, 0, 1, second_notes, OCT_TRACK_ADAPT),
		                 -OCT_EBUSY);
	}
	assert_int_equal(oct_tracker_scan(&tracker, &bitmap, &result), -OCT_EINVAL);
	oct_tracker_stop(&tracker);
	assert_null(mapping.noted);
}

/* The owner of memory without folios is asked before the first store after each protection. */
static void events_of_memory_without_folios(void **state)
{
	uintptr_t a = map_object(&space[0], 0, 4);

	(void)state;
	store(&space[0], page_at(a, 1), 1);
	assert_int_equal(host_events, 1);
	assert_int_equal(host_event.kind, OCT_EVENT_PFN_MKWRITE);
	assert_int_equal(oct_clean_record_shared_mapping_range(&mapping, 0, PAGES, &bitmap, &result), 0);
	store(&space[0], page_at(a, 1), 2);
	assert_int_equal(host_events, 1);
	assert_int_equal(oct_wp_shared_mapping_range(&mapping, 0, PAGES, &result), 0);
	store(&space[0], page_at(a, 1), 3);
	assert_int_equal(host_events, 2);
	assert_int_equal(host_event.index, 1);
}

/* ---- Trackers ------------------------------------------------------------------------------------ */

static void scan_finds(const bool *expected, unsigned line)
{
	assert_int_equal(oct_tracker_scan(&tracker, &bitmap, &result), 0);
	took(expected, line);
}

/* munmap, write-back and truncation take dirty away: a scan still tells. */
static void tracker_loses_nothing_to_others(void **state)
{
	uintptr_t a = map_object(&space[0], 0, PAGES);
	bool expected[PAGES] = {false}, none[PAGES] = {false};

	(void)state;
	for (int method = OCT_TRACK_WRITE_PROTECT; method <= OCT_TRACK_CLEAN_RECORD; method++) {
		store(&space[0], page_at(a, 1), 1); /* before: nobody's business */
		assert_int_equal(
		    oct_tracker_start(&tracker, &mapping, 0, PAGES, notes, (enum oct_track_method)method), 0);
		scan_finds(none, __LINE__);
		for (unsigned i = 1; i < 5; i++)
			store(&space[0], page_at(a, i), 2);
		assert_int_equal(oct_madvise_dontneed(&space[0], page_at(a, 2), page_at(a, 3)), 0);
		assert_int_equal(oct_mapping_writeback(&mapping, 3, 1), 0);
		memset(expected, 0, sizeof expected);
		expected[1] = expected[2] = expected[3] = expected[4] = true;
		scan_finds(expected, __LINE__);
		scan_finds(none, __LINE__);
		store(&space[0], page_at(a, 4), 3);
		memset(expected, 0, sizeof expected);
		expected[4] = true;
		scan_finds(expected, __LINE__);
		assert_int_equal(oct_madvise_dontneed(&space[0], page_at(a, 4), page_at(a, 5)), 0);
		scan_finds(none, __LINE__); /* it was told already */
		oct_tracker_stop(&tracker);
		store(&space[0], page_at(a, 4), 4);
		assert_int_equal(notes[0], 0);
	}
}

static void tracker_changes_its_mind(void **state)
{
	uintptr_t a = map_object(&space[0], 0, PAGES);
	bool expected[PAGES] = {false}, none[PAGES] = {false};

	(void)state;
	assert_int_equal(oct_tracker_start(&tracker, &mapping, 0, PAGES, notes, OCT_TRACK_ADAPT), 0);
	assert_int_equal(tracker.method, OCT_TRACK_CLEAN_RECORD); /* less than 512 */
	store(&space[0], page_at(a, 7), 1);
	expected[7] = true;
	scan_finds(expected, __LINE__);
	assert_true(oct_pte_write(user_entry(&space[0], page_at(a, 7))));
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(tracker.method, OCT_TRACK_CLEAN_RECORD);
		scan_finds(none, __LINE__);
	}
	assert_int_equal(tracker.method, OCT_TRACK_WRITE_PROTECT);
	store(&space[0], page_at(a, 7),
	      2); /* its entry still has the right: found by the walk that takes it */
	scan_finds(expected, __LINE__);
	assert_false(oct_pte_write(user_entry(&space[0], page_at(a, 7))));
	scan_finds(none, __LINE__);
	assert_int_equal(result.scanned, 0);
	store(&space[0], page_at(a, 7), 3);
	scan_finds(expected, __LINE__);
	assert_int_equal(result.scanned, 1);
	/* Over 10 % of 80 pages, more than twice in a row. */
	for (unsigned i = 10; i < 19; i++)
		expected[i] = true;
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(tracker.method, OCT_TRACK_WRITE_PROTECT);
		for (unsigned i = 0; i < PAGES; i++)
			if (expected[i])
				store(&space[0], page_at(a, i), 10 + round);
		scan_finds(expected, __LINE__);
	}
	assert_int_equal(tracker.method, OCT_TRACK_CLEAN_RECORD);
	store(&space[0], page_at(a, 18), 20);
	memset(expected, 0, sizeof expected);
	expected[18] = true;
	scan_finds(expected, __LINE__);
	oct_tracker_stop(&tracker);
	/* Large: write-protect first; 10 % exactly is not over it. */
	tracker = (struct oct_tracker){.streak = 9};
	{
		static uint64_t many[OCT_DIRTY_WORDS(512)];

		assert_int_equal(oct_tracker_start(&tracker, &mapping, 0, 512, many, OCT_TRACK_ADAPT), 0);
		assert_int_equal(tracker.method, OCT_TRACK_WRITE_PROTECT);
		oct_tracker_stop(&tracker);
	}
}

/* Random calls and stores in two spaces; what a scan must tell is a plain set. exact: nothing else either. */
static void track_at_random(enum oct_track_method method, bool hardware, unsigned seed)
{
	bool stored[PAGES] = {false};
	uintptr_t va[SPACES];

	srandom(seed);
	user_sets_bits = hardware;
	for (unsigned i = 0; i < SPACES; i++)
		va[i] = map_object(&space[i], 0, PAGES);
	assert_int_equal(oct_tracker_start(&tracker, &mapping, 0, PAGES, notes, method), 0);
	for (unsigned step = 0; step < 1200; step++) {
		unsigned who = (unsigned)random() % SPACES, index = (unsigned)random() % PAGES;
		unsigned pages = 1 + (unsigned)random() % (PAGES - index);
		uintptr_t at = page_at(va[who], index);
		uint32_t value;

		host_cpu = (unsigned)random() % 2;
		switch (random() % 16) {
		case 0:
			assert_int_equal(oct_madvise_dontneed(&space[who], at, page_at(at, pages)), 0);
			break;
		case 1:
			assert_int_equal(oct_mapping_writeback(&mapping, index, pages), 0);
			break;
		case 2:
			(void)oct_mapping_evict(&mapping, index);
			break;
		case 3:
			assert_int_equal(oct_wp_shared_mapping_range(&mapping, index, pages, &result), 0);
			break;
		case 4:
			assert_int_equal(oct_mprotect(&space[who], at, pages * OCT_PAGE_SIZE, OCT_READ), 0);
			assert_int_equal(oct_mprotect(&space[who], at, pages * OCT_PAGE_SIZE, RW), 0);
			break;
		case 5:
			assert_int_equal(oct_munmap(&space[who], va[who], PAGES * OCT_PAGE_SIZE), 0);
			va[who] = map_object(&space[who], 0, PAGES);
			break;
		case 6:
			scan_finds(stored, (unsigned)method * 1000 + seed);
			memset(stored, 0, sizeof stored);
			break;
		case 7:
			assert_int_equal(user_load(&space[who], at, &value), 0);
			break;
		default:
			store(&space[who], at, step);
			stored[index] = true;
			break;
		}
	}
	scan_finds(stored, __LINE__);
	oct_tracker_stop(&tracker);
	host_cpu = 0;
	for (unsigned i = 0; i < SPACES; i++)
		assert_int_equal(oct_munmap(&space[i], va[i], PAGES * OCT_PAGE_SIZE), 0);
}

static void trackers_at_random(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed < 2; seed++)
		for (int method = OCT_TRACK_ADAPT; method <= OCT_TRACK_CLEAN_RECORD; method++)
			for (int hardware = 0; hardware < 2; hardware++)
				track_at_random((enum oct_track_method)method, hardware, seed);
}

/* ---- Userfault ------------------------------------------------------------------------------------ */

static void asynchronous_protection(void **state)
{
	uintptr_t va = map_anon(&space[0], 6), shared = map_object(&space[0], 0, 2);

	(void)state;
	store(&space[0], va, 1);
	store(&space[0], shared, 1);
	assert_int_equal(oct_uffd_writeprotect(&space[0], va, page_at(va, 6), true), 0);
	assert_int_equal(oct_uffd_writeprotect(&space[0], shared, page_at(shared, 2), true), 0);
	assert_int_equal(user_store(&space[0], va, 2), -OCT_EBUSY);
	assert_int_equal(user_store(&space[0], shared, 2), -OCT_EBUSY);
	assert_int_equal(oct_uffd_async(&space[0], va, page_at(va, 6), true), 0);
	assert_int_equal(oct_uffd_async(&space[0], shared, page_at(shared, 2), true), 0);
	store(&space[0], va, 3);
	assert_false(oct_pte_uffd_wp(user_entry(&space[0], va)));
	assert_true(oct_pte_write(user_entry(&space[0], va)));
	store(&space[0], shared, 3);
	assert_false(oct_pte_uffd_wp(user_entry(&space[0], shared)));
	assert_true(user_folio(&space[0], shared)->flags & OCT_FOLIO_DIRTY);
	/* In the middle of an area. */
	assert_int_equal(oct_uffd_async(&space[0], page_at(va, 2), page_at(va, 4), false), 0);
	store(&space[0], page_at(va, 2), 1);
	assert_int_equal(oct_uffd_writeprotect(&space[0], va, page_at(va, 6), true), 0);
	assert_int_equal(user_store(&space[0], page_at(va, 2), 2), -OCT_EBUSY);
	store(&space[0], va, 4);
	oct_uffd_wait(&space[0], va, OCT_WRITE); /* not stopped: does not sleep */
	oct_uffd_wake(&space[0]);
	assert_int_equal(space[0].uffd_wakes, 1);
	assert_int_equal(oct_uffd_async(&space[0], va + 1, page_at(va, 1), true), -OCT_EINVAL);
	assert_int_equal(oct_uffd_async(&space[0], va, page_at(va, 600), true), -OCT_ENOMEM);
}

/* ---- Scans of a space -------------------------------------------------------------------------------- */

static void scan(struct oct_scan *s, uintptr_t start, uintptr_t end, struct oct_page_range *ranges,
                 size_t capacity)
{
	s->start = start;
	s->end = end;
	s->ranges = ranges;
	s->capacity = capacity;
	assert_int_equal(oct_scan_pages(&space[0], s), 0);
}

static void scan_tells_and_takes(void **state)
{
	uintptr_t va = map_anon(&space[0], 10);
	struct oct_page_range ranges[4];
	struct oct_scan s = {.flags = OCT_SCAN_CLEAR,
	                     .required = OCT_PAGE_SOFT_DIRTY,
	                     .returned = OCT_PAGE_SOFT_DIRTY | OCT_PAGE_PRESENT};
	uint32_t value;

	(void)state;
	store(&space[0], page_at(va, 1), 1);
	store(&space[0], page_at(va, 2), 1);
	assert_int_equal(user_load(&space[0], page_at(va, 3), &value), 0); /* the zero page */
	store(&space[0], page_at(va, 5), 1);
	store(&space[0], page_at(va, 7), 1);
	host_cpu = 1;
	store(&space[0], page_at(va, 2), 2);
	host_cpu = 0;
	scan(&s, va, page_at(va, 10), ranges, 2);
	assert_int_equal(s.filled, 2);
	assert_int_equal(s.pages, 3);
	assert_int_equal(ranges[0].start, page_at(va, 1));
	assert_int_equal(ranges[0].end, page_at(va, 3));
	assert_int_equal(ranges[0].categories, OCT_PAGE_SOFT_DIRTY | OCT_PAGE_PRESENT);
	assert_int_equal(ranges[1].start, page_at(va, 5));
	assert_int_equal(s.next, page_at(va, 7)); /* not looked at */
	assert_false(oct_pte_soft_dirty(user_entry(&space[0], page_at(va, 1))));
	assert_false(oct_pte_write(host_tlb_cached(1, page_at(va, 2)))); /* complete */
	assert_true(oct_pte_soft_dirty(user_entry(&space[0], page_at(va, 7))));
	scan(&s, s.next, page_at(va, 10), ranges, 2);
	assert_int_equal(s.filled, 1);
	assert_int_equal(ranges[0].start, page_at(va, 7));
	assert_int_equal(s.next, page_at(va, 10));
	scan(&s, va, page_at(va, 10), ranges, 2);
	assert_int_equal(s.pages, 0);
	store(&space[0], page_at(va, 2), 2);
	s.most_pages = 1;
	s.flags = 0;
	scan(&s, va, page_at(va, 10), NULL, 0);
	assert_int_equal(s.pages, 1);
	assert_int_equal(s.next, page_at(va, 3));
	/* Bad calls change nothing. */
	s.flags = 4;
	assert_int_equal(oct_scan_pages(&space[0], &s), -OCT_EINVAL);
	s.flags = 0;
	s.any = 2 * OCT_PAGE_HUGE;
	assert_int_equal(oct_scan_pages(&space[0], &s), -OCT_EINVAL);
	s.any = 0;
	s.end = s.start;
	assert_int_equal(oct_scan_pages(&space[0], &s), -OCT_EINVAL);
}

static void scan_tells_categories(void **state)
{
	uintptr_t va = map_anon(&space[0], 4), shared = map_object(&space[0], 0, 2);
	struct oct_page_range ranges[8];
	struct oct_scan s = {.returned = 2 * OCT_PAGE_HUGE - 1};
	uint32_t value;

	(void)state;
	assert_int_equal(user_load(&space[0], va, &value), 0);
	store(&space[0], page_at(va, 1), 1);
	assert_int_equal(oct_uffd_writeprotect(&space[0], page_at(va, 1), page_at(va, 2), true), 0);
	store(&space[0], page_at(va, 2), 1);
	assert_int_equal(user_load(&space[0], shared, &value), 0);
	scan(&s, va, page_at(va, 4), ranges, 8);
	assert_int_equal(s.filled, 4);
	assert_int_equal(ranges[0].categories, OCT_PAGE_PRESENT | OCT_PAGE_ZERO);
	assert_int_equal(ranges[1].categories, OCT_PAGE_PRESENT | OCT_PAGE_SOFT_DIRTY);
	assert_int_equal(ranges[2].categories, OCT_PAGE_PRESENT | OCT_PAGE_SOFT_DIRTY | OCT_PAGE_WRITTEN);
	assert_int_equal(ranges[3].categories, 0);
	scan(&s, shared, page_at(shared, 2), ranges, 8);
	assert_int_equal(s.filled, 2);
	assert_int_equal(ranges[0].categories, OCT_PAGE_PRESENT | OCT_PAGE_WRITTEN | OCT_PAGE_OBJECT);
	assert_int_equal(ranges[1].categories, OCT_PAGE_OBJECT);
	/* Present and not protected, or absent: inverted. Tables that are missing count. */
	s.inverted = OCT_PAGE_PRESENT;
	s.any = OCT_PAGE_WRITTEN | OCT_PAGE_PRESENT;
	scan(&s, va, page_at(va, 4), ranges, 8);
	assert_int_equal(s.pages, 2);
	assert_int_equal(ranges[0].start, page_at(va, 2));
}

/* WRITTEN with asynchronous protection and SOFT_DIRTY, each against a set; vectors that overflow. */
static void scan_at_random(unsigned category, unsigned flag, bool hardware, unsigned seed)
{
	uintptr_t va = map_anon(&space[0], PAGES);
	bool stored[PAGES] = {false};

	srandom(seed);
	user_sets_bits = hardware;
	assert_int_equal(oct_uffd_async(&space[0], va, page_at(va, PAGES), true), 0);
	for (unsigned step = 0; step < 800; step++) {
		unsigned index = (unsigned)random() % PAGES, pages = 1 + (unsigned)random() % (PAGES - index);
		uintptr_t at = page_at(va, index), end = page_at(at, pages);
		uint32_t value;

		host_cpu = (unsigned)random() % 2;
		switch (random() % 12) {
		case 0:
			assert_int_equal(oct_madvise_dontneed(&space[0], at, end), 0);
			memset(stored + index, 0, pages);
			break;
		case 1:
			assert_int_equal(oct_mprotect(&space[0], at, pages * OCT_PAGE_SIZE, OCT_READ), 0);
			assert_int_equal(oct_mprotect(&space[0], at, pages * OCT_PAGE_SIZE, RW), 0);
			break;
		case 2:
		case 3: {
			struct oct_page_range ranges[3];
			struct oct_scan s = {.flags = flag, .required = category};
			bool got[PAGES] = {false};
			size_t told = 0;

			s.most_pages = random() % 2 ? (size_t)random() % 9 : 0;
			for (s.next = at; s.next < end;) {
				scan(&s, s.next, end, ranges, 1 + (size_t)random() % 3);
				told += s.pages;
				for (size_t r = 0; r < s.filled; r++)
					for (uintptr_t p = ranges[r].start; p < ranges[r].end;
					     p += OCT_PAGE_SIZE)
						got[(p - va) >> OCT_PAGE_SHIFT] = true;
			}
			for (unsigned i = index; i < index + pages; i++, told -= got[i - 1]) {
				if (got[i] != stored[i])
					fail_msg("seed %u step %u: page %u is %stold", seed, step, i,
					         got[i] ? "" : "not ");
				stored[i] = false;
			}
			assert_int_equal(told, 0); /* none twice */
			break;
		}
		case 4:
			assert_int_equal(user_load(&space[0], at, &value), 0);
			break;
		default:
			store(&space[0], at, step);
			stored[index] = true;
			break;
		}
	}
	host_cpu = 0;
	assert_int_equal(oct_munmap(&space[0], va, PAGES * OCT_PAGE_SIZE), 0);
}

static void scans_at_random(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed < 3; seed++)
		for (int hardware = 0; hardware < 2; hardware++) {
			scan_at_random(OCT_PAGE_SOFT_DIRTY, OCT_SCAN_CLEAR, hardware, seed);
			scan_at_random(OCT_PAGE_WRITTEN, OCT_SCAN_PROTECT, hardware, seed);
		}
}

/* ---- Large leaves ------------------------------------------------------------------------------------ */

enum { LARGE = OCT_TABLE_ENTRIES };

static oct_phys_t map_large(uintptr_t va)
{
	oct_phys_t page = oct_port_page_alloc(OCT_TABLE_SHIFT, OCT_USE_USER);

	assert_int_equal(oct_table_map(&space[0].space, va, page, LARGE, RW | OCT_LARGE, OCT_NORMAL), 0);
	assert_null(oct_table_find(&space[0].space, va, 0));
	return page;
}

static void unmap_large(uintptr_t va, oct_phys_t page)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, &space[0].space);
	assert_int_equal(oct_table_unmap(&space[0].space, va, page_at(va, LARGE), false, &ticket), 0);
	assert_int_equal(oct_table_trim(&space[0].space, va, page_at(va, LARGE), &ticket), 0);
	oct_ticket_complete(&ticket);
	oct_port_page_free(page, OCT_TABLE_SHIFT, OCT_USE_USER);
}

/* Told as one while nothing is changed, or all of it is; else split where the range ends. */
static void scans_of_large_leaves(void **state)
{
	uintptr_t va = 4 * oct_level_bytes(1);
	struct oct_page_range ranges[4];
	struct oct_scan s = {.required = OCT_PAGE_WRITTEN, .returned = OCT_PAGE_HUGE};
	oct_phys_t page;

	(void)state;
	assert_int_equal(oct_mmap(&space[0], va, LARGE * OCT_PAGE_SIZE, RW, OCT_MAP_FIXED, &va), 0);
	page = map_large(va);
	scan(&s, page_at(va, 3), page_at(va, 9), ranges, 4);
	assert_int_equal(s.pages, 6);
	assert_int_equal(ranges[0].categories, OCT_PAGE_HUGE);
	s.flags = OCT_SCAN_PROTECT;
	scan(&s, va, page_at(va, LARGE), ranges, 4);
	assert_int_equal(s.pages, LARGE);
	assert_null(oct_table_find(&space[0].space, va, 0)); /* not split */
	assert_true(oct_pte_uffd_wp(oct_table_query(&space[0].space, page_at(va, 7))));
	assert_int_equal(oct_uffd_writeprotect(&space[0], va, page_at(va, LARGE), false), 0);
	unmap_large(va, page);
	page = map_large(va);
	scan(&s, page_at(va, 3), page_at(va, 9), ranges, 4);
	assert_int_equal(s.pages, 6);
	assert_int_equal(s.filled, 1);
	assert_int_equal(ranges[0].start, page_at(va, 3));
	for (unsigned i = 0; i < LARGE; i++)
		assert_int_equal(oct_pte_uffd_wp(oct_table_query(&space[0].space, page_at(va, i))),
		                 i >= 3 && i < 9);
	unmap_large(va, page);
	page = map_large(va);
	s.most_pages = 2;
	scan(&s, va, page_at(va, LARGE), ranges, 4);
	assert_int_equal(s.pages, 2);
	assert_int_equal(s.next, page_at(va, 2));
	unmap_large(va, page);
}

/* A large leaf is recorded as a whole, or left alone, never split. */
static void walks_of_large_leaves(void **state)
{
	static uint64_t large_words[OCT_DIRTY_WORDS(2 * LARGE)];
	uintptr_t va = 4 * oct_level_bytes(1);
	struct oct_mapping memory;
	uint64_t from = 0, to;
	oct_phys_t page;

	(void)state;
	assert_int_equal(oct_mapping_init_pfn(&memory, &object, 0, 2 * LARGE, OCT_NORMAL, 0), 0);
	assert_int_equal(oct_mmap_file(&space[0], va, 2 * LARGE * OCT_PAGE_SIZE, RW, OCT_MAP_FIXED | SHARED,
	                               &memory, 0, &va),
	                 0);
	page = map_large(va);
	oct_dirty_init(&bitmap, large_words, 0, 2 * LARGE);
	assert_int_equal(oct_clean_record_shared_mapping_range(&memory, 1, LARGE, &bitmap, &result), 0);
	assert_int_equal(result.huge, 1);
	assert_int_equal(result.entries, 0);
	assert_int_equal(oct_clean_record_shared_mapping_range(&memory, 0, LARGE + 1, &bitmap, &result), 0);
	assert_int_equal(result.huge, 0);
	assert_int_equal(result.entries, 1);
	assert_int_equal(result.end, LARGE);
	assert_null(oct_table_find(&space[0].space, va, 0));
	for (unsigned i = 0; i < LARGE; i = (unsigned)to) {
		assert_true(oct_dirty_take(&bitmap, &from, LARGE, &to));
		assert_int_equal(from, i);
		from = to;
	}
	assert_int_equal(oct_wp_shared_mapping_range(&memory, 0, LARGE, &result), 0);
	assert_int_equal(result.entries, 1);
	assert_false(oct_pte_write(oct_table_query(&space[0].space, va)));
	unmap_large(va, page);
	assert_int_equal(oct_munmap(&space[0], va, 2 * LARGE * OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_mapping_exit(&memory), 0);
}

/* ---- Memory ------------------------------------------------------------------------------------------ */

/* Only oct_uffd_async allocates: it fails with nothing changed. The others do not ask. */
static void nothing_is_lost_without_memory(void **state)
{
	uintptr_t va = map_anon(&space[0], 40), shared = map_object(&space[0], 0, 4);
	unsigned long before;
	struct oct_scan s = {.flags = OCT_SCAN_CLEAR | OCT_SCAN_PROTECT};

	(void)state;
	store(&space[0], va, 1);
	store(&space[0], shared, 1);
	before = host_allocations();
	assert_int_equal(oct_tracker_start(&tracker, &mapping, 0, PAGES, notes, OCT_TRACK_ADAPT), 0);
	assert_int_equal(oct_tracker_scan(&tracker, &bitmap, &result), 0);
	oct_tracker_stop(&tracker);
	assert_int_equal(oct_clean_record_shared_mapping_range(&mapping, 0, PAGES, &bitmap, &result), 0);
	assert_int_equal(oct_wp_shared_mapping_range(&mapping, 0, PAGES, &result), 0);
	scan(&s, va, page_at(va, 40), NULL, 0);
	assert_int_equal(host_allocations(), before);
	for (unsigned n = 1;; n++) {
		/* Each pair of calls cuts areas: sooner or later a page for them is needed. */
		int error;

		host_fail_allocation(n);
		error = 0;
		for (unsigned i = 1; i + 1 < 40 && !error; i += 2)
			error = oct_uffd_async(&space[0], page_at(va, i), page_at(va, i + 1), true);
		host_fail_allocation(0);
		assert_int_equal(oct_uffd_async(&space[0], va, page_at(va, 40), false), 0);
		if (!error)
			break;
		assert_int_equal(error, -OCT_ENOMEM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bitmaps),
	    cmocka_unit_test(bitmaps_at_random),
	    cmocka_unit_test_setup_teardown(records_and_keeps_the_right, make, drop),
	    cmocka_unit_test_setup_teardown(records_and_keeps_the_right, make_pfn, drop),
	    cmocka_unit_test_setup_teardown(protects_every_space, make, drop),
	    cmocka_unit_test_setup_teardown(protects_every_space, make_pfn, drop),
	    cmocka_unit_test_setup_teardown(refuses_what_makes_no_sense, make, drop),
	    cmocka_unit_test_setup_teardown(events_of_memory_without_folios, make_pfn, drop),
	    cmocka_unit_test_setup_teardown(tracker_loses_nothing_to_others, make, drop),
	    cmocka_unit_test_setup_teardown(tracker_loses_nothing_to_others, make_pfn, drop),
	    cmocka_unit_test_setup_teardown(tracker_changes_its_mind, make, drop),
	    cmocka_unit_test_setup_teardown(trackers_at_random, make, drop),
	    cmocka_unit_test_setup_teardown(trackers_at_random, make_pfn, drop),
	    cmocka_unit_test_setup_teardown(asynchronous_protection, make, drop),
	    cmocka_unit_test_setup_teardown(scan_tells_and_takes, make, drop),
	    cmocka_unit_test_setup_teardown(scan_tells_categories, make, drop),
	    cmocka_unit_test_setup_teardown(scans_at_random, make, drop),
	    cmocka_unit_test_setup_teardown(scans_of_large_leaves, make, drop),
	    cmocka_unit_test_setup_teardown(walks_of_large_leaves, make, drop),
	    cmocka_unit_test_setup_teardown(nothing_is_lost_without_memory, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
