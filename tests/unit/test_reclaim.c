/* test_reclaim.c: reverse map, second chance, swap. SPDX-License-Identifier: MIT */
#define TEST_SLOTS 96
#include "reclaim_user.h"

static struct oct_mm *const mm = &space[0], *const child = &space[1];

static int make_with(uint32_t count)
{
	spaces_make_with(count);
	space_begin(0);
	space_begin(1);
	return 0;
}

static int make(void **state)
{
	(void)state;
	return make_with(SLOTS);
}

static int make_small(void **state)
{
	(void)state;
	return make_with(2);
}

static int drop(void **state)
{
	(void)state;
	return spaces_drop();
}

/* ---- Swap ------------------------------------------------------------------------------------------ */

static void pages_go_out_and_come_back(void **state)
{
	uintptr_t va = map_filled(mm, 40);
	unsigned pages = host_pages();

	(void)state;
	out(mm, va, 40);
	assert_int_equal(host_pages(), pages - 40);
	assert_int_equal(host_writes, 40);
	assert_int_equal(oct_swap_used(&swap), 40);
	assert_true(is_swap(mm, va));
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(loaded(mm, page(va, i)), i + 1);
	assert_int_equal(host_reads, 40);
	assert_int_equal(oct_swap_used(&swap), 0);
	assert_int_equal(host_pages(), pages);
	store(mm, va, 100);
	out(mm, va, 1);
	assert_int_equal(loaded(mm, va), 100);
}

static void one_flush_a_batch(void **state)
{
	uintptr_t va = map_filled(mm, OCT_RECLAIM_PAGES);
	struct host_mmu_counts before = host_mmu;

	(void)state;
	out(mm, va, OCT_RECLAIM_PAGES);
	assert_int_equal(host_mmu.begin - before.begin, 1);
}

static void unwanted_pages_are_dropped(void **state)
{
	uintptr_t va = map_filled(mm, 4);
	unsigned pages = host_pages();

	(void)state;
	assert_int_equal(oct_madvise(mm, va, page(va, 3), OCT_MADV_FREE), 0);
	store(mm, page(va, 1), 20); /* wanted again */
	assert_int_equal(loaded(mm, page(va, 2)), 3);
	out(mm, va, 4);
	assert_int_equal(host_writes, 2);
	assert_int_equal(host_pages(), pages - 4);
	assert_true(oct_pte_none(user_entry(mm, va)));
	assert_int_equal(loaded(mm, va), 0);
	assert_int_equal(loaded(mm, page(va, 1)), 20);
	assert_int_equal(loaded(mm, page(va, 2)), 0);
	assert_int_equal(loaded(mm, page(va, 3)), 4);
}

/* A store that comes through what a TLB holds as clean makes the entry dirty before it is exchanged, or
 * faults: the page that was said to be unwanted is kept, with swap and without. */
static void unwanted_pages_that_are_stored_to(void **state)
{
	uintptr_t va = map_filled(mm, 2);

	(void)state;
	out(mm, va, 2); /* swap has two slots: both are used by this page's neighbours now */
	va = map_filled(mm, 1);
	assert_int_equal(oct_madvise(mm, va, page(va, 1), OCT_MADV_FREE), 0);
	store(mm, va, 5);
	out(mm, va, 1);
	assert_int_equal(loaded(mm, va), 5);
}

/* Who is young stays once, who is touched stays. */
static void young_pages_have_a_second_chance(void **state)
{
	uintptr_t va = map_filled(mm, 8);

	(void)state;
	assert_int_equal(oct_reclaim(&reclaim, 2), 2); /* all young: a round makes them old */
	assert_int_equal(oct_swap_used(&swap), 2);
	oct_tlb_complete_all(&mm->space);
	host_tlb_touch(0, va); /* no flush was needed, so who has it cached leaves it old */
	for (unsigned i = 4; i < 8; i++) {
		oct_tlb_forget_local(&mm->space, page(va, i), false);
		store(mm, page(va, i), 50 + i);
		assert_true(oct_pte_young(user_entry(mm, page(va, i))));
	}
	assert_int_equal(oct_reclaim(&reclaim, 2), 2);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(is_swap(mm, page(va, i)), i < 4);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(loaded(mm, page(va, i)), i < 4 ? i + 1 : 50 + i);
}

static void reclaim_ends(void **state)
{
	uintptr_t va = map_filled(mm, 3);

	(void)state;
	assert_int_equal(oct_reclaim(&reclaim, 0), 0);
	assert_int_equal(oct_reclaim(&reclaim, 1000), 3);
	assert_int_equal(oct_reclaim(&reclaim, 1000), 0);
	assert_int_equal(loaded(mm, page(va, 2)), 3);
}

static void pinned_pages_stay(void **state)
{
	uintptr_t va = map_filled(mm, 2);
	struct oct_folio *folio = user_folio(mm, va);

	(void)state;
	oct_folio_get(folio);
	out(mm, va, 2);
	assert_ptr_equal(user_folio(mm, va), folio);
	assert_true(is_swap(mm, page(va, 1)));
	assert_int_equal(oct_swap_used(&swap), 1);
	oct_folio_put(folio);
	out(mm, va, 2);
	assert_true(is_swap(mm, va));
}

static void what_is_not_private_stays(void **state)
{
	uintptr_t va = map(mm, 1, RW, OCT_MAP_SHARED), other = map(mm, 2, RW, 0);
	struct oct_folio *folio = oct_folio_alloc();

	(void)state;
	assert_int_equal(oct_mm_map_folio(mm, other, folio, RW), 0);
	oct_folio_put(folio);
	store(mm, va, 1);
	store(mm, other, 2);
	assert_int_equal(loaded(mm, page(other, 1)), 0);
	out(mm, va, 1);
	out(mm, other, 2);
	assert_int_equal(host_writes, 0);
	assert_true(oct_pte_present(user_entry(mm, va)));
	assert_ptr_equal(user_folio(mm, other), folio);
}

static void a_full_area_keeps_pages(void **state)
{
	uintptr_t va = map_filled(mm, 4);

	(void)state;
	out(mm, va, 4);
	assert_int_equal(oct_swap_used(&swap), 2);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(loaded(mm, page(va, i)), i + 1);
	assert_int_equal(oct_munmap(mm, va, 4 * OCT_PAGE_SIZE), 0);
}

static void unmapped_slots_are_free(void **state)
{
	uintptr_t va = map_filled(mm, 6);

	(void)state;
	out(mm, va, 6);
	assert_int_equal(oct_madvise_dontneed(mm, va, page(va, 2)), 0);
	assert_int_equal(oct_swap_used(&swap), 4);
	assert_int_equal(loaded(mm, va), 0);
	assert_int_equal(oct_munmap(mm, page(va, 2), 2 * OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_swap_used(&swap), 2);
	space_end(0);
	assert_int_equal(oct_swap_used(&swap), 0);
}

static void rights_and_marks_survive(void **state)
{
	uintptr_t va = map_filled(mm, 3);
	uint32_t value;

	(void)state;
	assert_int_equal(oct_uffd_writeprotect(mm, va, page(va, 1), true), 0);
	assert_int_equal(oct_clear_refs(mm, page(va, 1), page(va, 2)), 0);
	out(mm, va, 3);
	assert_int_equal(oct_mprotect(mm, page(va, 2), OCT_PAGE_SIZE, OCT_READ), 0);
	assert_int_equal(user_store(mm, va, 9), -OCT_EBUSY);
	assert_int_equal(loaded(mm, va), 1);
	assert_int_equal(loaded(mm, page(va, 1)), 2);
	assert_false(oct_pte_soft_dirty(user_entry(mm, page(va, 1))));
	assert_int_equal(user_store(mm, page(va, 2), 9), -OCT_EFAULT);
	assert_int_equal(user_load(mm, page(va, 2), &value), 0);
	assert_true(oct_pte_soft_dirty(user_entry(mm, page(va, 2))));
	/* What is watched for while it is out. */
	out(mm, page(va, 1), 1);
	store(mm, page(va, 1), 20);
	out(mm, va, 2);
	assert_int_equal(oct_clear_refs(mm, page(va, 1), page(va, 2)), 0);
	assert_int_equal(oct_uffd_writeprotect(mm, va, page(va, 1), false), 0);
	assert_int_equal(loaded(mm, page(va, 1)), 20);
	assert_false(oct_pte_soft_dirty(user_entry(mm, page(va, 1))));
	store(mm, va, 30);
	assert_int_equal(loaded(mm, va), 30);
}

static void stray_bits_are_no_change(void **state)
{
	uintptr_t va = map_filled(mm, 1);
	oct_pte_t *entry;

	(void)state;
	out(mm, va, 1);
	entry = oct_table_find(&mm->space, va, 0);
#ifdef OCT_ARCH_X86_64
	*entry |= OCT_X86_64_ACCESSED | OCT_X86_64_DIRTY; /* races 47 */
#endif
	assert_true(is_swap(mm, va));
	assert_true(oct_pte_soft_same(*entry, oct_pte_mksoft(OCT_SOFT_SWAP, oct_pte_soft_value(*entry))));
	assert_int_equal(loaded(mm, va), 1);
}

/* Whatever a page held in one space, another finds zeros, and its own contents when they come back. */
static void no_former_contents(void **state)
{
	uintptr_t va = map(mm, 4, RW, 0), other = map(child, 8, RW, 0);

	(void)state;
	for (uintptr_t at = va; at < page(va, 4); at += 64)
		store(mm, at, 0x5ec4e7);
	out(mm, va, 2);
	assert_int_equal(oct_munmap(mm, page(va, 2), 2 * OCT_PAGE_SIZE), 0);
	for (uintptr_t at = other; at < page(other, 8); at += 64) {
		if (!(at & ~OCT_PAGE_MASK))
			store(child, at, 1);
		assert_int_equal(loaded(child, at), at & ~OCT_PAGE_MASK ? 0 : 1);
	}
	out(child, other, 8);
	assert_int_equal(loaded(mm, page(va, 1) + 64), 0x5ec4e7);
	assert_int_equal(loaded(child, page(other, 7) + 64), 0);
}

/* ---- Fork ------------------------------------------------------------------------------------------ */

static void shared_pages_go_out_of_all(void **state)
{
	uintptr_t va = map_filled(mm, 4);
	unsigned pages;

	(void)state;
	assert_int_equal(oct_fork(child, mm), 0);
	store(child, page(va, 3), 40);
	pages = host_pages();
	out(mm, va, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(is_swap(mm, page(va, i)));
		assert_int_equal(is_swap(child, page(va, i)), i < 3);
	}
	assert_int_equal(host_pages(), pages - 4);
	assert_int_equal(oct_swap_used(&swap), 4);
	assert_int_equal(loaded(child, va), 1);
	assert_int_equal(loaded(mm, va), 1);
	assert_ptr_equal(user_folio(mm, va), user_folio(child, va)); /* the second found it in the cache */
	assert_int_equal(host_reads, 1);
	store(child, page(va, 1), 20); /* a store makes a copy, the slot stays for the parent */
	assert_int_equal(loaded(mm, page(va, 1)), 2);
	store(mm, page(va, 2), 30);
	assert_int_equal(loaded(child, page(va, 2)), 3);
	store(mm, va, 10);
	assert_int_equal(loaded(child, va), 1);
	assert_int_equal(loaded(child, page(va, 3)), 40);
	assert_int_equal(loaded(mm, page(va, 3)), 4);
	assert_int_equal(oct_swap_used(&swap), 0);
}

static void fork_while_out(void **state)
{
	uintptr_t va = map_filled(mm, 3);

	(void)state;
	out(mm, va, 3);
	assert_int_equal(oct_fork(child, mm), 0);
	assert_int_equal(oct_swap_used(&swap), 3);
	store(mm, va, 10);
	assert_int_equal(loaded(child, va), 1);
	assert_int_equal(oct_madvise_dontneed(mm, page(va, 1), page(va, 2)), 0);
	assert_int_equal(loaded(child, page(va, 1)), 2);
	space_end(0);
	assert_int_equal(loaded(child, page(va, 2)), 3);
	assert_int_equal(oct_swap_used(&swap), 0);
}

/* A page that came back clean, beside a slot that others still need: it goes without being written, and is
 * not lost when the slot goes. */
static void clean_copies(void **state)
{
	uintptr_t va = map_filled(mm, 2);

	(void)state;
	assert_int_equal(oct_fork(child, mm), 0);
	out(mm, va, 2);
	assert_int_equal(host_writes, 2);
	assert_int_equal(loaded(mm, va), 1);
	assert_int_equal(loaded(mm, page(va, 1)), 2);
	out(mm, va, 1);
	assert_int_equal(host_writes, 2);
	assert_int_equal(loaded(mm, va), 1);
	space_end(1); /* the slots go, the pages stay */
	assert_int_equal(oct_swap_used(&swap), 0);
	out(mm, va, 2);
	assert_int_equal(host_writes, 4);
	assert_int_equal(loaded(mm, va), 1);
	assert_int_equal(loaded(mm, page(va, 1)), 2);
}

static void one_young_entry_keeps_a_shared_page(void **state)
{
	uintptr_t va = map_filled(mm, 1);

	(void)state;
	assert_int_equal(oct_fork(child, mm), 0);
	assert_int_equal(oct_reclaim(&reclaim, 0), 0);
	assert_true(oct_pte_young(user_entry(mm, va)) && oct_pte_young(user_entry(child, va)));
	assert_int_equal(oct_reclaim(&reclaim, 1), 1);
	assert_true(is_swap(mm, va) && is_swap(child, va));
}

static void a_space_that_somebody_writes_is_left_alone(void **state)
{
	uintptr_t va = map_filled(mm, 1);
	struct oct_folio *folio = user_folio(mm, va);

	(void)state;
	assert_int_equal(oct_fork(child, mm), 0);
	oct_rwlock_write_lock(&child->lock);
	out(mm, va, 1);
	assert_ptr_equal(user_folio(mm, va), folio);
	oct_rwlock_write_unlock(&child->lock);
	out(mm, va, 1);
	assert_true(is_swap(mm, va) && is_swap(child, va));
}

/* More spaces than a batch has room for. */
static void many_relatives(void **state)
{
	enum { MANY = OCT_RECLAIM_SPACES + 3 };
	static struct oct_mm more[MANY];
	uintptr_t va = map_filled(mm, 2);

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(oct_mm_init(&more[i], &machine), 0);
		assert_int_equal(oct_fork(&more[i], mm), 0);
	}
	out(mm, va, 2);
	assert_int_equal(oct_swap_used(&swap), 2);
	assert_int_equal(host_writes, 2);
	for (unsigned i = 0; i < MANY; i++) {
		assert_true(is_swap(&more[i], va));
		assert_int_equal(more[i].kin.users, 0);
		store(&more[i], va, 100 + i);
	}
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(loaded(&more[i], va), 100 + i);
		assert_int_equal(loaded(&more[i], page(va, 1)), 2);
		oct_mm_exit(&more[i]);
	}
	assert_int_equal(loaded(mm, va), 1);
}

/* ---- Reverse map --------------------------------------------------------------------------------------- */

static unsigned entries_of(struct oct_folio *folio, struct oct_mm *where, uintptr_t va)
{
	struct oct_rmap walk;
	unsigned count = 0;

	oct_anon_lock(&reclaim.anon);
	oct_rmap_start(&walk, folio, where, va, NULL);
	while (oct_rmap_next(&walk)) {
		assert_int_equal(oct_pte_phys(oct_pte_get(&walk.guard)), folio->page);
		count++;
		oct_pte_guard_unlock(NULL, &walk.guard);
	}
	oct_anon_unlock(&reclaim.anon);
	return count;
}

static void every_entry_is_found(void **state)
{
	uintptr_t va = map_filled(mm, 2);
	struct oct_folio *folio = user_folio(mm, va);

	(void)state;
	assert_int_equal(entries_of(folio, mm, va), 1);
	assert_int_equal(folio->index, va >> OCT_PAGE_SHIFT);
	assert_ptr_equal(oct_rmap_find(&reclaim.anon, folio), mm);
	assert_int_equal(oct_fork(child, mm), 0);
	space_begin(2);
	assert_int_equal(oct_fork(&space[2], child), 0);
	assert_int_equal(entries_of(folio, mm, va), 3);
	assert_int_equal(entries_of(folio, child, va), 3);
	store(child, va, 9);
	assert_int_equal(entries_of(folio, child, va), 2);
	assert_int_equal(entries_of(user_folio(child, va), child, va), 1);
	space_end(0);
	assert_int_equal(entries_of(folio, &space[2], va), 1);
	assert_true(oct_rmap_find(&reclaim.anon, folio) != NULL);
	assert_int_equal(oct_madvise_dontneed(&space[2], va, page(va, 1)), 0);
}

static void strangers_share_no_lineage(void **state)
{
	struct oct_anon other;

	(void)state;
	assert_true(mm->kin.lineage != child->kin.lineage);
	assert_int_equal(oct_reclaim_add(&reclaim, mm), -OCT_EINVAL);
	oct_anon_init(&other, NULL);
	space_end(1);
	assert_int_equal(oct_mm_init(child, &machine), 0);
	alive[1] = true;
	assert_int_equal(oct_anon_add(&other, child), 0);
	assert_int_equal(oct_fork(child, mm), -OCT_EINVAL);
	space_end(1);
	assert_int_equal(other.spaces, 0);
	assert_int_equal(oct_mm_init(child, &machine), 0);
	alive[1] = true;
	assert_int_equal(oct_madvise_pageout(child, OCT_PAGE_SIZE, 2 * OCT_PAGE_SIZE), -OCT_EINVAL);
	assert_int_equal(oct_fork(child, mm), 0);
	assert_int_equal(child->kin.lineage, mm->kin.lineage);
}

/* A child that could not be made is a stranger again, whether the registry knew it before or not. Pages in
 * swap are among what it got and gives back. */
static void a_failed_fork_leaves_no_kin(void **state)
{
	uintptr_t va = map_filled(mm, 3);
	unsigned failures = 0;
	struct oct_mm none;

	(void)state;
	out(mm, va, 1);
	assert_int_equal(oct_mm_set_policy(mm, OCT_MM_TOP_DOWN), 0);
	for (unsigned known = 0; known < 2; known++) {
		uint64_t lineage;

		space_end(1);
		if (known)
			space_begin(1);
		else
			assert_int_equal(oct_mm_init(child, &machine), 0);
		alive[1] = true;
		lineage = child->kin.lineage;
		for (unsigned n = 1;; n++, failures++) {
			int error;

			host_fail_allocation(n);
			error = oct_fork(child, mm);
			host_fail_allocation(0);
			if (!error)
				break;
			assert_int_equal(error, -OCT_ENOMEM);
			assert_int_equal(reclaim.anon.spaces, 1 + known);
			assert_int_equal(child->kin.lineage, lineage);
			assert_ptr_equal(child->kin.anon, known ? &reclaim.anon : NULL);
			assert_ptr_equal(mm->kin.next_kin, mm);
			assert_int_equal(child->policy, 0);
			if (!known) { /* as any space that was just made */
				assert_int_equal(oct_mm_init(&none, &machine), 0);
				assert_int_equal(oct_fork(child, &none), 0);
				oct_mm_exit(&none);
			}
		}
		assert_int_equal(child->policy, OCT_MM_TOP_DOWN);
		assert_int_equal(child->kin.lineage, mm->kin.lineage);
		assert_ptr_equal(mm->kin.next_kin, child);
		assert_int_equal(loaded(child, va), 1);
	}
	assert_true(failures >= 4);
}

/* Areas that moved, while their pages are shared and while they are out. */
static void moved_areas(void **state)
{
	uintptr_t va = map_filled(mm, 3), to = va + 64 * OCT_PAGE_SIZE, at;
	struct oct_folio *folio = user_folio(mm, va);

	(void)state;
	assert_int_equal(oct_fork(child, mm), 0);
	assert_int_equal(oct_mremap(child, va, 3 * OCT_PAGE_SIZE, 3 * OCT_PAGE_SIZE,
	                            OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, to, &at),
	                 0);
	assert_int_equal(entries_of(folio, mm, va), 2);
	assert_int_equal(entries_of(folio, child, to), 2);
	assert_int_equal(entries_of(folio, mm, OCT_PAGE_SIZE), 2); /* the hint is none */
	out(mm, va, 3);
	assert_true(is_swap(mm, va) && is_swap(child, to));
	assert_int_equal(oct_mremap(child, to, 3 * OCT_PAGE_SIZE, 3 * OCT_PAGE_SIZE,
	                            OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, va, &at),
	                 0);
	assert_int_equal(oct_swap_used(&swap), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(loaded(child, page(va, i)), i + 1);
		assert_int_equal(loaded(mm, page(va, i)), i + 1);
	}
	out(child, va, 3);
	assert_true(is_swap(mm, va) && is_swap(child, va));
}

static void pages_of_files(void **state)
{
	enum { PAGES = 4 };
	static struct oct_mapping file;
	unsigned pages = host_pages();
	uintptr_t shared, private;

	(void)state;
	assert_int_equal(oct_mapping_init(&file, &file, PAGES, 0), 0);
	assert_int_equal(oct_mmap_file(mm, 0, PAGES * OCT_PAGE_SIZE, RW, OCT_MAP_SHARED, &file, 0, &shared),
	                 0);
	assert_int_equal(oct_mmap_file(child, 0, PAGES * OCT_PAGE_SIZE, RW, 0, &file, 0, &private), 0);
	for (unsigned i = 0; i < PAGES; i++)
		assert_int_equal(loaded(child, page(private, i)), 0);
	store(mm, page(shared, 1), 10);
	store(child, page(private, 2), 20);
	assert_int_equal(file.cached, PAGES);
	host_fail_io(1);
	assert_int_equal(oct_madvise_pageout(mm, shared, page(shared, PAGES)), -OCT_EIO);
	assert_true(file.cached >= 1);
	assert_int_equal(loaded(mm, page(shared, 1)), 10);
	out(mm, shared, PAGES);
	out(child, private, PAGES);
	assert_int_equal(oct_reclaim(&reclaim, 100), 0);
	assert_int_equal(file.cached, 1); /* nobody maps the third page: it is for its owner to evict */
	assert_int_equal(oct_mapping_evict(&file, 2), 0);
	assert_int_equal(file.cached, 0);
	assert_int_equal(oct_swap_used(&swap), 1);
	assert_int_equal(loaded(mm, page(shared, 1)), 10);
	assert_int_equal(loaded(child, page(private, 1)), 10);
	assert_int_equal(loaded(child, page(private, 2)), 20);
	assert_int_equal(loaded(mm, page(shared, 2)), 0);
	assert_true(oct_reclaim(&reclaim, 100) >= 3);
	assert_int_equal(oct_munmap(mm, shared, PAGES * OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_munmap(child, private, PAGES * OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_mapping_exit(&file), 0);
	assert_true(host_pages() <= pages);
}

/* ---- Failure ---------------------------------------------------------------------------------------------
 */

/* A page that comes back without the write right is not populated for stores yet. */
static void populate_what_is_out(void **state)
{
	uintptr_t va = map_filled(mm, 2);

	(void)state;
	out(mm, va, 2);
	assert_int_equal(oct_uffd_writeprotect(mm, va, page(va, 1), true), 0);
	assert_int_equal(oct_madvise(mm, va, page(va, 1), OCT_MADV_POPULATE_WRITE), -OCT_EBUSY);
	assert_int_equal(oct_fork(child, mm), 0); /* the second page of both is the same one */
	assert_int_equal(oct_madvise(mm, page(va, 1), page(va, 2), OCT_MADV_POPULATE_WRITE), 0);
	assert_true(oct_pte_write(oct_table_query(&mm->space, page(va, 1))));
}

static void bad_ranges(void **state)
{
	struct oct_swap bad;

	(void)state;
	assert_int_equal(oct_madvise_pageout(mm, 0, OCT_PAGE_SIZE), -OCT_EINVAL);
	assert_int_equal(oct_madvise_pageout(mm, OCT_PAGE_SIZE, OCT_PAGE_SIZE), -OCT_EINVAL);
	assert_int_equal(oct_madvise_pageout(mm, OCT_PAGE_SIZE + 1, 3 * OCT_PAGE_SIZE), -OCT_EINVAL);
	assert_int_equal(oct_madvise_pageout(mm, OCT_PAGE_SIZE, mm->space.last + 1 + OCT_PAGE_SIZE),
	                 -OCT_EINVAL);
	out(mm, OCT_PAGE_SIZE, 4); /* holes */
	assert_int_equal(oct_swap_init(&bad, NULL, slots, 0), -OCT_EINVAL);
	assert_int_equal(oct_swap_init(&bad, NULL, NULL, 1), -OCT_EINVAL);
	assert_int_equal(oct_swap_init(&bad, NULL, slots, OCT_NO_SLOT), -OCT_EINVAL);
}

static void writing_fails(void **state)
{
	uintptr_t va = map_filled(mm, 3);
	unsigned pages = host_pages();

	(void)state;
	host_fail_io(2);
	assert_int_equal(oct_madvise_pageout(mm, va, page(va, 3)), -OCT_EIO);
	assert_int_equal(host_pages(), pages - 2);
	assert_int_equal(loaded(mm, page(va, 1)), 2); /* from the cache */
	assert_int_equal(host_reads, 0);
	out(mm, page(va, 1), 1);
	assert_int_equal(loaded(mm, page(va, 1)), 2);
	/* What failed is tried again when pages are wanted. */
	host_fail_io(1);
	assert_int_equal(oct_madvise_pageout(mm, page(va, 1), page(va, 2)), -OCT_EIO);
	host_fail_io(1);
	assert_int_equal(oct_reclaim(&reclaim, 1), -OCT_EIO);
	assert_int_equal(oct_reclaim(&reclaim, 1), 1);
	assert_int_equal(loaded(mm, page(va, 1)), 2);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(loaded(mm, page(va, i)), i + 1);
}

static void reading_fails(void **state)
{
	uintptr_t va = map_filled(mm, 1);
	uint32_t value;

	(void)state;
	out(mm, va, 1);
	host_fail_io(1);
	assert_int_equal(user_load(mm, va, &value), -OCT_EIO);
	assert_true(is_swap(mm, va));
	assert_int_equal(loaded(mm, va), 1);
}

/* Each allocation, and each reading and writing, fails once; nothing is lost. */
static void everything_fails_once(void **state)
{
	enum { PAGES = 6 };
	uintptr_t va = map_filled(mm, PAGES);
	unsigned failed_allocations = 0, failed_io = 0;

	(void)state;
	for (unsigned n = 1; n < 40; n++) {
		for (unsigned io = 0; io < 2; io++) {
			int error = 0;

			if (alive[1])
				space_end(1);
			space_begin(1);
			if (io)
				host_fail_io(n);
			else
				host_fail_allocation(n);
			error |= oct_madvise_pageout(mm, va, page(va, PAGES)) != 0;
			if (oct_fork(child, mm)) {
				failed_allocations++;
			} else {
				for (unsigned i = 0; i < PAGES; i++) {
					uint32_t value = i + 1;

					error |= user_load(child, page(va, i), &value) != 0;
					assert_int_equal(value, i + 1);
					error |= user_store(mm, page(va, i), i + 1) != 0;
				}
			}
			failed_io += io && error;
			failed_allocations += !io && error;
			host_fail_io(0);
			host_fail_allocation(0);
			for (unsigned i = 0; i < PAGES; i++)
				assert_int_equal(loaded(mm, page(va, i)), i + 1);
		}
	}
	assert_true(failed_allocations >= 10);
	assert_true(failed_io >= 10);
}

/* ---- Against a plain array --------------------------------------------------------------------------------
 */

enum { MAPPED = 24 };

static void check_random(struct oct_mm *where, uintptr_t va, const uint32_t *expected)
{
	for (unsigned i = 0; i < MAPPED; i++)
		assert_int_equal(loaded(where, page(va, i)), expected[i]);
}

static void random_sequences(void **state)
{
	static uint32_t expected[SPACES][MAPPED];
	uintptr_t va = map_filled(mm, MAPPED);

	(void)state;
	srand(7);
	for (unsigned i = 0; i < MAPPED; i++)
		expected[0][i] = i + 1;
	space_end(1);
	for (unsigned step = 0; step < 6000; step++) {
		unsigned who = (unsigned)rand() % SPACES, i = (unsigned)rand() % MAPPED;
		uint32_t value;

		host_cpu = (unsigned)rand() % 2;
		if (!alive[who])
			who = 0;
		switch (rand() % 12) {
		case 0:
			for (unsigned to = 1; to < SPACES; to++) {
				if (alive[to])
					continue;
				space_begin(to);
				assert_int_equal(oct_fork(&space[to], &space[who]), 0);
				memcpy(expected[to], expected[who], sizeof(expected[to]));
				break;
			}
			break;
		case 1:
			if (who && rand() % 4 == 0) {
				check_random(&space[who], va, expected[who]);
				space_end(who);
			}
			break;
		case 2:
			assert_true(oct_reclaim(&reclaim, (unsigned)rand() % 8) >= 0);
			break;
		case 3:
			out(&space[who], page(va, i), 1 + (unsigned)rand() % (MAPPED - i));
			break;
		case 4:
			assert_int_equal(oct_madvise_dontneed(&space[who], page(va, i), page(va, i + 1)), 0);
			expected[who][i] = 0;
			break;
		case 5:
			assert_int_equal(oct_clear_refs(&space[who], page(va, i), page(va, i + 1)), 0);
			break;
		case 6:
			assert_int_equal(oct_mprotect(&space[who], page(va, i), OCT_PAGE_SIZE, OCT_READ), 0);
			assert_int_equal(user_store(&space[who], page(va, i), 1), -OCT_EFAULT);
			assert_int_equal(oct_mprotect(&space[who], page(va, i), OCT_PAGE_SIZE, RW), 0);
			break;
		case 7:
		case 8:
			assert_int_equal(user_load(&space[who], page(va, i), &value), 0);
			assert_int_equal(value, expected[who][i]);
			break;
		default:
			value = (uint32_t)rand();
			store(&space[who], page(va, i), value);
			expected[who][i] = value;
		}
	}
	for (unsigned i = 0; i < SPACES; i++)
		if (alive[i])
			check_random(&space[i], va, expected[i]);
	assert_true(host_reads > 500 && host_writes > 500);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
	    TEST(pages_go_out_and_come_back),
	    TEST(one_flush_a_batch),
	    TEST(unwanted_pages_are_dropped),
	    cmocka_unit_test_setup_teardown(unwanted_pages_that_are_stored_to, make_small, drop),
	    TEST(young_pages_have_a_second_chance),
	    TEST(reclaim_ends),
	    TEST(pinned_pages_stay),
	    TEST(what_is_not_private_stays),
	    cmocka_unit_test_setup_teardown(a_full_area_keeps_pages, make_small, drop),
	    TEST(unmapped_slots_are_free),
	    TEST(rights_and_marks_survive),
	    TEST(stray_bits_are_no_change),
	    TEST(no_former_contents),
	    TEST(shared_pages_go_out_of_all),
	    TEST(fork_while_out),
	    TEST(clean_copies),
	    TEST(one_young_entry_keeps_a_shared_page),
	    TEST(a_space_that_somebody_writes_is_left_alone),
	    TEST(many_relatives),
	    TEST(every_entry_is_found),
	    TEST(strangers_share_no_lineage),
	    TEST(a_failed_fork_leaves_no_kin),
	    TEST(populate_what_is_out),
	    TEST(moved_areas),
	    TEST(pages_of_files),
	    TEST(bad_ranges),
	    TEST(writing_fails),
	    TEST(reading_fails),
	    TEST(everything_fails_once),
	    TEST(random_sequences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
