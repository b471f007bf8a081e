/* test_vma.c: the area tree against an array of pages. SPDX-License-Identifier: MIT */
#include "host_port.h"
#include <octavo/types.h>
#include <octavo/vma.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

enum { PAGES = 512 };

/* What each page should be: 0 unmapped, else the protection. */
static unsigned expected[PAGES];
static bool grows[PAGES]; /* it is the first of an area that grows down */

static uintptr_t address(unsigned page)
{
	return (uintptr_t)(page + 1) * OCT_PAGE_SIZE;
}

/* Depth and balance of a subtree; also checks order. */
static int check_subtree(const struct oct_vma *vma, uintptr_t low, uintptr_t high)
{
	int l, r;

	if (!vma)
		return 0;
	assert_true(vma->start >= low && vma->end <= high && vma->start < vma->end);
	l = check_subtree(vma->left, low, vma->start);
	r = check_subtree(vma->right, vma->end, high);
	assert_true(abs(l - r) <= 1);
	assert_int_equal(vma->height, (l > r ? l : r) + 1);
	if (vma->left || !(vma->flags & OCT_MAP_GROWSDOWN))
		assert_int_equal(vma->first, vma->left ? vma->left->first : vma->start);
	assert_int_equal(vma->last, vma->right ? vma->right->last : vma->end);
	return vma->height;
}

/* Nothing is there, nor is it the guard of an area above. Pages at PAGES and above are not mapped. */
static bool free_page(unsigned page)
{
	if (page < PAGES && expected[page])
		return false;
	for (unsigned above = page + 1; above < PAGES && above <= page + OCT_STACK_GUARD_PAGES; above++)
		if (expected[above])
			return !grows[above];
	return true;
}

/* The lowest run of free pages, page by page; 0: none. */
static uintptr_t expected_gap(unsigned low, unsigned high, unsigned pages)
{
	unsigned run = 0;

	for (unsigned page = low; page < high; page++) {
		run = free_page(page) ? run + 1 : 0;
		if (run == pages)
			return address(page + 1 - pages);
	}
	return 0;
}

static uintptr_t expected_gap_down(unsigned low, unsigned high, unsigned pages)
{
	unsigned run = 0;

	for (unsigned page = high; page-- > low;) {
		run = free_page(page) ? run + 1 : 0;
		if (run == pages)
			return address(page);
	}
	return 0;
}

static void check_gaps(const struct oct_vma_tree *tree)
{
	for (unsigned i = 0; i < 8; i++) {
		unsigned low = (unsigned)rand() % PAGES, high = low + 1 + (unsigned)rand() % PAGES;
		unsigned pages = 1 + (unsigned)rand() % (i < 4 ? 4 : 40);
		size_t bytes = pages * OCT_PAGE_SIZE;

		assert_int_equal(oct_vma_gap(tree, address(low), address(high), bytes),
		                 expected_gap(low, high, pages));
		assert_int_equal(oct_vma_gap_down(tree, address(low), address(high), bytes),
		                 expected_gap_down(low, high, pages));
	}
}

/* Now and then an area gives up its first or its last page in place. */
static void shrink_one(struct oct_vma_tree *tree, unsigned page)
{
	struct oct_vma *vma = oct_vma_find(tree, address(page));
	bool at_end = rand() % 2;

	if (!vma || vma->end - vma->start == OCT_PAGE_SIZE)
		return;
	page = (unsigned)((at_end ? vma->end - OCT_PAGE_SIZE : vma->start) / OCT_PAGE_SIZE) - 1;
	expected[page] = 0;
	if (!at_end && grows[page]) {
		grows[page] = false;
		grows[page + 1] = true;
	}
	oct_vma_resize(tree, vma, vma->start + (at_end ? 0 : OCT_PAGE_SIZE),
	               vma->end - (at_end ? OCT_PAGE_SIZE : 0));
}

static void check_all(const struct oct_vma_tree *tree)
{
	unsigned areas = 0;
	const struct oct_vma *last = NULL;

	check_subtree(tree->root, 0, UINTPTR_MAX);
	for (unsigned page = 0; page < PAGES; page++) {
		const struct oct_vma *vma = oct_vma_find(tree, address(page));

		assert_int_equal(vma ? vma->prot : 0, expected[page]);
		if (vma && vma != last)
			areas++;
		last = vma;
	}
	assert_int_equal(areas, tree->count);
}

static void remove_range(struct oct_vma_tree *tree, unsigned first, unsigned end)
{
	struct oct_vma *vma;

	assert_int_equal(oct_vma_reserve(tree, oct_vma_cuts(tree, address(first), address(end))), 0);
	oct_vma_split(tree, address(first));
	oct_vma_split(tree, address(end));
	while ((vma = oct_vma_first(tree, address(first))) && vma->start < address(end))
		oct_vma_remove(tree, vma);
	for (unsigned page = first; page < end; page++) {
		expected[page] = 0;
		grows[page] = false;
	}
	/* What was cut off behind grows down as before. */
	if (end < PAGES && expected[end])
		grows[end] = (oct_vma_find(tree, address(end))->flags & OCT_MAP_GROWSDOWN) != 0;
}

/* Afterwards only the first page of what was joined grows. */
static void merge(struct oct_vma_tree *tree, unsigned first, unsigned end)
{
	oct_vma_merge(tree, address(first), address(end));
	for (unsigned page = first; page <= end && page < PAGES; page++)
		if (grows[page] && oct_vma_find(tree, address(page))->start != address(page))
			grows[page] = false;
}

static void random_operations(void **state)
{
	struct oct_vma_tree tree;

	(void)state;
	host_reset();
	srand(7);
	memset(expected, 0, sizeof expected);
	memset(grows, 0, sizeof grows);
	oct_vma_tree_init(&tree);
	for (unsigned step = 0; step < 4000; step++) {
		unsigned first = (unsigned)rand() % PAGES;
		unsigned end = first + 1 + (unsigned)rand() % 6;
		unsigned prot = 1 + (unsigned)rand() % 3;

		if (end > PAGES)
			end = PAGES;
		remove_range(&tree, first, end);
		if (rand() % 3) {
			unsigned flags = rand() % 8 ? 0 : OCT_MAP_GROWSDOWN;

			assert_int_equal(oct_vma_reserve(&tree, 1), 0);
			oct_vma_insert(&tree, address(first), address(end), prot, flags);
			grows[first] = flags != 0;
			for (unsigned page = first; page < end; page++)
				expected[page] = prot;
			if (rand() % 2)
				merge(&tree, first, end);
		}
		oct_vma_trim(&tree);
		shrink_one(&tree, (unsigned)rand() % PAGES);
		check_gaps(&tree);
		if (step % 16 == 0)
			check_all(&tree);
	}
	check_all(&tree);
	merge(&tree, 0, PAGES);
	check_all(&tree);
	for (const struct oct_vma *vma = oct_vma_first(&tree, 0), *next; vma; vma = next) {
		next = oct_vma_first(&tree, vma->end);
		assert_false(next && next->start == vma->end && next->prot == vma->prot &&
		             next->flags == vma->flags);
	}
	remove_range(&tree, 0, PAGES);
	oct_vma_trim(&tree);
	assert_int_equal(tree.count, 0);
	assert_int_equal(host_pages(), 0);
}

static void gaps(void **state)
{
	struct oct_vma_tree tree;

	(void)state;
	host_reset();
	oct_vma_tree_init(&tree);
	assert_int_equal(oct_vma_reserve(&tree, 2), 0);
	oct_vma_insert(&tree, address(2), address(4), 1, 0);
	oct_vma_insert(&tree, address(6), address(8), 1, 0);
	assert_int_equal(oct_vma_gap(&tree, address(0), address(10), 2 * OCT_PAGE_SIZE), address(0));
	assert_int_equal(oct_vma_gap(&tree, address(1), address(10), 2 * OCT_PAGE_SIZE), address(4));
	assert_int_equal(oct_vma_gap(&tree, address(5), address(10), 2 * OCT_PAGE_SIZE), address(8));
	assert_int_equal(oct_vma_gap(&tree, address(5), address(10), 3 * OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_vma_gap(&tree, address(0), address(7), 3 * OCT_PAGE_SIZE), 0);
	while (tree.root)
		oct_vma_remove(&tree, tree.root);
	oct_vma_trim(&tree);
	assert_int_equal(host_pages(), 0);
}

/* What an area shows goes with its pages, whoever cuts it; only what goes on is joined. */
static void contents(void **state)
{
	struct oct_mapping *one = (struct oct_mapping *)&expected[1]; /* never looked into */
	struct oct_vma_tree tree;
	struct oct_vma *vma;

	(void)state;
	host_reset();
	oct_vma_tree_init(&tree);
	assert_int_equal(oct_vma_reserve(&tree, 4), 0);
	vma = oct_vma_insert(&tree, address(2), address(8), 1, 0);
	assert_true(!vma->mapping && oct_vma_kind(vma) == OCT_VMA_ANON);
	assert_int_equal(vma->pgoff, 3);
	vma->mapping = one;
	vma->pgoff = 40;
	assert_int_equal(oct_vma_kind(vma), OCT_VMA_FILE);
	oct_vma_split(&tree, address(5));
	vma = oct_vma_find(&tree, address(5));
	assert_ptr_equal(vma->mapping, one);
	assert_int_equal(vma->pgoff, 43);
	oct_vma_resize(&tree, vma, address(6), address(8));
	assert_int_equal(vma->pgoff, 44);
	oct_vma_resize(&tree, vma, address(5), address(8));
	assert_int_equal(vma->pgoff, 43);
	vma->pgoff = 44;
	oct_vma_merge(&tree, address(2), address(8));
	assert_int_equal(tree.count, 2); /* a page is left out */
	vma->pgoff = 43;
	vma->mapping = NULL;
	oct_vma_merge(&tree, address(2), address(8));
	assert_int_equal(tree.count, 2); /* another object */
	vma->mapping = one;
	oct_vma_merge(&tree, address(2), address(8));
	assert_int_equal(tree.count, 1);
	assert_int_equal(tree.root->pgoff, 40);
	oct_vma_remove(&tree, tree.root);
	oct_vma_trim(&tree);
	assert_int_equal(host_pages(), 0);
}

static void no_memory(void **state)
{
	struct oct_vma_tree tree;

	(void)state;
	host_reset();
	oct_vma_tree_init(&tree);
	host_fail_allocation(1);
	assert_int_equal(oct_vma_reserve(&tree, 1), -OCT_ENOMEM);
	host_fail_allocation(0);
	assert_int_equal(tree.store.free_slots, 0);
	assert_int_equal(host_pages(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_operations),
	    cmocka_unit_test(gaps),
	    cmocka_unit_test(contents),
	    cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
