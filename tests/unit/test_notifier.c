/* test_notifier.c: who is told before a space changes, and of whom reclaim asks what was used.
 * SPDX-License-Identifier: MIT */
#include "reclaim_user.h"
#include <octavo/collapse.h>
#include <octavo/interval.h>
#include <octavo/mapping.h>
#include <octavo/merge.h>
#include <octavo/migrate.h>
#include <octavo/notify.h>
#include <octavo/pin.h>
#include <octavo/track.h>
#include <octavo/userfault.h>

enum { PAGES = 16, FILE_PAGES = 4, STEPS = 6000 };

/* A device that cannot fault: for each page of two areas the entry that it was given the address from. */
struct dma {
	struct oct_notifier notifier; /* first */
	oct_pte_t entry[PAGES + FILE_PAGES];
	unsigned announced[PAGES + FILE_PAGES];
	unsigned starts, ends, left, open;
	uintptr_t start, end; /* of the last start */
};

static struct oct_mm *const mm = &space[0];
static struct oct_mapping file;
static struct oct_swap memory; /* of a device */
static struct oct_swap_slot memory_slots[SLOTS];
static uintptr_t area, shown;
static struct dma dma, other;
static unsigned given;

static uintptr_t va_of(unsigned i)
{
	return i < PAGES ? page(area, i) : page(shown, i - PAGES);
}

/* What the device uses is what the space shows. */
static void check(const struct dma *of)
{
	for (unsigned i = 0; i < PAGES + FILE_PAGES; i++) {
		oct_pte_t now, was = of->entry[i];

		if (!was || of->announced[i])
			continue;
		now = user_entry(mm, va_of(i));
		assert_true(oct_pte_present(now));
		assert_int_equal(oct_pte_frame(now, 0, va_of(i)), oct_pte_phys(was));
		assert_true(oct_pte_write(now) || !oct_pte_write(was));
	}
}

static void note(struct dma *of, uintptr_t start, uintptr_t end, int by)
{
	assert_true(start < end && ((start | end) & ~OCT_PAGE_MASK) == 0);
	for (unsigned i = 0; i < PAGES + FILE_PAGES; i++)
		if (va_of(i) >= start && va_of(i) < end) {
			assert_true(by > 0 || of->announced[i]);
			of->announced[i] += (unsigned)by;
			of->entry[i] = 0;
		}
	of->open += (unsigned)by;
}

static void started(struct oct_notifier *notifier, struct oct_mm *of, uintptr_t start, uintptr_t end)
{
	struct dma *d = (struct dma *)(void *)notifier;

	assert_ptr_equal(of, mm);
	assert_false(d->left);
	check(d); /* nothing has changed before it is announced */
	d->starts++;
	d->start = start;
	d->end = end;
	note(d, start, end, 1);
}

static void ended(struct oct_notifier *notifier, struct oct_mm *of, uintptr_t start, uintptr_t end)
{
	struct dma *d = (struct dma *)(void *)notifier;

	assert_ptr_equal(of, mm);
	d->ends++;
	note(d, start, end, -1);
}

static void left(struct oct_notifier *notifier, struct oct_mm *of)
{
	struct dma *d = (struct dma *)(void *)notifier;

	assert_ptr_equal(of, mm);
	check(d);
	memset(d->entry, 0, sizeof(d->entry));
	d->left++;
}

/* The device gets the addresses of pages from the first on. */
static void give(struct dma *of, unsigned first, unsigned pages)
{
	for (unsigned i = first; i < first + pages; i++) {
		oct_pte_t pte = user_entry(mm, va_of(i));

		assert_int_equal(of->announced[i], 0);
		of->entry[i] = oct_pte_present(pte) ? oct_pte_single(pte, 0, va_of(i)) : 0;
		given += of->entry[i] != 0;
	}
}

static void settled(void)
{
	assert_int_equal(dma.open, 0);
	assert_int_equal(dma.starts, dma.ends);
	check(&dma);
}

static int make(void **state)
{
	(void)state;
	spaces_make();
	assert_int_equal(oct_device_init(&memory, &memory, memory_slots, SLOTS), 0);
	oct_device_attach(&reclaim, &memory);
	space_begin(0);
	assert_int_equal(oct_mapping_init(&file, &file, FILE_PAGES, 0), 0);
	area = map(mm, PAGES, RW, 0);
	assert_int_equal(
	    oct_mmap_file(mm, 0, FILE_PAGES * OCT_PAGE_SIZE, RW, OCT_MAP_SHARED, &file, 0, &shown), 0);
	for (unsigned i = 0; i < PAGES + FILE_PAGES; i++)
		store(mm, va_of(i), i);
	dma = (struct dma){.notifier = {.start = started, .end = ended, .leave = left}};
	other = dma;
	oct_notifier_bind(mm, &dma.notifier);
	give(&dma, 0, PAGES + FILE_PAGES);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SPACES; i++)
		if (alive[i])
			space_end(i);
	assert_int_equal(oct_mapping_exit(&file), 0);
	return spaces_drop();
}

/* ---- Each call ------------------------------------------------------------------------------------- */

static void clear_refs(void)
{
	assert_int_equal(oct_clear_refs(mm, page(area, 2), page(area, 4)), 0);
}

static void protect(void)
{
	assert_int_equal(oct_mprotect(mm, page(area, 2), 2 * OCT_PAGE_SIZE, OCT_READ), 0);
}

static void dontneed(void)
{
	assert_int_equal(oct_madvise_dontneed(mm, page(area, 2), page(area, 4)), 0);
}

static void no_longer_needed(void)
{
	assert_int_equal(oct_madvise(mm, page(area, 2), page(area, 4), OCT_MADV_FREE), 0);
}

static void unmap(void)
{
	assert_int_equal(oct_munmap(mm, page(area, 2), 2 * OCT_PAGE_SIZE), 0);
}

static void replace(void)
{
	uintptr_t result;

	assert_int_equal(oct_mmap(mm, page(area, 2), 2 * OCT_PAGE_SIZE, RW, OCT_MAP_FIXED, &result), 0);
}

static void page_out(void)
{
	assert_int_equal(oct_madvise_pageout(mm, page(area, 2), page(area, 4)), 0);
}

static void write_protect(void)
{
	assert_int_equal(oct_uffd_register(mm, page(area, 2), page(area, 4), OCT_UFFD_WP), 0);
	assert_int_equal(oct_uffd_writeprotect(mm, page(area, 2), page(area, 4), true), 0);
}

static void scan(void)
{
	struct oct_scan what = {.start = page(area, 2), .end = page(area, 4)};

	assert_int_equal(oct_scan_pages(mm, &what), 0); /* looks only */
	assert_int_equal(dma.starts, 0);
	what.flags = OCT_SCAN_CLEAR;
	assert_int_equal(oct_scan_pages(mm, &what), 0);
}

static void to_device(void)
{
	struct oct_migrate_vma migrate;

	assert_int_equal(oct_migrate_vma_setup(&migrate, mm, page(area, 2), page(area, 4)), 2);
	assert_int_equal(oct_migrate_vma_pages(&migrate), 2);
	assert_int_equal(oct_migrate_vma_finalize(&migrate), 2);
}

static void migrate(void)
{
	struct oct_folio *fresh[2] = {oct_folio_alloc(), oct_folio_alloc()};

	assert_int_equal(oct_migrate_pages(mm, page(area, 2), page(area, 4), fresh, 2), 2);
}

static void remap_from(void)
{
	uintptr_t result;

	assert_int_equal(oct_mremap(mm, page(area, 2), 2 * OCT_PAGE_SIZE, 4 * OCT_PAGE_SIZE,
	                            OCT_MREMAP_MAYMOVE, 0, &result),
	                 0);
}

static void remap_to(void)
{
	uintptr_t from = map(mm, 2, RW, 0), result;

	assert_int_equal(oct_mremap(mm, from, 2 * OCT_PAGE_SIZE, 2 * OCT_PAGE_SIZE,
	                            OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, page(area, 2), &result),
	                 0);
}

static void fork_space(void)
{
	assert_int_equal(oct_mm_init(&space[1], &machine), 0);
	alive[1] = true;
	assert_int_equal(oct_fork(&space[1], mm), 0);
}

static void move(void)
{
	uintptr_t to = map(mm, 2, RW, 0);

	assert_int_equal(oct_uffd_register(mm, to, page(to, 2), OCT_UFFD_MISSING), 0);
	assert_int_equal(oct_uffd_move(mm, to, page(area, 2), 2, 0), 2);
}

static void truncate(void)
{
	oct_mapping_truncate(&file, 1);
}

static void evict(void)
{
	assert_int_equal(oct_mapping_writeback(&file, 0, FILE_PAGES), 0);
	for (unsigned i = 1; i < FILE_PAGES; i++)
		assert_int_equal(oct_mapping_evict(&file, i), 0);
}

static void write_back(void)
{
	assert_int_equal(oct_mapping_writeback(&file, 1, 3), 0);
}

static void record(void)
{
	struct oct_track_result result;

	assert_int_equal(oct_wp_shared_mapping_range(&file, 1, 3, &result), 0);
}

static void reset(void)
{
	oct_mm_reset(mm);
}

/* The pages that each of them changes: from first on. */
static void each_call(void **state)
{
	static const struct {
		void (*call)(void);
		unsigned first, pages;
	} calls[] = {
	    {clear_refs, 2, 2},
	    {protect, 2, 2},
	    {dontneed, 2, 2},
	    {no_longer_needed, 2, 2},
	    {unmap, 2, 2},
	    {replace, 2, 2},
	    {page_out, 2, 2},
	    {write_protect, 2, 2},
	    {scan, 2, 2},
	    {to_device, 2, 2},
	    {migrate, 2, 2},
	    {remap_from, 2, 2},
	    {remap_to, 2, 2},
	    {fork_space, 0, PAGES},
	    {truncate, PAGES + 1, 3},
	    {evict, PAGES + 1, 3},
	    {write_back, PAGES + 1, 3},
	    {record, PAGES + 1, 3},
	    {reset, 0, PAGES + FILE_PAGES},
	    {move, 2, 2},
	};

	for (unsigned c = 0; c < sizeof(calls) / sizeof(*calls); c++) {
		if (c) {
			drop(state);
			make(state);
		}
		calls[c].call();
		assert_true(dma.starts > 0);
		for (unsigned i = 0; i < PAGES + FILE_PAGES; i++)
			if (i >= calls[c].first && i < calls[c].first + calls[c].pages)
				assert_int_equal(dma.entry[i], 0);
			else if (calls[c].pages == 2) /* nobody else was stopped */
				assert_true(dma.entry[i] != 0);
		settled();
	}
}

static void stores_that_copy(void **state)
{
	struct oct_folio *held;

	(void)state;
	fork_space();
	give(&dma, 0, PAGES);
	dma.starts = dma.ends = 0;
	store(mm, page(area, 3), 7); /* a copy comes in the place of the page */
	assert_int_equal(dma.starts, 1);
	assert_int_equal(dma.start, page(area, 3));
	assert_int_equal(dma.end, page(area, 4));
	assert_int_equal(loaded(mm, page(area, 4)), 4); /* nothing is replaced */
	assert_int_equal(dma.starts, 1);
	assert_int_equal(oct_gup(mm, page(area, 5), 1, OCT_READ, &held), 1); /* which unshares */
	assert_int_equal(dma.starts, 2);
	assert_int_equal(dma.entry[5], 0);
	oct_unpin(held, false);
	settled();
}

static void merged(void **state)
{
	(void)state;
	store(mm, page(area, 2), 9);
	store(mm, page(area, 7), 9);
	give(&dma, 0, PAGES);
	assert_int_equal(oct_merge_pages(mm, page(area, 2), mm, page(area, 7)), 1);
	assert_int_equal(dma.entry[2], 0); /* it lost the write right */
	assert_int_equal(dma.entry[7], 0);
	settled();
}

/* Where the format has what a collapse makes. */
static void check_collapse(int result, uintptr_t start, size_t bytes)
{
	if (result == -OCT_EINVAL)
		return;
	assert_int_equal(result, 0);
	assert_int_equal(other.starts, 1);
	assert_int_equal(other.ends, 1);
	assert_int_equal(other.start, start);
	assert_int_equal(other.end, start + bytes);
	other.starts = other.ends = 0;
}

static void collapsed(void **state)
{
	uintptr_t at = (mm->space.last + 1) / 2, where;

	(void)state;
	assert_int_equal(oct_mmap(mm, at, OCT_HUGE_BYTES, RW, OCT_MAP_FIXED_NOREPLACE, &where), 0);
	assert_int_equal(oct_madvise(mm, at, at + OCT_HUGE_BYTES, OCT_MADV_POPULATE_WRITE), 0);
	oct_notifier_bind(mm, &other.notifier);
	check_collapse(oct_collapse(mm, at, 0), at, OCT_FOLIO_BYTES);
	check_collapse(oct_collapse_huge(mm, at, 0), at, OCT_HUGE_BYTES);
}

/* A table goes by the object; what it maps does not change, but who walks tables may be one that sleeps. */
static void retracted(void **state)
{
	uintptr_t bytes = oct_level_bytes(1), at = (mm->space.last + 1) / 2, where;

	(void)state;
	assert_int_equal(
	    oct_mmap_file(mm, at, bytes, RW, OCT_MAP_FIXED_NOREPLACE | OCT_MAP_SHARED, &file, 0, &where), 0);
	store(mm, at, 1);
	assert_int_equal(oct_mapping_writeback(&file, 0, 1), 0);
	assert_int_equal(oct_mapping_evict(&file, 0), 0);
	oct_notifier_bind(mm, &other.notifier);
	assert_int_equal(oct_munmap(mm, shown, FILE_PAGES * OCT_PAGE_SIZE), 0);
	other.starts = other.ends = 0;
	assert_int_equal(oct_retract_page_tables(&file, 0, bytes / OCT_PAGE_SIZE), 1);
	assert_int_equal(other.starts, 1);
	assert_int_equal(other.ends, 1);
	assert_int_equal(other.start, at);
	assert_int_equal(other.end, at + bytes);
}

/* ---- Who hears ---------------------------------------------------------------------------------------- */

static void bound_and_unbound(void **state)
{
	(void)state;
	oct_notifier_bind(mm, &other.notifier);
	dontneed();
	assert_int_equal(dma.starts, 1);
	assert_int_equal(other.starts, 1);
	oct_notifier_unbind(mm, &dma.notifier); /* behind the other in the list */
	memset(dma.entry, 0, sizeof(dma.entry));
	truncate();
	assert_int_equal(dma.starts, 1);
	assert_int_equal(other.starts, 2);
	assert_int_equal(other.ends, 2);
	assert_true(mm->told);
	oct_notifier_unbind(mm, &other.notifier);
	assert_false(mm->told);
	unmap();
	oct_mapping_truncate(&file, 0);
	assert_int_equal(other.starts, 2);
	expect_assert_failure(oct_notifier_unbind(mm, &other.notifier));
	oct_rwlock_write_unlock(&mm->lock); /* as the panic left it */
}

/* Areas of objects that come later, or whose bounds change, are announced too. */
static void new_areas(void **state)
{
	uintptr_t more;

	(void)state;
	assert_int_equal(oct_mmap_file(mm, 0, 2 * OCT_PAGE_SIZE, RW, OCT_MAP_SHARED, &file, 0, &more), 0);
	store(mm, more, 1);
	dma.starts = dma.ends = 0;
	truncate();
	assert_int_equal(dma.starts, 2);
	assert_int_equal(oct_munmap(mm, page(shown, 2), OCT_PAGE_SIZE), 0);
	dma.starts = dma.ends = 0;
	oct_mapping_truncate(&file, 0);
	assert_int_equal(dma.starts, 3); /* two pieces and the new one */
	settled();
}

static void the_space_ends(void **state)
{
	(void)state;
	oct_notifier_bind(mm, &other.notifier);
	space_end(0);
	assert_int_equal(dma.left, 1);
	assert_int_equal(other.left, 1);
	assert_int_equal(dma.starts, 0);
}

/* Reclaim that comes to a page by another space does not wait for whom it cannot tell. */
static void relatives_are_left_alone(void **state)
{
	(void)state;
	fork_space();
	give(&dma, 0, PAGES);
	dma.starts = dma.ends = 0;
	assert_int_equal(oct_madvise_pageout(&space[1], page(area, 2), page(area, 4)), 0);
	assert_int_equal(dma.starts, 0);
	assert_true(dma.entry[2] != 0);
	settled();
	page_out(); /* from here it may */
	assert_true(dma.starts > 0);
	assert_int_equal(dma.entry[2], 0);
	assert_false(oct_pte_present(user_entry(mm, page(area, 2))));
	settled();
}

/* ---- Random calls ------------------------------------------------------------------------------------- */

static unsigned dice(unsigned sides)
{
	return (unsigned)rand() % sides;
}

static void random_call(unsigned i, unsigned n)
{
	struct oct_folio *fresh;
	struct oct_track_result result;

	switch (dice(12)) {
	case 0:
		assert_int_equal(oct_madvise_dontneed(mm, page(area, i), page(area, i + n)), 0);
		break;
	case 1:
		assert_int_equal(oct_clear_refs(mm, page(area, i), page(area, i + n)), 0);
		break;
	case 2:
		assert_int_equal(oct_mprotect(mm, page(area, i), n * OCT_PAGE_SIZE, dice(2) ? RW : OCT_READ),
		                 0);
		break;
	case 3:
		fresh = oct_folio_alloc();
		if (oct_migrate_pages(mm, page(area, i), page(area, i + n), &fresh, 1) == 0)
			oct_folio_put(fresh);
		break;
	case 4:
		assert_int_equal(oct_madvise_pageout(mm, page(area, i), page(area, i + n)), 0);
		break;
	case 5:
		(void)oct_merge_pages(mm, page(area, i), mm, page(area, dice(PAGES)));
		break;
	case 6:
		if (alive[1])
			space_end(1);
		else
			fork_space();
		break;
	case 7:
		(void)oct_mapping_writeback(&file, dice(FILE_PAGES), 1);
		(void)oct_mapping_evict(&file, dice(FILE_PAGES));
		break;
	case 8:
		assert_int_equal(oct_wp_shared_mapping_range(&file, dice(FILE_PAGES), 1, &result), 0);
		break;
	case 9:
		(void)oct_reclaim(&reclaim, 2);
		break;
	default:
		(void)user_store(mm, va_of(dice(PAGES + FILE_PAGES)), i);
		break;
	}
}

static void random_calls(void **state)
{
	uint32_t value;

	(void)state;
	srand(5);
	given = 0;
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = dice(PAGES);

		host_cpu = dice(2);
		random_call(i, 1 + dice(PAGES - i));
		settled();
		i = dice(PAGES + FILE_PAGES);
		(void)user_load(mm, va_of(i), &value);
		give(&dma, i, 1);
	}
	host_cpu = 0;
	assert_in_range(given, STEPS / 4, 2 * STEPS);
}

/* ---- Young -------------------------------------------------------------------------------------------- */

static struct oct_secondary secondary;
static struct oct_intervals intervals;
static struct oct_interval interval;
static uintptr_t used_page; /* 0: none */
static unsigned asked;

static void told(struct oct_secondary *s, struct oct_space *of, uintptr_t start, size_t pages,
                 enum oct_depth depth)
{
	(void)s, (void)of, (void)start, (void)pages, (void)depth;
}

static void told_interval(struct oct_interval *of, uintptr_t start, uintptr_t end)
{
	(void)of, (void)start, (void)end;
}

static bool was_used(uintptr_t start, uintptr_t end, bool clear)
{
	bool used = used_page >= start && used_page < end;

	asked++;
	if (used && clear)
		used_page = 0;
	return used;
}

static bool young(struct oct_secondary *s, struct oct_space *of, uintptr_t start, size_t pages, bool clear)
{
	assert_true(s == &secondary && of == &mm->space);
	return was_used(start, start + pages * OCT_PAGE_SIZE, clear);
}

static bool young_interval(struct oct_interval *of, uintptr_t start, uintptr_t end, bool clear)
{
	assert_true(of == &interval && start >= interval.start && end <= interval.end);
	return was_used(start, end, clear);
}

/* A second chance for a page that only a secondary MMU uses. */
static void second_chance(void)
{
	for (unsigned i = 0; i < PAGES + FILE_PAGES; i++)
		memset(&dma.entry[i], 0, sizeof(dma.entry[i]));
	oct_notifier_unbind(mm, &dma.notifier);
	assert_int_equal(oct_madvise(mm, page(area, 0), page(area, PAGES), OCT_MADV_DONTNEED), 0);
	assert_int_equal(oct_munmap(mm, shown, FILE_PAGES * OCT_PAGE_SIZE), 0);
	for (unsigned i = 0; i < 4; i++)
		store(mm, page(area, i), i);
	for (unsigned i = 0; i < 4; i++) {
		oct_pte_t *pte = oct_pte_lock(mm, page(area, i));

		oct_store(pte, oct_pte_mkold(oct_load(pte, OCT_RLX)), OCT_RLX);
		oct_pte_unlock(mm, pte);
	}
	used_page = page(area, 2);
	assert_true(oct_secondary_young(&mm->space, page(area, 0), 4, false));
	assert_true(oct_secondary_young(&mm->space, page(area, 2), 1, false));
	assert_false(oct_secondary_young(&mm->space, page(area, 3), 1, true));
	asked = 0;
	assert_int_equal(oct_reclaim(&reclaim, 3), 3);
	assert_true(asked > 0);
	assert_int_equal(used_page, 0);
	assert_true(oct_pte_present(user_entry(mm, page(area, 2))));
	assert_int_equal(oct_reclaim(&reclaim, 1), 1);
	assert_false(oct_pte_present(user_entry(mm, page(area, 2))));
}

static void young_by_secondary(void **state)
{
	struct oct_secondary silent = {.invalidate = told};

	(void)state;
	secondary = (struct oct_secondary){.invalidate = told, .young = young};
	oct_secondary_bind(&mm->space, &secondary);
	oct_secondary_bind(&mm->space, &silent); /* sets young in the entries of the space */
	second_chance();
	oct_secondary_unbind(&mm->space, &silent);
	oct_secondary_unbind(&mm->space, &secondary);
	assert_false(oct_secondary_young(&mm->space, page(area, 0), 4, false));
}

static void young_by_interval(void **state)
{
	(void)state;
	interval = (struct oct_interval){.invalidate = told_interval, .young = young_interval};
	oct_intervals_bind(&intervals, &mm->space);
	assert_int_equal(oct_interval_insert(&intervals, &interval, page(area, 1), page(area, 3)), 0);
	second_chance();
	interval.young = NULL;
	assert_false(oct_secondary_young(&mm->space, page(area, 0), 4, false));
	oct_interval_remove(&intervals, &interval);
	oct_intervals_unbind(&intervals, &mm->space);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
	    TEST(each_call),    TEST(retracted),          TEST(stores_that_copy),
	    TEST(merged),       TEST(collapsed),          TEST(bound_and_unbound),
	    TEST(new_areas),    TEST(the_space_ends),     TEST(relatives_are_left_alone),
	    TEST(random_calls), TEST(young_by_secondary), TEST(young_by_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
