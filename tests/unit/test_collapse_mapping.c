/* test_collapse_mapping.c: huge folios in the cache of an object: how they come, and all that takes pages
 * from them. SPDX-License-Identifier: MIT */
#include "reclaim_user.h"
#include <octavo/collapse.h>
#include <octavo/mapping.h>
#include <octavo/pin.h>
#include <octavo/userfault.h>

#define HUGE_PAGES ((unsigned)OCT_HUGE_PAGES)
#define BASE       ((uintptr_t)64 * OCT_HUGE_BYTES)
#define PAGES      (2 * HUGE_PAGES)

enum { SHARED = OCT_MAP_SHARED };

static struct oct_mapping mapping;
static int object; /* its address names the contents */

static int make(void **state)
{
	(void)state;
	spaces_make();
	host_fail_io(0);
	for (unsigned i = 0; i < PAGES; i++)
		memset(host_object_page(&object, i), 0, OCT_PAGE_SIZE);
	for (unsigned i = 0; i < SPACES; i++)
		space_begin(i);
	return oct_mapping_init(&mapping, &object, PAGES, 0);
}

static int drop(void **state)
{
	(void)state;
	host_cpu = 0;
	for (unsigned i = 0; i < SPACES; i++)
		if (alive[i])
			space_end(i);
	assert_null(mapping.areas);
	assert_int_equal(oct_mapping_exit(&mapping), 0);
	return spaces_drop();
}

/* All of the object at BASE, aligned as its huge folios are. */
static void map_file(unsigned who, unsigned flags)
{
	uintptr_t at;

	assert_int_equal(oct_mmap_file(&space[who], BASE, PAGES * OCT_PAGE_SIZE, RW, flags | OCT_MAP_FIXED,
	                               &mapping, 0, &at),
	                 0);
}

static uintptr_t at(unsigned index)
{
	return page(BASE, index);
}

static uint32_t device(unsigned index)
{
	uint32_t word;

	memcpy(&word, host_object_page(&object, index), sizeof word);
	return word;
}

static void set_device(unsigned index, uint32_t word)
{
	memcpy(host_object_page(&object, index), &word, sizeof word);
}

/* What has page index, which is in memory. */
static struct oct_folio *cached(unsigned index)
{
	unsigned long reads = host_reads;
	struct oct_folio *folio;

	assert_int_equal(oct_mapping_get(&mapping, index, &folio), 0);
	assert_int_equal(host_reads, reads);
	oct_folio_put(folio);
	return folio;
}

static bool is_huge(unsigned index)
{
	return cached(index)->order == OCT_HUGE_ORDER;
}

static bool dirty(const struct oct_folio *folio)
{
	return folio->flags & OCT_FOLIO_DIRTY;
}

static void collapse(void)
{
	assert_int_equal(oct_collapse_mapping(&mapping, 0, HUGE_PAGES), 0);
	assert_true(is_huge(0));
}

/* ---- The collapse -------------------------------------------------------------------------------- */

static void contents_stay(void **state)
{
	struct oct_folio *folio;

	(void)state;
	map_file(0, SHARED);
	map_file(1, SHARED);
	map_file(2, 0);
	set_device(1, 11);
	set_device(HUGE_PAGES - 1, 12);
	store(&space[0], at(2), 13);
	store(&space[2], at(3), 14); /* its own */
	assert_int_equal(loaded(&space[1], at(1)), 11);
	assert_int_equal(loaded(&space[2], at(1)), 11);
	assert_int_equal(oct_collapse_mapping(&mapping, HUGE_PAGES - 1, HUGE_PAGES), 0);
	assert_int_equal(mapping.cached, HUGE_PAGES);
	folio = cached(5);
	assert_int_equal(folio->order, OCT_HUGE_ORDER);
	assert_int_equal(folio->refcount, HUGE_PAGES);
	assert_true(dirty(folio));
	assert_ptr_equal(cached(HUGE_PAGES - 1), folio);
	for (unsigned i = 0; i < SPACES; i++)
		assert_null(user_folio(&space[i], at(1)));
	assert_int_equal(*(uint32_t *)oct_port_phys_to_virt(oct_folio_page(folio, 1)), 11);
	for (unsigned i = 0; i < SPACES; i++) {
		assert_int_equal(loaded(&space[i], at(1)), 11);
		assert_int_equal(loaded(&space[i], at(2)), 13);
		assert_int_equal(loaded(&space[i], at(3)), i == 2 ? 14 : 0);
		assert_int_equal(loaded(&space[i], at(HUGE_PAGES - 1)), 12);
		assert_ptr_equal(user_folio(&space[i], at(1)), folio);
	}
	assert_false(oct_pte_write(user_entry(&space[0], at(1))));
	store(&space[1], at(HUGE_PAGES - 1), 15);
	assert_int_equal(loaded(&space[0], at(HUGE_PAGES - 1)), 15);
	store(&space[2], at(1), 16); /* copied on write */
	assert_int_equal(loaded(&space[0], at(1)), 11);
	assert_int_equal(loaded(&space[2], at(1)), 16);
	assert_int_equal(oct_collapse_mapping(&mapping, 0, 0), 0); /* it is one: nothing happens */
	assert_ptr_equal(user_folio(&space[1], at(2)), folio);
	assert_int_equal(folio->refcount & OCT_FOLIO_REFS, folio->refcount);
}

/* Empty tables go, and one with something of its space's own stays. */
static void tables_go(void **state)
{
	(void)state;
	map_file(0, SHARED);
	map_file(1, 0);
	map_file(2, SHARED);
	assert_int_equal(oct_uffd_register(&space[2], BASE, at(PAGES), OCT_UFFD_WP), 0);
	assert_int_equal(oct_uffd_writeprotect(&space[2], at(2), at(3), true), 0);
	for (unsigned i = 0; i < SPACES; i++)
		assert_int_equal(loaded(&space[i], at(1)), 0);
	store(&space[1], at(4), 1);
	collapse();
	assert_null(oct_table_find(&space[0].space, BASE, 0));
	assert_non_null(oct_table_find(&space[1].space, BASE, 0));
	assert_non_null(oct_table_find(&space[2].space, BASE, 0));
	assert_true(oct_pte_marked(user_entry(&space[2], at(2)), OCT_MARKER_UFFD_WP));
	assert_int_equal(oct_fault(&space[2], at(2), OCT_WRITE), OCT_FAULT_EVENT);
	assert_int_equal(loaded(&space[1], at(4)), 1);
}

/* What is mapped and protected is a marker afterwards. */
static void protections_stay(void **state)
{
	(void)state;
	map_file(0, SHARED);
	assert_int_equal(oct_uffd_register(&space[0], BASE, at(PAGES), OCT_UFFD_WP), 0);
	store(&space[0], at(2), 1);
	assert_int_equal(oct_uffd_writeprotect(&space[0], at(2), at(3), true), 0);
	collapse();
	assert_null(user_folio(&space[0], at(2)));
	assert_int_equal(oct_fault(&space[0], at(2), OCT_WRITE), OCT_FAULT_EVENT);
	assert_int_equal(loaded(&space[0], at(2)), 1);
	assert_int_equal(oct_fault(&space[0], at(2), OCT_WRITE), OCT_FAULT_EVENT);
	assert_int_equal(oct_uffd_writeprotect(&space[0], at(2), at(3), false), 0);
	store(&space[0], at(2), 2);
}

static void userfault_pages(void **state)
{
	struct oct_folio *folio;

	(void)state;
	map_file(0, SHARED);
	assert_int_equal(oct_uffd_register(&space[0], BASE, at(PAGES), OCT_UFFD_MISSING | OCT_UFFD_MINOR), 0);
	assert_int_equal(oct_mapping_get(&mapping, 3, &folio), 0);
	oct_folio_put(folio);
	assert_int_equal(oct_collapse_mapping(&mapping, 0, HUGE_PAGES), -OCT_ENOENT);
	assert_int_equal(mapping.cached, 1);
	assert_int_equal(oct_uffd_register(&space[0], BASE, at(PAGES), OCT_UFFD_MINOR), 0);
	set_device(7, 70);
	collapse();
	assert_int_equal(oct_fault(&space[0], at(7), OCT_READ), OCT_FAULT_EVENT);
	assert_int_equal(oct_uffd_continue(&space[0], at(7), 1, 0), 1);
	assert_int_equal(loaded(&space[0], at(7)), 70);
}

static void what_is_refused(void **state)
{
	static struct oct_mapping memory;
	struct oct_folio *folio, *pin;
	unsigned long reads = host_reads;

	(void)state;
	map_file(0, SHARED);
	assert_int_equal(oct_collapse_mapping(&mapping, 0, HUGE_PAGES - 1), -OCT_ENOENT);
	assert_int_equal(host_reads, reads);
	assert_int_equal(mapping.cached, 0);
	assert_int_equal(oct_collapse_mapping(&mapping, PAGES, HUGE_PAGES), -OCT_EINVAL);
	assert_int_equal(oct_collapse_mapping(&mapping, ~(uint64_t)0, HUGE_PAGES), -OCT_EINVAL);
	oct_mapping_truncate(&mapping, PAGES - 1);
	assert_int_equal(oct_collapse_mapping(&mapping, HUGE_PAGES, HUGE_PAGES), -OCT_EINVAL);
	assert_int_equal(oct_mapping_init_pfn(&memory, &memory, 0, PAGES, OCT_NORMAL, 0), 0);
	assert_int_equal(oct_collapse_mapping(&memory, 0, HUGE_PAGES), -OCT_EINVAL);
	store(&space[0], at(1), 5);
	assert_int_equal(oct_collapse_mapping(&mapping, 0, HUGE_PAGES - 2), -OCT_ENOENT);
	assert_int_equal(oct_mapping_get(&mapping, 2, &folio), 0);
	assert_int_equal(oct_collapse_mapping(&mapping, 0, HUGE_PAGES - 2), -OCT_EBUSY); /* held */
	assert_false(is_huge(0));
	assert_int_equal(loaded(&space[0], at(1)), 5);
	oct_folio_put(folio);
	assert_int_equal(oct_gup(&space[0], at(1), 1, OCT_WRITE, &pin), 1);
	assert_int_equal(oct_collapse_mapping(&mapping, 0, 0), -OCT_EBUSY);
	assert_ptr_equal(user_folio(&space[0], at(1)), pin); /* not even unmapped */
	oct_unpin(pin, false);
	collapse();
}

static void devices_fail(void **state)
{
	(void)state;
	map_file(0, SHARED);
	store(&space[0], at(1), 5);
	host_fail_io(3);
	assert_int_equal(oct_collapse_mapping(&mapping, 0, HUGE_PAGES), -OCT_EIO);
	assert_int_equal(mapping.cached, 3);
	assert_int_equal(loaded(&space[0], at(1)), 5);
	collapse();
	assert_int_equal(loaded(&space[0], at(1)), 5);
}

static void every_allocation_fails(void **state)
{
	unsigned n = 1, pages;
	int error;

	(void)state;
	map_file(0, SHARED);
	store(&space[0], at(1), 5);
	store(&space[0], at(HUGE_PAGES), 6);
	do {
		host_fail_allocation(n++);
		error = oct_collapse_mapping(&mapping, 0, HUGE_PAGES);
		host_fail_allocation(0);
		assert_true(error == 0 || error == -OCT_ENOMEM);
		assert_int_equal(loaded(&space[0], at(1)), 5);
		assert_int_equal(loaded(&space[0], at(HUGE_PAGES)), 6);
	} while (error);
	assert_true(n > 10); /* pages that were read stay */
	assert_true(is_huge(0));
	for (unsigned i = HUGE_PAGES; i < PAGES; i++)
		assert_int_equal(loaded(&space[0], at(i)), i == HUGE_PAGES ? 6 : 0);
	pages = host_pages();
	host_fail_allocation(1);
	assert_int_equal(oct_collapse_mapping(&mapping, HUGE_PAGES, 0), -OCT_ENOMEM);
	assert_int_equal(host_pages(), pages);
	assert_non_null(user_folio(&space[0], at(PAGES - 1)));
}

/* ---- Pages of a huge folio ----------------------------------------------------------------------- */

/* DIRTY is the folio's: whoever stores to a page makes all be written, and all be cleaned. */
static void written_whole(void **state)
{
	unsigned long writes;

	(void)state;
	map_file(0, SHARED);
	map_file(1, SHARED);
	collapse();
	store(&space[0], at(1), 1);
	store(&space[1], at(HUGE_PAGES - 1), 2);
	writes = host_writes;
	assert_int_equal(oct_mapping_writeback(&mapping, 5, 1), 0);
	assert_int_equal(host_writes, writes + HUGE_PAGES);
	assert_int_equal(device(1), 1);
	assert_int_equal(device(HUGE_PAGES - 1), 2);
	assert_false(dirty(cached(0)));
	assert_false(oct_pte_write(user_entry(&space[0], at(1))));
	assert_false(oct_pte_write(user_entry(&space[1], at(HUGE_PAGES - 1))));
	assert_int_equal(oct_mapping_writeback(&mapping, 0, PAGES), 0);
	assert_int_equal(host_writes, writes + HUGE_PAGES); /* clean */
	store(&space[0], at(1), 3);
	store(&space[0], at(HUGE_PAGES), 4); /* a page of its own, in the same batch */
	host_fail_io(HUGE_PAGES);
	assert_int_equal(oct_mapping_writeback(&mapping, 0, PAGES), -OCT_EIO);
	assert_int_equal(device(HUGE_PAGES), 4);
	assert_true(dirty(cached(0)));
	store(&space[0], at(HUGE_PAGES), 5);
	assert_int_equal(oct_mapping_writeback(&mapping, 0, PAGES), 0);
	assert_int_equal(device(1), 3);
	assert_int_equal(device(HUGE_PAGES), 5);
	assert_false(dirty(cached(0)));
}

static void truncation_into_it(void **state)
{
	struct oct_folio *folio;

	(void)state;
	map_file(0, SHARED);
	map_file(1, 0);
	store(&space[0], at(1), 1);
	store(&space[0], at(6), 6);
	collapse();
	folio = cached(0);
	assert_int_equal(loaded(&space[0], at(1)), 1);
	assert_int_equal(loaded(&space[0], at(6)), 6);
	assert_int_equal(loaded(&space[1], at(6)), 6);
	oct_mapping_truncate(&mapping, 4);
	assert_int_equal(mapping.cached, 4);
	assert_int_equal(folio->refcount, 3 * 4);
	assert_null(user_folio(&space[0], at(6)));
	assert_null(user_folio(&space[1], at(6)));
	assert_int_equal(loaded(&space[0], at(1)), 1);
	assert_int_equal(oct_mapping_writeback(&mapping, 0, PAGES), 0); /* the four that are left */
	assert_int_equal(device(1), 1);
	assert_int_equal(device(6), 0);
	oct_mapping_truncate(&mapping, PAGES);
	assert_int_equal(loaded(&space[0], at(6)), 0); /* what the device has, in a page of its own */
	assert_ptr_equal(cached(3), folio);
	assert_int_equal(cached(6)->order, 0);
	store(&space[0], at(6), 7);
	collapse(); /* of a part of a huge folio and of single pages */
	assert_ptr_not_equal(cached(3), folio);
	assert_int_equal(loaded(&space[0], at(1)), 1);
	assert_int_equal(loaded(&space[1], at(6)), 7);
	oct_mapping_truncate(&mapping, 0);
	assert_int_equal(mapping.cached, 0);
	assert_int_equal(mapping.height, 0);
}

static void evicted_whole(void **state)
{
	unsigned pages = host_pages();

	(void)state;
	map_file(0, SHARED);
	map_file(1, 0);
	collapse();
	assert_int_equal(loaded(&space[0], at(1)), 0);
	store(&space[1], at(2), 9); /* a copy: stays */
	store(&space[0], at(3), 3);
	assert_int_equal(oct_mapping_evict(&mapping, 5), -OCT_EBUSY); /* dirty */
	assert_int_equal(oct_mapping_writeback(&mapping, 3, 1), 0);
	assert_int_equal(oct_mapping_evict(&mapping, 5), 0);
	assert_int_equal(mapping.cached, 0);
	assert_null(user_folio(&space[0], at(1)));
	assert_true(host_pages() < pages + 2 * HUGE_PAGES / 2);
	assert_int_equal(loaded(&space[1], at(2)), 9);
	assert_int_equal(loaded(&space[0], at(3)), 3);
}

static void pins(void **state)
{
	struct oct_folio *pin[3], *folio;

	(void)state;
	map_file(0, SHARED);
	map_file(1, 0);
	collapse();
	folio = cached(0);
	assert_int_equal(oct_gup_fast(&space[0], at(2), 3, OCT_WRITE, pin), 0);
	assert_int_equal(oct_gup(&space[0], at(2), 3, OCT_WRITE, pin), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pin[i]->page, oct_folio_page(folio, 2 + i));
	assert_true(oct_folio_pinned(folio));
	*(uint32_t *)oct_port_phys_to_virt(pin[1]->page) = 8; /* a device */
	assert_int_equal(oct_mapping_writeback(&mapping, 0, HUGE_PAGES), 0);
	assert_int_equal(oct_mapping_evict(&mapping, 2), -OCT_EBUSY);
	oct_pin(pin[1]);
	oct_unpin(pin[1], false);
	for (unsigned i = 0; i < 3; i++)
		oct_unpin(pin[i], i == 1);
	assert_false(oct_folio_pinned(folio));
	assert_true(dirty(folio));
	assert_int_equal(loaded(&space[0], at(3)), 8);
	assert_int_equal(oct_gup(&space[1], at(3), 1, OCT_READ, pin), 1); /* a private area's is copied */
	assert_null(pin[0]->mapping);
	assert_int_equal(pin[0]->order, 0);
	oct_unpin(pin[0], false);
}

/* One of its pages is young: all have their second chance. */
static void reclaimed_whole(void **state)
{
	int given;

	(void)state;
	map_file(0, SHARED);
	map_file(1, 0);
	collapse();
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(loaded(&space[0], at(i)), 0);
	store(&space[0], at(6), 6);
	store(&space[1], at(3), 3);
	assert_int_equal(oct_reclaim(&reclaim, 1) >= 0, 1);
	given = oct_reclaim(&reclaim, PAGES);
	assert_true(given >= 0);
	assert_int_equal(mapping.cached, 0);
	assert_int_equal(device(6), 6);
	assert_int_equal(loaded(&space[0], at(6)), 6);
	assert_int_equal(loaded(&space[1], at(3)), 3);
	collapse();
	assert_int_equal(loaded(&space[0], at(6)), 6);
	assert_int_equal(oct_madvise_pageout(&space[0], BASE, at(PAGES)), 0);
	assert_int_equal(mapping.cached, 0);
}

/* The area ends within the huge folio: what comes in the same table may be memory without folios. */
static void reclaimed_beside_a_device(void **state)
{
	struct oct_mapping memory;
	uintptr_t there;

	(void)state;
	assert_int_equal(oct_mapping_init_pfn(&memory, &memory, 0, 1, OCT_NORMAL, 0), 0);
	collapse();
	assert_int_equal(oct_mmap_file(&space[0], BASE, 2 * OCT_PAGE_SIZE, RW, SHARED | OCT_MAP_FIXED,
	                               &mapping, 0, &there),
	                 0);
	assert_int_equal(
	    oct_mmap_file(&space[0], at(2), OCT_PAGE_SIZE, RW, SHARED | OCT_MAP_FIXED, &memory, 0, &there),
	    0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(oct_fault(&space[0], at(i), OCT_READ), OCT_FAULT_DONE);
	assert_int_equal(oct_madvise_pageout(&space[0], BASE, at(2)), 0);
	assert_int_equal(mapping.cached, 0);
	assert_true(oct_pte_present(user_entry(&space[0], at(2))));
	space_end(0);
	assert_int_equal(oct_mapping_exit(&memory), 0);
}

static bool is_leaf(unsigned who, unsigned index)
{
	struct oct_pte_guard guard;
	bool leaf;

	oct_pte_lock_at(&space[who].space, at(index), &guard);
	leaf = guard.level == 1 && oct_pte_present(guard.upper);
	oct_pte_guard_unlock(NULL, &guard);
	return leaf;
}

/* A load maps a huge folio by one leaf, where one can be; a store makes a table of it. */
static void mapped_by_leaves(void **state)
{
	struct oct_folio *folio, *pin;
	uintptr_t other;

	(void)state;
	map_file(0, SHARED);
	map_file(1, 0);
	map_file(2, SHARED);
	store(&space[2], at(5), 5);
	collapse();
	folio = cached(0);
	assert_int_equal(folio->refcount, HUGE_PAGES);
	assert_int_equal(loaded(&space[0], at(5)), 5);
	assert_int_equal(loaded(&space[1], at(5)), 5);
	assert_true(is_leaf(0, 7) && is_leaf(1, 7));
	assert_int_equal(folio->refcount, 3 * HUGE_PAGES);
	user_faults = 0;
	assert_int_equal(loaded(&space[0], at(7)), 0);
	assert_int_equal(user_faults, 0);
	store(&space[2], at(6), 6); /* no leaf for a store */
	assert_false(is_leaf(2, 6));
	assert_int_equal(loaded(&space[0], at(6)), 6);
	assert_true(is_leaf(0, 6));
	assert_int_equal(oct_mapping_writeback(&mapping, 6, 1), 0);
	assert_true(is_leaf(0, 6)); /* it has nothing to clean */
	assert_int_equal(device(6), 6);
	assert_false(oct_pte_write(user_entry(&space[2], at(6))));
	store(&space[1], at(6), 7); /* its own */
	assert_false(is_leaf(1, 6));
	assert_int_equal(loaded(&space[1], at(5)), 5);
	assert_int_equal(loaded(&space[0], at(6)), 6);
	store(&space[0], at(8), 8);
	assert_false(is_leaf(0, 8));
	assert_true(dirty(folio));
	assert_int_equal(loaded(&space[2], at(8)), 8);
	/* Eviction takes a leaf whole, truncation a part of one. */
	assert_int_equal(oct_munmap(&space[0], BASE, at(PAGES) - BASE), 0);
	map_file(0, SHARED);
	assert_int_equal(loaded(&space[0], at(8)), 8);
	assert_true(is_leaf(0, 8));
	assert_int_equal(oct_mapping_writeback(&mapping, 0, PAGES), 0);
	assert_int_equal(oct_mapping_evict(&mapping, 8), 0);
	assert_null(user_folio(&space[0], at(8)));
	collapse();
	assert_int_equal(loaded(&space[0], at(8)), 8);
	assert_int_equal(oct_gup(&space[0], at(8), 1, OCT_READ, &pin), 1);
	assert_int_equal(pin->page, oct_folio_page(cached(8), 8));
	oct_unpin(pin, false);
	collapse();
	oct_mapping_truncate(&mapping, 9);
	assert_int_equal(loaded(&space[0], at(8)), 8);
	assert_int_equal(oct_fault(&space[0], at(9), OCT_READ), OCT_FAULT_SIGNAL);
	assert_false(is_leaf(0, 8));
	/* Not aligned alike, not all of it, not asked for. */
	oct_mapping_truncate(&mapping, PAGES);
	collapse();
	assert_int_equal(oct_mmap_file(&space[1], 0, OCT_HUGE_BYTES, RW, SHARED, &mapping, 1, &other), 0);
	assert_int_equal(loaded(&space[1], other), 0);
	assert_int_equal(oct_munmap(&space[0], at(1), OCT_PAGE_SIZE), 0);
	assert_int_equal(loaded(&space[0], at(8)), 8);
	assert_false(is_leaf(0, 8));
	assert_int_equal(oct_madvise(&space[2], BASE, at(PAGES), OCT_MADV_NOHUGEPAGE), 0);
	assert_int_equal(oct_madvise_dontneed(&space[2], BASE, at(PAGES)), 0);
	(void)oct_retract_page_tables(&mapping, 0, PAGES);
	assert_int_equal(loaded(&space[2], at(8)), 8);
	assert_false(is_leaf(2, 8));
}

/* No table for the split, or none above it: single pages will do. */
static void leaves_without_memory(void **state)
{
	unsigned n = 1;

	(void)state;
	map_file(0, SHARED);
	collapse();
	for (bool leaf = false; !leaf; n++) {
		uint32_t value = 1;
		int error;

		host_fail_allocation(n);
		error = user_load(&space[0], at(1), &value);
		host_fail_allocation(0);
		assert_true(error == -OCT_ENOMEM || (error == 0 && value == 0));
		leaf = is_leaf(0, 1);
		assert_int_equal(oct_munmap(&space[0], BASE, at(PAGES) - BASE), 0);
		assert_int_equal(cached(0)->refcount, HUGE_PAGES);
		map_file(0, SHARED);
	}
	assert_true(n > 2);
}

/* A leaf has its second chance, and its folio goes with it. */
static void leaves_are_reclaimed(void **state)
{
	(void)state;
	map_file(0, SHARED);
	collapse();
	assert_int_equal(loaded(&space[0], at(1)), 0);
	assert_true(is_leaf(0, 1));
	assert_int_equal(oct_reclaim(&reclaim, 1), (int)HUGE_PAGES);
	assert_int_equal(mapping.cached, 0);
	collapse();
	assert_int_equal(loaded(&space[0], at(1)), 0);
	assert_int_equal(oct_madvise_pageout(&space[0], BASE, at(PAGES)), 0);
	assert_int_equal(mapping.cached, 0);
}

/* Calls for private memory leave it alone. */
static void not_anonymous(void **state)
{
	(void)state;
	map_file(0, 0);
	map_file(2, SHARED);
	collapse();
	store(&space[2], at(1), 1);
	assert_int_equal(loaded(&space[0], at(1)), 1);
	assert_int_equal(loaded(&space[0], at(2)), 0);
	space_end(1);
	assert_int_equal(oct_mm_init(&space[1], &machine), 0);
	alive[1] = true;
	assert_int_equal(oct_fork(&space[1], &space[0]), 0);
	assert_ptr_equal(user_folio(&space[1], at(1)), cached(0));
	store(&space[1], at(1), 5);
	store(&space[0], at(1), 6);
	assert_int_equal(loaded(&space[1], at(1)), 5);
	assert_int_equal(loaded(&space[0], at(1)), 6);
	assert_int_equal(loaded(&space[2], at(1)), 1);
	assert_int_equal(oct_munmap(&space[0], BASE, at(2) - BASE), 0);
}

/* ---- Against an array ---------------------------------------------------------------------------- */

enum { SPOTS = 8 };
static struct {
	uint32_t word[SPOTS], own[SPACES][SPOTS];
	bool copied[SPACES][SPOTS];
	unsigned pages, collapsed;
} expected;

/* Pages that are used: of each huge folio's four. */
static unsigned spot(unsigned n)
{
	static const unsigned eighths[] = {0, 1, 5, 7};

	return n / 4 * HUGE_PAGES + eighths[n % 4] * (HUGE_PAGES / 8);
}

static void access(unsigned who, unsigned n, uint32_t value)
{
	uint32_t *word =
	    who == 2 && (expected.copied[who][n] || value) ? &expected.own[who][n] : &expected.word[n];
	bool there = spot(n) < expected.pages;
	uint32_t found = 0;

	if (!value) {
		assert_int_equal(user_load(&space[who], at(spot(n)), &found), there ? 0 : -OCT_EFAULT);
		assert_int_equal(found, there ? *word : 0);
		return;
	}
	assert_int_equal(user_store(&space[who], at(spot(n)), value), there ? 0 : -OCT_EFAULT);
	if (!there)
		return;
	*word = value;
	expected.copied[who][n] |= who == 2;
}

static void resize_to(unsigned pages)
{
	oct_mapping_truncate(&mapping, pages);
	for (unsigned n = 0; n < SPOTS; n++)
		if (spot(n) >= pages) {
			expected.word[n] = 0;
			set_device(spot(n), 0);
			expected.copied[2][n] = false;
		}
	expected.pages = pages;
}

static void try_collapse(unsigned n)
{
	struct oct_folio *held = NULL;
	unsigned first = spot(n) & ~(HUGE_PAGES - 1);
	int error;

	if (rand() % 4 == 0 && spot(n) < expected.pages)
		assert_int_equal(oct_mapping_get(&mapping, spot(n), &held), 0);
	error = oct_collapse_mapping(&mapping, spot(n), HUGE_PAGES);
	if ((spot(n) | (HUGE_PAGES - 1)) >= expected.pages)
		assert_int_equal(error, -OCT_EINVAL);
	else if (!held)
		assert_int_equal(error, 0);
	else
		assert_int_equal(error, cached(first) == cached(first + HUGE_PAGES - 1) ? 0 : -OCT_EBUSY);
	if (held)
		oct_folio_put(held);
	expected.collapsed += !error;
}

static void random_calls(void **state)
{
	(void)state;
	srand(11);
	memset(&expected, 0, sizeof expected);
	expected.pages = PAGES;
	for (unsigned who = 0; who < SPACES; who++)
		map_file(who, who < 2 ? SHARED : 0);
	for (unsigned step = 1; step < 4000; step++) {
		unsigned n = (unsigned)rand() % SPOTS, who = (unsigned)rand() % SPACES;

		host_cpu = (unsigned)rand() % 2;
		user_sets_bits = rand() % 4;
		switch (rand() % 128) {
		case 0:
		case 1:
		case 2:
			try_collapse(n);
			break;
		case 3:
			resize_to(spot(n) + 1);
			break;
		case 4:
		case 5:
			resize_to(PAGES);
			break;
		case 6:
			(void)!oct_mapping_evict(&mapping, spot(n));
			break;
		case 7:
			assert_int_equal(oct_mapping_writeback(&mapping, spot(n), 1), 0);
			if (spot(n) < expected.pages)
				assert_int_equal(device(spot(n)), expected.word[n]);
			break;
		case 8:
			assert_int_equal(oct_madvise_dontneed(&space[who], at(spot(n)), at(spot(n) + 1)), 0);
			expected.copied[who][n] = false;
			break;
		default:
			access(who, n, rand() % 2 ? step : 0);
		}
	}
	assert_true(expected.collapsed > 10);
	assert_int_equal(oct_mapping_writeback(&mapping, 0, PAGES), 0);
	for (unsigned n = 0; n < SPOTS; n++)
		if (spot(n) < expected.pages)
			assert_int_equal(device(spot(n)), expected.word[n]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
	    TEST(contents_stay),
	    TEST(tables_go),
	    TEST(protections_stay),
	    TEST(userfault_pages),
	    TEST(what_is_refused),
	    TEST(devices_fail),
	    TEST(every_allocation_fails),
	    TEST(written_whole),
	    TEST(truncation_into_it),
	    TEST(evicted_whole),
	    TEST(pins),
	    TEST(reclaimed_whole),
	    TEST(reclaimed_beside_a_device),
	    TEST(mapped_by_leaves),
	    TEST(leaves_without_memory),
	    TEST(leaves_are_reclaimed),
	    TEST(not_anonymous),
	    TEST(random_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
