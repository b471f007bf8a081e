/* collapse_user.h: a space with pages to be collapsed, and another that may share them.
 * SPDX-License-Identifier: MIT
 *
 * Who includes it has said before how many slots of swap there are (SLOTS), where the pages lie (BASE),
 * which address each has (AT) and where they end (END). */
#ifndef TESTS_UNIT_COLLAPSE_USER_H
#define TESTS_UNIT_COLLAPSE_USER_H

#include "space_user.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

enum { RW = OCT_READ | OCT_WRITE };

static struct oct_system machine;
static struct oct_swap_slot slots[SLOTS];
static struct oct_swap swap;
static struct oct_reclaimer reclaim;
static struct oct_mm space, other;
static bool other_lives;

static inline int make(void **state)
{
	uintptr_t at;

	(void)state;
	user_sets_bits = true;
	host_reset();
	assert_int_equal(oct_system_init(&machine, 2), 0);
	host_system = &machine;
	assert_int_equal(oct_swap_init(&swap, &swap, slots, SLOTS), 0);
	oct_reclaim_init(&reclaim, &swap);
	assert_int_equal(oct_mm_init(&space, &machine), 0);
	assert_int_equal(oct_reclaim_add(&reclaim, &space), 0);
	assert_int_equal(oct_mmap(&space, BASE, END - BASE, RW, OCT_MAP_FIXED, &at), 0);
	return 0;
}

static inline void fork_begin(void)
{
	assert_int_equal(oct_mm_init(&other, &machine), 0);
	assert_int_equal(oct_fork(&other, &space), 0);
	other_lives = true;
}

static inline void fork_end(void)
{
	if (other_lives)
		oct_mm_exit(&other);
	other_lives = false;
}

static inline int drop(void **state)
{
	(void)state;
	host_fail_allocation(0);
	host_cpu = 0;
	fork_end();
	oct_mm_exit(&space);
	assert_int_equal(oct_swap_used(&swap), 0);
	oct_system_exit(&machine);
	return host_pages() == 0 ? 0 : -1;
}

static inline uint32_t loaded(struct oct_mm *mm, uintptr_t va)
{
	uint32_t value = 0xdead;

	assert_int_equal(user_load(mm, va, &value), 0);
	return value;
}

static inline void store_pages(unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++)
		assert_int_equal(user_store(&space, AT(i), i + 1), 0);
}

#endif
