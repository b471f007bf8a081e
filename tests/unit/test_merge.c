/* test_merge.c: equal pages that become one. SPDX-License-Identifier: MIT */
#include "reclaim_user.h"

enum { PAGES = 5, STEPS = 12000 };

static struct oct_mm *const mm = &space[0], *const other = &space[1];

static int make(void **state)
{
	(void)state;
	spaces_make();
	space_begin(0);
	space_begin(1);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	return spaces_drop();
}

static unsigned references(struct oct_mm *where, uintptr_t va)
{
	return oct_load(&user_folio(where, va)->refcount, OCT_RLX);
}

/* ---- What becomes of them --------------------------------------------------------------------- */

static void equal_pages_become_one(void **state)
{
	uintptr_t a = map(mm, 1, RW, 0), b = map(other, 1, RW, 0);
	struct oct_folio *stays;
	unsigned pages;

	(void)state;
	store(mm, a, 5);
	store(other, b, 5);
	stays = user_folio(mm, a);
	pages = host_pages();
	host_fail_allocation(1); /* it asks for none */
	assert_int_equal(oct_merge_pages(mm, a, other, b), 1);
	host_fail_allocation(0);
	assert_int_equal(host_pages(), pages - 1);
	assert_ptr_equal(user_folio(mm, a), stays);
	assert_ptr_equal(user_folio(other, b), stays);
	assert_int_equal(references(mm, a), 2);
	assert_false(oct_pte_write(user_entry(mm, a)) || oct_pte_write(user_entry(other, b)));
	assert_true(oct_pte_dirty(user_entry(other, b)) && oct_pte_young(user_entry(other, b)));
	assert_int_equal(loaded(other, b), 5);
	assert_int_equal(oct_merge_pages(mm, a, other, b), 1); /* they are */
	assert_int_equal(references(mm, a), 2);
	store(other, b, 6);
	assert_int_equal(loaded(mm, a), 5);
	assert_int_equal(references(mm, a), 1);
	store(mm, a, 7); /* the last one stores to it */
	assert_ptr_equal(user_folio(mm, a), stays);
	assert_int_equal(loaded(other, b), 6);
	assert_int_equal(host_pages(), pages);
}

static void pages_that_differ_stay(void **state)
{
	uintptr_t va = map(mm, 2, RW, 0);
	const struct oct_folio *one, *two;

	(void)state;
	store(mm, va, 5);
	store(mm, page(va, 1), 6);
	one = user_folio(mm, va);
	two = user_folio(mm, page(va, 1));
	assert_int_equal(oct_merge_pages(mm, va, mm, page(va, 1)), 0);
	assert_ptr_equal(user_folio(mm, va), one);
	assert_ptr_equal(user_folio(mm, page(va, 1)), two);
	assert_int_equal(references(mm, va), 1);
	store(mm, va, 6);
	assert_ptr_equal(user_folio(mm, va), one);
	assert_int_equal(oct_merge_pages(mm, va, mm, page(va, 1)), 1);
}

/* What an address says of its page stays with it. */
static void entries_keep_what_they_say(void **state)
{
	uintptr_t va = map(mm, 3, RW, 0);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		store(mm, page(va, i), 5);
	assert_int_equal(oct_uffd_writeprotect(mm, page(va, 1), page(va, 2), true), 0);
	assert_int_equal(oct_clear_refs(mm, page(va, 2), page(va, 3)), 0);
	assert_int_equal(oct_mprotect(mm, page(va, 2), OCT_PAGE_SIZE, OCT_READ | OCT_EXEC), 0);
	assert_int_equal(oct_merge_pages(mm, va, mm, page(va, 1)), 1);
	assert_int_equal(oct_merge_pages(mm, va, mm, page(va, 2)), 1);
	assert_int_equal(references(mm, va), 3);
	assert_true(oct_pte_uffd_wp(user_entry(mm, page(va, 1))));
	assert_int_equal(user_store(mm, page(va, 1), 9), -OCT_EBUSY);
	assert_false(oct_pte_soft_dirty(user_entry(mm, page(va, 2))));
	assert_true(oct_pte_soft_dirty(user_entry(mm, va)));
	assert_int_equal(oct_pte_prot(user_entry(mm, page(va, 2))) & OCT_WRITE, 0);
	assert_int_equal(user_store(mm, page(va, 2), 9), -OCT_EFAULT);
}

/* One wants the contents no more, the other does. */
static void free_is_one_address_advice(void **state)
{
	uintptr_t va = map(mm, 2, RW, 0);

	(void)state;
	store(mm, va, 5);
	store(mm, page(va, 1), 5);
	assert_int_equal(oct_madvise(mm, va, page(va, 2), OCT_MADV_FREE), 0);
	assert_int_equal(oct_merge_pages(mm, va, mm, page(va, 1)), 1);
	assert_int_equal(oct_madvise_dontneed(mm, va, page(va, 1)), 0);
	assert_int_equal(oct_madvise_pageout(mm, va, page(va, 2)), 0);
	assert_false(oct_pte_present(user_entry(mm, page(va, 1))));
	assert_int_equal(loaded(mm, page(va, 1)), 5);
}

static void stale_entries_are_gone(void **state)
{
	uintptr_t va = map(mm, 2, RW, 0);

	(void)state;
	store(mm, va, 5);
	store(mm, page(va, 1), 5);
	host_cpu = 1;
	store(mm, va, 5);
	store(mm, page(va, 1), 5);
	host_cpu = 0;
	assert_int_equal(oct_merge_pages(mm, va, mm, page(va, 1)), 1);
	for (unsigned cpu = 0; cpu < 2; cpu++)
		for (unsigned i = 0; i < 2; i++)
			assert_false(oct_pte_write(host_tlb_touch(cpu, page(va, i))));
	host_cpu = 1;
	store(mm, page(va, 1), 6);
	host_cpu = 0;
	assert_int_equal(loaded(mm, va), 5);
}

/* ---- What is refused -------------------------------------------------------------------------- */

static void pinned_pages_stay(void **state)
{
	uintptr_t va = map(mm, 2, RW, 0);
	struct oct_folio *pin;

	(void)state;
	store(mm, va, 5);
	store(mm, page(va, 1), 5);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(oct_gup_fast(mm, page(va, i), 1, OCT_WRITE, &pin), 1);
		assert_int_equal(oct_merge_pages(mm, va, mm, page(va, 1)), -OCT_EBUSY);
		assert_ptr_equal(user_folio(mm, page(va, i)), pin);
		assert_true(oct_pte_write(user_entry(mm, page(va, i))));
		oct_unpin(pin, false);
	}
	assert_int_equal(oct_merge_pages(mm, va, mm, page(va, 1)), 1);
	assert_int_equal(oct_gup_fast(mm, va, 1, OCT_READ, &pin), 0);
	assert_int_equal(oct_gup(mm, va, 1, OCT_READ, &pin), 1);
	assert_ptr_not_equal(user_folio(mm, page(va, 1)), pin);
	oct_unpin(pin, false);
}

static void others_are_refused(void **state)
{
	uintptr_t va = map(mm, 4, RW, 0), shared = map(mm, 1, RW, OCT_MAP_SHARED);
	uintptr_t large = 4 * (uintptr_t)OCT_FOLIO_BYTES;

	(void)state;
	store(mm, va, 5);
	store(mm, page(va, 1), 5);
	assert_int_equal(loaded(mm, page(va, 3)), 0); /* the zero page */
	assert_int_equal(oct_merge_pages(mm, va, mm, page(va, 2)), -OCT_ENOENT);
	assert_int_equal(oct_merge_pages(mm, page(va, 3), mm, va), -OCT_ENOENT);
	assert_int_equal(oct_merge_pages(mm, va, mm, shared), -OCT_ENOENT);
	assert_int_equal(oct_merge_pages(mm, va, other, va), -OCT_ENOENT);
	assert_int_equal(oct_merge_pages(mm, va, mm, va), -OCT_EINVAL);
	assert_int_equal(oct_merge_pages(mm, va, mm, page(va, 1) + 4), -OCT_EINVAL);
	assert_int_equal(oct_merge_pages(mm, 0, mm, page(va, 1)), -OCT_EINVAL);
	assert_int_equal(oct_merge_pages(mm, va, mm, mm->space.last + 1), -OCT_EINVAL);
	assert_int_equal(oct_madvise_pageout(mm, page(va, 1), page(va, 2)), 0);
	assert_int_equal(oct_merge_pages(mm, va, mm, page(va, 1)), -OCT_ENOENT);
	oct_rwlock_write_lock(&other->lock);
	assert_int_equal(oct_merge_pages(mm, va, other, va), -OCT_EAGAIN);
	oct_rwlock_write_unlock(&other->lock);
	assert_int_equal(references(mm, va), 1);
	if (OCT_FOLIO_ORDER > 0) {
		assert_int_equal(oct_mmap(mm, large, OCT_FOLIO_BYTES, RW, OCT_MAP_FIXED, &large), 0);
		assert_int_equal(oct_madvise(mm, large, large + OCT_FOLIO_BYTES, OCT_MADV_HUGEPAGE), 0);
		store(mm, large, 5);
		assert_int_equal(oct_merge_pages(mm, va, mm, large), -OCT_EBUSY);
		assert_true(oct_pte_write(user_entry(mm, large)));
	}
	store(mm, va, 6);
}

/* ---- Random calls, beside a plain record of what must be where --------------------------------- */

static uintptr_t area;
static uint32_t value[SPACES][PAGES];

static unsigned dice(unsigned sides)
{
	return (unsigned)rand() % sides;
}

static void new_space(unsigned s, unsigned from)
{
	if (s == 0 || s == from || !alive[from])
		return;
	if (alive[s]) {
		space_end(s);
		return;
	}
	assert_int_equal(oct_mm_init(&space[s], &machine), 0);
	alive[s] = true;
	assert_int_equal(oct_fork(&space[s], &space[from]), 0);
	memcpy(value[s], value[from], sizeof(value[s]));
}

static unsigned merged, differed;

static void random_merge(unsigned s, unsigned p)
{
	unsigned t = dice(SPACES), q = dice(PAGES);
	struct oct_folio *pin = NULL;
	int result, pinned = 0;

	if (!alive[t] || (s == t && p == q))
		return;
	if (dice(8) == 0)
		pinned = oct_gup(&space[s], page(area, p), 1, OCT_WRITE, &pin);
	result = oct_merge_pages(&space[s], page(area, p), &space[t], page(area, q));
	assert_true(result >= 0 || result == -OCT_ENOENT || (pinned == 1 && result == -OCT_EBUSY));
	if (result >= 0)
		assert_int_equal(result, value[s][p] == value[t][q]);
	merged += result == 1;
	differed += result == 0;
	if (pinned == 1) {
		assert_true(result < 0);
		oct_unpin(pin, false);
	}
}

static void random_step(void)
{
	unsigned s = dice(SPACES), p = dice(PAGES);
	uintptr_t va = page(area, p);
	struct oct_folio *fresh;

	if (dice(20) == 0)
		new_space(dice(SPACES), s);
	if (!alive[s])
		return;
	host_cpu = dice(2);
	switch (dice(8)) {
	case 0:
	case 1:
		value[s][p] = 1 + dice(3);
		store(&space[s], va, value[s][p]);
		break;
	case 2:
		assert_int_equal(loaded(&space[s], va), value[s][p]);
		break;
	case 3:
		if (dice(4) == 0) {
			assert_int_equal(oct_madvise_dontneed(&space[s], va, page(va, 1)), 0);
			value[s][p] = 0;
		}
		break;
	case 4:
		if (dice(2))
			assert_int_equal(oct_madvise_pageout(&space[s], area, page(area, PAGES)), 0);
		else
			assert_int_equal(oct_clear_refs(&space[s], va, page(va, 1)), 0);
		break;
	case 5:
		fresh = oct_folio_alloc();
		if (oct_migrate_pages(&space[s], va, page(va, 1), &fresh, 1) == 0)
			oct_folio_put(fresh);
		break;
	default:
		random_merge(s, p);
		break;
	}
}

static void random_calls(void **state)
{
	(void)state;
	srand(7);
	memset(value, 0, sizeof(value));
	merged = differed = 0;
	space_end(1);
	area = map(mm, PAGES, RW, 0);
	for (unsigned step = 0; step < STEPS; step++) {
		random_step();
		for (unsigned s = 0; s < SPACES; s++)
			for (unsigned p = 0; alive[s] && p < PAGES; p++)
				if (oct_pte_present(user_entry(&space[s], page(area, p))))
					assert_int_equal(loaded(&space[s], page(area, p)), value[s][p]);
	}
	host_cpu = 0;
	assert_true(merged > 100 && differed > 100);
}

/* A store to a merged page needs memory, and loses nothing without. */
static void copies_without_memory(void **state)
{
	uintptr_t va = map(mm, 2, RW, 0);

	(void)state;
	store(mm, va, 5);
	store(mm, page(va, 1), 5);
	assert_int_equal(oct_merge_pages(mm, va, mm, page(va, 1)), 1);
	host_fail_allocation(1);
	assert_int_equal(user_store(mm, va, 6), -OCT_ENOMEM);
	host_fail_allocation(0);
	assert_int_equal(references(mm, va), 2);
	assert_int_equal(loaded(mm, va), 5);
	store(mm, va, 6);
	assert_int_equal(loaded(mm, page(va, 1)), 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
	    TEST(equal_pages_become_one),     TEST(pages_that_differ_stay), TEST(entries_keep_what_they_say),
	    TEST(free_is_one_address_advice), TEST(stale_entries_are_gone), TEST(pinned_pages_stay),
	    TEST(others_are_refused),         TEST(copies_without_memory),  TEST(random_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
