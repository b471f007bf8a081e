/* test_arch.c: entries as values, for the format it is compiled for. SPDX-License-Identifier: MIT */
#include "host_port.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { STATES = 1 << 7 };
static const oct_phys_t PAGE = 0x40001000;

/* Every combination of rights and state that software can make. */
static oct_pte_t make(unsigned bits)
{
	unsigned prot = OCT_READ | (bits & 1 ? OCT_WRITE : 0) | (bits & 2 ? OCT_EXEC : 0);
	oct_pte_t pte = oct_pte_make(PAGE, prot, OCT_NORMAL);

	if (bits & 4)
		pte = oct_pte_mkyoung(pte);
	if (bits & 8)
		pte = oct_pte_mkdirty(pte);
	if (bits & 16)
		pte = oct_pte_mk_soft_dirty(pte);
	if (bits & 32)
		pte = oct_pte_wrprotect(pte);
	if (bits & 64)
		pte = oct_pte_mk_uffd_wp(pte);
	return pte;
}

struct view {
	bool present, write, user, exec, young, dirty, soft_dirty, uffd_wp;
	oct_phys_t page;
};

static struct view view(oct_pte_t pte)
{
	return (struct view){oct_pte_present(pte),    oct_pte_write(pte),   oct_pte_user(pte),
	                     oct_pte_exec(pte),       oct_pte_young(pte),   oct_pte_dirty(pte),
	                     oct_pte_soft_dirty(pte), oct_pte_uffd_wp(pte), oct_pte_phys(pte)};
}

static void same(struct view a, struct view b)
{
	assert_int_equal(a.present, b.present);
	assert_int_equal(a.write, b.write);
	assert_int_equal(a.user, b.user);
	assert_int_equal(a.exec, b.exec);
	assert_int_equal(a.young, b.young);
	assert_int_equal(a.dirty, b.dirty);
	assert_int_equal(a.soft_dirty, b.soft_dirty);
	assert_int_equal(a.uffd_wp, b.uffd_wp);
	assert_int_equal(a.page, b.page);
}

/* Each function changes what its name says and nothing else, from every state. */
static void pure_functions(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < STATES; bits++) {
		oct_pte_t pte = make(bits);
		struct view want = view(pte);

#define CHECK(function, change)                                                                              \
	do {                                                                                                 \
		want = view(pte);                                                                            \
		change;                                                                                      \
		same(view(function(pte)), want);                                                             \
	} while (0)
		CHECK(oct_pte_wrprotect, want.write = false); /* races 45: dirty stays */
		CHECK(oct_pte_mkwrite, want.write = true);
		CHECK(oct_pte_mkclean, want.dirty = false);
		CHECK(oct_pte_mkdirty, want.dirty = true);
		CHECK(oct_pte_mkold, want.young = false);
		CHECK(oct_pte_mkyoung, want.young = true);
		CHECK(oct_pte_mk_soft_dirty, want.soft_dirty = true);
		CHECK(oct_pte_clear_soft_dirty, want.soft_dirty = false);
		CHECK(oct_pte_mk_uffd_wp, want.uffd_wp = true; want.write = false);
		CHECK(oct_pte_clear_uffd_wp, want.uffd_wp = false);
#undef CHECK
	}
}

static void modify_keeps_state(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < STATES; bits++) {
		for (unsigned prot = 0; prot <= OCT_PROT_MASK; prot++) {
			oct_pte_t pte = make(bits), now = oct_pte_modify(pte, prot);
			struct view want = view(pte);

			want.user = prot != 0;
			want.exec = (prot & OCT_EXEC) != 0;
			want.write = (prot & OCT_WRITE) != 0 && !want.uffd_wp;
			same(view(now), want);
		}
	}
}

static void make_and_read_back(void **state)
{
	static const enum oct_memory_type types[] = {OCT_NORMAL, OCT_UNCACHED, OCT_WRITE_COMBINING,
	                                             OCT_DEVICE};

	(void)state;
	for (unsigned prot = 0; prot <= (OCT_PROT_MASK | OCT_KERNEL); prot++) {
		for (unsigned t = 0; t < 4; t++) {
			oct_pte_t pte = oct_pte_make(PAGE, prot, types[t]);
			enum oct_memory_type type = types[t];
			unsigned want = prot;

#ifdef OCT_ARCH_RISCV64
			if (type == OCT_UNCACHED)
				type = OCT_DEVICE; /* one there */
#endif
			if (prot != 0)
				want |= OCT_READ;
			assert_true(oct_pte_present(pte));
			assert_false(oct_pte_young(pte));
			assert_false(oct_pte_dirty(pte));
			assert_int_equal(oct_pte_type(pte), type);
			assert_int_equal(oct_pte_phys(pte), PAGE);
			assert_int_equal(oct_pte_prot(pte), want);
			assert_int_equal(oct_pte_global(pte), (prot & OCT_KERNEL) != 0);
			assert_false(oct_pte_none(pte));
			assert_int_equal(oct_pte_soft_kind(pte), 0);
		}
	}
}

static void tables(void **state)
{
	(void)state;
	for (unsigned level = 1; level < OCT_LEVELS; level++) {
		oct_pte_t link = oct_pte_make_table(PAGE, level, false);

		assert_true(oct_pte_present(link));
		assert_true(oct_pte_is_table(link, level));
		assert_int_equal(oct_pte_phys(link), PAGE);
	}
	assert_false(oct_pte_is_table(make(0), 0));
}

static void soft_entries(void **state)
{
	const uint64_t most = ((uint64_t)1 << 36) - 1;

	(void)state;
	assert_true(oct_pte_none(0));
	assert_false(oct_pte_none(oct_pte_broken()));
	assert_false(oct_pte_present(oct_pte_broken()));
	assert_int_equal(oct_pte_soft_kind(oct_pte_broken()), OCT_SOFT_BROKEN);
	for (unsigned kind = 1; kind <= OCT_SOFT_KIND_MAX; kind++) {
		oct_pte_t pte = oct_pte_mksoft(kind, most);

		assert_false(oct_pte_present(pte));
		assert_int_equal(oct_pte_soft_kind(pte), kind);
		assert_int_equal(oct_pte_soft_value(pte), most);
#ifdef OCT_ARCH_X86_64
		/* races 47: what hardware may still set is no information */
		pte |= OCT_X86_64_ACCESSED | OCT_X86_64_DIRTY;
		assert_int_equal(oct_pte_soft_kind(pte), kind);
		assert_int_equal(oct_pte_soft_value(pte), most);
#endif
	}
#ifdef OCT_ARCH_X86_64
	assert_true(oct_pte_none(OCT_X86_64_ACCESSED | OCT_X86_64_DIRTY));
#endif
}

static void judging(void **state)
{
	oct_pte_t dirty = oct_pte_mkyoung(make(1 | 4 | 8)), clean = make(1 | 4), read = make(4);
	oct_pte_t other = oct_pte_mkyoung(oct_pte_make(PAGE + OCT_PAGE_SIZE, OCT_READ, OCT_NORMAL));
	oct_pte_t link = oct_pte_make_table(PAGE, 1, false);

	(void)state;
	assert_int_equal(oct_entry_judge(0, dirty, 0), OCT_FLUSH_NONE);
	assert_int_equal(oct_entry_judge(oct_pte_broken(), dirty, 0), OCT_FLUSH_NONE);
	assert_int_equal(oct_entry_judge(dirty, 0, 0), OCT_FLUSH_AFTER);
	assert_int_equal(oct_entry_judge(dirty, oct_pte_broken(), 0), OCT_FLUSH_AFTER);
	assert_int_equal(oct_entry_judge(dirty, oct_pte_wrprotect(dirty), 0), OCT_FLUSH_AFTER);
	assert_int_equal(oct_entry_judge(dirty, oct_pte_mkclean(dirty), 0), OCT_FLUSH_AFTER);
	assert_int_equal(oct_entry_judge(clean, oct_pte_wrprotect(clean), 0), OCT_FLUSH_AFTER);
	assert_int_equal(oct_entry_judge(clean, dirty, 0), OCT_FLUSH_NONE);
	assert_int_equal(oct_entry_judge(read, oct_pte_mkwrite(read), 0), OCT_FLUSH_NONE);
	assert_int_equal(oct_entry_judge(read, oct_pte_mkold(read), 0), OCT_FLUSH_NONE);
	assert_int_equal(oct_entry_judge(read, oct_pte_mk_soft_dirty(read), 0), OCT_FLUSH_NONE);
	assert_int_equal(oct_entry_judge(read, oct_pte_modify(read, OCT_NONE), 0), OCT_FLUSH_AFTER);
	assert_int_equal(oct_entry_judge(read, other, 0), OCT_BREAK_FIRST);
	assert_int_equal(oct_entry_judge(read, oct_pte_mkyoung(oct_pte_make(PAGE, OCT_READ, OCT_DEVICE)), 0),
	                 OCT_BREAK_FIRST);
	assert_int_equal(oct_entry_judge(link, link, 1), OCT_FLUSH_NONE);
	assert_int_equal(oct_entry_judge(link, 0, 1), OCT_FLUSH_AFTER);
	assert_int_equal(oct_entry_judge(link, oct_pte_make_table(PAGE + OCT_PAGE_SIZE, 1, false), 1),
	                 OCT_BREAK_FIRST);
}

static void real_bits(void **state)
{
	(void)state;
#if defined(OCT_ARCH_X86_64)
	assert_int_equal(make(1 | 4 | 8), (0x40001000ull | 0x67) | 1ull << 63);
	assert_int_equal(oct_pte_make_table(PAGE, 1, false), 0x40001000ull | 0x27);
	assert_int_equal(oct_pte_make(PAGE, OCT_READ | OCT_WRITE | OCT_KERNEL, OCT_UNCACHED),
	                 (0x40001000ull | 0x11b) | 1ull << 63);
#elif defined(OCT_ARCH_ARM64)
	/* valid page user inner AF nG, DBM, no execution, software dirty */
	assert_int_equal(make(1 | 4 | 8),
	                 (0x40001000ull | 0xf43) | 1ull << 51 | 1ull << 53 | 1ull << 54 | 1ull << 55);
	assert_int_equal(make(1 | 4), (0x40001000ull | 0xfc3) | 1ull << 51 | 1ull << 53 | 1ull << 54);
	assert_int_equal(oct_pte_make_table(PAGE, 1, false), 0x40001000ull | 3);
	/* A store by hardware: AP[2] cleared under DBM. Losing the write right keeps it dirty. */
	assert_true(oct_pte_dirty(oct_pte_wrprotect(make(1 | 4) & ~(1ull << 7))));
#elif defined(OCT_ARCH_RISCV64)
	/* V R W U A D; a table entry has V and the page number only */
	assert_int_equal(make(1 | 4 | 8), (0x40001000ull >> 2) | 0xd7);
	assert_int_equal(make(2 | 4 | 16), (0x40001000ull >> 2) | 0x15b);
	assert_int_equal(make(64), (0x40001000ull >> 2) | 0x213);
	assert_int_equal(oct_pte_make_table(PAGE, 1, false), (0x40001000ull >> 2) | 1);
	assert_int_equal(oct_pte_make(PAGE, OCT_READ | OCT_WRITE | OCT_KERNEL, OCT_DEVICE),
	                 (0x40001000ull >> 2) | 0x27 | 2ull << 61);
	assert_int_equal(oct_pte_make(PAGE, OCT_READ | OCT_WRITE | OCT_KERNEL, OCT_WRITE_COMBINING),
	                 (0x40001000ull >> 2) | 0x27 | 1ull << 61);
	/* Without rights it is still no link to a table. */
	assert_int_equal(oct_pte_make(PAGE, OCT_NONE, OCT_NORMAL), (0x40001000ull >> 2) | 0x3);
	assert_false(oct_pte_is_table(oct_pte_make(PAGE, OCT_NONE, OCT_NORMAL), 1));
	assert_int_equal(oct_pte_phys(oct_pte_make(OCT_RISCV64_ADDRESS, OCT_READ, OCT_NORMAL)),
	                 OCT_RISCV64_ADDRESS);
#else
	expect_assert_failure(oct_pte_write(oct_pte_make_table(PAGE, 1, false)));
	expect_assert_failure(oct_pte_is_table(oct_pte_make_table(PAGE, 2, false), 1));
	expect_assert_failure(oct_pte_make_table(PAGE, 0, false));
#endif
}

#ifdef OCT_ARCH_RISCV64
/* A block of 64 KiB: every entry says the same, and leads to the block's first page. */
static void napot(void **state)
{
	const oct_phys_t block = 0x40010000;
	oct_pte_t whole = oct_riscv64_mk_napot(oct_pte_make(block, OCT_READ, OCT_NORMAL));

	(void)state;
	assert_int_equal(whole, (block >> 2) | 1ull << 63 | 8ull << 10 | 0x13);
	assert_false(oct_pte_cont(make(1 | 4 | 8)));
	for (unsigned i = 0; i < 1u << OCT_CONT_SHIFT; i++) {
		oct_pte_t one = oct_pte_make(block + i * OCT_PAGE_SIZE, OCT_READ, OCT_NORMAL);

		assert_int_equal(oct_riscv64_mk_napot(one), whole);
		assert_int_equal(oct_riscv64_clear_napot(whole, i), one);
		assert_int_equal(oct_entry_judge(one, whole, 0), OCT_BREAK_FIRST);
	}
	assert_true(oct_pte_cont(whole) && oct_pte_present(whole) && !oct_pte_is_table(whole, 0));
	assert_int_equal(oct_pte_phys(whole), block);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pure_functions),
	    cmocka_unit_test(modify_keeps_state),
	    cmocka_unit_test(make_and_read_back),
	    cmocka_unit_test(tables),
	    cmocka_unit_test(soft_entries),
	    cmocka_unit_test(judging),
	    cmocka_unit_test(real_bits),
#ifdef OCT_ARCH_RISCV64
	    cmocka_unit_test(napot),
#endif
	};

	return cmocka_run_group_tests_name("arch " OCT_FORMAT_NAME, tests, NULL, NULL);
}
