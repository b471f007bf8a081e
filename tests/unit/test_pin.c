/* test_pin.c: pins: what they keep, what they copy, who makes way. SPDX-License-Identifier: MIT */
#include "reclaim_user.h"

enum { MOST = 8 };

static struct oct_mm *const mm = &space[0], *const child = &space[1];
static struct oct_folio *pins[MOST];

static int make(void **state)
{
	(void)state;
	spaces_make();
	space_begin(0);
	space_begin(1);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	return spaces_drop();
}

/* What a device finds at the address that it was given. */
static uint32_t *device(const struct oct_folio *folio)
{
	return oct_port_phys_to_virt(folio->page);
}

static void give_up(unsigned n, bool dirty)
{
	for (unsigned i = 0; i < n; i++)
		oct_unpin(pins[i], dirty);
}

/* ---- What is pinned ------------------------------------------------------------------------------- */

static void the_mapped_page_is_pinned(void **state)
{
	uintptr_t va = map(mm, 3, RW, 0);

	(void)state;
	store(mm, va, 1);
	store(mm, page(va, 2), 3);
	assert_int_equal(oct_gup(mm, va, 3, OCT_WRITE, pins), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_ptr_equal(pins[i], user_folio(mm, page(va, i)));
		assert_true(oct_folio_pinned(pins[i]));
		assert_true(oct_pte_write(user_entry(mm, page(va, i))));
	}
	assert_int_equal(*device(pins[2]), 3);
	*device(pins[1]) = 20;
	assert_int_equal(loaded(mm, page(va, 1)), 20);
	give_up(3, true);
	assert_false(oct_folio_pinned(pins[0]));
	assert_true(pins[1]->flags & OCT_FOLIO_DIRTY);
}

static void zeros_are_not_pinned(void **state)
{
	uintptr_t va = map(mm, 1, RW, 0);

	(void)state;
	assert_int_equal(loaded(mm, va), 0);
	assert_int_equal(oct_pte_phys(user_entry(mm, va)), mm->zero_page);
	assert_int_equal(oct_gup_fast(mm, va, 1, OCT_READ, pins), 0);
	assert_int_equal(oct_gup(mm, va, 1, OCT_READ, pins), 1);
	assert_true(pins[0]->page != mm->zero_page);
	assert_false(oct_pte_write(user_entry(mm, va)));
	store(mm, va, 7);
	assert_ptr_equal(user_folio(mm, va), pins[0]);
	assert_int_equal(*device(pins[0]), 7);
	give_up(1, false);
}

/* Its page instead of the zero page is watched as that was. */
static void watched_zeros_stay_watched(void **state)
{
	uintptr_t va = map(mm, 1, RW, 0);

	(void)state;
	assert_int_equal(loaded(mm, va), 0);
	assert_int_equal(oct_uffd_writeprotect(mm, va, page(va, 1), true), 0);
	assert_int_equal(oct_gup(mm, va, 1, OCT_READ, pins), 1);
	assert_int_equal(oct_fault(mm, va, OCT_WRITE), OCT_FAULT_EVENT);
	give_up(1, false);
}

static void an_empty_place_gets_a_page(void **state)
{
	uintptr_t va = map(mm, 1, RW, 0);

	(void)state;
	assert_int_equal(oct_gup_fast(mm, va, 1, OCT_WRITE, pins), 0);
	assert_int_equal(oct_gup(mm, va, 1, OCT_READ, pins), 1);
	assert_ptr_equal(user_folio(mm, va), pins[0]);
	give_up(1, false);
}

static void without_locks(void **state)
{
	uintptr_t va = map(mm, 4, RW, 0);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		store(mm, page(va, i), i);
	assert_int_equal(oct_gup_fast(mm, va, 4, OCT_WRITE, pins), 3);
	assert_int_equal(oct_gup_fast(mm, va, 1, OCT_READ, pins + 3), 1); /* one more of the same */
	assert_ptr_equal(pins[3], pins[0]);
	oct_pin(pins[0]);
	oct_unpin(pins[0], false);
	give_up(4, false);
	assert_int_equal(oct_mprotect(mm, va, OCT_PAGE_SIZE, OCT_READ), 0);
	assert_int_equal(oct_gup_fast(mm, va, 1, OCT_WRITE, pins), 0);
	assert_int_equal(oct_gup_fast(mm, va, 1, OCT_READ, pins), 1);
	give_up(1, false);
	assert_int_equal(oct_clear_refs(mm, page(va, 1), page(va, 2)), 0);
	assert_int_equal(oct_gup_fast(mm, page(va, 1), 1, OCT_WRITE, pins), 0);
	oct_folio_get(user_folio(mm, page(va, 2)));
	assert_int_equal(oct_gup_fast(mm, page(va, 2), 1, OCT_WRITE, pins), 0); /* not alone */
	oct_folio_put(user_folio(mm, page(va, 2)));
}

static void bad_calls(void **state)
{
	uintptr_t va = map(mm, 2, OCT_READ, 0);

	(void)state;
	assert_int_equal(oct_gup(mm, va + 1, 1, OCT_READ, pins), -OCT_EINVAL);
	assert_int_equal(oct_gup(mm, va, 0, OCT_READ, pins), -OCT_EINVAL);
	assert_int_equal(oct_gup(mm, va, ~(size_t)0 >> OCT_PAGE_SHIFT, OCT_READ, pins), -OCT_EINVAL);
	assert_int_equal(oct_gup(mm, va, 1, OCT_EXEC, pins), -OCT_EINVAL);
	assert_int_equal(oct_gup(mm, 0, 1, OCT_READ, pins), -OCT_EINVAL);
	assert_int_equal(oct_gup_fast(mm, va, 1, RW, pins), -OCT_EINVAL);
	assert_int_equal(oct_gup(mm, va, 1, OCT_WRITE, pins), -OCT_EFAULT);
	assert_int_equal(oct_gup(mm, page(va, 100), 1, OCT_READ, pins), -OCT_EFAULT);
	assert_int_equal(oct_gup(mm, va, 4, OCT_READ, pins), 2); /* as far as the area goes */
	give_up(2, false);
	va = map(mm, 1, RW, 0);
	store(mm, va, 1);
	assert_int_equal(oct_uffd_writeprotect(mm, va, page(va, 1), true), 0);
	assert_int_equal(oct_gup(mm, va, 1, OCT_WRITE, pins), -OCT_EBUSY);
}

static void pins_are_counted(void **state)
{
	uintptr_t va = map(mm, 1, RW, 0);
	unsigned n = 0;

	(void)state;
	store(mm, va, 1);
	while (oct_gup_fast(mm, va, 1, OCT_WRITE, pins) == 1)
		n++;
	assert_int_equal(n, 2048);
	assert_int_equal(oct_gup(mm, va, 1, OCT_WRITE, pins), -OCT_EBUSY);
	for (pins[0] = user_folio(mm, va); n; n--)
		oct_unpin(pins[0], false);
	assert_int_equal(pins[0]->refcount, 1);
}

/* ---- What a pin keeps ------------------------------------------------------------------------------ */

static void the_page_stays(void **state)
{
	uintptr_t va = map(mm, 2, RW, 0);
	oct_pte_t entry;

	(void)state;
	store(mm, va, 1);
	store(mm, page(va, 1), 2);
	assert_int_equal(oct_gup_fast(mm, va, 1, OCT_WRITE, pins), 1);
	entry = user_entry(mm, va);
	out(mm, va, 2);
	assert_int_equal(oct_pte_mkold(user_entry(mm, va)), oct_pte_mkold(entry)); /* it was looked at */
	assert_int_equal(oct_pte_soft_kind(user_entry(mm, page(va, 1))), OCT_SOFT_SWAP);
	assert_int_equal(oct_swap_used(&swap), 1);
	assert_int_equal(oct_clear_refs(mm, va, page(va, 1)), 0);
	store(mm, va, 3);
	assert_int_equal(oct_mprotect(mm, va, OCT_PAGE_SIZE, OCT_READ), 0);
	assert_int_equal(oct_mprotect(mm, va, OCT_PAGE_SIZE, RW), 0);
	store(mm, va, 4);
	assert_int_equal(oct_madvise(mm, va, page(va, 1), OCT_MADV_FREE), 0);
	out(mm, va, 1);
	assert_ptr_equal(user_folio(mm, va), pins[0]);
	assert_int_equal(*device(pins[0]), 4);
	give_up(1, false);
	out(mm, va, 1);
	assert_false(oct_pte_present(user_entry(mm, va)));
}

/* A reference that somebody else has makes a store copy, but not of a page that is pinned. */
static void a_pin_is_stronger_than_a_reference(void **state)
{
	uintptr_t va = map(mm, 1, RW, 0);
	struct oct_folio *folio;

	(void)state;
	store(mm, va, 1);
	folio = user_folio(mm, va);
	oct_folio_get(folio);
	assert_int_equal(oct_gup(mm, va, 1, OCT_WRITE, pins), 1);
	assert_ptr_equal(pins[0], folio);
	assert_int_equal(oct_clear_refs(mm, va, page(va, 1)), 0);
	store(mm, va, 2);
	assert_ptr_equal(user_folio(mm, va), folio);
	give_up(1, false);
	assert_int_equal(oct_clear_refs(mm, va, page(va, 1)), 0);
	store(mm, va, 3);
	assert_ptr_not_equal(user_folio(mm, va), folio);
	oct_folio_put(folio);
}

static void a_child_gets_a_copy(void **state)
{
	uintptr_t va = map(mm, 3, RW, 0), shared = map(mm, 1, RW, OCT_MAP_SHARED);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		store(mm, page(va, i), i + 1);
	store(mm, shared, 9);
	assert_int_equal(oct_gup(mm, page(va, 1), 1, OCT_READ, pins), 1);
	assert_int_equal(oct_gup(mm, shared, 1, OCT_READ, pins + 1), 1);
	assert_int_equal(oct_fork(child, mm), 0);
	assert_ptr_equal(user_folio(child, va), user_folio(mm, va));
	assert_ptr_equal(user_folio(mm, page(va, 1)), pins[0]);
	assert_ptr_not_equal(user_folio(child, page(va, 1)), pins[0]);
	assert_ptr_equal(user_folio(child, shared), pins[1]);
	assert_true(oct_pte_soft_dirty(user_entry(child, page(va, 1))));
	store(mm, page(va, 1), 20);
	assert_ptr_equal(user_folio(mm, page(va, 1)), pins[0]);
	assert_int_equal(loaded(child, page(va, 1)), 2);
	store(child, page(va, 1), 30);
	assert_int_equal(*device(pins[0]), 20);
	out(child, va, 3);
	assert_int_equal(loaded(child, page(va, 1)), 30);
	give_up(2, false);
}

/* Whoever pins a page that others have gets one of his own first (races 22). */
static void a_shared_page_is_copied_first(void **state)
{
	uintptr_t va = map(mm, 2, RW, 0);

	(void)state;
	store(mm, va, 1);
	store(mm, page(va, 1), 2);
	assert_int_equal(oct_clear_refs(mm, va, page(va, 1)), 0);
	assert_int_equal(oct_fork(child, mm), 0);
	assert_int_equal(oct_gup_fast(child, va, 2, OCT_READ, pins), 0);
	assert_int_equal(oct_gup(child, va, 2, OCT_READ, pins), 2);
	assert_ptr_not_equal(user_folio(mm, va), pins[0]);
	assert_ptr_equal(user_folio(child, va), pins[0]);
	assert_false(oct_pte_soft_dirty(user_entry(child, va)));
	assert_true(oct_pte_soft_dirty(user_entry(child, page(va, 1))));
	assert_int_equal(oct_munmap(child, va, 2 * OCT_PAGE_SIZE), 0);
	store(mm, va, 10);
	assert_int_equal(*device(pins[0]), 1);
	assert_int_equal(*device(pins[1]), 2);
	give_up(2, false);
}

/* A page that is out in two spaces comes back to each, and is nobody's alone. */
static void a_page_in_the_swap_cache(void **state)
{
	uintptr_t va = map(mm, 1, RW, 0);

	(void)state;
	store(mm, va, 5);
	out(mm, va, 1);
	assert_int_equal(oct_fork(child, mm), 0);
	assert_int_equal(oct_gup(mm, va, 1, OCT_READ, pins), 1);
	assert_int_equal(loaded(child, va), 5);
	assert_ptr_not_equal(user_folio(child, va), pins[0]);
	store(mm, va, 6);
	assert_ptr_equal(user_folio(mm, va), pins[0]);
	assert_int_equal(loaded(child, va), 5);
	give_up(1, false);
}

/* Somebody who will let go has a page of the cache pinned: it does not come back until then. */
static void a_pin_that_came_too_late(void **state)
{
	uintptr_t va = map(mm, 1, RW, 0);
	struct oct_folio *folio;

	(void)state;
	store(mm, va, 5);
	out(mm, va, 1);
	assert_int_equal(oct_fork(child, mm), 0);
	assert_int_equal(loaded(child, va), 5);
	folio = user_folio(child, va);
	assert_true(folio->swap);
	oct_pin(folio);
	assert_int_equal(oct_fault(mm, va, OCT_READ), OCT_FAULT_RETRY);
	oct_unpin(folio, false);
	assert_int_equal(loaded(mm, va), 5);
}

static void the_last_one_frees_the_page(void **state)
{
	uintptr_t va = map(mm, 1, RW, 0);
	oct_phys_t where;

	(void)state;
	store(mm, va, 5);
	assert_int_equal(oct_gup_fast(mm, va, 1, OCT_WRITE, pins), 1);
	where = pins[0]->page;
	assert_int_equal(oct_munmap(mm, va, OCT_PAGE_SIZE), 0);
	assert_true(host_page_is_out(where));
	assert_int_equal(*device(pins[0]), 5);
	give_up(1, true);
	assert_false(host_page_is_out(where));
}

/* ---- Files ----------------------------------------------------------------------------------------------
 */

static void pages_of_files(void **state)
{
	static struct oct_mapping mapping;
	uintptr_t shared, own;
	int object;

	(void)state;
	oct_mapping_init(&mapping, &object, 2, 0);
	assert_int_equal(oct_mmap_file(mm, 0, 2 * OCT_PAGE_SIZE, RW, OCT_MAP_SHARED, &mapping, 0, &shared),
	                 0);
	assert_int_equal(oct_mmap_file(mm, 0, 2 * OCT_PAGE_SIZE, RW, 0, &mapping, 0, &own), 0);
	assert_int_equal(oct_gup(mm, shared, 1, OCT_WRITE, pins), 1);
	*device(pins[0]) = 7;
	assert_int_equal(loaded(mm, own), 7);
	assert_int_equal(oct_gup_fast(mm, own, 1, OCT_READ, pins + 1), 0);
	assert_int_equal(oct_gup(mm, own, 1, OCT_READ, pins + 1), 1);
	assert_ptr_not_equal(pins[1], pins[0]);
	assert_int_equal(*device(pins[1]), 7);
	store(mm, own, 8); /* the page of the file has a pin too, and is not stored to */
	assert_int_equal(loaded(mm, shared), 7);
	assert_int_equal(*device(pins[1]), 8);
	assert_int_equal(loaded(mm, page(own, 1)), 0);
	assert_int_equal(oct_gup(mm, page(shared, 1), 1, OCT_READ, pins + 2), 1);
	store(mm, page(own, 1), 9); /* mapped in both, pinned in one */
	assert_int_equal(loaded(mm, page(shared, 1)), 0);
	assert_int_equal(oct_fork(child, mm), 0);
	assert_int_equal(loaded(child, shared), 7);
	give_up(3, true);
	assert_true(user_folio(mm, shared)->flags & OCT_FOLIO_DIRTY);
	space_end(1);
	space_end(0);
	oct_mapping_exit(&mapping);
}

/* ---- Large folios -------------------------------------------------------------------------------- */

#if OCT_FOLIO_ORDER > 0
enum { LARGE = 2 * OCT_FOLIO_PAGES };

/* A block of LARGE pages that are welcome to be large. */
static uintptr_t map_large(void)
{
	uintptr_t va = map(mm, LARGE, RW, 0);

	assert_int_equal(oct_madvise(mm, va, page(va, LARGE), OCT_MADV_HUGEPAGE), 0);
	va = (va + OCT_FOLIO_BYTES - 1) & ~(OCT_FOLIO_BYTES - 1);
	store(mm, va, 1);
	store(mm, page(va, 1), 2);
	assert_int_equal(oct_folio_of(oct_pte_phys(user_entry(mm, page(va, 1))))->order, OCT_FOLIO_ORDER);
	return va;
}

static void a_large_folio_is_split(void **state)
{
	uintptr_t va = map_large();

	(void)state;
	assert_int_equal(oct_gup_fast(mm, va, 2, OCT_WRITE, pins), 0);
	assert_int_equal(oct_gup(mm, page(va, 1), 1, OCT_WRITE, pins), 1);
	assert_int_equal(pins[0]->order, 0);
	assert_int_equal(*device(pins[0]), 2);
	assert_int_equal(loaded(mm, va), 1);
	give_up(1, false);
}

/* Shared with a child: a page of it is copied out, and the rest stays shared. */
static void a_page_of_a_shared_large_folio(void **state)
{
	uintptr_t va = map_large();

	(void)state;
	assert_int_equal(oct_fork(child, mm), 0);
	assert_int_equal(oct_gup_fast(mm, va, 1, OCT_READ, pins), 0);
	assert_int_equal(oct_gup(mm, va, 1, OCT_READ, pins), 1);
	store(mm, va, 3);
	assert_int_equal(*device(pins[0]), 3);
	assert_int_equal(loaded(child, va), 1);
	assert_int_equal(loaded(child, page(va, 1)), 2);
	give_up(1, false);
}

/* Somebody has a reference of a large folio that may be stored to: the page is copied out after a flush. */
static void a_page_that_is_stored_to(void **state)
{
	uintptr_t va = map_large();
	struct oct_folio *folio = oct_folio_of(oct_pte_phys(user_entry(mm, va)));

	(void)state;
	oct_folio_get(folio);
	assert_int_equal(oct_gup(mm, va, 1, OCT_WRITE, pins), 1);
	assert_ptr_not_equal(pins[0], folio);
	store(mm, va, 4);
	assert_int_equal(*device(pins[0]), 4);
	give_up(1, true);
	oct_folio_put(folio);
}
#endif

/* ---- Migration ----------------------------------------------------------------------------------- */

static void pages_move(void **state)
{
	uintptr_t va = map(mm, 6, RW, 0);
	struct oct_folio *fresh[6], *stays;
	oct_pte_t entry;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		fresh[i] = oct_folio_alloc();
		if (i != 4)
			store(mm, page(va, i), i + 1);
	}
	assert_int_equal(loaded(mm, page(va, 4)), 0);
	assert_int_equal(oct_gup_fast(mm, page(va, 1), 1, OCT_WRITE, pins), 1);
	assert_int_equal(oct_uffd_writeprotect(mm, page(va, 2), page(va, 3), true), 0);
	assert_int_equal(oct_clear_refs(mm, page(va, 3), page(va, 4)), 0);
	stays = user_folio(mm, page(va, 5));
	oct_folio_get(stays);
	entry = user_entry(mm, va);
	assert_int_equal(oct_migrate_pages(mm, va, page(va, 6), fresh, 6), 3);
	assert_ptr_equal(user_folio(mm, va), fresh[0]);
	assert_ptr_equal(user_folio(mm, page(va, 1)), pins[0]);
	assert_ptr_equal(user_folio(mm, page(va, 2)), fresh[1]);
	assert_ptr_equal(user_folio(mm, page(va, 3)), fresh[2]);
	assert_ptr_equal(user_folio(mm, page(va, 5)), stays);
	assert_int_equal(oct_pte_prot(user_entry(mm, va)), oct_pte_prot(entry));
	assert_true(oct_pte_dirty(user_entry(mm, va)) && oct_pte_young(user_entry(mm, va)));
	assert_true(oct_pte_uffd_wp(user_entry(mm, page(va, 2))));
	assert_false(oct_pte_soft_dirty(user_entry(mm, page(va, 3))));
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(loaded(mm, page(va, i)), i == 4 ? 0 : i + 1);
	assert_int_equal(user_store(mm, page(va, 2), 9), -OCT_EBUSY);
	store(mm, page(va, 3), 9);
	assert_ptr_equal(user_folio(mm, page(va, 3)), fresh[2]);
	give_up(1, false);
	oct_folio_put(stays);
	for (unsigned i = 3; i < 6; i++)
		oct_folio_put(fresh[i]);
	/* found by reclaim as before */
	out(mm, va, 2);
	assert_false(oct_pte_present(user_entry(mm, va)));
	assert_int_equal(loaded(mm, va), 1);
}

static void one_flush_for_a_batch(void **state)
{
	uintptr_t va = map(mm, MOST, RW, 0);
	struct oct_folio *fresh[MOST];
	struct host_mmu_counts before;
	unsigned pages;

	(void)state;
	for (unsigned i = 0; i < MOST; i++) {
		fresh[i] = oct_folio_alloc();
		store(mm, page(va, i), i + 1);
	}
	before = host_mmu;
	pages = host_pages();
	assert_int_equal(oct_migrate_pages(mm, va, page(va, MOST), fresh, MOST), MOST);
	assert_int_equal(host_mmu.begin - before.begin, 1);
	assert_int_equal(host_pages(), pages - MOST);
	for (unsigned i = 0; i < MOST; i++)
		assert_int_equal(loaded(mm, page(va, i)), i + 1);
	assert_int_equal(oct_migrate_pages(mm, va + 1, page(va, 1), fresh, 1), -OCT_EINVAL);
	assert_int_equal(oct_migrate_pages(mm, va, page(va, 1), fresh, 0), 0);
	assert_int_equal(oct_fork(child, mm), 0);
	assert_int_equal(oct_migrate_pages(mm, va, page(va, 1), fresh, 1), 0); /* two have it */
}

/* ---- Memory runs out
 * --------------------------------------------------------------------------------------- */

static void fork_without_memory(void **state)
{
	uintptr_t va = map(mm, 4, RW, 0);
	unsigned n, pages;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		store(mm, page(va, i), i + 1);
	assert_int_equal(oct_gup_fast(mm, va, 3, OCT_WRITE, pins), 3);
	pages = host_pages();
	for (n = 1;; n++) {
		int result;

		host_fail_allocation(n);
		result = oct_fork(child, mm);
		host_fail_allocation(0);
		if (result == 0)
			break;
		assert_int_equal(result, -OCT_ENOMEM);
		assert_null(child->areas.root);
		for (unsigned i = 0; i < 4; i++) {
			store(mm, page(va, i), 10 * n + i);
			if (i < 3)
				assert_int_equal(*device(pins[i]), 10 * n + i);
		}
		space_end(1);
		host_run_deferred();
		space_begin(1);
		assert_true(host_pages() <= pages);
	}
	assert_true(n > 3);
	give_up(3, false);
}

static void pins_without_memory(void **state)
{
	uintptr_t va = map(mm, 3, RW, 0);
	unsigned n;

	(void)state;
	store(mm, va, 1);
	assert_int_equal(oct_fork(child, mm), 0);
	for (n = 1;; n++) {
		int result;

		host_fail_allocation(n);
		result = oct_gup(child, va, 3, OCT_READ, pins);
		host_fail_allocation(0);
		if (result > 0)
			give_up((unsigned)result, false);
		if (result == 3)
			break;
		assert_true(result == -OCT_ENOMEM || result > 0);
		assert_int_equal(loaded(child, va), 1);
		assert_int_equal(loaded(mm, va), 1);
	}
	assert_true(n > 1);
	assert_false(oct_folio_pinned(user_folio(child, va)));
}

/* ---- Random calls, beside a plain record of what must be where
 * ------------------------------------------------- */

enum { PAGES = 6, STEPS = 6000, HELD = 12 };

static struct record {
	uint32_t value[SPACES][PAGES];
	struct {
		struct oct_folio *folio; /* NULL: free */
		unsigned space, page;
		bool mapped;
		uint32_t value; /* while it is not */
	} pin[HELD];
} record;

static uintptr_t area;

static unsigned dice(unsigned n)
{
	return (unsigned)rand() % n;
}

/* The contents of a page of a space go, or the space: pins of it keep theirs. */
static void detach(unsigned s, unsigned p)
{
	for (unsigned i = 0; i < HELD; i++)
		if (record.pin[i].folio && record.pin[i].mapped && record.pin[i].space == s &&
		    record.pin[i].page == p) {
			record.pin[i].mapped = false;
			record.pin[i].value = record.value[s][p];
		}
}

static void take_pin(unsigned s, unsigned p)
{
	unsigned access = dice(2) ? OCT_READ : OCT_WRITE, i = 0;
	struct oct_folio *folio;
	int got;

	while (i < HELD && record.pin[i].folio)
		i++;
	if (i == HELD)
		return;
	got = dice(2) ? oct_gup_fast(&space[s], page(area, p), 1, access, &folio)
	              : oct_gup(&space[s], page(area, p), 1, access, &folio);
	if (got == 0)
		return;
	assert_int_equal(got, 1);
	record.pin[i].folio = folio;
	record.pin[i].space = s;
	record.pin[i].page = p;
	record.pin[i].mapped = true;
	assert_int_equal(*device(folio), record.value[s][p]);
}

static void use_pin(unsigned i, uint32_t value)
{
	struct oct_folio *folio = record.pin[i].folio;

	if (!folio)
		return;
	if (dice(2)) {
		unsigned s = record.pin[i].space, p = record.pin[i].page;
		bool shown = record.pin[i].mapped;

		oct_unpin(folio, dice(2));
		record.pin[i].folio = NULL;
		if (shown)
			assert_ptr_equal(user_folio(&space[s], page(area, p)), folio);
		return;
	}
	*device(folio) = value;
	if (record.pin[i].mapped)
		record.value[record.pin[i].space][record.pin[i].page] = value;
	/* others of the same page that is no more mapped */
	for (unsigned k = 0; k < HELD; k++)
		if (record.pin[k].folio == folio && !record.pin[k].mapped)
			record.pin[k].value = value;
}

static void new_space(unsigned s, unsigned from)
{
	if (s == 0 || s == from || !alive[from])
		return;
	if (alive[s]) {
		for (unsigned p = 0; p < PAGES; p++)
			detach(s, p);
		space_end(s);
		return;
	}
	assert_int_equal(oct_mm_init(&space[s], &machine), 0);
	alive[s] = true;
	assert_int_equal(oct_fork(&space[s], &space[from]), 0);
	memcpy(record.value[s], record.value[from], sizeof(record.value[s]));
}

static void check_all(void)
{
	for (unsigned i = 0; i < HELD; i++) {
		struct oct_folio *folio = record.pin[i].folio;

		if (!folio)
			continue;
		if (record.pin[i].mapped)
			assert_ptr_equal(
			    user_folio(&space[record.pin[i].space], page(area, record.pin[i].page)), folio);
		assert_int_equal(*device(folio), record.pin[i].mapped
		                                     ? record.value[record.pin[i].space][record.pin[i].page]
		                                     : record.pin[i].value);
	}
}

static void random_step(uint32_t value)
{
	unsigned s = dice(SPACES), p = dice(PAGES);
	uintptr_t va = page(area, p);

	if (dice(12) == 0)
		new_space(dice(SPACES), s);
	if (!alive[s])
		return;
	switch (dice(8)) {
	case 0:
	case 1:
		store(&space[s], va, value);
		record.value[s][p] = value;
		break;
	case 2:
		assert_int_equal(loaded(&space[s], va), record.value[s][p]);
		break;
	case 3:
		take_pin(s, p);
		break;
	case 4:
		use_pin(dice(HELD), value);
		break;
	case 5:
		out(&space[s], area, PAGES);
		break;
	case 6:
		assert_int_equal(oct_clear_refs(&space[s], va, page(va, 1)), 0);
		break;
	case 7:
		if (dice(3) == 0) {
			struct oct_folio *fresh[2] = {oct_folio_alloc(), oct_folio_alloc()};
			int moved = oct_migrate_pages(&space[s], area, page(area, PAGES), fresh, 2);

			assert_true(moved >= 0);
			for (int i = moved; i < 2; i++)
				oct_folio_put(fresh[i]);
		} else if (dice(3) == 0) {
			detach(s, p);
			assert_int_equal(oct_madvise_dontneed(&space[s], va, page(va, 1)), 0);
			record.value[s][p] = 0;
		}
		break;
	}
}

static void random_calls(void **state)
{
	(void)state;
	srand(5);
	memset(&record, 0, sizeof(record));
	space_end(1);
	area = map(mm, PAGES, RW, 0);
	for (uint32_t step = 1; step <= STEPS; step++) {
		random_step(step);
		check_all();
	}
	for (unsigned i = 0; i < HELD; i++)
		if (record.pin[i].folio)
			oct_unpin(record.pin[i].folio, false);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		TEST(the_mapped_page_is_pinned),
		TEST(zeros_are_not_pinned),
		TEST(watched_zeros_stay_watched),
		TEST(an_empty_place_gets_a_page),
		TEST(without_locks),
		TEST(bad_calls),
		TEST(pins_are_counted),
		TEST(the_page_stays),
		TEST(a_pin_is_stronger_than_a_reference),
		TEST(a_child_gets_a_copy),
		TEST(a_shared_page_is_copied_first),
		TEST(a_page_in_the_swap_cache),
		TEST(a_pin_that_came_too_late),
		TEST(the_last_one_frees_the_page),
		TEST(pages_of_files),
#if OCT_FOLIO_ORDER > 0
		TEST(a_large_folio_is_split),
		TEST(a_page_of_a_shared_large_folio),
		TEST(a_page_that_is_stored_to),
#endif
		TEST(pages_move),
		TEST(one_flush_for_a_batch),
		TEST(fork_without_memory),
		TEST(pins_without_memory),
		TEST(random_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
