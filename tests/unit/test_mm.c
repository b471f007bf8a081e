/* test_mm.c: address spaces against a simple map. SPDX-License-Identifier: MIT
 *
 * Random calls and user accesses on three CPUs, each with a TLB that keeps what it was never told to
 * forget: a missing flush shows as a wrong value, a right that should be gone, or a freed page.
 * Two kinds of hardware: one that sets accessed and dirty, one that faults instead. */
#include "space_user.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

enum { CPUS = 3, SPACES = 3, WINDOWS = 2, WINDOW_PAGES = 24, PAGES = WINDOWS * WINDOW_PAGES };

/* What a page of a space should be. */
struct expected_page {
	bool mapped;
	unsigned prot;
	uint32_t value;
};

struct expected_space {
	bool alive;
	struct expected_page page[PAGES];
};

static struct oct_system machine;
static struct oct_mm spaces[SPACES];
static struct expected_space expected[SPACES];
static unsigned moves; /* that mremap made */

/* Two windows, each across the border of two leaf tables and, the second, of two upper ones. */
static uintptr_t address(const struct oct_mm *mm, unsigned page)
{
	uintptr_t quarter = (mm->space.last + 1) / 4;
	uintptr_t middle = page < WINDOW_PAGES ? quarter + oct_level_bytes(1) : 2 * quarter;

	return middle + (uintptr_t)(page % WINDOW_PAGES) * OCT_PAGE_SIZE - WINDOW_PAGES / 2 * OCT_PAGE_SIZE;
}

static bool readable(const struct expected_page *page)
{
	return page->mapped && page->prot;
}

static bool writable(const struct expected_page *page)
{
	return page->mapped && (page->prot & OCT_WRITE);
}

static void check_space(unsigned which)
{
	for (unsigned i = 0; i < PAGES; i++) {
		struct oct_mm *mm = &spaces[which];
		const struct expected_page *page = &expected[which].page[i];
		uint32_t value = 0;
		int result = user_load(mm, address(mm, i), &value);

		assert_int_equal(result, readable(page) ? 0 : -OCT_EFAULT);
		if (readable(page))
			assert_int_equal(value, page->value);
	}
}

/* A run of pages inside one window. */
static void random_run(unsigned *first, unsigned *end)
{
	unsigned window = (unsigned)rand() % WINDOWS * WINDOW_PAGES;

	*first = (unsigned)rand() % WINDOW_PAGES;
	*end = *first + 1 + (unsigned)rand() % 8;
	if (*end > WINDOW_PAGES)
		*end = WINDOW_PAGES;
	*first += window;
	*end += window;
}

static void expect_mapped(unsigned which, unsigned first, unsigned end, unsigned prot)
{
	for (unsigned i = first; i < end; i++)
		expected[which].page[i] = (struct expected_page){.mapped = true, .prot = prot};
}

static void random_map(unsigned which, unsigned first, unsigned end, size_t bytes)
{
	struct oct_mm *mm = &spaces[which];
	unsigned prot = (unsigned)rand() % 8;
	unsigned flags = rand() % 2 ? OCT_MAP_FIXED : 0;
	uintptr_t result = 0;
	bool occupied = false;
	int error;

	for (unsigned i = first; i < end; i++)
		occupied |= expected[which].page[i].mapped;
	error = oct_mmap(mm, address(mm, first), bytes, prot, flags, &result);
	if (occupied && !flags) {
		assert_int_equal(error, -OCT_EEXIST);
		return;
	}
	assert_int_equal(error, 0);
	assert_int_equal(result, address(mm, first));
	expect_mapped(which, first, end, prot);
}

static void random_protect(unsigned which, unsigned first, unsigned end, size_t bytes)
{
	struct oct_mm *mm = &spaces[which];
	unsigned prot = (unsigned)rand() % 8;
	bool hole = false;
	int error = oct_mprotect(mm, address(mm, first), bytes, prot);

	for (unsigned i = first; i < end; i++)
		hole |= !expected[which].page[i].mapped;
	assert_int_equal(error, hole ? -OCT_ENOMEM : 0);
	for (unsigned i = first; i < end && !hole; i++)
		expected[which].page[i].prot = prot;
}

static void random_store(unsigned which)
{
	struct oct_mm *mm = &spaces[which];
	unsigned i = (unsigned)rand() % PAGES;
	uint32_t value = (uint32_t)rand();
	struct expected_page *page = &expected[which].page[i];

	assert_int_equal(user_store(mm, address(mm, i), value), writable(page) ? 0 : -OCT_EFAULT);
	if (writable(page))
		page->value = value;
}

static void random_fork(unsigned which)
{
	unsigned child = (which + 1 + (unsigned)rand() % (SPACES - 1)) % SPACES;

	if (expected[child].alive) {
		oct_mm_exit(&spaces[child]);
		expected[child].alive = false;
	} else {
		assert_int_equal(oct_mm_init(&spaces[child], &machine), 0);
		assert_int_equal(oct_fork(&spaces[child], &spaces[which]), 0);
		expected[child] = expected[which];
		check_space(child);
	}
}

/* To another place of either window, over whatever is there. */
static void random_move(unsigned which, unsigned first, unsigned end, size_t bytes)
{
	struct expected_page *page = expected[which].page, moved[WINDOW_PAGES];
	unsigned pages = end - first, to = (unsigned)rand() % WINDOWS * WINDOW_PAGES;
	struct oct_mm *mm = &spaces[which];
	uintptr_t result = 0;
	bool hole = false;
	int error;

	to += (unsigned)rand() % (WINDOW_PAGES - pages + 1);
	for (unsigned i = first; i < end; i++)
		hole |= !page[i].mapped;
	error = oct_mremap(mm, address(mm, first), bytes, bytes, OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED,
	                   address(mm, to), &result);
	if (to < end && first < to + pages) {
		assert_int_equal(error, -OCT_EINVAL);
		return;
	}
	if (error) { /* a hole, or more than one area */
		assert_int_equal(error, -OCT_EFAULT);
		return;
	}
	assert_false(hole);
	moves++;
	assert_int_equal(result, address(mm, to));
	memcpy(moved, &page[first], pages * sizeof moved[0]);
	for (unsigned i = first; i < end; i++)
		page[i].mapped = false;
	memcpy(&page[to], moved, pages * sizeof moved[0]);
}

static void random_step(unsigned which)
{
	struct oct_mm *mm = &spaces[which];
	unsigned first, end;
	uintptr_t start;
	size_t bytes;

	random_run(&first, &end);
	start = address(mm, first);
	bytes = (size_t)(end - first) * OCT_PAGE_SIZE;
	switch (rand() % 18) {
	case 0:
	case 1:
	case 2:
		random_map(which, first, end, bytes);
		break;
	case 3:
		assert_int_equal(oct_munmap(mm, start, bytes - (size_t)rand() % OCT_PAGE_SIZE), 0);
		for (unsigned i = first; i < end; i++)
			expected[which].page[i].mapped = false;
		break;
	case 4:
	case 5:
		random_protect(which, first, end, bytes);
		break;
	case 6:
		assert_int_equal(oct_madvise_dontneed(mm, start, start + bytes), 0);
		for (unsigned i = first; i < end; i++)
			expected[which].page[i].value = 0;
		break;
	case 7:
		assert_int_equal(oct_clear_refs(mm, start, start + bytes), 0);
		break;
	case 8:
		random_fork(which);
		break;
	case 9:
		oct_mm_switch(&machine, rand() % 4 ? mm : NULL);
		break;
	case 10:
		check_space(which);
		break;
	case 11:
	case 12:
		random_move(which, first, end, bytes);
		break;
	default:
		random_store(which);
		break;
	}
}

static void random_sequences(bool hardware_sets_bits)
{
	srand(hardware_sets_bits ? 11 : 12);
	user_sets_bits = hardware_sets_bits;
	memset(expected, 0, sizeof expected);
	moves = 0;
	host_reset();
	assert_int_equal(oct_system_init(&machine, CPUS), 0);
	host_system = &machine;
	assert_int_equal(oct_mm_init(&spaces[0], &machine), 0);
	expected[0].alive = true;
	for (unsigned step = 0; step < 20000; step++) {
		unsigned which = (unsigned)rand() % SPACES;

		host_cpu = (unsigned)rand() % CPUS;
		if (!expected[which].alive)
			continue;
		random_step(which);
		if (step % 64 == 0)
			for (unsigned i = 0; i < SPACES; i++)
				if (expected[i].alive)
					check_space(i);
	}
	assert_true(moves > 20);
	for (unsigned i = 0; i < SPACES; i++)
		if (expected[i].alive)
			oct_mm_exit(&spaces[i]);
	oct_system_exit(&machine);
	assert_int_equal(host_pages(), 0);
}

static void with_hardware_bits(void **state)
{
	(void)state;
	random_sequences(true);
}

static void without_hardware_bits(void **state)
{
	(void)state;
	random_sequences(false);
}

/* ---- Bad input ------------------------------------------------------------------------------ */

static void make_one(void)
{
	user_sets_bits = true;
	host_reset();
	assert_int_equal(oct_system_init(&machine, 1), 0);
	host_system = &machine;
	assert_int_equal(oct_mm_init(&spaces[0], &machine), 0);
}

static void drop_one(void)
{
	oct_mm_exit(&spaces[0]);
	oct_system_exit(&machine);
	assert_int_equal(host_pages(), 0);
}

static void bad_ranges(void **state)
{
	struct oct_mm *mm = &spaces[0];
	uintptr_t result = 7, va, top;
	unsigned pages;
	uint32_t value;

	(void)state;
	make_one();
	top = mm->space.last + 1;
	va = top / 2;
	assert_int_equal(oct_mmap(mm, va, 2 * OCT_PAGE_SIZE, OCT_READ | OCT_WRITE, 0, &result), 0);
	assert_int_equal(user_store(mm, va, 5), 0);
	pages = host_pages();
	const struct {
		uintptr_t addr;
		size_t bytes;
	} bad[] = {
	    {va + 1, OCT_PAGE_SIZE},
	    {va, 0},
	    {0, OCT_PAGE_SIZE},
	    {top, OCT_PAGE_SIZE},
	    {top - OCT_PAGE_SIZE, 2 * OCT_PAGE_SIZE},
	    {va, (size_t)-1},
	    {va, (size_t)0 - va},
	    {(uintptr_t)0 - OCT_PAGE_SIZE, OCT_PAGE_SIZE},
	    {(uintptr_t)0 - OCT_PAGE_SIZE, 2 * OCT_PAGE_SIZE},
	};
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		uintptr_t end = bad[i].addr + bad[i].bytes;

		result = 7;
		assert_int_equal(oct_mmap(mm, bad[i].addr, bad[i].bytes, OCT_READ, OCT_MAP_FIXED, &result),
		                 -OCT_EINVAL);
		assert_int_equal(result, 7);
		assert_int_equal(oct_munmap(mm, bad[i].addr, bad[i].bytes), -OCT_EINVAL);
		assert_int_equal(oct_mprotect(mm, bad[i].addr, bad[i].bytes, OCT_NONE), -OCT_EINVAL);
		assert_int_equal(oct_madvise_dontneed(mm, bad[i].addr, end), -OCT_EINVAL);
		assert_int_equal(oct_clear_refs(mm, bad[i].addr, end), -OCT_EINVAL);
		assert_int_equal(oct_uffd_writeprotect(mm, bad[i].addr, end, true), -OCT_EINVAL);
	}
	assert_int_equal(oct_madvise_dontneed(mm, va + OCT_PAGE_SIZE, va), -OCT_EINVAL);
	assert_int_equal(oct_madvise_dontneed(mm, va, va + 8), -OCT_EINVAL);
	assert_int_equal(oct_mmap(mm, 0, OCT_PAGE_SIZE, 8, 0, &result), -OCT_EINVAL);
	assert_int_equal(oct_mmap(mm, 0, OCT_PAGE_SIZE, OCT_READ, 64, &result), -OCT_EINVAL);
	assert_int_equal(oct_mprotect(mm, va, OCT_PAGE_SIZE, 16), -OCT_EINVAL);
	assert_int_equal(oct_mmap(mm, 0, top, OCT_READ, 0, &result), -OCT_EINVAL);
	assert_int_equal(oct_mmap(mm, 0, top - OCT_PAGE_SIZE, OCT_READ, 0, &result), -OCT_ENOMEM);
	assert_int_equal(oct_fault(mm, va, 0), -OCT_EINVAL);
	assert_int_equal(oct_fault(mm, va, OCT_READ | OCT_WRITE), -OCT_EINVAL);
	assert_int_equal(oct_fault(mm, top + va, OCT_READ), OCT_FAULT_SIGNAL);
	assert_int_equal(oct_fault(mm, UINTPTR_MAX, OCT_WRITE), OCT_FAULT_SIGNAL);
	assert_int_equal(oct_fault(mm, 0, OCT_READ), OCT_FAULT_SIGNAL);
	assert_int_equal(oct_fork(mm, mm), -OCT_EINVAL);
	assert_int_equal(oct_mm_map_folio(mm, va + 8, user_folio(mm, va), OCT_READ), -OCT_EINVAL);
	assert_int_equal(oct_mm_map_folio(mm, va, NULL, OCT_READ), -OCT_EINVAL);
	assert_int_equal(oct_mm_map_folio(mm, va, user_folio(mm, va), OCT_READ), -OCT_EEXIST);
	assert_int_equal(oct_mm_map_folio(mm, va + OCT_PAGE_SIZE, user_folio(mm, va), OCT_EXEC), -OCT_EINVAL);
	assert_int_equal(mm->areas.count, 1);
	assert_int_equal(host_pages(), pages);
	assert_int_equal(user_load(mm, va, &value), 0);
	assert_int_equal(value, 5);
	drop_one();
}

/* ---- Areas ---------------------------------------------------------------------------------- */

static void areas_join_and_split(void **state)
{
	struct oct_mm *mm = &spaces[0];
	const unsigned rw = OCT_READ | OCT_WRITE;
	uintptr_t a, b, c;

	(void)state;
	make_one();
	assert_int_equal(oct_mmap(mm, 0, 4 * OCT_PAGE_SIZE, rw, 0, &a), 0);
	assert_int_equal(a, OCT_USER_START);
	assert_int_equal(oct_mmap(mm, 0, 4 * OCT_PAGE_SIZE - 1, rw, 0, &b), 0);
	assert_int_equal(b, a + 4 * OCT_PAGE_SIZE);
	assert_int_equal(mm->areas.count, 1);
	assert_int_equal(oct_mprotect(mm, a + 2 * OCT_PAGE_SIZE, OCT_PAGE_SIZE, OCT_READ), 0);
	assert_int_equal(mm->areas.count, 3);
	assert_int_equal(oct_mprotect(mm, a + 2 * OCT_PAGE_SIZE, OCT_PAGE_SIZE, OCT_WRITE), 0);
	assert_int_equal(mm->areas.count, 1);
	assert_int_equal(oct_munmap(mm, a + OCT_PAGE_SIZE, 2 * OCT_PAGE_SIZE), 0);
	assert_int_equal(mm->areas.count, 2);
	assert_int_equal(oct_mmap(mm, 0, 3 * OCT_PAGE_SIZE, rw, 0, &c), 0);
	assert_int_equal(c, a + 8 * OCT_PAGE_SIZE);
	assert_int_equal(oct_mmap(mm, 0, OCT_PAGE_SIZE, OCT_READ, OCT_MAP_SHARED, &c), 0);
	assert_int_equal(c, a + OCT_PAGE_SIZE);
	assert_int_equal(mm->areas.count, 3);
	assert_int_equal(oct_madvise_dontneed(mm, c, c + OCT_PAGE_SIZE), -OCT_EINVAL);
	drop_one();
}

/* Tables that a munmap emptied are given back. */
static void tables_go_with_their_areas(void **state)
{
	struct oct_mm *mm = &spaces[0];
	unsigned before;
	uintptr_t va;

	(void)state;
	make_one();
	before = host_pages();
	va = (mm->space.last + 1) / 2;
	assert_int_equal(oct_mmap(mm, va, OCT_PAGE_SIZE, OCT_READ | OCT_WRITE, 0, &va), 0);
	assert_int_equal(user_store(mm, va, 1), 0);
	assert_true(host_pages() > before + 2);
	assert_int_equal(oct_munmap(mm, va, OCT_PAGE_SIZE), 0);
	assert_int_equal(host_pages(), before);
	drop_one();
}

/* ---- Memory exhausted at every allocation ---------------------------------------------------- */

/* Runs call with the n-th allocation failing, for n = 1, 2 ... until it succeeds; after each failure
 * pages, areas and contents must be what they were. */
static void sweep(int (*call)(struct oct_mm *mm, uintptr_t va), uintptr_t va, unsigned least)
{
	struct oct_mm *mm = &spaces[0];
	unsigned failures = 0;

	for (;;) {
		unsigned pages = host_pages(), areas = mm->areas.count;
		int error;

		host_fail_allocation(failures + 1);
		error = call(mm, va);
		host_fail_allocation(0);
		if (!error)
			break;
		failures++;
		assert_int_equal(error, -OCT_ENOMEM);
		assert_int_equal(host_pages(), pages);
		assert_int_equal(mm->areas.count, areas);
	}
	assert_true(failures >= least);
}

static int call_map(struct oct_mm *mm, uintptr_t va)
{
	uintptr_t result;

	return oct_mmap(mm, va, 4 * OCT_PAGE_SIZE, OCT_READ | OCT_WRITE, OCT_MAP_FIXED, &result);
}

static int call_map_shared(struct oct_mm *mm, uintptr_t va)
{
	uintptr_t result;

	return oct_mmap(mm, va, 4 * OCT_PAGE_SIZE, OCT_READ | OCT_WRITE, OCT_MAP_SHARED, &result);
}

static int call_protect_middle(struct oct_mm *mm, uintptr_t va)
{
	return oct_mprotect(mm, va + OCT_PAGE_SIZE, OCT_PAGE_SIZE, OCT_READ);
}

static int call_unmap_middle(struct oct_mm *mm, uintptr_t va)
{
	return oct_munmap(mm, va + OCT_PAGE_SIZE, OCT_PAGE_SIZE);
}

/* Fill the page of areas, so that the next area needs a page. */
static void exhaust_area_slots(struct oct_mm *mm)
{
	uintptr_t va = OCT_USER_START;
	uintptr_t result;

	while (mm->areas.store.free_slots || !mm->areas.count) {
		while (oct_vma_find(&mm->areas, va))
			va += 2 * OCT_PAGE_SIZE;
		assert_int_equal(oct_mmap(mm, va, OCT_PAGE_SIZE, OCT_READ, 0, &result), 0);
	}
}

static void whole_areas_need_no_memory(struct oct_mm *mm, uintptr_t va)
{
	host_fail_allocation(1);
	assert_int_equal(oct_mprotect(mm, va, 4 * OCT_PAGE_SIZE, OCT_READ), 0);
	assert_int_equal(oct_mprotect(mm, va, 4 * OCT_PAGE_SIZE, OCT_READ | OCT_WRITE), 0);
	assert_int_equal(oct_madvise_dontneed(mm, va, va + OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_munmap(mm, va, OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_munmap(mm, va + 3 * OCT_PAGE_SIZE, OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_munmap(mm, va, 4 * OCT_PAGE_SIZE), 0);
	host_fail_allocation(0);
}

static void sweep_maps(void **state)
{
	struct oct_mm *mm = &spaces[0];
	uintptr_t va;
	uint32_t value;

	(void)state;
	make_one();
	va = (mm->space.last + 1) / 2 - 2 * OCT_PAGE_SIZE;
	sweep(call_map, va, 1);
	assert_int_equal(user_store(mm, va, 3), 0);
	assert_int_equal(user_store(mm, va + 3 * OCT_PAGE_SIZE, 4), 0);
	exhaust_area_slots(mm);
	sweep(call_protect_middle, va, 1);
	assert_int_equal(oct_mprotect(mm, va, 4 * OCT_PAGE_SIZE, OCT_READ | OCT_WRITE), 0);
	exhaust_area_slots(mm);
	sweep(call_unmap_middle, va, 1);
	assert_int_equal(user_load(mm, va, &value), 0);
	assert_int_equal(value, 3);
	sweep(call_map, va, 0); /* replaces two areas and the hole between them */
	exhaust_area_slots(mm);
	whole_areas_need_no_memory(mm, va);
	exhaust_area_slots(mm);
	sweep(call_map_shared, va, 6);
	assert_int_equal(user_store(mm, va + OCT_PAGE_SIZE, 9), 0);
	drop_one();
}

static int call_init(struct oct_mm *mm, uintptr_t va)
{
	int error = oct_mm_init(&spaces[1], mm->space.system);

	(void)va;
	if (!error)
		oct_mm_exit(&spaces[1]);
	return error;
}

static int call_fault(struct oct_mm *mm, uintptr_t va)
{
	int result = oct_fault(mm, va, OCT_WRITE);

	return result == OCT_FAULT_DONE ? 0 : result;
}

/* Tables that a failed fault has made stay for the next one: only contents are compared. */
static void sweep_faults(void **state)
{
	struct oct_mm *mm = &spaces[0];
	uintptr_t va;
	unsigned failures = 0;
	uint32_t value;

	(void)state;
	make_one();
	sweep(call_init, 0, 1);
	va = (mm->space.last + 1) / 2;
	assert_int_equal(oct_mmap(mm, va, OCT_PAGE_SIZE, OCT_READ | OCT_WRITE, 0, &va), 0);
	for (;; failures++) {
		int error;

		host_fail_allocation(1);
		assert_int_equal(call_fault(mm, va), -OCT_ENOMEM);
		assert_true(oct_pte_none(user_entry(mm, va)));
		host_fail_allocation(2);
		error = call_fault(mm, va);
		host_fail_allocation(0);
		if (!error)
			break;
		assert_int_equal(error, -OCT_ENOMEM);
		assert_true(failures < 10);
	}
	assert_true(failures >= 1);
	assert_int_equal(user_store(mm, va, 8), 0);
	/* copy-on-write with no memory: the old page stays mapped and readable */
	oct_folio_get(user_folio(mm, va));
	struct oct_folio *held = user_folio(mm, va);
	assert_int_equal(oct_clear_refs(mm, va, va + OCT_PAGE_SIZE), 0);
	sweep(call_fault, va, 1);
	assert_ptr_not_equal(user_folio(mm, va), held);
	oct_folio_put(held);
	assert_int_equal(user_load(mm, va, &value), 0);
	assert_int_equal(value, 8);
	drop_one();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bad_ranges),
	    cmocka_unit_test(areas_join_and_split),
	    cmocka_unit_test(tables_go_with_their_areas),
	    cmocka_unit_test(sweep_maps),
	    cmocka_unit_test(sweep_faults),
	    cmocka_unit_test(with_hardware_bits),
	    cmocka_unit_test(without_hardware_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
