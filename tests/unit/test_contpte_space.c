/* test_contpte_space.c: address spaces whose pages lie in contiguous blocks. SPDX-License-Identifier: MIT
 *
 * Nothing of T2 makes blocks here by itself: the test stores them where an area is empty, as a fault for a
 * large folio would, and then forks, faults, protects and unmaps as ever, against the words that the pages
 * hold. */
#include <octavo/contpte.h>
#include <octavo/folio.h>
#include "space_user.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { RW = OCT_READ | OCT_WRITE, BLOCK = 1 << OCT_CONT_SHIFT, PAGES = 5 * BLOCK, STEPS = 900 };

_Static_assert(OCT_FOLIO_ORDER == OCT_CONT_SHIFT, "a folio is a block");

static struct oct_system machine;
static struct oct_mm parent, child;
static uintptr_t base;

static int make(void **state)
{
	(void)state;
	user_sets_bits = true;
	host_reset();
	assert_int_equal(oct_system_init(&machine, 2), 0);
	host_system = &machine;
	assert_int_equal(oct_mm_init(&parent, &machine), 0);
	assert_int_equal(oct_mm_init(&child, &machine), 0);
	base = (uintptr_t)1 << 30;
	assert_int_equal(oct_mmap(&parent, base, PAGES * OCT_PAGE_SIZE, RW, OCT_MAP_FIXED, &base), 0);
	assert_int_equal(oct_table_prepare(&parent.space, base, base + PAGES * OCT_PAGE_SIZE), 0);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	oct_mm_exit(&child);
	oct_mm_exit(&parent);
	oct_system_exit(&machine);
	return host_pages() == 0 ? 0 : -1;
}

static uintptr_t at(unsigned page)
{
	return base + page * OCT_PAGE_SIZE;
}

/* A block at page, where nothing is; its words are 0. */
static void put_block(unsigned page)
{
	struct oct_folio *folio = oct_folio_alloc_pages(OCT_FOLIO_ORDER, OCT_FOLIO_PAGES);
	struct oct_pte_guard guard;
	oct_pte_t pte;

	assert_non_null(folio);
	oct_port_page_clear(folio->page, OCT_FOLIO_ORDER);
	pte = oct_pte_mk_soft_dirty(oct_pte_mkyoung(oct_pte_make(folio->page, RW, OCT_NORMAL)));
	oct_pte_lock_at(&parent.space, at(page), &guard);
	oct_set_ptes(NULL, &guard, pte, BLOCK);
	oct_pte_guard_unlock(NULL, &guard);
}

static bool is_block(struct oct_mm *mm, unsigned page)
{
	return oct_pte_cont(user_entry(mm, at(page)));
}

static uint32_t loaded(struct oct_mm *mm, unsigned page)
{
	uint32_t value = 0xdead;

	assert_int_equal(user_load(mm, at(page), &value), 0);
	return value;
}

static void fork_keeps_blocks(void **state)
{
	(void)state;
	put_block(0);
	put_block(BLOCK);
	assert_int_equal(user_store(&parent, at(3), 33), 0);
	assert_int_equal(oct_fork(&child, &parent), 0);
	for (unsigned i = 0; i < 2 * BLOCK; i++) {
		assert_int_equal(is_block(&parent, i), OCT_FORMAT_CONT);
		assert_int_equal(is_block(&child, i), OCT_FORMAT_CONT);
		assert_false(oct_pte_write(user_entry(&parent, at(i))) ||
		             oct_pte_write(user_entry(&child, at(i))));
		assert_int_equal(user_folio(&parent, at(i))->refcount, 2 * BLOCK);
	}
	assert_int_equal(loaded(&child, 3), 33);
	assert_int_equal(user_store(&child, at(3), 44), 0);
	assert_int_equal(loaded(&parent, 3), 33);
	assert_false(is_block(&child, 0));
	assert_int_equal(is_block(&child, BLOCK), OCT_FORMAT_CONT);
	assert_int_equal(is_block(&parent, 0), OCT_FORMAT_CONT);
}

/* A child whose area ends inside a block gets single entries: what lies past the area is not its. */
static void fork_of_a_part(void **state)
{
	struct oct_mm grandchild;

	(void)state;
	put_block(0);
	assert_int_equal(oct_fork(&child, &parent), 0); /* read-only blocks: nothing to take from them */
	assert_int_equal(oct_madvise(&child, at(0), at(5), OCT_MADV_HUGEPAGE),
	                 0); /* two areas, entries untouched */
	assert_int_equal(is_block(&child, 5), OCT_FORMAT_CONT);
	assert_int_equal(oct_mm_init(&grandchild, &machine), 0);
	assert_int_equal(oct_fork(&grandchild, &child), 0);
	for (unsigned i = 0; i < BLOCK; i++) {
		assert_false(is_block(&grandchild, i));
		assert_int_equal(user_folio(&grandchild, at(i))->page, user_folio(&child, at(i))->page);
	}
	oct_mm_exit(&grandchild);
}

/* A walker that sets no bits is let through by what its own entry says. */
static void fault_sets_the_block(void **state)
{
	(void)state;
	put_block(0);
	user_sets_bits = false;
	assert_int_equal(user_store(&parent, at(2), 1), 0);
	assert_int_equal(is_block(&parent, 2), OCT_FORMAT_CONT);
	assert_int_equal(oct_pte_dirty(user_entry(&parent, at(9))), OCT_FORMAT_CONT);
	assert_int_equal(user_store(&parent, at(9), 1), 0);
	assert_true(oct_pte_dirty(user_entry(&parent, at(9))));
}

/* ---- Random sequences ----------------------------------------------------------------------------- */
static uint32_t words[2][PAGES]; /* of parent and child */
static bool forked;

static unsigned below(unsigned n)
{
	return (unsigned)rand() % n;
}

static void check_words(void)
{
	for (unsigned i = 0; i < PAGES; i++) {
		host_cpu = below(2);
		assert_int_equal(loaded(&parent, i), words[0][i]);
		if (forked)
			assert_int_equal(loaded(&child, i), words[1][i]);
	}
}

static void refill(unsigned block)
{
	assert_int_equal(oct_madvise_dontneed(&parent, at(block * BLOCK), at(block * BLOCK + BLOCK)), 0);
	put_block(block * BLOCK);
	memset(words[0] + block * BLOCK, 0, BLOCK * sizeof words[0][0]);
}

static void random_step(void)
{
	unsigned who = forked ? below(2) : 0, first = below(PAGES), count = 1 + below(2 * BLOCK);
	struct oct_mm *mm = who ? &child : &parent;

	host_cpu = below(2);
	if (rand() % 2)
		first -= first % BLOCK;
	if (count > PAGES - first)
		count = PAGES - first;
	switch (below(8)) {
	case 0:
		refill(below(PAGES / BLOCK));
		break;
	case 1:
		assert_int_equal(oct_madvise_dontneed(mm, at(first), at(first + count)), 0);
		memset(words[who] + first, 0, count * sizeof words[0][0]);
		break;
	case 2:
		assert_int_equal(oct_mprotect(mm, at(first), count * OCT_PAGE_SIZE, OCT_READ), 0);
		assert_int_equal(user_store(mm, at(first), 1), -OCT_EFAULT);
		assert_int_equal(oct_mprotect(mm, at(first), count * OCT_PAGE_SIZE, RW), 0);
		break;
	case 3:
		assert_int_equal(oct_clear_refs(mm, at(first), at(first + count)), 0);
		break;
	case 4:
		if (forked) {
			host_cpu = 0;
			oct_mm_switch(&machine, &parent);
			host_cpu = 1;
			oct_mm_switch(&machine, &parent);
			oct_mm_exit(&child);
			assert_int_equal(oct_mm_init(&child, &machine), 0);
		}
		forked = !forked;
		if (forked) {
			assert_int_equal(oct_fork(&child, &parent), 0);
			memcpy(words[1], words[0], sizeof words[0]);
		}
		break;
	default:
		for (unsigned i = 0; i < 6; i++) {
			unsigned page = below(PAGES);

			host_cpu = below(2);
			words[who][page] = (uint32_t)rand();
			user_sets_bits = rand() % 3 != 0;
			assert_int_equal(user_store(mm, at(page), words[who][page]), 0);
		}
	}
}

static void random_sequences(void **state)
{
	unsigned blocks = 0;

	(void)state;
	srand(3);
	forked = false;
	memset(words, 0, sizeof words);
	for (unsigned step = 0; step < STEPS; step++) {
		random_step();
		check_words();
		for (unsigned i = 0; i < PAGES; i += BLOCK)
			blocks += (unsigned)is_block(&parent, i) + (unsigned)(forked && is_block(&child, i));
	}
	assert_true(!OCT_FORMAT_CONT || blocks > STEPS / 2);
	host_cpu = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(fork_keeps_blocks, make, drop),
	    cmocka_unit_test_setup_teardown(fork_of_a_part, make, drop),
	    cmocka_unit_test_setup_teardown(fault_sets_the_block, make, drop),
	    cmocka_unit_test_setup_teardown(random_sequences, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
