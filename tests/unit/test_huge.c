/* test_huge.c: huge folios and the leaves that map them, against an array. SPDX-License-Identifier: MIT */
#include <octavo/collapse.h>
#include <octavo/merge.h>
#include <octavo/migrate.h>
#include <octavo/pin.h>
#include <octavo/track.h>
#include <octavo/userfault.h>
#include "../../src/reclaim/huge.h"
#include "../../src/table/table_internal.h"

enum { SLOTS = 2048, MANY = OCT_HUGE_PAGES, BLOCKS = 2, PAGES = BLOCKS * MANY };
#define BASE      (16 * OCT_HUGE_BYTES)
#define AT(page)  (BASE + ((uintptr_t)(page) << OCT_PAGE_SHIFT))
#define BLOCK(n)  AT((n)*MANY)
#define ELSEWHERE (64 * OCT_HUGE_BYTES)
#define END AT(PAGES)
#include "collapse_user.h"

/* Page i of the array is at va and what follows. */
static void shows(struct oct_mm *mm, uintptr_t va, unsigned first, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(loaded(mm, va + ((uintptr_t)i << OCT_PAGE_SHIFT)), first + i + 1);
}

static bool is_leaf(struct oct_mm *mm, uintptr_t va)
{
	oct_pte_t *slot = oct_table_find(&mm->space, va, 1);

	return slot && oct_pte_is_leaf(*slot, 1);
}

/* Stores to all of block 0 and makes a leaf of it. */
static void make_leaf(void)
{
	store_pages(0, MANY);
	assert_int_equal(oct_collapse_huge(&space, BASE, 0), 0);
	assert_true(is_leaf(&space, BASE));
}

/* ---- Making one ---------------------------------------------------------------------------------- */

static void pages_become_one(void **state)
{
	const struct oct_folio *folio;
	unsigned before;

	(void)state;
	store_pages(0, MANY - 2);
	loaded(&space, AT(MANY - 2)); /* the zero page; the last is missing */
	host_cpu = 1;
	loaded(&space, AT(0));
	host_cpu = 0;
	before = host_pages();
	assert_int_equal(oct_collapse_huge(&space, AT(1) + 5, 1), -OCT_ENOENT);
	assert_int_equal(host_pages(), before);
	assert_int_equal(oct_collapse_huge(&space, AT(1) + 5, 2), 0);
	assert_int_equal(host_pages(), before + 2); /* the table that went is the one that was put by */
	assert_int_equal(host_tlb_cached(1, AT(0)), 0);
	assert_true(is_leaf(&space, BASE));
	shows(&space, BASE, 0, MANY - 2);
	assert_int_equal(loaded(&space, AT(MANY - 2)), 0);
	assert_int_equal(loaded(&space, AT(MANY - 1)), 0);
	folio = user_folio(&space, BASE);
	assert_int_equal(folio->order, OCT_HUGE_ORDER);
	assert_int_equal(folio->refcount, MANY);
	assert_true(oct_pte_dirty(user_entry(&space, AT(5))));
	assert_int_equal(oct_collapse_huge(&space, BASE, MANY), -OCT_EBUSY); /* it is one */
	assert_int_equal(oct_collapse(&space, BASE, OCT_FOLIO_PAGES), -OCT_EBUSY);
	assert_int_equal(oct_collapse_huge(&space, BLOCK(1), MANY), -OCT_ENOENT);
	loaded(&space, BLOCK(1));
	assert_int_equal(oct_collapse_huge(&space, BLOCK(1), MANY), -OCT_ENOENT); /* zeros alone */
}

static void of_large_folios(void **state)
{
	(void)state;
	assert_int_equal(oct_madvise(&space, BASE, BLOCK(1), OCT_MADV_HUGEPAGE), 0);
	store_pages(0, MANY);
	assert_int_equal(user_folio(&space, BASE)->order, OCT_FOLIO_ORDER);
	make_leaf();
	shows(&space, BASE, 0, MANY);
	fork_begin();
	assert_int_equal(user_store(&space, AT(1), 2), 0);
	assert_int_equal(oct_collapse_huge(&space, BASE, 0), -OCT_EBUSY); /* pages are shared */
	shows(&other, BASE, 0, MANY);
	fork_end();
	make_leaf();
}

static void what_stays_single(void **state)
{
	struct oct_folio *pin;
	uintptr_t at;

	(void)state;
	store_pages(0, PAGES);
	assert_int_equal(oct_gup(&space, AT(3), 1, OCT_READ, &pin), 1);
	assert_int_equal(oct_collapse_huge(&space, BASE, 0), -OCT_EBUSY);
	shows(&space, BASE, 0, MANY);
	oct_unpin(pin, false);
	assert_int_equal(oct_uffd_writeprotect(&space, AT(9), AT(10), true), 0);
	assert_int_equal(oct_collapse_huge(&space, BASE, 0), -OCT_EBUSY);
	assert_int_equal(oct_uffd_writeprotect(&space, AT(9), AT(10), false), 0);
	assert_int_equal(oct_madvise_dontneed(&space, AT(9), AT(10)), 0);
	assert_int_equal(loaded(&space, AT(9)), 0);
	assert_int_equal(oct_uffd_writeprotect(&space, AT(9), AT(10), true), 0); /* of the zero page */
	assert_int_equal(oct_collapse_huge(&space, BASE, MANY), -OCT_EBUSY);
	assert_true(oct_pte_uffd_wp(user_entry(&space, AT(9))));
	assert_int_equal(oct_uffd_writeprotect(&space, AT(9), AT(10), false), 0);
	assert_int_equal(oct_madvise_pageout(&space, AT(7), AT(8)), 0);
	assert_int_equal(oct_collapse_huge(&space, BASE, MANY), -OCT_EBUSY);
	make_leaf();
	assert_int_equal(oct_uffd_register(&space, BLOCK(1), BLOCK(2), OCT_UFFD_MISSING), 0);
	assert_int_equal(oct_madvise_dontneed(&space, BLOCK(1), BLOCK(1) + OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_collapse_huge(&space, BLOCK(1), MANY), -OCT_ENOENT);
	assert_int_equal(oct_uffd_register(&space, BLOCK(1), BLOCK(2), 0), 0);
	assert_int_equal(oct_madvise(&space, BLOCK(1), BLOCK(2), OCT_MADV_NOHUGEPAGE), 0);
	assert_int_equal(oct_collapse_huge(&space, BLOCK(1), MANY), -OCT_EINVAL);
	assert_int_equal(oct_mmap(&space, ELSEWHERE, OCT_HUGE_BYTES - OCT_PAGE_SIZE, RW, OCT_MAP_FIXED, &at),
	                 0);
	assert_int_equal(oct_collapse_huge(&space, ELSEWHERE, MANY), -OCT_EINVAL);
	assert_int_equal(oct_collapse_huge(&space, 0, MANY), -OCT_EINVAL);
	assert_int_equal(oct_collapse_huge(&space, ~(uintptr_t)0, MANY), -OCT_EINVAL);
	assert_int_equal(oct_collapse_huge(&space, space.space.last, MANY), -OCT_EINVAL);
}

static void rights_and_bits(void **state)
{
	(void)state;
	store_pages(0, PAGES);
	assert_int_equal(oct_clear_refs(&space, BASE, BLOCK(1)), 0);
	assert_int_equal(oct_collapse_huge(&space, BASE, 0), 0); /* nobody has stored since */
	assert_true(!oct_pte_write(user_entry(&space, AT(1))) &&
	            !oct_pte_soft_dirty(user_entry(&space, AT(1))));
	assert_int_equal(user_store(&space, AT(4), 5), 0);
	assert_true(is_leaf(&space, BASE)); /* its pages are this space's alone: the leaf gets the right */
	assert_true(oct_pte_write(user_entry(&space, AT(1))) &&
	            oct_pte_soft_dirty(user_entry(&space, AT(1))));
	assert_int_equal(oct_mprotect(&space, BLOCK(1), OCT_HUGE_BYTES, OCT_READ), 0);
	assert_int_equal(oct_collapse_huge(&space, BLOCK(1), 0), 0);
	assert_int_equal(user_store(&space, BLOCK(1), 1), -OCT_EFAULT);
	assert_int_equal(oct_mprotect(&space, AT(MANY + 8), OCT_PAGE_SIZE, RW), 0);
	assert_int_equal(user_store(&space, AT(MANY + 8), MANY + 9), 0);
	assert_false(is_leaf(&space, BLOCK(1))); /* the right was a part's */
	assert_int_equal(user_store(&space, AT(MANY + 9), 1), -OCT_EFAULT);
	shows(&space, BASE, 0, PAGES);
}

static void no_memory(void **state)
{
	unsigned before, n;

	(void)state;
	store_pages(0, MANY);
	before = host_pages();
	for (n = 1; n < 3; n++) {
		host_fail_allocation(n);
		assert_int_equal(oct_collapse_huge(&space, BASE, 0), -OCT_ENOMEM);
		assert_int_equal(host_pages(), before);
		assert_false(is_leaf(&space, BASE));
	}
	host_fail_allocation(n); /* there is no third one */
	assert_int_equal(oct_collapse_huge(&space, BASE, 0), 0);
	host_fail_allocation(0);
	assert_int_equal(oct_mm_init(&other, &machine), 0);
	before = host_pages();
	for (n = 1;; n++) {
		int error;

		host_fail_allocation(n);
		error = oct_fork(&other, &space);
		host_fail_allocation(0);
		assert_int_equal(user_folio(&space, BASE)->refcount, error ? MANY : 2 * MANY);
		if (!error)
			break;
		assert_int_equal(error, -OCT_ENOMEM);
		assert_int_equal(host_pages(), before);
	}
	assert_true(n > 3);
	other_lives = true;
	assert_true(is_leaf(&other, BASE));
}

/* A leaf needs no table for markers; what comes behind it does, before anything is protected. */
static void no_memory_for_markers(void **state)
{
	int error = -OCT_ENOMEM;

	(void)state;
	make_leaf();
	assert_int_equal(oct_uffd_register(&space, BASE, BLOCK(2), OCT_UFFD_WP), 0);
	for (unsigned n = 1; error; n++) {
		host_fail_allocation(n);
		error = oct_uffd_writeprotect(&space, BASE, BLOCK(2), true);
		host_fail_allocation(0);
		assert_true(!error || error == -OCT_ENOMEM);
		assert_int_equal(oct_pte_uffd_wp(user_entry(&space, AT(3))), !error);
	}
	assert_true(is_leaf(&space, BASE));
	assert_int_equal(user_store(&space, AT(MANY + 3), 1), -OCT_EBUSY);
}

/* ---- As one ---------------------------------------------------------------------------------------- */

static void used_whole(void **state)
{
	uintptr_t at;
	unsigned before;

	(void)state;
	make_leaf();
	user_sets_bits = false;
	assert_int_equal(oct_mprotect(&space, BASE, OCT_HUGE_BYTES, OCT_READ), 0);
	assert_int_equal(user_store(&space, AT(1), 1), -OCT_EFAULT);
	assert_int_equal(oct_mprotect(&space, BASE, OCT_HUGE_BYTES, RW), 0);
	assert_int_equal(user_store(&space, AT(1), 2), 0);
	assert_int_equal(oct_uffd_writeprotect(&space, BASE, BLOCK(1), true), 0);
	assert_int_equal(user_store(&space, AT(1), 1), -OCT_EBUSY);
	assert_int_equal(oct_uffd_writeprotect(&space, BASE, BLOCK(1), false), 0);
	assert_int_equal(user_store(&space, AT(1), 2), 0);
	assert_int_equal(oct_mremap(&space, BASE, OCT_HUGE_BYTES, OCT_HUGE_BYTES,
	                            OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, ELSEWHERE, &at),
	                 0);
	assert_true(is_leaf(&space, ELSEWHERE));
	shows(&space, ELSEWHERE, 0, MANY);
	assert_int_equal(user_store(&space, BASE, 1), -OCT_EFAULT);
	before = host_pages();
	assert_int_equal(oct_madvise_dontneed(&space, ELSEWHERE, ELSEWHERE + OCT_HUGE_BYTES), 0);
	assert_int_equal(host_pages(), before - MANY - 1); /* and the table that was put by */
	assert_int_equal(loaded(&space, ELSEWHERE), 0);
}

static void left_whole(void **state)
{
	struct oct_folio *fresh = oct_folio_alloc();

	(void)state;
	make_leaf();
	assert_int_equal(oct_mprotect(&space, BASE, OCT_HUGE_BYTES, RW | OCT_EXEC), 0);
	assert_int_equal(oct_fault(&space, AT(1), OCT_EXEC), OCT_FAULT_DONE);
	assert_true(oct_pte_exec(user_entry(&space, AT(2))));
	assert_int_equal(oct_madvise(&space, BASE, AT(2), OCT_MADV_POPULATE_READ), 0);
	assert_int_equal(oct_madvise(&space, BASE, AT(2), OCT_MADV_POPULATE_WRITE), 0);
	assert_int_equal(oct_mm_map_folio(&space, AT(3), fresh, RW), -OCT_EEXIST);
	assert_int_equal(oct_merge_pages(&space, AT(1), &space, AT(2)), -OCT_EBUSY);
	assert_int_equal(oct_migrate_pages(&space, BASE, BLOCK(1), &fresh, 1), 0);
	assert_int_equal(oct_uffd_register(&space, BASE, BLOCK(1), OCT_UFFD_MISSING), 0);
	assert_int_equal(oct_uffd_zeropage(&space, AT(3), 1, 0), -OCT_EEXIST);
	assert_int_equal(oct_uffd_register(&space, BASE, BLOCK(1), 0), 0);
	assert_true(oct_reclaim(&reclaim, 0) == 0);
	assert_true(is_leaf(&space, BASE));
	shows(&space, BASE, 0, MANY);
	oct_folio_put(fresh);
}

/* Young it stays; else its pages go one by one. */
static void reclaimed(void **state)
{
	(void)state;
	make_leaf();
	loaded(&space, AT(1));
	assert_int_equal(oct_reclaim(&reclaim, 2), 2);
	assert_false(is_leaf(&space, BASE));
	assert_int_equal(oct_swap_used(&swap), 2);
	shows(&space, BASE, 0, MANY);
}

static void fork_shares(void **state)
{
	unsigned before;

	(void)state;
	make_leaf();
	fork_begin();
	assert_true(is_leaf(&other, BASE));
	assert_int_equal(user_folio(&space, BASE)->refcount, 2 * MANY);
	before = host_pages();
	assert_int_equal(user_store(&other, AT(3), 77), 0); /* one page is copied */
	assert_int_equal(host_pages(), before + 1);
	assert_true(is_leaf(&space, BASE));
	assert_false(is_leaf(&other, BASE));
	shows(&space, BASE, 0, MANY);
	assert_int_equal(loaded(&other, AT(3)), 77);
	assert_int_equal(loaded(&other, AT(4)), 5);
	fork_end();
	assert_int_equal(user_folio(&space, BASE)->refcount, MANY);
	assert_int_equal(user_store(&space, AT(3), 4), 0);
	assert_true(is_leaf(&space, BASE));
	fork_begin();
	oct_mm_exit(&space); /* the child's alone */
	assert_int_equal(oct_mm_init(&space, &machine), 0);
	assert_int_equal(user_store(&other, AT(3), 4), 0);
	assert_true(is_leaf(&other, BASE));
	shows(&other, BASE, 0, MANY);
}

/* ---- In parts -------------------------------------------------------------------------------------- */

static void part_munmap(void)
{
	assert_int_equal(oct_munmap(&space, AT(3), OCT_PAGE_SIZE), 0);
	assert_int_equal(user_store(&space, AT(3), 1), -OCT_EFAULT);
}

static void part_dontneed(void)
{
	assert_int_equal(oct_madvise_dontneed(&space, AT(3), AT(4)), 0);
	assert_int_equal(loaded(&space, AT(3)), 0);
}

static void part_free(void)
{
	assert_int_equal(oct_madvise(&space, AT(3), AT(4), OCT_MADV_FREE), 0);
	assert_true(oct_reclaim(&reclaim, 1) >= 0);
}

static void part_mprotect(void)
{
	assert_int_equal(oct_mprotect(&space, AT(3), OCT_PAGE_SIZE, OCT_READ), 0);
	assert_int_equal(user_store(&space, AT(3), 1), -OCT_EFAULT);
}

static void part_protect(void)
{
	assert_int_equal(oct_uffd_writeprotect(&space, AT(3), AT(4), true), 0);
	assert_int_equal(user_store(&space, AT(3), 1), -OCT_EBUSY);
	assert_int_equal(oct_uffd_writeprotect(&space, AT(3), AT(4), false), 0);
}

static void part_protect_marked(void)
{
	assert_int_equal(oct_uffd_register(&space, BASE, BLOCK(1), OCT_UFFD_WP), 0);
	part_protect();
	assert_int_equal(oct_uffd_register(&space, BASE, BLOCK(1), 0), 0);
}

static void part_store_async(void)
{
	assert_int_equal(oct_uffd_register(&space, BASE, BLOCK(1), OCT_UFFD_WP), 0);
	assert_int_equal(oct_uffd_async(&space, BASE, BLOCK(1), true), 0);
	assert_int_equal(oct_uffd_writeprotect(&space, BASE, BLOCK(1), true), 0);
	assert_true(is_leaf(&space, BASE));
	assert_int_equal(user_store(&space, AT(3), 4), 0);
	assert_false(oct_pte_uffd_wp(user_entry(&space, AT(3))));
	assert_true(oct_pte_uffd_wp(user_entry(&space, AT(4)))); /* what was stored to is known by page */
	assert_int_equal(oct_uffd_register(&space, BASE, BLOCK(1), 0), 0);
}

static void part_pin(void)
{
	struct oct_folio *pin;

	assert_int_equal(oct_gup_fast(&space, AT(3), 1, OCT_READ, &pin), 0);
	assert_int_equal(oct_gup(&space, AT(3), 1, OCT_WRITE, &pin), 1);
	assert_ptr_equal(pin, user_folio(&space, AT(3)));
	assert_int_equal(pin->order, 0);
	oct_unpin(pin, false);
}

static void part_pageout(void)
{
	assert_int_equal(oct_madvise_pageout(&space, AT(3), AT(4)), 0);
	assert_false(oct_pte_present(user_entry(&space, AT(3))));
	assert_int_equal(loaded(&space, AT(3)), 4);
}

static void part_mremap(void)
{
	uintptr_t at;

	assert_int_equal(oct_mremap(&space, AT(3), OCT_PAGE_SIZE, OCT_PAGE_SIZE,
	                            OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, ELSEWHERE, &at),
	                 0);
	assert_int_equal(loaded(&space, ELSEWHERE), 4);
	assert_int_equal(user_store(&space, AT(3), 1), -OCT_EFAULT);
}

static void part_mremap_unaligned(void)
{
	uintptr_t at, to = ELSEWHERE + 3 * OCT_PAGE_SIZE;
	unsigned before;

	assert_int_equal(oct_mremap(&space, BASE, OCT_HUGE_BYTES, OCT_HUGE_BYTES,
	                            OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, to, &at),
	                 0);
	shows(&space, to, 0, MANY);
	before = host_pages();
	assert_int_equal(oct_clear_refs(&space, to, to + OCT_HUGE_BYTES), 0);
	assert_int_equal(user_store(&space, to, 1), 0);
	assert_int_equal(user_store(&space, to + OCT_HUGE_BYTES - OCT_PAGE_SIZE, MANY), 0);
	assert_int_equal(host_pages(), before); /* they are the space's alone, and it can tell */
	assert_int_equal(user_folio(&space, to)->order, 0);
	assert_int_equal(oct_mremap(&space, to, OCT_HUGE_BYTES, OCT_HUGE_BYTES,
	                            OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, BASE, &at),
	                 0);
}

static void part_mremap_to(void)
{
	uintptr_t at;

	store_pages(MANY, 4);
	assert_int_equal(oct_mremap(&space, BLOCK(1), 2 * OCT_PAGE_SIZE, 2 * OCT_PAGE_SIZE,
	                            OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, AT(2), &at),
	                 0);
	assert_int_equal(loaded(&space, AT(2)), MANY + 1);
	assert_int_equal(loaded(&space, AT(3)), MANY + 2);
	assert_int_equal(user_store(&space, AT(2), 3), 0);
}

static void part_move(void)
{
	assert_int_equal(oct_uffd_register(&space, BLOCK(1), BLOCK(2), OCT_UFFD_MISSING), 0);
	assert_int_equal(oct_uffd_move(&space, BLOCK(1), AT(3), 1, 0), 1);
	assert_int_equal(loaded(&space, BLOCK(1)), 4);
	assert_int_equal(oct_uffd_register(&space, BLOCK(1), BLOCK(2), 0), 0);
}

static void part_scan(void)
{
	struct oct_page_range range;
	struct oct_scan scan = {.start = AT(3),
	                        .end = AT(4),
	                        .flags = OCT_SCAN_CLEAR,
	                        .required = OCT_PAGE_PRESENT,
	                        .returned = OCT_PAGE_PRESENT,
	                        .ranges = &range,
	                        .capacity = 1};

	assert_int_equal(oct_scan_pages(&space, &scan), 0);
	assert_int_equal(scan.pages, 1);
}

static void touched_in_part(void **state)
{
	static void (*const touch[])(void) = {part_munmap,
	                                      part_dontneed,
	                                      part_free,
	                                      part_mprotect,
	                                      part_protect,
	                                      part_pin,
	                                      part_pageout,
	                                      part_mremap,
	                                      part_protect_marked,
	                                      part_store_async,
	                                      part_mremap_unaligned,
	                                      part_mremap_to,
	                                      part_move,
	                                      part_scan};

	for (unsigned i = 0; i < sizeof(touch) / sizeof(touch[0]); i++) {
		make_leaf();
		touch[i]();
		assert_false(is_leaf(&space, BASE));
		shows(&space, BASE, 0, 2);
		shows(&space, AT(4), 4, MANY - 4);
		assert_int_equal(drop(state), 0);
		assert_int_equal(make(state), 0);
	}
}

/* An area that has a part of the leaf only. */
static void across_areas(void **state)
{
	(void)state;
	make_leaf();
	assert_int_equal(oct_madvise(&space, AT(8), BLOCK(1), OCT_MADV_NOHUGEPAGE), 0);
	assert_true(is_leaf(&space, BASE));
	fork_begin(); /* splits it */
	shows(&other, BASE, 0, MANY);
	assert_false(is_leaf(&space, BASE));
	assert_int_equal(user_store(&other, AT(7), 1), 0);
	shows(&space, BASE, 0, MANY);
}

/* ---- Mapped in part -------------------------------------------------------------------------------- */

enum { HALF = MANY / 2 };

static void memory_comes_back(void **state)
{
	unsigned before;

	(void)state;
	make_leaf();
	before = host_pages();
	assert_int_equal(oct_madvise_dontneed(&space, AT(HALF), BLOCK(1)), 0);
	assert_int_equal(host_pages(), before); /* the folio keeps them */
	assert_int_equal(oct_reclaim(&reclaim, 1), HALF);
	assert_int_equal(host_pages(), before - HALF);
	assert_int_equal(oct_swap_used(&swap), 0); /* nobody's pages went, no one else's */
	shows(&space, BASE, 0, HALF);
	for (unsigned i = 0; i < HALF; i++)
		assert_int_equal(user_folio(&space, AT(i))->order, 0);
	assert_int_equal(oct_reclaim(&reclaim, 1), 1); /* there is nothing more to be had like that */
	assert_int_equal(oct_swap_used(&swap), 1);
}

static void kept_while_shared(void **state)
{
	unsigned before;

	(void)state;
	make_leaf();
	fork_begin();
	before = host_pages();
	assert_int_equal(oct_madvise_dontneed(&space, AT(1), BLOCK(1)), 0);
	assert_int_equal(oct_reclaim(&reclaim, 1), 0);
	assert_int_equal(host_pages(), before);
	shows(&other, BASE, 0, MANY);
	fork_end();
	assert_int_equal(oct_reclaim(&reclaim, 1), MANY - 1);
	shows(&space, BASE, 0, 1);
}

/* All of it is mapped at first, and still when reclaim looks: it is remembered. */
static void parted_later(void **state)
{
	struct oct_folio *pin;
	uint32_t at = 0;
	uintptr_t va;

	(void)state;
	make_leaf();
	assert_int_equal(oct_mprotect(&space, AT(3), OCT_PAGE_SIZE, OCT_READ), 0);
	assert_int_equal(oct_split_deferred(&space), 0);
	assert_true(oct_split_noted(&space.space, at, &va) && va == BASE);
	assert_false(oct_split_noted(&space.space, at + 1, &va));
	assert_int_equal(oct_munmap(&space, AT(4), OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_split_deferred(&space), 1);
	assert_false(oct_split_noted(&space.space, at, &va));
	/* What a pin splits is no huge folio any more. */
	store_pages(MANY, MANY);
	assert_int_equal(oct_collapse_huge(&space, BLOCK(1), 0), 0);
	assert_int_equal(oct_gup(&space, BLOCK(1), 1, OCT_READ, &pin), 1);
	oct_unpin(pin, false);
	assert_true(oct_split_noted(&space.space, at, &va) && va == BLOCK(1));
	assert_int_equal(oct_split_deferred(&space), 0);
	assert_false(oct_split_noted(&space.space, at, &va));
	shows(&space, BLOCK(1), MANY, MANY);
}

/* What is not remembered the clock finds, young or not. */
static void found_by_the_clock(void **state)
{
	uintptr_t at;
	unsigned before;

	(void)state;
	make_leaf();
	assert_int_equal(oct_madvise_dontneed(&space, AT(0), AT(2)), 0);
	assert_int_equal(oct_mremap(&space, BASE, OCT_HUGE_BYTES, OCT_HUGE_BYTES,
	                            OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, ELSEWHERE, &at),
	                 0);
	before = host_pages();
	assert_int_equal(oct_reclaim(&reclaim, 2), 2);
	assert_int_equal(host_pages(), before - 2);
	shows(&space, ELSEWHERE + 2 * OCT_PAGE_SIZE, 2, MANY - 2);
}

static void more_than_are_remembered(void **state)
{
	enum { LEAVES = OCT_SPLIT_LEAVES + 2 };
	struct oct_space *const tables = &space.space;
	struct oct_ticket ticket;
	oct_phys_t pages = oct_port_page_alloc(OCT_HUGE_ORDER, OCT_USE_USER);
	uintptr_t va;

	(void)state;
	oct_ticket_init(&ticket, tables);
	for (unsigned i = 0; i < LEAVES; i++) {
		va = ELSEWHERE + i * OCT_HUGE_BYTES;
		assert_int_equal(oct_table_map(tables, va, pages, MANY, RW | OCT_LARGE, OCT_NORMAL), 0);
		assert_int_equal(oct_table_split(tables, va + OCT_PAGE_SIZE, &ticket), 0);
		assert_int_equal(oct_table_unmap(tables, va, va + OCT_HUGE_BYTES, false, &ticket), 0);
	}
	oct_ticket_complete(&ticket);
	for (uint32_t at = 0; at < OCT_SPLIT_LEAVES; at++)
		assert_true(oct_split_noted(tables, at, &va));
	assert_false(oct_split_noted(tables, OCT_SPLIT_LEAVES, &va));
	assert_int_equal(oct_split_deferred(&space), 0);
	assert_false(oct_split_noted(tables, 0, &va));
	oct_port_page_free(pages, OCT_HUGE_ORDER, OCT_USE_USER);
}

/* ---- All together ---------------------------------------------------------------------------------- */

static void random_calls(void **state)
{
	static uint32_t contents[PAGES], others[PAGES];
	unsigned collapsed = 0;

	(void)state;
	memset(contents, 0, sizeof(contents));
	srand(11);
	for (unsigned turn = 0; turn < 6000; turn++) {
		unsigned page = (unsigned)rand() % PAGES, block = page / MANY;
		unsigned end = page + 1 + (unsigned)rand() % (PAGES - page);
		uint32_t value = (uint32_t)rand();
		struct oct_folio *pin;
		int error;

		host_cpu = (unsigned)rand() % 2;
		switch (rand() % 40) {
		case 0:
			assert_int_equal(oct_madvise_dontneed(&space, AT(page), AT(end)), 0);
			memset(contents + page, 0, (end - page) * sizeof(*contents));
			break;
		case 1:
			if (!other_lives) {
				fork_begin();
				memcpy(others, contents, sizeof(others));
			} else {
				fork_end();
			}
			break;
		case 2:
			assert_true(oct_madvise_pageout(&space, AT(page), AT(page + 1)) >= 0);
			break;
		case 3:
			error = oct_gup(&space, AT(page), 1, OCT_READ, &pin);
			assert_int_equal(error, 1);
			oct_unpin(pin, false);
			break;
		case 4:
			assert_int_equal(oct_clear_refs(&space, AT(page), AT(end)), 0);
			break;
		case 5:
			assert_int_equal(oct_mprotect(&space, AT(page), AT(end) - AT(page), OCT_READ), 0);
			assert_int_equal(user_store(&space, AT(page), value), -OCT_EFAULT);
			assert_int_equal(oct_mprotect(&space, AT(page), AT(end) - AT(page), RW), 0);
			break;
		case 6:
			assert_true(oct_reclaim(&reclaim, 3) >= 0);
			break;
		case 7:
		case 8:
		case 9:
		case 10:
			error = oct_collapse_huge(&space, AT(page), MANY);
			assert_true(!error || error == -OCT_EBUSY || error == -OCT_ENOENT ||
			            error == -OCT_ENOMEM);
			assert_true(error || is_leaf(&space, BLOCK(block)));
			collapsed += !error;
			break;
		default:
			if (other_lives && rand() % 4 == 0) {
				assert_int_equal(user_store(&other, AT(page), value), 0);
				others[page] = value;
			} else if (rand() % 2) {
				assert_int_equal(user_store(&space, AT(page), value), 0);
				contents[page] = value;
			}
			assert_int_equal(loaded(&space, AT(page)), contents[page]);
			if (other_lives)
				assert_int_equal(loaded(&other, AT(page)), others[page]);
		}
		for (unsigned i = 0; turn % 256 == 0 && i < PAGES; i++) {
			assert_int_equal(loaded(&space, AT(i)), contents[i]);
			if (other_lives)
				assert_int_equal(loaded(&other, AT(i)), others[i]);
		}
	}
	assert_true(collapsed > 20);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
	    TEST(pages_become_one),
	    TEST(of_large_folios),
	    TEST(what_stays_single),
	    TEST(rights_and_bits),
	    TEST(no_memory),
	    TEST(no_memory_for_markers),
	    TEST(used_whole),
	    TEST(fork_shares),
	    TEST(left_whole),
	    TEST(reclaimed),
	    TEST(touched_in_part),
	    TEST(across_areas),
	    TEST(memory_comes_back),
	    TEST(kept_while_shared),
	    TEST(parted_later),
	    TEST(found_by_the_clock),
	    TEST(more_than_are_remembered),
	    TEST(random_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
