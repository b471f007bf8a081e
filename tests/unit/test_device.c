/* test_device.c: pages that go to memory of a device and come back. SPDX-License-Identifier: MIT */
#include "reclaim_user.h"

enum { PAGES = 5, STEPS = 12000, ROOM = 24 };

static struct oct_swap_slot device_slots[ROOM];
static struct oct_swap device;
static struct oct_mm *const mm = &space[0], *const child = &space[1];

static int make(void **state)
{
	(void)state;
	spaces_make();
	assert_int_equal(oct_device_init(&device, &device, device_slots, ROOM), 0);
	oct_device_attach(&reclaim, &device);
	space_begin(0);
	space_begin(1);
	return 0;
}

static int drop(void **state)
{
	int result = spaces_drop();

	(void)state;
	assert_int_equal(oct_swap_used(&device), 0);
	return result;
}

/* To the device: how many went. */
static int migrate(struct oct_mm *where, uintptr_t va, unsigned pages)
{
	struct oct_migrate_vma migrate;
	uintptr_t end = page(va, pages);
	int went = 0;

	while (va < end && oct_migrate_vma_setup(&migrate, where, va, end) > 0) {
		int copied = oct_migrate_vma_pages(&migrate);

		assert_int_equal(oct_migrate_vma_finalize(&migrate), copied);
		went += copied;
		va = migrate.next;
	}
	return went;
}

static bool is_there(struct oct_mm *where, uintptr_t va)
{
	oct_pte_t pte = user_entry(where, va);

	return oct_pte_soft_kind(pte) == OCT_SOFT_SWAP && (oct_swap_slot_of(pte) & OCT_SWAP_DEVICE);
}

/* ---- There and back ------------------------------------------------------------------------------ */

static void pages_go_and_come_back(void **state)
{
	enum { MANY = OCT_RECLAIM_PAGES + 3 };
	uintptr_t va = map(mm, MANY, RW, 0);
	unsigned pages;

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		store(mm, page(va, i), i + 1);
	pages = host_pages();
	assert_int_equal(migrate(mm, va, MANY), MANY);
	assert_int_equal(host_pages(), pages - MANY);
	assert_int_equal(oct_swap_used(&device), MANY);
	assert_int_equal(oct_swap_used(&swap), 0);
	for (unsigned i = 0; i < MANY; i++) {
		assert_true(is_there(mm, page(va, i)));
		if (i & 1)
			store(mm, page(va, i), i + 1);
		assert_int_equal(loaded(mm, page(va, i)), i + 1);
		assert_true(oct_pte_dirty(user_entry(mm, page(va, i))));
	}
	assert_int_equal(oct_swap_used(&device), 0);
	assert_int_equal(host_pages(), pages);
	/* and to swap, as any */
	assert_int_equal(oct_madvise_pageout(mm, va, page(va, MANY)), 0);
	assert_int_equal(loaded(mm, va), 1);
}

/* What the exchange returned, and marks that go along. */
static void state_goes_along(void **state)
{
	uintptr_t va = map(mm, 3, RW, 0);
	struct oct_migrate_vma m;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		store(mm, page(va, i), 5);
	assert_int_equal(oct_uffd_writeprotect(mm, page(va, 1), page(va, 2), true), 0);
	assert_int_equal(oct_clear_refs(mm, page(va, 2), page(va, 3)), 0);
	assert_int_equal(oct_migrate_vma_setup(&m, mm, va, page(va, 3)), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(m.page[i].va, page(va, i));
		assert_true(m.page[i].dirty && m.page[i].young);
		assert_int_equal(*(uint32_t *)oct_port_phys_to_virt(m.page[i].folio->page), 5);
		assert_true(is_there(mm, page(va, i)));
		assert_false(oct_pte_present(host_tlb_touch(0, page(va, i))));
	}
	assert_int_equal(oct_migrate_vma_pages(&m), 3);
	assert_int_equal(oct_migrate_vma_finalize(&m), 3);
	assert_int_equal(user_store(mm, page(va, 1), 6), -OCT_EBUSY);
	assert_int_equal(loaded(mm, page(va, 1)), 5);
	assert_true(oct_pte_uffd_wp(user_entry(mm, page(va, 1))));
	assert_int_equal(loaded(mm, page(va, 2)), 5);
	assert_false(oct_pte_soft_dirty(user_entry(mm, page(va, 2))));
	assert_int_equal(loaded(mm, va), 5);
	assert_true(oct_pte_soft_dirty(user_entry(mm, va)));
}

/* The device copies by itself, and not all. */
static void what_fails_stays(void **state)
{
	uintptr_t va = map(mm, 3, RW, 0);
	struct oct_folio *was[3];
	struct oct_migrate_vma m;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		store(mm, page(va, i), i + 1);
		was[i] = user_folio(mm, page(va, i));
	}
	assert_int_equal(oct_migrate_vma_setup(&m, mm, va, page(va, 3)), 3);
	memcpy(host_object_page(&device, m.page[1].index), oct_port_phys_to_virt(m.page[1].folio->page),
	       OCT_PAGE_SIZE);
	m.page[1].copied = true;
	host_fail_io(1);
	assert_int_equal(oct_migrate_vma_pages(&m), 2);
	host_fail_io(0);
	assert_int_equal(oct_migrate_vma_finalize(&m), 2);
	assert_ptr_equal(user_folio(mm, va), was[0]);
	assert_int_equal(oct_swap_used(&device), 2);
	store(mm, va, 1);
	assert_ptr_equal(user_folio(mm, va), was[0]);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(loaded(mm, page(va, i)), i + 1);
	/* a page that cannot be read back is there still */
	assert_int_equal(migrate(mm, va, 1), 1);
	host_fail_io(1);
	assert_int_equal(oct_fault(mm, va, OCT_READ), -OCT_EIO);
	host_fail_io(0);
	assert_true(is_there(mm, va));
	host_fail_allocation(1);
	assert_int_equal(oct_fault(mm, va, OCT_READ), -OCT_ENOMEM);
	host_fail_allocation(0);
	assert_int_equal(loaded(mm, va), 1);
}

/* ---- Calls that meet such entries ------------------------------------------------------------------- */

static void spaces_share_it(void **state)
{
	uintptr_t va = map(mm, 2, RW, 0);

	(void)state;
	store(mm, va, 1);
	store(mm, page(va, 1), 2);
	assert_int_equal(migrate(mm, va, 2), 2);
	assert_int_equal(oct_fork(child, mm), 0);
	assert_int_equal(oct_swap_used(&device), 2);
	store(child, va, 10);
	assert_int_equal(loaded(mm, va), 1);
	assert_int_equal(loaded(child, va), 10);
	assert_int_equal(oct_munmap(mm, page(va, 1), OCT_PAGE_SIZE), 0);
	assert_int_equal(loaded(child, page(va, 1)), 2);
	assert_int_equal(oct_swap_used(&device), 0);
}

static void unmapped_and_protected(void **state)
{
	uintptr_t va = map(mm, 4, RW, 0);
	struct oct_folio *pin;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		store(mm, page(va, i), i + 1);
	assert_int_equal(migrate(mm, va, 4), 4);
	assert_int_equal(oct_mprotect(mm, va, OCT_PAGE_SIZE, OCT_READ), 0);
	assert_int_equal(oct_madvise_dontneed(mm, page(va, 1), page(va, 2)), 0);
	assert_int_equal(oct_munmap(mm, page(va, 2), OCT_PAGE_SIZE), 0);
	assert_int_equal(oct_swap_used(&device), 2);
	assert_true(is_there(mm, va));
	assert_int_equal(user_store(mm, va, 9), -OCT_EFAULT);
	assert_int_equal(loaded(mm, va), 1);
	assert_int_equal(loaded(mm, page(va, 1)), 0);
	assert_int_equal(oct_gup_fast(mm, page(va, 3), 1, OCT_WRITE, &pin), 0);
	assert_int_equal(oct_gup(mm, page(va, 3), 1, OCT_WRITE, &pin), 1);
	assert_int_equal(*(uint32_t *)oct_port_phys_to_virt(pin->page), 4);
	assert_int_equal(migrate(mm, page(va, 3), 1), 0); /* pinned */
	assert_ptr_equal(user_folio(mm, page(va, 3)), pin);
	oct_unpin(pin, true);
}

/* Between setup and finalize: what was unmapped is nobody's afterwards. */
static void unmapped_on_the_way(void **state)
{
	uintptr_t va = map(mm, 2, RW, 0);
	struct oct_migrate_vma m;

	(void)state;
	for (unsigned copied = 0; copied < 2; copied++) {
		store(mm, va, 1);
		store(mm, page(va, 1), 2);
		assert_int_equal(oct_migrate_vma_setup(&m, mm, va, page(va, 2)), 2);
		assert_int_equal(oct_madvise_dontneed(mm, va, page(va, 1)), 0);
		assert_int_equal(oct_fork(child, mm), 0);
		if (copied)
			assert_int_equal(oct_migrate_vma_pages(&m), 2);
		oct_migrate_vma_finalize(&m);
		assert_int_equal(loaded(mm, va), 0);
		assert_int_equal(loaded(mm, page(va, 1)), 2);
		assert_int_equal(loaded(child, page(va, 1)), 2);
		assert_int_equal(oct_swap_used(&device), 0);
		space_end(1);
		space_begin(1);
	}
}

static void what_does_not_go(void **state)
{
	uintptr_t va = map(mm, 3, RW, 0), shared = map(mm, 1, RW, OCT_MAP_SHARED),
	          many = map(mm, ROOM + 2, RW, 0);
	struct oct_mm stranger;
	struct oct_migrate_vma m;
	struct oct_folio *held;

	(void)state;
	assert_int_equal(oct_migrate_vma_setup(&m, mm, va, va), -OCT_EINVAL);
	assert_int_equal(oct_migrate_vma_setup(&m, mm, va + 1, page(va, 1)), -OCT_EINVAL);
	assert_int_equal(oct_mm_init(&stranger, &machine), 0);
	assert_int_equal(oct_migrate_vma_setup(&m, &stranger, va, page(va, 1)), -OCT_EINVAL);
	oct_mm_exit(&stranger);
	assert_int_equal(oct_device_init(&(struct oct_swap){0}, NULL, device_slots, 0), -OCT_EINVAL);
	store(mm, va, 1);
	assert_int_equal(loaded(mm, page(va, 1)), 0); /* the zero page */
	held = user_folio(mm, va);
	oct_folio_get(held);
	store(mm, shared, 1);
	assert_int_equal(migrate(mm, va, 3), 0);
	assert_int_equal(migrate(mm, shared, 1), 0);
	oct_folio_put(held);
	for (unsigned i = 0; i < ROOM + 2; i++)
		store(mm, page(many, i), i + 1);
	assert_int_equal(migrate(mm, many, ROOM + 2), ROOM); /* the device is full */
	assert_true(oct_pte_present(user_entry(mm, page(many, ROOM))));
	for (unsigned i = 0; i < ROOM + 2; i++)
		assert_int_equal(loaded(mm, page(many, i)), i + 1);
}

/* ---- Random calls, beside a plain record of what must be where --------------------------------- */

static uintptr_t area;
static uint32_t value[SPACES][PAGES];
static unsigned went;

static unsigned dice(unsigned sides)
{
	return (unsigned)rand() % sides;
}

static void new_space(unsigned s, unsigned from)
{
	if (s == 0 || s == from || !alive[from])
		return;
	if (alive[s]) {
		space_end(s);
		return;
	}
	assert_int_equal(oct_mm_init(&space[s], &machine), 0);
	alive[s] = true;
	assert_int_equal(oct_fork(&space[s], &space[from]), 0);
	memcpy(value[s], value[from], sizeof(value[s]));
}

/* With something else in between. */
static void random_migration(unsigned s)
{
	unsigned p = dice(PAGES), q = dice(PAGES);
	struct oct_migrate_vma m;

	if (oct_migrate_vma_setup(&m, &space[s], page(area, p), page(area, PAGES)) <= 0)
		return;
	if (dice(4) == 0) {
		assert_int_equal(oct_madvise_dontneed(&space[s], page(area, q), page(area, q + 1)), 0);
		value[s][q] = 0;
	} else if (dice(4) == 0) {
		new_space(1 + dice(SPACES - 1), s);
	}
	if (dice(8) == 0)
		host_fail_io(1 + dice(2));
	went += (unsigned)oct_migrate_vma_pages(&m);
	host_fail_io(0);
	if (alive[s])
		oct_migrate_vma_finalize(&m);
}

static void random_step(void)
{
	unsigned s = dice(SPACES), p = dice(PAGES);
	uintptr_t va = page(area, p);

	if (dice(20) == 0)
		new_space(dice(SPACES), s);
	if (!alive[s])
		return;
	host_cpu = dice(2);
	switch (dice(8)) {
	case 0:
	case 1:
		value[s][p] = 1 + dice(1000);
		store(&space[s], va, value[s][p]);
		break;
	case 2:
	case 3:
		assert_int_equal(loaded(&space[s], va), value[s][p]);
		break;
	case 4:
		assert_int_equal(oct_madvise_pageout(&space[s], area, page(area, PAGES)), 0);
		break;
	case 5:
		assert_int_equal(oct_clear_refs(&space[s], va, page(va, 1)), 0);
		break;
	default:
		random_migration(s);
		break;
	}
}

static void random_calls(void **state)
{
	(void)state;
	srand(11);
	memset(value, 0, sizeof(value));
	went = 0;
	space_end(1);
	area = map(mm, PAGES, RW, 0);
	for (unsigned step = 0; step < STEPS; step++) {
		random_step();
		for (unsigned s = 0; s < SPACES; s++)
			for (unsigned p = 0; alive[s] && p < PAGES; p++)
				if (oct_pte_present(user_entry(&space[s], page(area, p))))
					assert_int_equal(loaded(&space[s], page(area, p)), value[s][p]);
	}
	for (unsigned s = 0; s < SPACES; s++)
		for (unsigned p = 0; alive[s] && p < PAGES; p++)
			assert_int_equal(loaded(&space[s], page(area, p)), value[s][p]);
	host_cpu = 0;
	assert_true(went > 500);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
	    TEST(pages_go_and_come_back), TEST(state_goes_along),       TEST(what_fails_stays),
	    TEST(spaces_share_it),        TEST(unmapped_and_protected), TEST(unmapped_on_the_way),
	    TEST(what_does_not_go),       TEST(random_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
