/* test_retract.c: retraction of tables, against what the entries say. SPDX-License-Identifier: MIT */
#include "space_user.h"
#include <octavo/collapse.h>
#include <octavo/mapping.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

enum { RW = OCT_READ | OCT_WRITE, SHARED = OCT_MAP_SHARED, SPACES = 2, TABLES = 4, SPOTS = 4 };

#define TABLE      ((uintptr_t)OCT_TABLE_ENTRIES)
#define SPAN       (TABLE << OCT_PAGE_SHIFT)
#define BASE       (16 * SPAN)
#define PAGES      (TABLES * TABLE)
#define ALL_TABLES 0, PAGES

static struct oct_system machine;
static struct oct_mm space[SPACES];
static struct oct_mapping mapping;
static int object;

static int make(void **state)
{
	(void)state;
	user_sets_bits = true;
	host_reset();
	host_fail_io(0);
	assert_int_equal(oct_system_init(&machine, 2), 0);
	host_system = &machine;
	for (unsigned i = 0; i < SPACES; i++)
		assert_int_equal(oct_mm_init(&space[i], &machine), 0);
	return oct_mapping_init(&mapping, &object, PAGES, 0);
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

/* The pages of the object that the tests touch: of each table the ends and two between. */
static uint64_t spot(unsigned table, unsigned which)
{
	static const unsigned eighths[SPOTS] = {0, 1, 4, 8};

	return table * TABLE + (which + 1 < SPOTS ? eighths[which] * (TABLE / 8) : TABLE - 1);
}

static void map_at(struct oct_mm *mm, uintptr_t va, uint64_t pgoff, uintptr_t pages, unsigned flags)
{
	uintptr_t at;

	assert_int_equal(
	    oct_mmap_file(mm, va, pages << OCT_PAGE_SHIFT, RW, flags | OCT_MAP_FIXED, &mapping, pgoff, &at),
	    0);
}

static bool has_table(struct oct_mm *mm, uintptr_t va)
{
	return oct_table_find(&mm->space, va, 0) != NULL;
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

static void forget(struct oct_mm *mm, uintptr_t va, uintptr_t pages)
{
	assert_int_equal(oct_madvise_dontneed(mm, va, va + (pages << OCT_PAGE_SHIFT)), 0);
}

/* ---- One thing at a time ------------------------------------------------------------------------- */

static void empty_tables_go(void **state)
{
	unsigned before;

	(void)state;
	map_at(&space[0], BASE, 0, PAGES, SHARED);
	map_at(&space[1], BASE, 0, PAGES, 0);
	for (unsigned i = 0; i < SPACES; i++) {
		host_cpu = i;
		store(&space[i], BASE + 1 * SPAN, 7);
		store(&space[i], BASE + 2 * SPAN, 8);
	}
	assert_int_equal(oct_retract_page_tables(&mapping, ALL_TABLES), 0); /* all are in use */
	forget(&space[0], BASE + SPAN, TABLE);
	forget(&space[1], BASE + 2 * SPAN, TABLE);
	before = host_pages();
	assert_int_equal(oct_retract_page_tables(&mapping, ALL_TABLES), 2);
	assert_int_equal(host_pages(), before - 2);
	assert_false(has_table(&space[0], BASE + SPAN) || has_table(&space[1], BASE + 2 * SPAN));
	assert_true(has_table(&space[0], BASE + 2 * SPAN) && has_table(&space[1], BASE + SPAN));
	assert_int_equal(oct_retract_page_tables(&mapping, ALL_TABLES), 0);
	assert_int_equal(loaded(&space[0], BASE + SPAN), 7);
	assert_int_equal(loaded(&space[1], BASE + 2 * SPAN),
	                 8); /* the object's: its own copy was forgotten */
	assert_int_equal(loaded(&space[1], BASE + SPAN), 7);
	host_cpu = 0;
}

/* A table goes if one area has its whole span, and the object's range too. */
static void whole_spans_only(void **state)
{
	(void)state;
	map_at(&space[0], BASE + OCT_PAGE_SIZE, 1, 2 * TABLE - 2, SHARED); /* neither whole */
	map_at(&space[1], BASE, TABLE / 2, 2 * TABLE, SHARED); /* whole, and halves of the object */
	for (unsigned i = 0; i < 2; i++) {
		loaded(&space[0], BASE + i * SPAN + OCT_PAGE_SIZE);
		loaded(&space[1], BASE + i * SPAN + OCT_PAGE_SIZE);
	}
	forget(&space[0], BASE, 2 * TABLE);
	forget(&space[1], BASE, 2 * TABLE);
	assert_int_equal(oct_retract_page_tables(&mapping, 0, TABLE), 0);
	assert_int_equal(oct_retract_page_tables(&mapping, TABLE / 2, TABLE - 1), 0);
	assert_int_equal(oct_retract_page_tables(&mapping, TABLE / 2, TABLE), 1);
	assert_true(!has_table(&space[1], BASE) && has_table(&space[1], BASE + SPAN));
	assert_int_equal(oct_retract_page_tables(&mapping, 0, ~(uint64_t)0), 1);
	assert_true(has_table(&space[0], BASE) && has_table(&space[0], BASE + SPAN));
	/* The parts of an area that was cut are areas: the rights differ. */
	map_at(&space[0], BASE, 0, TABLE, SHARED);
	loaded(&space[0], BASE);
	assert_int_equal(oct_mprotect(&space[0], BASE, OCT_PAGE_SIZE, OCT_READ), 0);
	forget(&space[0], BASE, TABLE);
	assert_int_equal(oct_retract_page_tables(&mapping, ALL_TABLES), 0);
	assert_int_equal(oct_mprotect(&space[0], BASE, OCT_PAGE_SIZE, RW), 0);
	assert_int_equal(oct_retract_page_tables(&mapping, ALL_TABLES), 1);
}

static void bad_arguments(void **state)
{
	(void)state;
	assert_int_equal(oct_retract_page_tables(&mapping, 0, 0), -OCT_EINVAL);
	assert_int_equal(oct_retract_page_tables(&mapping, 2, ~(uint64_t)0), -OCT_EINVAL);
	assert_int_equal(oct_retract_page_tables(&mapping, ~(uint64_t)0, 1), 0); /* nobody shows it */
}

/* What CPUs keep of the way to a table is gone, and walkers were waited for, before it is given back. */
static void no_cpu_reaches_it(void **state)
{
	unsigned long interrupts;

	(void)state;
	map_at(&space[0], BASE, 0, TABLE, SHARED);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		host_cpu = cpu;
		loaded(&space[0], BASE);
	}
	host_cpu = 0;
	forget(&space[0], BASE, TABLE);
	interrupts = host_interrupts;
	assert_int_equal(oct_retract_page_tables(&mapping, 0, TABLE), 1);
	assert_true(host_interrupts > interrupts);
	for (unsigned cpu = 0; cpu < 2; cpu++)
		assert_int_equal(host_tlb_cached(cpu, BASE), 0);
}

/* A table that the destination of a move counts on stays; later it may go. */
static void mremap_counts_on_tables(void **state)
{
	uintptr_t at, from = BASE + 8 * SPAN + OCT_PAGE_SIZE, to = BASE + TABLE / 4 * OCT_PAGE_SIZE;
	size_t bytes = 4 * OCT_PAGE_SIZE;

	(void)state;
	assert_int_equal(oct_mmap(&space[0], from, bytes, RW, OCT_MAP_FIXED, &at), 0);
	for (unsigned i = 0; i < 4; i++)
		store(&space[0], from + i * OCT_PAGE_SIZE, i + 1);
	map_at(&space[0], BASE, 0, 2 * TABLE, 0);
	loaded(&space[0], BASE);
	loaded(&space[0], BASE + SPAN);
	forget(&space[0], BASE, 2 * TABLE);
	for (unsigned n = 1;; n++) {
		int error;

		host_fail_allocation(n);
		error =
		    oct_mremap(&space[0], from, bytes, bytes, OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, to, &at);
		host_fail_allocation(0);
		if (!error)
			break;
		assert_int_equal(error, -OCT_ENOMEM);
		assert_int_equal(mapping.areas->start, BASE); /* one area, as before */
		assert_int_equal(mapping.areas->end, BASE + 2 * SPAN);
		assert_int_equal(oct_retract_page_tables(&mapping, ALL_TABLES),
		                 has_table(&space[0], BASE) + has_table(&space[0], BASE + SPAN));
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(loaded(&space[0], to + i * OCT_PAGE_SIZE), i + 1);
	assert_int_equal(loaded(&space[0], BASE + SPAN), 0);
	forget(&space[0], BASE + SPAN, TABLE);
	assert_int_equal(oct_retract_page_tables(&mapping, ALL_TABLES), 1); /* what is left of the area */
	assert_true(has_table(&space[0], BASE) && !has_table(&space[0], BASE + SPAN));
}

/* ---- All together ---------------------------------------------------------------------------------- */

struct shows { /* what a space shows of the object */
	uintptr_t va;
	uint64_t pgoff;
	uintptr_t pages;
	unsigned flags;
};

static const struct shows shows[SPACES] = {{BASE, 0, PAGES, SHARED},
                                           {BASE + SPAN / 2, 1, PAGES - TABLE / 2 - 1, 0}};

/* Every entry that a table at va could have here: those of the spots. */
static bool in_use(struct oct_mm *mm, const struct shows *area, uintptr_t va)
{
	for (unsigned i = 0; i < TABLES * SPOTS; i++) {
		uint64_t index = spot(i / SPOTS, i % SPOTS);
		uintptr_t at = area->va + ((index - area->pgoff) << OCT_PAGE_SHIFT);

		if (index >= area->pgoff && index - area->pgoff < area->pages && at >= va && at - va < SPAN &&
		    user_entry(mm, at) != 0)
			return true;
	}
	return false;
}

/* Are exactly those tables there that should be? */
static void retract_and_compare(uint64_t first, uint64_t pages)
{
	bool there[SPACES][TABLES + 1], stays[SPACES][TABLES + 1];
	int expected = 0;

	for (unsigned s = 0; s < SPACES; s++)
		for (unsigned t = 0; t <= TABLES; t++) {
			const struct shows *area = &shows[s];
			uintptr_t va = BASE + t * SPAN;
			uint64_t index = area->pgoff + ((va - area->va) >> OCT_PAGE_SHIFT);

			there[s][t] = has_table(&space[s], va);
			stays[s][t] = there[s][t];
			if (va >= area->va && va + SPAN <= area->va + (area->pages << OCT_PAGE_SHIFT) &&
			    index >= first && index + TABLE <= first + pages && !in_use(&space[s], area, va))
				stays[s][t] = false;
			expected += there[s][t] != stays[s][t];
		}
	assert_int_equal(oct_retract_page_tables(&mapping, first, pages), expected);
	for (unsigned s = 0; s < SPACES; s++)
		for (unsigned t = 0; t <= TABLES; t++)
			assert_int_equal(has_table(&space[s], BASE + t * SPAN), stays[s][t]);
}

/* What a page holds: of the object, and the private copy of the second space. */
struct contents {
	uint32_t of_object, own;
	bool copied;
};

static void touch(struct contents *contents, unsigned s, unsigned i, bool stores)
{
	uint64_t index = spot(i / SPOTS, i % SPOTS);
	const struct shows *area = &shows[s];
	uintptr_t va = area->va + ((index - area->pgoff) << OCT_PAGE_SHIFT);
	uint32_t value = (uint32_t)rand();

	if (index < area->pgoff || index - area->pgoff >= area->pages)
		return;
	host_cpu = (unsigned)rand() % 2;
	if (rand() % 16 == 0)
		host_fail_allocation(1 + (unsigned)rand() % 3);
	if (stores) {
		int error = user_store(&space[s], va, value);

		assert_true(error == 0 || error == -OCT_ENOMEM);
		if (!error && s == 0)
			contents[i].of_object = value;
		else if (!error)
			contents[i] = (struct contents){contents[i].of_object, value, true};
	} else {
		int error = user_load(&space[s], va, &value);

		assert_true(error == 0 || error == -OCT_ENOMEM);
		if (!error)
			assert_int_equal(value,
			                 s && contents[i].copied ? contents[i].own : contents[i].of_object);
	}
	host_fail_allocation(0);
}

static void random_calls(void **state)
{
	struct contents contents[TABLES * SPOTS] = {{0, 0, false}};
	unsigned gone = 0;

	(void)state;
	srand(26);
	for (unsigned s = 0; s < SPACES; s++)
		map_at(&space[s], shows[s].va, shows[s].pgoff, shows[s].pages, shows[s].flags);
	for (unsigned turn = 0; turn < 4000; turn++) {
		unsigned i = (unsigned)rand() % (TABLES * SPOTS), s = (unsigned)rand() % SPACES, t;
		uint64_t first = (uint64_t)rand() % PAGES;

		switch (rand() % 8) {
		case 0:
			t = (unsigned)rand() % TABLES;
			if (s == 1 && t == TABLES - 1)
				break;
			forget(&space[s], shows[s].va + t * SPAN, TABLE);
			for (unsigned j = 0; s == 1 && j < TABLES * SPOTS; j++) {
				uint64_t from = shows[1].pgoff + t * TABLE,
				         index = spot(j / SPOTS, j % SPOTS);

				contents[j].copied &= !(index >= from && index - from < TABLE);
			}
			break;
		case 1:
			oct_mapping_evict(&mapping, spot(i / SPOTS, i % SPOTS));
			assert_int_equal(oct_mapping_writeback(&mapping, first, PAGES), 0);
			break;
		case 2:
			gone -= host_pages();
			retract_and_compare(rand() % 2 ? 0 : first, rand() % 2 ? PAGES : 2 * TABLE);
			gone += host_pages();
			break;
		default:
			touch(contents, s, i, rand() % 2);
		}
	}
	assert_true((int)gone < -100); /* so many tables were retracted */
	host_cpu = 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
	    TEST(empty_tables_go),   TEST(whole_spans_only),        TEST(bad_arguments),
	    TEST(no_cpu_reaches_it), TEST(mremap_counts_on_tables), TEST(random_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
