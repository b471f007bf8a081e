/* test_collapse.c: single pages become one large folio, against an array. SPDX-License-Identifier: MIT */
#include <octavo/collapse.h>
#include <octavo/mapping.h>
#include <octavo/userfault.h>

enum { SLOTS = 256, MANY = OCT_FOLIO_PAGES, BLOCKS = 4, PAGES = BLOCKS * MANY };
#define BASE         (64 * OCT_FOLIO_BYTES)
#define AT(page)     (BASE + ((uintptr_t)(page) << OCT_PAGE_SHIFT))
#define BLOCK(block) AT((block)*MANY)
#define END AT(PAGES)
#include "collapse_user.h"

static void is_large(unsigned block)
{
	const struct oct_folio *folio = user_folio(&space, BLOCK(block));

	assert_int_equal(folio->order, OCT_FOLIO_ORDER);
	assert_int_equal(folio->refcount, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		assert_ptr_equal(user_folio(&space, AT(block * MANY + i)), folio);
		assert_true(oct_pte_dirty(user_entry(&space, AT(block * MANY + i))));
	}
}

/* ---- One thing at a time ------------------------------------------------------------------------- */

static void pages_become_one(void **state)
{
	unsigned before;

	(void)state;
	store_pages(0, MANY - 2);
	loaded(&space, AT(MANY - 2)); /* the zero page; the last is missing */
	host_cpu = 1;
	loaded(&space, AT(0));
	host_cpu = 0;
	before = host_pages();
	assert_int_equal(oct_collapse(&space, AT(1) + 5, 1), -OCT_ENOENT);
	assert_int_equal(host_pages(), before);
	assert_int_equal(oct_collapse(&space, AT(1) + 5, 2), 0);
	assert_int_equal(host_pages(), before + 2);
	assert_int_equal(host_tlb_cached(1, AT(0)), 0);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(loaded(&space, AT(i)), i < MANY - 2 ? i + 1 : 0);
	is_large(0);
	assert_int_equal(oct_collapse(&space, AT(0), MANY), -OCT_EBUSY); /* it is one */
	assert_int_equal(oct_collapse(&space, BLOCK(1), MANY), -OCT_ENOENT);
	loaded(&space, BLOCK(1));
	assert_int_equal(oct_collapse(&space, BLOCK(1), MANY), -OCT_ENOENT); /* zeros alone */
}

static void what_stays_single(void **state)
{
	struct oct_folio *pin;

	(void)state;
	store_pages(0, PAGES);
	assert_int_equal(oct_gup(&space, AT(3), 1, OCT_READ, &pin), 1);
	assert_int_equal(oct_collapse(&space, AT(0), 0), -OCT_EBUSY);
	oct_unpin(pin, false);
	fork_begin();
	assert_int_equal(oct_collapse(&space, AT(0), 0), -OCT_EBUSY);
	assert_int_equal(user_store(&space, AT(0), 77), 0);
	assert_int_equal(oct_collapse(&space, AT(0), 0), -OCT_EBUSY);
	fork_end();
	assert_int_equal(oct_collapse(&space, AT(0), 0), 0);
	assert_int_equal(loaded(&space, AT(0)), 77);
	assert_int_equal(oct_uffd_writeprotect(&space, AT(MANY), AT(MANY + 1), true), 0);
	assert_int_equal(oct_collapse(&space, BLOCK(1), 0), -OCT_EBUSY);
	assert_int_equal(oct_uffd_writeprotect(&space, AT(MANY), AT(MANY + 1), false), 0);
	assert_int_equal(oct_madvise_dontneed(&space, AT(MANY), AT(MANY + 1)), 0);
	assert_int_equal(loaded(&space, AT(MANY)), 0);
	assert_int_equal(oct_uffd_writeprotect(&space, AT(MANY), AT(MANY + 1), true), 0); /* the zero page */
	assert_int_equal(oct_collapse(&space, BLOCK(1), MANY), -OCT_EBUSY);
	assert_int_equal(oct_uffd_writeprotect(&space, AT(MANY), AT(MANY + 1), false), 0);
	assert_int_equal(user_store(&space, AT(MANY), MANY + 1), 0);
	assert_int_equal(oct_collapse(&space, BLOCK(1), 0), 0);
	assert_int_equal(oct_madvise_pageout(&space, AT(2 * MANY), AT(2 * MANY + 1)), 0);
	assert_int_equal(oct_collapse(&space, BLOCK(2), MANY), -OCT_EBUSY);
	assert_int_equal(loaded(&space, AT(2 * MANY)), 2 * MANY + 1);
	assert_int_equal(oct_uffd_register(&space, BLOCK(3), BLOCK(4), OCT_UFFD_MISSING), 0);
	assert_int_equal(oct_madvise_dontneed(&space, BLOCK(3), BLOCK(3) + OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_collapse(&space, BLOCK(3), MANY), -OCT_ENOENT);
	assert_int_equal(oct_uffd_register(&space, BLOCK(3), BLOCK(4), 0), 0);
	assert_int_equal(oct_collapse(&space, BLOCK(3), MANY), 0);
}

static void bad_arguments(void **state)
{
	struct oct_mapping mapping;
	uintptr_t at;
	int object;

	(void)state;
	store_pages(0, MANY);
	assert_int_equal(oct_mapping_init(&mapping, &object, MANY, 0), 0);
	assert_int_equal(
	    oct_mmap_file(&space, BLOCK(8), OCT_FOLIO_BYTES, RW, OCT_MAP_FIXED, &mapping, 0, &at), 0);
	assert_int_equal(user_store(&space, BLOCK(8), 1), 0);
	assert_int_equal(oct_mmap(&space, BLOCK(9), OCT_FOLIO_BYTES, RW, OCT_MAP_FIXED | OCT_MAP_SHARED, &at),
	                 0);
	assert_int_equal(oct_mmap(&space, BLOCK(10), OCT_FOLIO_BYTES - OCT_PAGE_SIZE, RW, OCT_MAP_FIXED, &at),
	                 0);
	assert_int_equal(user_store(&space, BLOCK(10), 1), 0);
	for (unsigned block = 8; block < 12; block++)
		assert_int_equal(oct_collapse(&space, BLOCK(block), MANY), -OCT_EINVAL);
	assert_int_equal(oct_collapse(&space, 0, MANY), -OCT_EINVAL);
	assert_int_equal(oct_collapse(&space, ~(uintptr_t)0, MANY), -OCT_EINVAL);
	assert_int_equal(oct_collapse(&space, space.space.last, MANY), -OCT_EINVAL);
	assert_int_equal(oct_madvise(&space, BASE, BLOCK(1), OCT_MADV_NOHUGEPAGE), 0);
	assert_int_equal(oct_collapse(&space, BASE, 0), -OCT_EINVAL);
	assert_int_equal(oct_munmap(&space, BLOCK(8), OCT_FOLIO_BYTES), 0);
	assert_int_equal(oct_mapping_exit(&mapping), 0);
}

static void rights_and_bits(void **state)
{
	oct_pte_t pte;

	(void)state;
	store_pages(0, 3 * MANY);
	assert_int_equal(oct_clear_refs(&space, BASE, BLOCK(2)), 0);
	assert_int_equal(oct_collapse(&space, BASE, 0), 0); /* nobody has stored since */
	pte = user_entry(&space, AT(1));
	assert_true(!oct_pte_write(pte) && !oct_pte_soft_dirty(pte));
	assert_int_equal(user_store(&space, AT(MANY), 1), 0); /* one page was */
	assert_int_equal(oct_collapse(&space, BLOCK(1), 0), 0);
	pte = user_entry(&space, AT(MANY + 1));
	assert_true(!oct_pte_write(pte) && oct_pte_soft_dirty(pte));
	assert_int_equal(oct_mprotect(&space, BLOCK(2), OCT_FOLIO_BYTES, OCT_READ), 0);
	assert_int_equal(oct_collapse(&space, BLOCK(2), 0), 0);
	assert_int_equal(user_store(&space, BLOCK(2), 1), -OCT_EFAULT);
	assert_int_equal(oct_mprotect(&space, BLOCK(2), OCT_FOLIO_BYTES, RW), 0);
	store_pages(0, 3 * MANY);
	for (unsigned i = 0; i < 3 * MANY; i++)
		assert_int_equal(loaded(&space, AT(i)), i + 1);
}

static void no_memory(void **state)
{
	unsigned before;

	(void)state;
	store_pages(0, MANY);
	before = host_pages();
	host_fail_allocation(1);
	assert_int_equal(oct_collapse(&space, BASE, 0), -OCT_ENOMEM);
	assert_int_equal(host_pages(), before);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(loaded(&space, AT(i)), i + 1);
		assert_int_equal(user_folio(&space, AT(i))->order, 0);
	}
	host_fail_allocation(2); /* there is no second one */
	assert_int_equal(oct_collapse(&space, BASE, 0), 0);
	host_fail_allocation(0);
}

/* ---- All together ---------------------------------------------------------------------------------- */

/* What a collapse should say, by the entries. */
static int expected(unsigned block, unsigned max_none)
{
	unsigned zeros = 0;

	for (unsigned i = 0; i < MANY; i++) {
		oct_pte_t pte = user_entry(&space, AT(block * MANY + i));
		const struct oct_folio *folio;

		if (oct_pte_none(pte) ||
		    (oct_pte_present(pte) && oct_pte_frame(pte, 0, AT(i)) == space.zero_page)) {
			zeros++;
			continue;
		}
		if (!oct_pte_present(pte))
			return -OCT_EBUSY;
		folio = user_folio(&space, AT(block * MANY + i));
		if (folio->order || folio->refcount != 1)
			return -OCT_EBUSY;
	}
	return zeros > max_none || zeros == MANY ? -OCT_ENOENT : 0;
}

static void random_calls(void **state)
{
	uint32_t contents[PAGES] = {0};
	struct oct_folio *pin = NULL;
	unsigned collapsed = 0;

	(void)state;
	srand(9);
	for (unsigned turn = 0; turn < 30000; turn++) {
		unsigned page = (unsigned)rand() % PAGES, block = page / MANY;
		unsigned max_none = (unsigned)rand() % (MANY + 1);
		uint32_t value = (uint32_t)rand();
		int error;

		host_cpu = (unsigned)rand() % 2;
		switch (rand() % 32) {
		case 0:
			assert_int_equal(oct_madvise_dontneed(&space, AT(page), AT(page + 1)), 0);
			contents[page] = 0;
			break;
		case 1:
			if (!other_lives)
				fork_begin();
			else
				fork_end();
			break;
		case 2:
			assert_int_equal(oct_madvise_dontneed(&space, BLOCK(block), BLOCK(block + 1)), 0);
			memset(contents + block * MANY, 0, MANY * sizeof(*contents));
			break;
		case 3:
			assert_true(oct_madvise_pageout(&space, AT(page), AT(page + 1)) >= 0);
			break;
		case 4:
			if (pin)
				oct_unpin(pin, false);
			pin = NULL;
			if (rand() % 2)
				assert_int_equal(oct_gup(&space, AT(page), 1, OCT_READ, &pin), 1);
			break;
		case 5:
		case 6:
		case 7:
			error = expected(block, max_none);
			assert_int_equal(oct_collapse(&space, AT(page), max_none), error);
			if (!error)
				is_large(block);
			collapsed += !error;
			break;
		default:
			if (rand() % 2) {
				assert_int_equal(user_store(&space, AT(page), value), 0);
				contents[page] = value;
			}
			assert_int_equal(loaded(&space, AT(page)), contents[page]);
		}
		for (unsigned i = block * MANY; turn % 64 == 0 && i < (block + 1) * MANY; i++)
			assert_int_equal(loaded(&space, AT(i)), contents[i]);
	}
	if (pin)
		oct_unpin(pin, false);
	assert_true(collapsed > 50);
	host_cpu = 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
	    TEST(pages_become_one), TEST(what_stays_single), TEST(bad_arguments),
	    TEST(rights_and_bits),  TEST(no_memory),         TEST(random_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
