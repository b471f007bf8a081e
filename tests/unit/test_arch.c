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

/* ---- Leaves of every size ------------------------------------------------------------------------- */
static oct_pte_t with_state(oct_pte_t pte, unsigned bits)
{
	pte = bits & 4 ? oct_pte_mkyoung(pte) : pte;
	pte = bits & 8 ? oct_pte_mkdirty(pte) : pte;
	return bits & 16 ? oct_pte_mk_soft_dirty(pte) : pte;
}

/* One leaf of level: everything is read back, and it is the same after it was of another size. */
static void one_leaf(unsigned level, unsigned bits, enum oct_memory_type type)
{
	const oct_phys_t page = (oct_phys_t)5 << oct_level_shift(level);
	const uintptr_t va = (uintptr_t)3 << oct_level_shift(level);
	const uintptr_t inside = (oct_level_bytes(level) / 2) & OCT_PAGE_MASK;
	unsigned prot = OCT_READ | (bits & 1 ? OCT_WRITE : 0) | (bits & 2 ? OCT_EXEC : 0);
	oct_pte_t small = with_state(oct_pte_make(page, prot, type), bits);
	oct_pte_t pte = with_state(oct_pte_make_leaf(page, level, prot, type), bits), next;
	struct view want = view(small);

	assert_true(oct_pte_is_leaf(pte, level) && !oct_pte_is_table(pte, level));
	assert_int_equal(oct_pte_leaf_phys(pte, level), page);
	assert_int_equal(oct_pte_frame(pte, level, va), page);
	assert_int_equal(oct_pte_frame(pte, level, va + inside + 5), page + inside);
	assert_int_equal(oct_pte_type(pte), oct_pte_type(small));
	same(view(pte), want);
	assert_true(oct_pte_resize(pte, level, 0) == small);
	assert_true(oct_pte_resize(small, 0, level) == pte);
	assert_true(oct_pte_single(pte, level, va) == small);
	want.page += inside;
	same(view(oct_pte_single(pte, level, va + inside)), want);
	want.page -= inside;
	want.write = false;
	same(view(oct_pte_wrprotect(pte)), want);
	next = oct_pte_advance(pte, oct_level_bytes(level));
	assert_int_equal(oct_pte_leaf_phys(next, level), page + oct_level_bytes(level));
	assert_int_equal(oct_entry_judge(pte, next, level), OCT_BREAK_FIRST);
	assert_int_equal(oct_entry_judge(pte, oct_pte_mkold(pte), level), OCT_FLUSH_NONE);
	assert_int_equal(oct_entry_judge(pte, 0, level), OCT_FLUSH_AFTER);
	if (bits & 1)
		assert_int_equal(oct_entry_judge(pte, oct_pte_wrprotect(pte), level), OCT_FLUSH_AFTER);
	if (level > 0) {
		oct_pte_t link = oct_pte_make_table(PAGE, level, false);
		enum oct_flush size = OCT_BBM_LEVEL < 2 ? OCT_BREAK_FIRST : OCT_FLUSH_AFTER;

		assert_int_equal(oct_entry_judge(pte, link, level), size);
		assert_int_equal(oct_entry_judge(link, pte, level), size);
		assert_int_equal(oct_entry_judge(0, link, level), OCT_FLUSH_NONE);
	}
}

static void leaves(void **state)
{
	(void)state;
	for (unsigned level = 0; level <= OCT_FORMAT_LEAF_MAX; level++)
		for (unsigned bits = 0; bits < 32; bits++)
			for (unsigned type = OCT_NORMAL; type <= OCT_DEVICE; type++)
				one_leaf(level, bits, (enum oct_memory_type)type);
}

/* By the manuals: Intel SDM 3A tables 4-16 to 4-19; Arm ARM D8.3; RISC-V privileged 10.3, 10.4. */
static void real_leaves(void **state)
{
	(void)state;
#if defined(OCT_ARCH_X86_64)
	oct_pte_t rw = with_state(oct_pte_make_leaf(0x40000000, 1, OCT_READ | OCT_WRITE, OCT_NORMAL), 12);
	oct_pte_t pat = oct_pte_make(0x40000000, OCT_READ, OCT_NORMAL) | 1ull << 7; /* PAT, bit 7 */

	assert_int_equal(rw, 0x400000e7ull | 1ull << 63); /* PS, bit 7 */
	assert_int_equal(oct_pte_make_leaf(0xc0000000, 2, OCT_EXEC, OCT_UNCACHED), 0xc00000bdull - 0x20);
	assert_int_equal(oct_pte_resize(pat, 0, 1), (0x40000000ull | 0x1085) | 1ull << 63);
	assert_int_equal(oct_pte_leaf_phys(oct_pte_resize(pat, 0, 1), 1), 0x40000000);
	assert_int_equal(oct_pte_resize(oct_pte_resize(pat, 0, 2), 2, 1), oct_pte_resize(pat, 0, 1));
	assert_int_equal(oct_pte_resize(oct_pte_resize(pat, 0, 2), 2, 0), pat);
	assert_int_equal(OCT_FORMAT_USER_BITS, OCT_LEVELS == 5 ? 56 : 47);
	assert_int_equal(oct_table_index((uintptr_t)0x1ff << 48, 4), 0x1ff); /* PML5: bits 56..48 */
#elif defined(OCT_ARCH_ARM64)
	oct_pte_t clean = with_state(oct_pte_make_leaf(0x40000000, 1, OCT_READ | OCT_WRITE, OCT_NORMAL), 4);
	oct_pte_t page = oct_pte_make(0x40013000, OCT_READ, OCT_NORMAL);

	assert_int_equal(clean, (0x40000000ull | 0xfc1) | 1ull << 51 | 1ull << 53 | 1ull << 54);
	/* Hardware clears AP[2] of a block as of a page; without it the handler does. */
	assert_true(!oct_pte_dirty(clean) && oct_pte_dirty(clean & ~(1ull << 7)));
	assert_true(oct_pte_mkdirty(clean) == ((clean & ~(1ull << 7)) | 1ull << 55));
	assert_true((oct_pte_make_leaf(0x40000000, 2, OCT_READ, OCT_DEVICE) & 0x1f) == 0xd);
	assert_true(oct_pte_mk_cont(page) == (page | 1ull << 52));
	assert_true(oct_pte_cont(oct_pte_mk_cont(page)) && !oct_pte_cont(page));
#elif defined(OCT_ARCH_RISCV64)
	oct_pte_t mega = with_state(oct_pte_make_leaf(0x40000000, 1, OCT_READ | OCT_WRITE, OCT_NORMAL), 12);

	assert_int_equal(mega, 0x40000000ull >> 2 | 0xd7);
	assert_int_equal(OCT_FORMAT_LEAF_MAX, OCT_LEVELS - 1);
	/* Misaligned page numbers are no part of a superpage's address. */
	assert_int_equal(oct_pte_leaf_phys(mega | 1ull << 10, 1), 0x40000000);
#else
	oct_pte_t pte = oct_pte_make_leaf(0x40000000, 1, OCT_READ, OCT_NORMAL);

	expect_assert_failure(oct_pte_leaf_phys(pte, 0));
	expect_assert_failure(oct_pte_resize(pte, 2, 1));
	expect_assert_failure(oct_pte_is_table(pte, 2));
	expect_assert_failure(oct_pte_mk_cont(pte));
#endif
}

#if OCT_FORMAT_CONT
/* Each entry of a block is made from its own and gives it back; the block's address is where the pages are.
 */
static void blocks(void **state)
{
	const oct_phys_t block = 0x40010000;

	(void)state;
#ifdef OCT_ARCH_RISCV64
	/* Svnapot: N, and 1000 in the low bits of the page number: 64 KiB. */
	assert_int_equal(oct_pte_mk_cont(oct_pte_make(block, OCT_READ, OCT_NORMAL)),
	                 (block >> 2) | 1ull << 63 | 8ull << 10 | 0x13);
#endif
	for (unsigned i = 0; i < OCT_CONT_ENTRIES; i++) {
		oct_pte_t one = with_state(oct_pte_make(block + i * OCT_PAGE_SIZE, OCT_READ, OCT_NORMAL), 28);
		oct_pte_t whole = oct_pte_mk_cont(one);
		struct view want = view(one);

		want.page = oct_pte_phys(whole); /* of the page, or of the block: formats differ */
		same(view(whole), want);
		assert_true(oct_pte_cont(whole) && oct_pte_is_leaf(whole, 0) && !oct_pte_cont(one));
		assert_true(oct_pte_clear_cont(whole, i) == one);
		assert_true(oct_pte_single(whole, 0, i * OCT_PAGE_SIZE) == one);
		assert_int_equal(oct_pte_frame(whole, 0, i * OCT_PAGE_SIZE), block + i * OCT_PAGE_SIZE);
		assert_int_equal(oct_entry_judge(one, whole, 0), OCT_BREAK_FIRST);
		assert_int_equal(oct_entry_judge(whole, one, 0), OCT_BREAK_FIRST);
	}
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
		cmocka_unit_test(leaves),
		cmocka_unit_test(real_leaves),
#if OCT_FORMAT_CONT
		cmocka_unit_test(blocks),
#endif
	};

	return cmocka_run_group_tests_name("arch " OCT_FORMAT_NAME, tests, NULL, NULL);
}
