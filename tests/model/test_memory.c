/* test_memory.c: the arena, its snapshot, the places of events. SPDX-License-Identifier: MIT
 *
 * formats: arm64 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "world.h"
#include <cmocka.h>

enum { DATA = 3 * 4096 };
static char data[DATA] __attribute__((aligned(4096))); /* stands for a scenario's own data */

static uint64_t random_state;

static unsigned draw(unsigned n)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(random_state >> 33) % n;
}

static void store(char *at, unsigned size)
{
	memory_touched(at, size);
	for (unsigned i = 0; i < size; i++)
		at[i] = (char)draw(256);
}

/* Somewhere in the arena or in the data, also across the border of pages. */
static void store_somewhere(void)
{
	if (draw(4))
		store(world.arena + draw(OBJECT_BYTES + FRAMES * 4096 - 64), 1 + draw(64));
	else
		store(data + draw(DATA - 64), 1 + draw(64));
}

static int begin(void **state)
{
	(void)state;
	random_state = 1;
	memory_init();
	memory_reset();
	memory_add_region(data, sizeof(data));
	return 0;
}

static void snapshot_and_restore(void **state)
{
	size_t size = OBJECT_BYTES + (size_t)FRAMES * 4096;
	char *arena = malloc(size), *own = malloc(DATA);

	(void)state;
	assert_non_null(arena);
	assert_non_null(own);
	for (unsigned i = 0; i < 100; i++)
		store_somewhere();
	memory_snapshot();
	memcpy(arena, world.arena, size);
	memcpy(own, data, DATA);
	for (unsigned execution = 0; execution < 20; execution++) {
		for (unsigned i = 0; i < draw(50); i++)
			store_somewhere();
		memory_restore();
		assert_memory_equal(arena, world.arena, size);
		assert_memory_equal(own, data, DATA);
	}
	free(arena);
	free(own);
}

/* Pages that an execution takes and frees are as before in the next. */
static void pages_come_back(void **state)
{
	oct_phys_t kept, page;
	unsigned frame;

	(void)state;
	kept = oct_port_page_alloc(0, OCT_USE_USER);
	memory_snapshot();
	page = oct_port_page_alloc(1, OCT_USE_TABLE);
	assert_int_equal(page & (2 * OCT_PAGE_SIZE - 1), 0);
	oct_port_page_free(kept, 0, OCT_USE_USER);
	frame = (unsigned)(page >> OCT_PAGE_SHIFT);
	assert_int_equal(frame_of(frame_address(frame)), frame);
	assert_int_equal(world.frame_use[frame], 1 + OCT_USE_TABLE);
	assert_true(world.frame_freed[kept >> OCT_PAGE_SHIFT]);
	memory_restore();
	assert_int_equal(world.frame_use[frame], 0);
	assert_int_equal(world.frame_use[kept >> OCT_PAGE_SHIFT], 1 + OCT_USE_USER);
	assert_false(world.frame_freed[kept >> OCT_PAGE_SHIFT]);
	assert_true(oct_port_page_alloc(1, OCT_USE_TABLE) == page);
	memory_restore();
}

/* A place has the value that memory had when the execution first touched it, and its number for good. */
static void places(void **state)
{
	uint32_t *word = memory_object(64);
	uint16_t id;

	(void)state;
	memory_snapshot();
	assert_false(place_known(word, 4));
	memory_touched(word, 4);
	*word = 7;
	id = place(word, 4);
	assert_true(place_known(word, 4));
	assert_false(place_known(word, 8));
	assert_int_equal(world.rules.init[id], 7);
	*word = 8;
	assert_int_equal(place(word, 4), id);
	assert_int_equal(world.rules.init[id], 7);
	memory_restore();
	assert_int_equal(*word, 0);
	assert_false(place_known(word, 4));
	assert_int_equal(place(word, 4), id);
	assert_int_equal(world.rules.init[id], 0);
	assert_int_not_equal(place(word + 1, 4), id);
	assert_int_equal(world.places[id].frame, 0);
	assert_int_equal(world.places[place(frame_address(FRAME_BASE + 3) + 8, 8)].frame, FRAME_BASE + 3);
}

/* What a variant leaves in the scenario's data is not seen by the next. */
static void data_of_the_scenario(void **state)
{
	char before[DATA];

	(void)state;
	memcpy(before, data, DATA);
	memory_data_keep();
	memory_snapshot();
	memset(data, 0x5a, DATA); /* not even told */
	memory_data_restore();
	assert_memory_equal(before, data, DATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(snapshot_and_restore, begin),
	    cmocka_unit_test_setup(pages_come_back, begin),
	    cmocka_unit_test_setup(places, begin),
	    cmocka_unit_test_setup(data_of_the_scenario, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
