/* test_dump.c: what oct_table_dump writes, line by line. SPDX-License-Identifier: MIT
 *
 * The dump is compiled here once more, with a log of this file's own. */
#include "host_port.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void caught_log(const char *line);
#define oct_table_dump tested_dump
#define oct_port_log   caught_log
void tested_dump(struct oct_space *space);
#include "../../src/table/dump.c"

enum { MOST_LINES = 64 };
#define BASE   oct_level_bytes(2)
#define FRAMES ((oct_phys_t)64 << 30)
#define HEADING                                                                                              \
	"octavo " OCT_FORMAT_NAME ": tables of a space",                                                     \
	    "range                             level    size       pages  bits        type"
#if OCT_FORMAT_CONT
#define C "c"
#else
#define C "-"
#endif
#ifdef OCT_ARCH_RISCV64
#define UNCACHED "device" /* riscv64 has one type for both */
#else
#define UNCACHED "uncached"
#endif

static struct oct_system machine;
static struct oct_space space;
static struct oct_ticket ticket;
static char caught[MOST_LINES][LINE_BYTES];
static unsigned lines;

static void caught_log(const char *line)
{
	assert_true(lines < MOST_LINES && strlen(line) < LINE_BYTES);
	memcpy(caught[lines++], line, strlen(line) + 1);
}

static void expect(const char *const *text, unsigned count)
{
	for (unsigned i = 0; i < count && i < lines; i++)
		assert_string_equal(caught[i], text[i]);
	assert_int_equal(lines, count);
}

#define EXPECT(...)                                                                                          \
	do {                                                                                                 \
		static const char *const text[] = {__VA_ARGS__};                                             \
		lines = 0;                                                                                   \
		tested_dump(&space);                                                                         \
		expect(text, sizeof(text) / sizeof(text[0]));                                                \
	} while (0)

static int start(void **state)
{
	(void)state;
	host_reset();
	assert_int_equal(oct_system_init(&machine, 1), 0);
	host_system = &machine;
	assert_int_equal(oct_space_init(&space, &machine), 0);
	oct_ticket_init(&ticket, &space);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	assert_int_equal(oct_table_unmap(&space, BASE, 2 * BASE, false, &ticket), 0);
	oct_ticket_complete(&ticket);
	oct_space_exit(&space);
	oct_system_exit(&machine);
	assert_int_equal(host_pages(), 0);
	return 0;
}

static void map(uintptr_t at, oct_phys_t frame, size_t pages, unsigned prot, enum oct_memory_type type)
{
	assert_int_equal(oct_table_map(&space, BASE + at, FRAMES + frame, pages, prot, type), 0);
}

static oct_pte_t replace(oct_pte_t pte, unsigned long arg)
{
	switch (arg) {
	case 's':
		return oct_pte_mk_soft_dirty(pte);
	case 'p':
		return oct_pte_mk_uffd_wp(pte);
	case 'o':
		return oct_pte_mkold(oct_pte_mkclean(pte));
	default:
		return oct_pte_mksoft((unsigned)arg, 77);
	}
}

/* One entry, as replace makes it. */
static void change(uintptr_t at, unsigned long arg)
{
	struct oct_pte_guard guard;
	oct_pte_t old;

	oct_pte_lock_at(&space, BASE + at, &guard);
	(void)!oct_entry_update(&ticket, &guard, guard.pte, guard.va, replace, arg, &old);
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
}

static void nothing(void **state)
{
	(void)state;
	EXPECT(HEADING);
}

static void rights_and_types(void **state)
{
	(void)state;
	map(0x10000, 0x10000, 3, OCT_READ | OCT_WRITE, OCT_NORMAL);
	map(0x13000, 0x93000, 1, OCT_READ | OCT_WRITE, OCT_NORMAL); /* another page, the same run */
	map(0x14000, 0x14000, 2, OCT_READ | OCT_EXEC, OCT_NORMAL);
	map(0x17000, 0x17000, 1, OCT_READ | OCT_EXEC, OCT_NORMAL); /* behind a hole */
	map(0x18000, 0x18000, 1, OCT_NONE, OCT_NORMAL);
	map(0x19000, 0x19000, 1, OCT_READ, OCT_UNCACHED);
	map(0x1a000, 0x1a000, 1, OCT_READ, OCT_WRITE_COMBINING);
	map(0x1b000, 0x1b000, 1, OCT_READ | OCT_WRITE, OCT_DEVICE);
	EXPECT(HEADING, "0000000040010000-0000000040014000     0     16K           4  rw-u-yd---  normal",
	       "0000000040014000-0000000040016000     0      8K           2  r-xu-y----  normal",
	       "0000000040017000-0000000040018000     0      4K           1  r-xu-y----  normal",
	       "0000000040018000-0000000040019000     0      4K           1  -----y----  normal",
	       "0000000040019000-000000004001a000     0      4K           1  r--u-y----  " UNCACHED,
	       "000000004001a000-000000004001b000     0      4K           1  r--u-y----  write-combining",
	       "000000004001b000-000000004001c000     0      4K           1  rw-u-yd---  device");
}

static void states(void **state)
{
	(void)state;
	map(0, 0, 9, OCT_READ | OCT_WRITE, OCT_NORMAL);
	change(0x1000, 's');
	change(0x2000, 'p');
	change(0x3000, 'o');
	for (unsigned kind = OCT_SOFT_BROKEN; kind <= 4; kind++)
		change(0x3000 + kind * 0x1000, kind);
	EXPECT(HEADING, "0000000040000000-0000000040001000     0      4K           1  rw-u-yd---  normal",
	       "0000000040001000-0000000040002000     0      4K           1  rw-u-yds--  normal",
	       "0000000040002000-0000000040003000     0      4K           1  r--u-yd-p-  normal",
	       "0000000040003000-0000000040004000     0      4K           1  rw-u------  normal",
	       "0000000040004000-0000000040005000     0      4K           1  ----------  soft: broken",
	       "0000000040005000-0000000040006000     0      4K           1  ----------  soft: marker",
	       "0000000040006000-0000000040007000     0      4K           1  ----------  soft: swap",
	       "0000000040007000-0000000040008000     0      4K           1  ----------  soft 4",
	       "0000000040008000-0000000040009000     0      4K           1  rw-u-yd---  normal");
}

static void sizes(void **state)
{
	(void)state;
	map(0x10000, 0x10000, 16, OCT_READ | OCT_CONT, OCT_NORMAL);
	map(0x200000, 0x200000, 3 * 512 + 1, OCT_READ | OCT_LARGE, OCT_NORMAL);
	EXPECT(HEADING, "0000000040010000-0000000040020000     0     64K          16  r--u-y---" C "  normal",
	       "0000000040200000-0000000040800000     1      6M        1536  r--u-y----  normal",
	       "0000000040800000-0000000040801000     0      4K           1  r--u-y----  normal");
}

/* Up to the top of addresses; a leaf of level 2 has 2^18 pages. */
static void kernel_half(void **state)
{
	static const char *const text[] = {
	    HEADING,
	    "ffffffff80000000-ffffffffc0000000     2      1G      262144  rw--gyd---  normal",
	    "fffffffffffff000-0000000000000000     0      4K           1  r-x-gy----  normal",
	};
	const uintptr_t first = ~(uintptr_t)0 - 2 * BASE + 1, top = ~(uintptr_t)0 - OCT_PAGE_SIZE + 1;
	struct oct_system other;
	struct oct_space kernel;

	(void)state;
	assert_int_equal(oct_system_init(&other, 1), 0);
	assert_int_equal(oct_kernel_space_init(&kernel, &other, first, ~(uintptr_t)0), 0);
	host_system = &other;
	if (OCT_LEVELS > 3) /* slots of the root take no leaf there */
		assert_int_equal(oct_table_map(&kernel, first, FRAMES, 1 << 18,
		                               OCT_READ | OCT_WRITE | OCT_KERNEL | OCT_LARGE, OCT_NORMAL),
		                 0);
	assert_int_equal(oct_table_map(&kernel, top, FRAMES, 1, OCT_EXEC | OCT_KERNEL, OCT_NORMAL), 0);
	lines = 0;
	tested_dump(&kernel);
	if (OCT_LEVELS > 3) {
		expect(text, 4);
	} else {
		assert_int_equal(lines, 3);
		assert_string_equal(caught[2], text[3]);
	}
	oct_space_exit(&kernel);
	oct_system_exit(&other);
	host_system = &machine;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(nothing), TEST(rights_and_types), TEST(states), TEST(sizes), TEST(kernel_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
