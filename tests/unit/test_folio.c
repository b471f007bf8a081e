/* test_folio.c: large folios: faults, sharing, parts, splitting. SPDX-License-Identifier: MIT */
#define TEST_SLOTS 256
#include "reclaim_user.h"

enum { MANY = OCT_FOLIO_PAGES };
#define PAGES(n) ((size_t)(n) << OCT_PAGE_SHIFT)
#define BLOCK    PAGES(MANY)

static struct oct_mm *const mm = &space[0], *const child = &space[1];

static int make(void **state)
{
	(void)state;
	spaces_make();
	space_begin(0);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	return spaces_drop();
}

/* A private area of blocks blocks that wants large folios; it begins at a block. */
static uintptr_t map_blocks(unsigned blocks)
{
	uintptr_t va = (mm->space.last + 1) / 2;

	assert_int_equal(oct_mmap(mm, va, blocks * BLOCK, RW, OCT_MAP_FIXED_NOREPLACE, &va), 0);
	assert_int_equal(oct_madvise(mm, va, va + blocks * BLOCK, OCT_MADV_HUGEPAGE), 0);
	return va;
}

/* One block, whose page i holds i + 1. */
static uintptr_t filled_block(void)
{
	uintptr_t va = map_blocks(1);

	for (unsigned i = 0; i < MANY; i++)
		store(mm, va + PAGES(i), i + 1);
	return va;
}

static uint32_t references(struct oct_mm *where, uintptr_t va)
{
	return user_folio(where, va)->refcount;
}

/* ---- Faults ---------------------------------------------------------------------------------------- */

static void one_store_fills_a_block(void **state)
{
	uintptr_t va = map_blocks(2);
	struct oct_folio *folio;

	(void)state;
	store(mm, va + PAGES(5) + 4, 7);
	assert_int_equal(user_faults, 1);
	folio = user_folio(mm, va);
	assert_int_equal(folio->order, OCT_FOLIO_ORDER);
	assert_int_equal(folio->refcount, MANY);
	assert_int_equal(folio->page & (BLOCK - 1), 0);
	for (unsigned i = 0; i < MANY; i++) {
		oct_pte_t pte = user_entry(mm, va + PAGES(i));

		assert_ptr_equal(user_folio(mm, va + PAGES(i)), folio);
		assert_true(oct_pte_frame(pte, 0, va + PAGES(i)) == folio->page + PAGES(i));
		assert_true(oct_pte_write(pte) && oct_pte_dirty(pte) && oct_pte_young(pte));
		assert_true(oct_pte_soft_dirty(pte));
		assert_int_equal(loaded(mm, va + PAGES(i)), 0);
		store(mm, va + PAGES(i), i);
	}
	assert_int_equal(user_faults, 1);
	assert_int_equal(loaded(mm, va + PAGES(5) + 4), 7);
	assert_null(user_folio(mm, va + BLOCK)); /* the next block is its own */
	assert_int_equal(oct_madvise_dontneed(mm, va, va + BLOCK), 0);
	assert_int_equal(loaded(mm, va + PAGES(5) + 4), 0);
}

/* Without advice, across the end of the area, beside a page that is there, for a load: one page. */
static void elsewhere_one_page(void **state)
{
	uintptr_t va = map_blocks(3), other;

	(void)state;
	assert_int_equal(oct_munmap(mm, va + BLOCK - PAGES(1), PAGES(1)), 0);
	store(mm, va, 1);
	assert_int_equal(user_folio(mm, va)->order, 0);
	assert_int_equal(loaded(mm, va + BLOCK), 0);
	assert_true(oct_pte_phys(user_entry(mm, va + BLOCK)) == mm->zero_page);
	store(mm, va + BLOCK + PAGES(1), 2); /* the zero page is in the block */
	assert_int_equal(user_folio(mm, va + BLOCK + PAGES(1))->order, 0);
	assert_int_equal(oct_madvise(mm, va + 2 * BLOCK, va + 3 * BLOCK, OCT_MADV_NOHUGEPAGE), 0);
	store(mm, va + 2 * BLOCK, 3);
	assert_int_equal(user_folio(mm, va + 2 * BLOCK)->order, 0);
	assert_int_equal(oct_mm_set_policy(mm, OCT_MM_LARGE_FOLIOS), 0);
	assert_int_equal(oct_mmap(mm, va + 8 * BLOCK, BLOCK, RW, OCT_MAP_FIXED_NOREPLACE, &other), 0);
	store(mm, va + 2 * BLOCK + PAGES(1), 4);
	assert_int_equal(user_folio(mm, va + 2 * BLOCK + PAGES(1))->order, 0);
	store(mm, other + PAGES(3), 5);
	assert_int_equal(user_folio(mm, other)->order, OCT_FOLIO_ORDER);
}

static void no_memory_for_a_block(void **state)
{
	uintptr_t va = map_blocks(2);
	unsigned before;

	(void)state;
	store(mm, va + BLOCK, 1); /* the tables are there */
	before = host_pages();
	host_fail_allocation(1);
	store(mm, va + PAGES(2), 7);
	assert_int_equal(host_pages(), before + 1);
	assert_int_equal(user_folio(mm, va + PAGES(2))->order, 0);
	assert_null(user_folio(mm, va));
	assert_int_equal(loaded(mm, va + PAGES(2)), 7);
}

/* ---- Parts ----------------------------------------------------------------------------------------- */

static void goes_with_its_last_page(void **state)
{
	uintptr_t va = filled_block();
	struct oct_folio *folio = user_folio(mm, va);
	oct_phys_t page = folio->page;

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		assert_true(host_page_is_out(page + PAGES(i)));
		assert_int_equal(oct_munmap(mm, va + PAGES(i), PAGES(1)), 0);
		if (i + 1 < MANY) {
			assert_int_equal(folio->refcount, MANY - 1 - i);
			assert_int_equal(loaded(mm, va + PAGES(i + 1)), i + 2);
		}
	}
	for (unsigned i = 0; i < MANY; i++)
		assert_false(host_page_is_out(page + PAGES(i)));
}

/* Pages of a folio take one place in the queue of a ticket: it is not full before OCT_GATHER_PAGES folios. */
static void one_flush_for_many(void **state)
{
	uintptr_t va = map_blocks(OCT_GATHER_PAGES);
	unsigned before = host_pages();
	struct oct_folio *held;
	unsigned long flushes;

	(void)state;
	for (unsigned i = 0; i < OCT_GATHER_PAGES; i++)
		store(mm, va + i * BLOCK, i);
	assert_true(host_pages() >= before + OCT_GATHER_PAGES * MANY);
	store(mm, va + BLOCK, 7);
	held = user_folio(mm, va);
	oct_folio_get(held);
	flushes = host_mmu.begin;
	before = host_pages();
	assert_int_equal(oct_madvise_dontneed(mm, va, va + OCT_GATHER_PAGES * BLOCK), 0);
	assert_int_equal(host_mmu.begin, flushes + 1);
	assert_int_equal(host_pages(), before - (OCT_GATHER_PAGES - 1) * MANY); /* one is held */
	oct_folio_put(held);
	assert_int_equal(host_pages(), before - OCT_GATHER_PAGES * MANY);
}

static void parts_move(void **state)
{
	uintptr_t va = filled_block(), to;
	struct oct_folio *folio = user_folio(mm, va);

	(void)state;
	assert_int_equal(oct_mremap(mm, va + PAGES(3), PAGES(4), PAGES(4),
	                            OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, va + 4 * BLOCK + PAGES(2), &to),
	                 0);
	assert_int_equal(folio->refcount, MANY);
	for (unsigned i = 0; i < 4; i++) {
		assert_ptr_equal(user_folio(mm, to + PAGES(i)), folio);
		assert_int_equal(loaded(mm, to + PAGES(i)), i + 4);
	}
	/* References in two places: a store that lost its right copies. */
	assert_int_equal(oct_clear_refs(mm, va, va + BLOCK), 0);
	store(mm, va, 100);
	assert_int_equal(folio->refcount, references(mm, va) == 1 ? MANY - 1 : MANY);
	assert_int_equal(loaded(mm, va), 100);
	assert_int_equal(loaded(mm, to), 4);
	assert_int_equal(loaded(mm, va + PAGES(1)), 2);
}

static void rights_of_parts(void **state)
{
	uintptr_t va = filled_block();
	struct oct_folio *folio = user_folio(mm, va);

	(void)state;
	assert_int_equal(oct_mprotect(mm, va + PAGES(1), PAGES(2), OCT_READ), 0);
	assert_int_equal(user_store(mm, va + PAGES(1), 9), -OCT_EFAULT);
	store(mm, va, 9);
	assert_int_equal(oct_mprotect(mm, va + PAGES(1), PAGES(2), RW), 0);
	store(mm, va + PAGES(1), 10); /* nobody else has it: no copy */
	assert_ptr_equal(user_folio(mm, va + PAGES(1)), folio);
	assert_int_equal(folio->refcount, MANY);
	assert_int_equal(loaded(mm, va + PAGES(1)), 10);
	oct_folio_get(folio); /* a pin, of the whole folio */
	assert_int_equal(oct_clear_refs(mm, va, va + BLOCK), 0);
	store(mm, va + PAGES(1), 11);
	assert_ptr_not_equal(user_folio(mm, va + PAGES(1)), folio);
	oct_folio_put(folio);
	store(mm, va, 12);
	assert_ptr_equal(user_folio(mm, va), folio);
}

/* ---- fork ------------------------------------------------------------------------------------------- */

static void forked_and_copied(void **state)
{
	uintptr_t va = filled_block();
	struct oct_folio *folio = user_folio(mm, va);

	(void)state;
	space_begin(1);
	assert_int_equal(oct_fork(child, mm), 0);
	assert_int_equal(folio->refcount, 2 * MANY);
	store(mm, va + PAGES(2), 100); /* copies that page, no more */
	assert_int_equal(folio->refcount, 2 * MANY - 1);
	assert_int_equal(user_folio(mm, va + PAGES(2))->order, 0);
	assert_ptr_equal(user_folio(mm, va + PAGES(3)), folio);
	assert_int_equal(loaded(child, va + PAGES(2)), 3);
	store(child, va + PAGES(2), 101); /* the folio is still shared */
	assert_int_equal(folio->refcount, 2 * MANY - 2);
	assert_int_equal(loaded(mm, va + PAGES(2)), 100);
	for (unsigned i = 0; i < MANY; i++)
		store(mm, va + PAGES(i), 200 + i);
	assert_int_equal(folio->refcount, MANY - 1); /* the child's alone */
	store(child, va + PAGES(4), 300);
	assert_ptr_equal(user_folio(child, va + PAGES(4)), folio);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(loaded(mm, va + PAGES(i)), 200 + i);
	assert_int_equal(loaded(child, va + PAGES(5)), 6);
}

static void kept_when_the_child_ends(void **state)
{
	uintptr_t va = filled_block();
	struct oct_folio *folio = user_folio(mm, va);

	(void)state;
	space_begin(1);
	assert_int_equal(oct_fork(child, mm), 0);
	assert_int_equal(oct_munmap(child, va + PAGES(1), PAGES(3)), 0);
	assert_int_equal(folio->refcount, 2 * MANY - 3);
	space_end(1);
	assert_int_equal(folio->refcount, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		store(mm, va + PAGES(i), 7);
		assert_ptr_equal(user_folio(mm, va + PAGES(i)), folio);
	}
}

/* ---- Splitting -------------------------------------------------------------------------------------- */

static void free_splits(void **state)
{
	uintptr_t va = filled_block();
	unsigned before = host_pages();
	oct_phys_t page = user_folio(mm, va)->page;

	(void)state;
	assert_int_equal(oct_munmap(mm, va, PAGES(2)), 0);
	assert_int_equal(host_pages(), before);
	assert_int_equal(oct_madvise(mm, va + PAGES(4), va + PAGES(5), OCT_MADV_FREE), 0);
	assert_int_equal(host_pages(), before - 2); /* what no entry maps is given back */
	assert_false(host_page_is_out(page) || host_page_is_out(page + PAGES(1)));
	for (unsigned i = 2; i < MANY; i++) {
		struct oct_folio *single = user_folio(mm, va + PAGES(i));

		assert_int_equal(single->order, 0);
		assert_int_equal(single->refcount, 1);
		assert_true(single->page == page + PAGES(i));
		assert_int_equal(single->index, (va + PAGES(i)) >> OCT_PAGE_SHIFT);
		assert_int_equal((single->flags & OCT_FOLIO_LAZYFREE) != 0, i == 4);
		assert_int_equal(loaded(mm, va + PAGES(i)), i + 1);
	}
}

static void shared_are_not_split(void **state)
{
	uintptr_t va = filled_block();
	struct oct_folio *folio = user_folio(mm, va);

	(void)state;
	space_begin(1);
	assert_int_equal(oct_fork(child, mm), 0);
	assert_int_equal(oct_madvise(mm, va, va + BLOCK, OCT_MADV_FREE), 0);
	assert_int_equal(oct_madvise_pageout(mm, va, va + BLOCK), 0);
	assert_int_equal(folio->order, OCT_FOLIO_ORDER);
	assert_int_equal(folio->refcount, 2 * MANY);
	assert_int_equal(oct_swap_used(&swap), 0);
}

static void goes_out_and_comes_back(void **state)
{
	uintptr_t va = filled_block();
	unsigned before = host_pages();
	unsigned long flushes;

	(void)state;
	assert_int_equal(oct_munmap(mm, va + PAGES(1), PAGES(1)), 0);
	flushes = host_mmu.begin;
	assert_int_equal(oct_madvise_pageout(mm, va, va + BLOCK), 0);
	assert_int_equal(host_mmu.begin, flushes + 1); /* one flush for all of them */
	assert_int_equal(host_pages(), before - MANY);
	assert_int_equal(oct_swap_used(&swap), MANY - 1);
	for (unsigned i = 0; i < MANY; i++)
		if (i != 1)
			assert_int_equal(loaded(mm, va + PAGES(i)), i + 1);
	assert_int_equal(oct_swap_used(&swap), 0);
	assert_int_equal(host_pages(), before - 1);
}

/* Old pages of a folio go, young ones stay. */
static void second_chance(void **state)
{
	uintptr_t va = filled_block();

	(void)state;
	assert_int_equal(oct_reclaim(&reclaim, 1), 1); /* made old in the first round */
	assert_int_equal(oct_swap_used(&swap), 1);
	assert_int_equal(user_folio(mm, va + PAGES(1))->order, 0);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(loaded(mm, va + PAGES(i)), i + 1);
}

/* ---- Memory that fails ------------------------------------------------------------------------------- */

static void a_short_life(uintptr_t va)
{
	static const uint32_t words[] = {1, 2};
	uint32_t word;

	for (unsigned i = 0; i < 2; i++)
		(void)!user_store(mm, va + i * BLOCK + PAGES(i), words[i]);
	if (oct_mm_init(child, &machine) == 0) {
		if (oct_fork(child, mm) == 0) {
			(void)!user_store(mm, va + PAGES(1), 3);
			(void)!user_store(child, va + BLOCK, 4);
		}
		oct_mm_exit(child);
	}
	(void)!oct_munmap(mm, va + PAGES(3), PAGES(2));
	(void)!oct_madvise_pageout(mm, va, va + BLOCK);
	for (unsigned i = 0; i < 2; i++)
		if (user_load(mm, va + i * BLOCK + PAGES(i), &word) == 0)
			assert_true(word == words[i] || word == 0);
}

static void no_allocation_that_fails_loses_anything(void **state)
{
	unsigned before = host_pages();
	uintptr_t va = map_blocks(2);
	unsigned long first = host_allocations(), count;

	(void)state;
	a_short_life(va);
	count = host_allocations() - first;
	assert_true(count > 8);
	for (unsigned n = 1; n <= count; n++) {
		assert_int_equal(oct_munmap(mm, va, 2 * BLOCK), 0);
		assert_int_equal(host_pages(), before);
		assert_int_equal(map_blocks(2), va);
		host_fail_allocation((unsigned)n);
		a_short_life(va);
		host_fail_allocation(0);
	}
}

/* ---- Random calls against a plain map ------------------------------------------------------------------ */

enum { MAP_PAGES = 4 * MANY };
static struct {
	bool mapped;
	uint32_t value;
} plain[SPACES][MAP_PAGES];
static uintptr_t base;
static uint64_t seed;

static unsigned draw(unsigned below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % below;
}

static void check_all(unsigned which)
{
	for (unsigned i = 0; i < MAP_PAGES; i++) {
		uint32_t value;
		int result = user_load(&space[which], base + PAGES(i), &value);

		assert_int_equal(result, plain[which][i].mapped ? 0 : -OCT_EFAULT);
		if (result == 0)
			assert_int_equal(value, plain[which][i].value);
	}
}

static void random_fork(void)
{
	unsigned from = draw(SPACES), to = draw(SPACES);

	if (!alive[from] || to == 0 || to == from)
		return;
	if (alive[to])
		space_end(to);
	space_begin(to);
	assert_int_equal(oct_fork(&space[to], &space[from]), 0);
	memcpy(plain[to], plain[from], sizeof(plain[to]));
}

static void random_step(void)
{
	unsigned which = draw(SPACES), first = draw(MAP_PAGES), pages = 1 + draw(MAP_PAGES - first);
	unsigned what = draw(32), small = 1 + draw(pages < MANY ? pages : MANY);
	struct oct_mm *where = &space[which];
	uintptr_t va = base + PAGES(first), result;

	host_cpu = draw(2);
	if (!alive[which])
		return;
	switch (what) {
	case 0:
		random_fork();
		break;
	case 1:
		assert_int_equal(oct_munmap(where, va, PAGES(small)), 0);
		for (unsigned i = first; i < first + small; i++)
			plain[which][i].mapped = false;
		break;
	case 2:
		assert_int_equal(oct_madvise_dontneed(where, va, va + PAGES(small)), 0);
		for (unsigned i = first; i < first + small; i++)
			plain[which][i].value = 0;
		break;
	case 3:
		assert_int_equal(oct_mmap(where, va, PAGES(pages), RW, OCT_MAP_FIXED, &result), 0);
		assert_int_equal(oct_madvise(where, va, va + PAGES(pages), OCT_MADV_HUGEPAGE), 0);
		for (unsigned i = first; i < first + pages; i++)
			plain[which][i].mapped = true, plain[which][i].value = 0;
		break;
	case 4:
		assert_int_equal(oct_madvise_pageout(where, va, va + PAGES(pages)), 0);
		break;
	case 5:
		assert_in_range(oct_reclaim(&reclaim, small), 0, small);
		break;
	case 6:
		assert_int_equal(oct_clear_refs(where, va, va + PAGES(pages)), 0);
		break;
	case 7:
		if (which)
			space_end(which);
		break;
	case 8: { /* there and back: the parts of a block part */
		unsigned to = draw(MAP_PAGES - small);

		if ((to < first + small && first < to + small) ||
		    oct_mremap(where, va, PAGES(small), PAGES(small), OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED,
		               base + PAGES(to), &result) != 0)
			break;
		for (unsigned i = 0; i < small; i++) {
			plain[which][to + i] = plain[which][first + i];
			plain[which][first + i].mapped = false;
		}
		break;
	}
	default: {
		uint32_t value = draw(1000000), seen;
		int error = what & 1 ? user_store(where, va, value) : user_load(where, va, &seen);

		assert_int_equal(error, plain[which][first].mapped ? 0 : -OCT_EFAULT);
		if (!error && (what & 1))
			plain[which][first].value = value;
		else if (!error)
			assert_int_equal(seen, plain[which][first].value);
	}
	}
}

static void random_calls(void **state)
{
	(void)state;
	base = map_blocks(4);
	memset(plain, 0, sizeof(plain));
	for (unsigned i = 0; i < MAP_PAGES; i++)
		plain[0][i].mapped = true;
	for (seed = 1; seed < 9; seed = seed % 16 + 1) {
		uint64_t start = seed;

		for (unsigned step = 0; step < 3000; step++)
			random_step();
		for (unsigned i = 0; i < SPACES; i++)
			if (alive[i])
				check_all(i);
		seed = start;
	}
	host_cpu = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(one_store_fills_a_block, make, drop),
	    cmocka_unit_test_setup_teardown(elsewhere_one_page, make, drop),
	    cmocka_unit_test_setup_teardown(no_memory_for_a_block, make, drop),
	    cmocka_unit_test_setup_teardown(goes_with_its_last_page, make, drop),
	    cmocka_unit_test_setup_teardown(one_flush_for_many, make, drop),
	    cmocka_unit_test_setup_teardown(parts_move, make, drop),
	    cmocka_unit_test_setup_teardown(rights_of_parts, make, drop),
	    cmocka_unit_test_setup_teardown(forked_and_copied, make, drop),
	    cmocka_unit_test_setup_teardown(kept_when_the_child_ends, make, drop),
	    cmocka_unit_test_setup_teardown(free_splits, make, drop),
	    cmocka_unit_test_setup_teardown(shared_are_not_split, make, drop),
	    cmocka_unit_test_setup_teardown(goes_out_and_comes_back, make, drop),
	    cmocka_unit_test_setup_teardown(second_chance, make, drop),
	    cmocka_unit_test_setup_teardown(no_allocation_that_fails_loses_anything, make, drop),
	    cmocka_unit_test_setup_teardown(random_calls, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
