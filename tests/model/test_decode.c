/* test_decode.c: what the model's walker reads in the entries that the core makes.
 * SPDX-License-Identifier: MIT
 *
 * decode.c is written from the manuals and knows nothing of format.h: here each is held against the
 * other, for the format that this is compiled for. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <octavo/pte.h>
#include "world.h"
#include <cmocka.h>

enum { STEPS = 20000 };
#ifdef OCT_ARCH_ARM64 /* the widest address that the format has */
static const oct_phys_t PAGE = 0xfff123456000;
#elif defined(OCT_ARCH_X86_64)
static const oct_phys_t PAGE = 0xffff123456000;
#else
static const oct_phys_t PAGE = 0xfffff123456000;
#endif
static const oct_phys_t OTHER = 0x40001000;
static const unsigned prots[] = {
    OCT_NONE, OCT_READ, OCT_READ | OCT_WRITE, OCT_READ | OCT_EXEC, OCT_READ | OCT_WRITE | OCT_EXEC,
    OCT_WRITE};
enum { PROTS = sizeof(prots) / sizeof(prots[0]) };

static uint64_t random_state;

static unsigned draw(unsigned n)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(random_state >> 33) % n;
}

/* One thing that the core does to an entry. */
static oct_pte_t change(oct_pte_t pte)
{
	switch (draw(12)) {
	case 0:
		return oct_pte_mkyoung(pte);
	case 1:
		return oct_pte_mkold(pte);
	case 2:
		return oct_pte_mkdirty(pte);
	case 3:
		return oct_pte_mkclean(pte);
	case 4:
		return oct_pte_mkwrite(pte);
	case 5:
		return oct_pte_wrprotect(pte);
	case 6:
		return oct_pte_mk_soft_dirty(pte);
	case 7:
		return oct_pte_clear_soft_dirty(pte);
	case 8:
		return oct_pte_mk_uffd_wp(pte);
	case 9:
		return oct_pte_clear_uffd_wp(pte);
	case 10:
		return oct_pte_modify(pte, prots[draw(PROTS)]);
	default:
		return oct_pte_make(PAGE, prots[draw(PROTS)], (enum oct_memory_type)draw(4));
	}
}

static void agrees(oct_pte_t pte)
{
	struct entry e = decode(pte, 0);

	assert_true(e.present);
	assert_false(e.table);
	assert_true(e.phys == oct_pte_phys(pte));
	assert_int_equal(e.user, oct_pte_user(pte));
	assert_int_equal(e.global, oct_pte_global(pte));
	assert_int_equal(e.writable, oct_pte_write(pte));
	assert_int_equal(e.young, oct_pte_young(pte));
	if (e.writable)
		assert_int_equal(e.dirty, oct_pte_dirty(pte));
}

/* Whatever the core does one after the other. */
static void present_entries(void **state)
{
	oct_pte_t pte = oct_pte_make(PAGE, OCT_READ, OCT_NORMAL);

	(void)state;
	random_state = 1;
	for (unsigned i = 0; i < STEPS; i++) {
		agrees(pte);
		pte = change(pte);
	}
}

static void of_the_kernel(void **state)
{
	oct_pte_t pte = oct_pte_make(PAGE, OCT_READ | OCT_WRITE | OCT_KERNEL, OCT_NORMAL);

	(void)state;
	agrees(pte);
	assert_true(decode_global(pte, 0));
	assert_false(decode_global(oct_pte_make(PAGE, OCT_READ, OCT_NORMAL), 0));
	assert_false(decode_global(oct_pte_make_table(PAGE, 1, true), 1));
}

static void tables(void **state)
{
	(void)state;
	for (unsigned level = 1; level < OCT_LEVELS; level++) {
		struct entry e = decode(oct_pte_make_table(PAGE, level, false), level);

		assert_true(e.present);
		assert_true(e.table);
		assert_true(e.phys == PAGE);
	}
}

/* Leaves of upper levels, each memory type: a bit of the type must not pass for one of the address. */
static void large_leaves(void **state)
{
	const oct_phys_t page = 0x40000000; /* aligned to every size */

	(void)state;
	for (unsigned level = 1; level <= OCT_LEAF_MAX; level++)
		for (unsigned type = 0; type < 4; type++) {
			oct_pte_t pte = oct_pte_make_leaf(page, level, OCT_READ, (enum oct_memory_type)type);
			uintptr_t va = 3 * oct_level_bytes(level) + 5 * OCT_PAGE_SIZE;
			struct entry e = decode(pte, level);

			assert_true(e.present && !e.table && !e.cont);
			assert_true(decode_large(pte, level));
			assert_false(decode_large(pte, 0));
			assert_true(decode_page(&e, level, va, va) == page + 5 * OCT_PAGE_SIZE);
			assert_true(decode_page(&e, level, va, va) == oct_pte_frame(pte, level, va));
		}
	assert_false(decode_large(oct_pte_make_table(page, 1, false), 1));
}

/* One entry of a contiguous block, used for the address of another. */
static void blocks(void **state)
{
	const oct_phys_t page = 0x40000000;
	const uintptr_t va = 0x40000;

	(void)state;
	for (unsigned i = 0; i < OCT_CONT_ENTRIES; i++) {
		oct_pte_t plain =
		    oct_pte_mkyoung(oct_pte_make(page + i * OCT_PAGE_SIZE, OCT_READ | OCT_WRITE, OCT_NORMAL));
		oct_pte_t pte = oct_pte_mk_cont(plain);
		struct entry e = decode(pte, 0);

		assert_true(e.present);
		assert_int_equal(e.cont, oct_pte_cont(pte));
		assert_int_equal(decode_shares(pte), oct_pte_cont(pte));
		assert_false(decode_shares(plain));
		assert_false(decode_shares(oct_pte_broken()));
		for (unsigned k = 0; k < OCT_CONT_ENTRIES; k++)
			assert_true(decode_page(&e, 0, va + i * OCT_PAGE_SIZE, va + k * OCT_PAGE_SIZE) ==
			            page + k * OCT_PAGE_SIZE);
	}
}

static void soft_entries(void **state)
{
	(void)state;
	random_state = 2;
	for (unsigned level = 0; level < OCT_LEVELS; level++) {
		assert_false(decode(0, level).present);
		assert_false(decode(oct_pte_broken(), level).present);
		for (unsigned kind = 1; kind <= OCT_SOFT_KIND_MAX; kind++)
			for (unsigned i = 0; i < 100; i++) {
				uint64_t value = (uint64_t)draw(1 << 18) << 18 | draw(1 << 18);

				assert_false(decode(oct_pte_mksoft(kind, value), level).present);
			}
	}
}

/* The core reads as young, and after a store as dirty, what hardware has updated; and nothing else. */
static void updates(void **state)
{
	oct_pte_t pte = oct_pte_make(PAGE, OCT_READ, OCT_NORMAL);

	(void)state;
	random_state = 3;
	for (unsigned i = 0; i < STEPS; i++, pte = change(pte)) {
		bool store = draw(2);
		oct_pte_t now = decode_walker_update(pte, pte, store);

		if (!oct_pte_user(pte) || (store && !oct_pte_write(pte))) {
			if (store && !oct_pte_write(pte))
				assert_true(now == pte);
			continue;
		}
		assert_true(oct_pte_young(now));
		assert_int_equal(oct_pte_dirty(now), oct_pte_dirty(pte) || store);
		assert_int_equal(oct_pte_write(now), oct_pte_write(pte));
		assert_int_equal(oct_pte_uffd_wp(now), oct_pte_uffd_wp(pte));
		assert_int_equal(oct_pte_soft_dirty(now), oct_pte_soft_dirty(pte));
		assert_int_equal(oct_pte_prot(now), oct_pte_prot(pte));
		assert_int_equal(oct_pte_type(now), oct_pte_type(pte));
		assert_true(oct_pte_phys(now) == oct_pte_phys(pte));
		assert_true(decode_walker_update(now, pte, store) == now);
	}
}

/* What software stored meanwhile stays. */
static void updates_of_something_else(void **state)
{
	oct_pte_t walked = oct_pte_make(PAGE, OCT_READ | OCT_WRITE, OCT_NORMAL);
	oct_pte_t found[] = {0, oct_pte_broken(), oct_pte_mksoft(OCT_SOFT_MARKER, PAGE >> 12),
	                     oct_pte_wrprotect(walked),
	                     oct_pte_make(OTHER, OCT_READ | OCT_WRITE, OCT_NORMAL)};

	(void)state;
	for (unsigned i = 0; i < sizeof(found) / sizeof(found[0]); i++)
		assert_true(decode_walker_update(found[i], walked, true) == found[i]);
}

static void cacheable(void **state)
{
	oct_pte_t old = oct_pte_make(PAGE, OCT_READ, OCT_NORMAL), young = oct_pte_mkyoung(old);
	oct_pte_t nothing[] = {0, oct_pte_broken()};

	(void)state;
	assert_true(decode_cacheable(young, 0, 0));
	assert_true(decode_cacheable(old, 0, 0)); /* the walker makes it young */
	assert_true(decode_cacheable(oct_pte_make_table(PAGE, 1, false), 1, 0));
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(decode_cacheable(nothing[i], 0, 0), OCT_FORMAT_CACHES_INVALID);
	world.knobs.sw_ad = true;
	assert_true(decode_cacheable(young, 0, 0));
	assert_int_equal(decode_cacheable(old, 0, 0), OCT_FORMAT_CACHES_INVALID);
	world.knobs.sw_ad = false;
	assert_int_equal(decode_cacheable(old, 0, 1), OCT_FORMAT_CACHES_INVALID);
	assert_true(decode_cacheable(old, 0, 0));
}

/* CPU 0 sets accessed and dirty, CPU 1 does not. */
static const struct oc_scenario walkers = {.actors = {OC_CPU(NULL), OC_CPU(NULL, OC_NO_AD)}};

static int choose_format(void **state)
{
	(void)state;
	world.scenario = &walkers;
#ifdef OCT_ARCH_X86_64
	world.x86 = true;
#elif defined(OCT_ARCH_RISCV64)
	world.riscv = true;
#endif
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(present_entries),
	    cmocka_unit_test(of_the_kernel),
	    cmocka_unit_test(tables),
	    cmocka_unit_test(soft_entries),
	    cmocka_unit_test(updates),
	    cmocka_unit_test(large_leaves),
	    cmocka_unit_test(blocks),
	    cmocka_unit_test(cacheable),
	    cmocka_unit_test(updates_of_something_else),
	};

	return cmocka_run_group_tests(tests, choose_format, NULL);
}
