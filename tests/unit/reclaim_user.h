/* reclaim_user.h: spaces whose pages can be reclaimed, for tests that move pages about.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_RECLAIM_USER_H
#define TESTS_UNIT_RECLAIM_USER_H

#include "space_user.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#ifndef TEST_SLOTS
#define TEST_SLOTS 64
#endif
enum { RW = OCT_READ | OCT_WRITE, SLOTS = TEST_SLOTS, SPACES = 3 };

static struct oct_system machine;
static struct oct_swap_slot slots[SLOTS];
static struct oct_swap swap;
static struct oct_reclaimer reclaim;
static struct oct_mm space[SPACES];
static bool alive[SPACES];

static inline void space_begin(unsigned i)
{
	assert_int_equal(oct_mm_init(&space[i], &machine), 0);
	assert_int_equal(oct_reclaim_add(&reclaim, &space[i]), 0);
	alive[i] = true;
}

static inline void space_end(unsigned i)
{
	oct_mm_exit(&space[i]);
	alive[i] = false;
}

/* No space yet; count slots of swap. */
static inline void spaces_make_with(uint32_t count)
{
	user_sets_bits = true;
	user_faults = 0;
	host_reset();
	assert_int_equal(oct_system_init(&machine, 2), 0);
	host_system = &machine;
	assert_int_equal(oct_swap_init(&swap, &swap, slots, count), 0);
	oct_reclaim_init(&reclaim, &swap);
}

static inline void spaces_make(void)
{
	spaces_make_with(SLOTS);
}

/* 0: all pages are back. */
static inline int spaces_drop(void)
{
	for (unsigned i = 0; i < SPACES; i++)
		if (alive[i])
			space_end(i);
	host_run_deferred();
	assert_int_equal(oct_swap_used(&swap), 0);
	assert_int_equal(swap.cached, OCT_NO_SLOT);
	assert_int_equal(reclaim.anon.spaces, 0);
	oct_system_exit(&machine);
	return host_pages() == 0 ? 0 : -1;
}

static inline uintptr_t map(struct oct_mm *where, unsigned pages, unsigned prot, unsigned flags)
{
	uintptr_t result;

	assert_int_equal(oct_mmap(where, 0, pages * OCT_PAGE_SIZE, prot, flags, &result), 0);
	return result;
}

static inline uintptr_t page(uintptr_t va, unsigned i)
{
	return va + i * OCT_PAGE_SIZE;
}

static inline void out(struct oct_mm *where, uintptr_t va, unsigned pages)
{
	assert_int_equal(oct_madvise_pageout(where, va, page(va, pages)), 0);
}

static inline uint32_t loaded(struct oct_mm *where, uintptr_t va)
{
	uint32_t value = 0xdead;

	assert_int_equal(user_load(where, va, &value), 0);
	return value;
}

/* A page with nothing but zeros behind its first word. */
static inline void store(struct oct_mm *where, uintptr_t va, uint32_t value)
{
	assert_int_equal(user_store(where, va, value), 0);
}

/* Pages of [va, ...) with 1, 2, ... in their first words. */
static inline uintptr_t map_filled(struct oct_mm *where, unsigned pages)
{
	uintptr_t va = map(where, pages, RW, 0);

	for (unsigned i = 0; i < pages; i++)
		store(where, page(va, i), i + 1);
	return va;
}

static inline bool is_swap(struct oct_mm *where, uintptr_t va)
{
	return oct_pte_soft_kind(user_entry(where, va)) == OCT_SOFT_SWAP;
}

#endif
