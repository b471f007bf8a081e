/* test_large.c: large leaves and contiguous blocks, against an array and against TLBs.
 * SPDX-License-Identifier: MIT */
#include "host_port.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PAGES = 3 * 512, STEPS = 600, CPUS = OCT_TIER == 0 ? 1 : 2 };
#define FRAMES ((oct_phys_t)64 << 30)

static struct oct_system machine;
static struct oct_space space;
static struct oct_ticket ticket;

/* [base, ...) is aligned to the second level. */
static uintptr_t address(unsigned page)
{
	return oct_level_bytes(2) * 2 + page * OCT_PAGE_SIZE;
}

static void start(void)
{
	host_reset();
	assert_int_equal(oct_system_init(&machine, CPUS), 0);
	host_system = &machine;
	assert_int_equal(oct_space_init(&space, &machine), 0);
	for (host_cpu = CPUS; host_cpu-- > 0;)
		oct_space_switch(&machine, &space);
	host_cpu = 0;
	oct_ticket_init(&ticket, &space);
}

static void finish(void)
{
	for (host_cpu = CPUS; host_cpu-- > 0;)
		oct_space_switch(&machine, NULL);
	host_cpu = 0;
	oct_ticket_complete(&ticket);
	oct_space_exit(&space);
	oct_system_exit(&machine);
	assert_int_equal(host_pages(), 0);
}

static int map(unsigned page, oct_phys_t frame, size_t pages, unsigned prot)
{
	return oct_table_map(&space, address(page), frame, pages, prot, OCT_NORMAL);
}

/* The level of the leaf that maps page; its own entry is *pte. */
static unsigned leaf_of(unsigned page, oct_pte_t *pte)
{
	struct oct_cursor cursor;

	assert_int_equal(oct_cursor_init(&cursor, &space, address(page), address(page + 1)), 0);
	assert_true(oct_cursor_next(&cursor));
	if (pte != NULL)
		*pte = cursor.pte;
	assert_false(oct_cursor_next(&cursor));
	return cursor.level;
}

/* ---- Random sequences against an array --------------------------------------------------------- */
static struct expected {
	bool mapped;
	unsigned prot;
	oct_phys_t page;
} expected[PAGES];

static void check_entry(oct_pte_t pte, unsigned i)
{
	assert_int_equal(oct_pte_present(pte), expected[i].mapped);
	if (!expected[i].mapped)
		return;
	assert_int_equal(oct_pte_prot(pte), expected[i].prot);
	assert_int_equal(oct_pte_phys(pte), expected[i].page);
	assert_true(oct_pte_young(pte));
	assert_true(!(expected[i].prot & OCT_WRITE) || oct_pte_dirty(pte));
}

/* The tables say what the array says; with nothing under way no TLB says more. */
static void check_all(bool complete)
{
	for (unsigned i = 0; i < PAGES; i++) {
		check_entry(oct_table_query(&space, address(i)), i);
		for (unsigned cpu = 0; cpu < CPUS && complete; cpu++) {
			oct_pte_t held = host_tlb_cached(cpu, address(i));

			if (held == 0)
				continue;
			assert_true(expected[i].mapped);
			assert_int_equal(oct_pte_phys(held), expected[i].page);
			assert_int_equal(oct_pte_prot(held) & ~expected[i].prot, 0);
		}
	}
}

/* The cursor goes through what is mapped, each leaf once. */
static void check_cursor(void)
{
	struct oct_cursor cursor;
	unsigned i = 0;

	assert_int_equal(oct_cursor_init(&cursor, &space, address(0), address(PAGES)), 0);
	while (oct_cursor_next(&cursor)) {
		uintptr_t end = cursor.va + oct_level_bytes(cursor.level);

		for (; i < PAGES && address(i) < cursor.va; i++)
			assert_false(expected[i].mapped);
		for (; i < PAGES && address(i) < end; i++)
			check_entry(oct_pte_single(cursor.pte, cursor.level, address(i)), i);
	}
	for (; i < PAGES; i++)
		assert_false(expected[i].mapped);
}

static unsigned random_prot(void)
{
	unsigned prot = (unsigned)rand() & OCT_PROT_MASK;

	return prot != 0 ? prot | OCT_READ : 0;
}

static void random_map(unsigned first, unsigned count)
{
	oct_phys_t frame = FRAMES + (oct_phys_t)(first + (unsigned)(rand() % 3) * 2048) * OCT_PAGE_SIZE;
	unsigned prot = random_prot();
	int want = 0;

	frame += rand() % 4 == 0 ? OCT_PAGE_SIZE : 0; /* aligned as the addresses are, or not */
	for (unsigned i = first; i < first + count; i++)
		if (expected[i].mapped)
			want = -OCT_EEXIST;
	assert_int_equal(map(first, frame, count, prot | OCT_LARGE | OCT_CONT), want);
	for (unsigned i = first; want == 0 && i < first + count; i++)
		expected[i] = (struct expected){true, prot, frame + (i - first) * OCT_PAGE_SIZE};
}

static void random_step(void)
{
	unsigned first = (unsigned)rand() % PAGES, count = 1 + (unsigned)rand() % (rand() % 3 ? 40 : PAGES);
	unsigned prot = random_prot();

	if (rand() % 2)
		first &= rand() % 2 ? ~15u : ~511u;
	if (count > PAGES - first)
		count = PAGES - first;
	if (rand() % 3 == 0 && first % 512 == 0)
		count = 512;
	switch (rand() % 8) {
	case 0:
	case 1:
	case 2:
		random_map(first, count);
		break;
	case 3:
		assert_int_equal(
		    oct_table_unmap(&space, address(first), address(first + count), false, &ticket), 0);
		memset(expected + first, 0, count * sizeof expected[0]);
		break;
	case 4:
		assert_int_equal(
		    oct_table_protect(&space, address(first), address(first + count), prot, &ticket), 0);
		for (unsigned i = first; i < first + count; i++)
			expected[i].prot = prot;
		break;
	case 5: /* room for a large leaf, which needs that no table is there */
		first &= ~511u;
		assert_int_equal(
		    oct_table_unmap(&space, address(first), address(first + 512), false, &ticket), 0);
		assert_int_equal(oct_table_trim(&space, address(first), address(first + 512), &ticket), 0);
		memset(expected + first, 0, 512 * sizeof expected[0]);
		random_map(first, 512);
		break;
	case 6:
		assert_int_equal(oct_table_split(&space, address(first), &ticket), 0);
		break;
	default:
		(void)!oct_table_merge(&space, address(first), 1, &ticket);
		assert_int_equal(oct_table_trim(&space, address(0), address(PAGES), &ticket), 0);
	}
}

static void random_sequences(void **state)
{
	unsigned large = 0, blocks = 0;

	(void)state;
	start();
	srand(11);
	memset(expected, 0, sizeof expected);
	for (unsigned step = 0; step < STEPS; step++) {
		bool complete = rand() % 3 == 0;

		random_step();
		for (unsigned i = 0; i < 20; i++)
			(void)host_tlb_touch((unsigned)rand() % CPUS, address((unsigned)rand() % PAGES));
		if (complete)
			oct_ticket_complete(&ticket);
		if (step % 24 == 0)
			check_all(complete);
		if (step % 64 == 0)
			check_cursor();
		for (unsigned i = 0; i < PAGES; i += 512) {
			oct_pte_t pte;

			if (!expected[i].mapped)
				continue;
			large += leaf_of(i, &pte) == 1;
			blocks += leaf_of(i, &pte) == 0 && oct_pte_cont(pte);
		}
	}
	assert_true(large > STEPS / 30);
	assert_true(!OCT_FORMAT_CONT || blocks > STEPS / 100);
	assert_int_equal(oct_table_unmap(&space, address(0), address(PAGES), false, &ticket), 0);
	assert_int_equal(oct_table_trim(&space, 0, space.last + 1, &ticket), 0);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_pages(), 4); /* the idle root and the space's: tables and deposits have gone */
	finish();
}

/* ---- Large leaves ------------------------------------------------------------------------------ */
static void one_leaf_one_address(void **state)
{
	(void)state;
	start();
	assert_int_equal(map(0, FRAMES, 1024, OCT_READ | OCT_WRITE | OCT_LARGE), 0);
	assert_int_equal(leaf_of(0, NULL), 1);
	assert_int_equal(leaf_of(1023, NULL), 1);
	assert_int_equal(oct_pte_phys(host_tlb_touch(0, address(700))), FRAMES + 700 * OCT_PAGE_SIZE);
	host_mmu.pages = host_mmu.asids = 0;
	assert_int_equal(oct_table_protect(&space, address(0), address(1024), OCT_READ, &ticket), 0);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_mmu.asids, 0);
	assert_in_range(host_mmu.pages, 2, 2 * CPUS); /* one for each leaf, on each CPU that is asked */
	assert_int_equal(host_tlb_cached(0, address(700)), 0);
	assert_int_equal(leaf_of(600, NULL), 1);
	finish();
}

static void largest_leaf(void **state)
{
	const size_t all = (size_t)1 << (2 * OCT_TABLE_SHIFT);
	unsigned pages;

	(void)state;
	start();
	assert_int_equal(map(0, FRAMES, all, OCT_READ | OCT_LARGE), 0);
	assert_int_equal(leaf_of(511, NULL), 2);
	pages = host_pages();
	(void)host_tlb_touch(0, address(5000));
	/* One page out of it: tables on the way come from the deposit, the rest stays as large as it can. */
	host_fail_allocation(1);
	assert_int_equal(oct_table_unmap(&space, address(5000), address(5001), false, &ticket), 0);
	host_fail_allocation(0);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_pages(), pages);
	assert_int_equal(host_tlb_cached(0, address(5000)), 0);
	assert_int_equal(oct_table_query(&space, address(5000)), 0);
	assert_int_equal(leaf_of(4999, NULL), 0);
	assert_int_equal(leaf_of(0, NULL), 1);
	assert_int_equal(oct_pte_phys(oct_table_query(&space, address(5001))), FRAMES + 5001 * OCT_PAGE_SIZE);
	assert_int_equal(oct_table_merge(&space, address(5000), 1, &ticket), -OCT_ENOENT);
	assert_int_equal(map(5000, FRAMES + 5000 * OCT_PAGE_SIZE, 1, OCT_READ), 0);
	assert_int_equal(oct_table_merge(&space, address(0), 2, &ticket), -OCT_ENOENT);
	assert_int_equal(oct_table_merge(&space, address(5000), 1, &ticket), 0);
	assert_int_equal(oct_table_merge(&space, address(0), 2, &ticket), 0);
	assert_int_equal(leaf_of(5000, NULL), 2);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_pages(), pages);
	assert_int_equal(oct_table_unmap(&space, address(0), address((unsigned)all), false, &ticket), 0);
	finish();
}

/* What hardware recorded in the leaf is in all that it is split into, and comes back when they are merged. */
static void state_is_kept(void **state)
{
	oct_pte_t *entry, pte;

	(void)state;
	start();
	assert_int_equal(map(0, FRAMES, 512, OCT_READ | OCT_WRITE | OCT_LARGE), 0);
	entry = oct_table_find(&space, address(0), 1);
	*entry = oct_pte_mkold(oct_pte_mkclean(*entry));
	assert_int_equal(oct_table_split(&space, address(17), &ticket), 0);
	for (unsigned i = 0; i < 512; i++) {
		assert_int_equal(leaf_of(i, &pte), 0);
		assert_true(!oct_pte_young(pte) && !oct_pte_dirty(pte) && oct_pte_write(pte));
	}
	entry = oct_table_find(&space, address(300), 0);
	*entry = oct_pte_mkyoung(oct_pte_mkdirty(*entry));
	assert_int_equal(oct_table_merge(&space, address(9), 1, &ticket), 0);
	assert_int_equal(leaf_of(0, &pte), 1);
	assert_true(oct_pte_young(pte) && oct_pte_dirty(pte) && oct_pte_write(pte));
	oct_ticket_complete(&ticket);
	/* Entries that differ do not merge, and nothing is lost. */
	assert_int_equal(oct_table_protect(&space, address(5), address(6), OCT_READ, &ticket), 0);
	assert_int_equal(oct_table_merge(&space, address(0), 1, &ticket), -OCT_ENOENT);
	assert_int_equal(oct_table_merge(&space, address(0), 0, &ticket), -OCT_EINVAL);
	assert_int_equal(oct_table_merge(&space, address(0), OCT_LEAF_MAX + 1, &ticket), -OCT_EINVAL);
	assert_int_equal(oct_table_split(&space, address(0) + 1, &ticket), -OCT_EINVAL);
	oct_ticket_complete(&ticket);
	finish();
}

/* The pages of a leaf are given back as they were given: together. */
static void pages_go_together(void **state)
{
	oct_phys_t page;
	unsigned pages;

	(void)state;
	start();
	pages = host_pages();
	page = oct_port_page_alloc(OCT_TABLE_SHIFT, OCT_USE_USER);
	assert_int_equal(map(0, page, 512, OCT_READ | OCT_LARGE), 0);
	assert_int_equal(leaf_of(0, NULL), 1);
	assert_int_equal(oct_table_unmap(&space, address(0), address(512), true, &ticket), 0);
	assert_true(host_page_is_out(page));
	oct_ticket_complete(&ticket);
	assert_false(host_page_is_out(page));
	assert_int_equal(oct_table_trim(&space, 0, space.last + 1, &ticket), 0);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_pages(), pages);
	finish();
}

static void no_table_in_a_leaf(void **state)
{
	(void)state;
	start();
	assert_int_equal(map(0, FRAMES, 512, OCT_READ | OCT_LARGE), 0);
	assert_int_equal(oct_table_prepare(&space, address(7), address(9)), -OCT_EEXIST);
	assert_int_equal(map(7, FRAMES, 1, OCT_READ), -OCT_EEXIST);
	assert_int_equal(leaf_of(7, NULL), 1);
	finish();
}

/* Whatever allocation fails: nothing is mapped, nothing is lost, and the next call succeeds. */
static void allocation_sweep(void **state)
{
	unsigned n = 1;
	int error;

	(void)state;
	do {
		start();
		host_fail_allocation(n++);
		error = map(500, FRAMES + 500 * OCT_PAGE_SIZE, 1000, OCT_READ | OCT_LARGE | OCT_CONT);
		host_fail_allocation(0);
		for (unsigned i = 500; i < 1500; i++)
			assert_int_equal(oct_pte_present(oct_table_query(&space, address(i))), error == 0);
		assert_true(error == 0 || error == -OCT_ENOMEM);
		if (error != 0)
			assert_int_equal(map(500, FRAMES + 500 * OCT_PAGE_SIZE, 1000, OCT_READ | OCT_LARGE),
			                 0);
		/* A merge asks for one table. */
		assert_int_equal(oct_table_split(&space, address(600), &ticket), 0);
		host_fail_allocation(1);
		assert_int_equal(oct_table_merge(&space, address(512), 1, &ticket), -OCT_ENOMEM);
		host_fail_allocation(0);
		assert_int_equal(leaf_of(600, NULL), 0);
		assert_int_equal(oct_table_merge(&space, address(512), 1, &ticket), 0);
		assert_int_equal(oct_table_unmap(&space, address(500), address(1500), false, &ticket), 0);
		finish();
	} while (error != 0);
	assert_true(n > 5);
}

/* The kernel's space puts nothing by: a split that finds no memory changes nothing. */
static void kernel_leaves(void **state)
{
	uintptr_t base = ~(oct_level_bytes(2) * 2 - 1), end = base + oct_level_bytes(1);
	struct oct_ticket kernel_ticket;
	struct oct_space kernel;
	oct_pte_t pte;

	(void)state;
	host_reset();
	assert_int_equal(oct_system_init(&machine, CPUS), 0);
	host_system = &machine;
	assert_int_equal(oct_kernel_space_init(&kernel, &machine, base, ~(uintptr_t)0), 0);
	oct_ticket_init(&kernel_ticket, &kernel);
	assert_int_equal(oct_table_map(&kernel, base, FRAMES, 512,
	                               OCT_READ | OCT_WRITE | OCT_KERNEL | OCT_LARGE, OCT_NORMAL),
	                 0);
	pte = oct_table_query(&kernel, base);
	assert_true(oct_pte_global(pte) && !oct_pte_user(pte) == (oct_pte_prot(pte) >= OCT_KERNEL));
	host_fail_allocation(1);
	assert_int_equal(oct_table_unmap(&kernel, base, base + OCT_PAGE_SIZE, false, &kernel_ticket),
	                 -OCT_ENOMEM);
	host_fail_allocation(1);
	assert_int_equal(
	    oct_table_protect(&kernel, base + OCT_PAGE_SIZE, end, OCT_READ | OCT_KERNEL, &kernel_ticket),
	    -OCT_ENOMEM);
	host_fail_allocation(0);
	assert_true(oct_table_query(&kernel, base) == pte);
	assert_int_equal(
	    oct_table_protect(&kernel, base, base + OCT_PAGE_SIZE, OCT_READ | OCT_KERNEL, &kernel_ticket), 0);
	oct_ticket_complete(&kernel_ticket);
	assert_false(oct_pte_write(oct_table_query(&kernel, base)));
	assert_true(oct_pte_write(oct_table_query(&kernel, base + OCT_PAGE_SIZE)));
	assert_int_equal(oct_table_unmap(&kernel, base, end, false, &kernel_ticket), 0);
	oct_ticket_complete(&kernel_ticket);
	oct_space_exit(&kernel);
	oct_system_exit(&machine);
	assert_int_equal(host_pages(), 0);
}

#if OCT_FORMAT_CONT
/* ---- Contiguous blocks ------------------------------------------------------------------------- */
static bool in_block(unsigned page)
{
	oct_pte_t pte;

	assert_int_equal(leaf_of(page, &pte), 0);
	return oct_pte_cont(pte);
}

static oct_pte_t old_of(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_mkold(pte);
}

/* 8..63: only 16..63 are whole blocks. */
static void blocks_are_aligned(void **state)
{
	(void)state;
	start();
	assert_int_equal(map(8, FRAMES + 8 * OCT_PAGE_SIZE, 60, OCT_READ | OCT_CONT), 0);
	for (unsigned i = 8; i < 68; i++)
		assert_int_equal(in_block(i), i >= 16 && i < 64);
	assert_int_equal(map(128, FRAMES + OCT_PAGE_SIZE, 32, OCT_READ | OCT_CONT), 0);
	assert_int_equal(map(256, FRAMES, 32, OCT_READ | OCT_LARGE), 0);
	assert_false(in_block(128) || in_block(144) || in_block(256));
	finish();
}

/* R9: a change of one page is a change of the block, on every TLB. */
static void part_of_a_block(void **state)
{
	struct oct_pte_guard guard;
	oct_pte_t old, *entry;

	(void)state;
	start();
	assert_int_equal(map(0, FRAMES, 64, OCT_READ | OCT_WRITE | OCT_CONT), 0);
	entry = oct_table_find(&space, address(0), 0);
	for (unsigned i = 0; i < 16; i++)
		entry[i] = oct_pte_mkclean(entry[i]);
	entry[7] = oct_pte_mkdirty(entry[7]); /* hardware sets it in any entry of the block */
	(void)host_tlb_touch(CPUS - 1, address(3));
	assert_int_not_equal(host_tlb_cached(CPUS - 1, address(9)), 0);
	assert_int_equal(oct_table_protect(&space, address(5), address(6), OCT_READ, &ticket), 0);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_tlb_cached(CPUS - 1, address(9)), 0);
	for (unsigned i = 0; i < 16; i++) {
		oct_pte_t pte = oct_table_query(&space, address(i));

		assert_false(in_block(i));
		assert_int_equal(oct_pte_phys(pte), FRAMES + i * OCT_PAGE_SIZE);
		assert_int_equal(oct_pte_write(pte), i != 5);
		assert_true(oct_pte_dirty(pte));
	}
	/* A clear, through the calls that one entry is changed by. */
	(void)host_tlb_touch(0, address(20));
	oct_pte_lock_at(&space, address(18), &guard);
	assert_int_equal(oct_entry_change(&ticket, &guard, guard.pte, guard.va, 0, &old), OCT_FLUSH_AFTER);
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_tlb_cached(0, address(20)), 0);
	assert_false(in_block(17));
	assert_int_equal(oct_table_query(&space, address(18)), 0);
	/* And an update that takes nothing away. */
	oct_pte_lock_at(&space, address(33), &guard);
	assert_int_equal(oct_entry_update(&ticket, &guard, guard.pte, guard.va, old_of, 0, &old),
	                 OCT_FLUSH_NONE);
	oct_pte_guard_unlock(&ticket, &guard);
	assert_false(in_block(33) || in_block(47));
	assert_true(in_block(48));
	finish();
}

static void whole_blocks(void **state)
{
	oct_pte_t *entry;

	(void)state;
	start();
	assert_int_equal(map(0, FRAMES, 64, OCT_READ | OCT_WRITE | OCT_CONT), 0);
	entry = oct_table_find(&space, address(0), 0);
	for (unsigned i = 0; i < 16; i++)
		entry[i] = oct_pte_mkclean(entry[i]);
	entry[11] = oct_pte_mkdirty(entry[11]);
	(void)host_tlb_touch(CPUS - 1, address(3));
	assert_int_equal(oct_table_protect(&space, address(0), address(40), OCT_READ, &ticket), 0);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_tlb_cached(CPUS - 1, address(3)), 0);
	assert_true(in_block(0) && in_block(31) && in_block(48));
	assert_false(in_block(32) || in_block(47));
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(oct_pte_write(oct_table_query(&space, address(i))), i >= 40);
		assert_true(oct_pte_dirty(oct_table_query(&space, address(i))));
	}
	(void)host_tlb_touch(CPUS - 1, address(3));
	assert_int_equal(oct_table_unmap(&space, address(0), address(16), false, &ticket), 0);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_tlb_cached(CPUS - 1, address(3)), 0);
	assert_true(in_block(16) && oct_table_query(&space, address(15)) == 0);
	finish();
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sequences),
		cmocka_unit_test(one_leaf_one_address),
		cmocka_unit_test(largest_leaf),
		cmocka_unit_test(state_is_kept),
		cmocka_unit_test(pages_go_together),
		cmocka_unit_test(no_table_in_a_leaf),
		cmocka_unit_test(allocation_sweep),
		cmocka_unit_test(kernel_leaves),
#if OCT_FORMAT_CONT
		cmocka_unit_test(blocks_are_aligned),
		cmocka_unit_test(part_of_a_block),
		cmocka_unit_test(whole_blocks),
#endif
	};

	return cmocka_run_group_tests_name("large leaves " OCT_FORMAT_NAME, tests, NULL, NULL);
}
