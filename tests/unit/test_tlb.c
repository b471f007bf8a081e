/* test_tlb.c: what every CPU could still use after a ticket is complete. SPDX-License-Identifier: MIT
 *
 * The host's TLBs cache whatever is touched and forget only when told to. Interleavings are the
 * checker's subject; here: targets, ranges, numbers, joins, the queue, reliance, statistics. */
#include "host_port.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { CPUS = 4, SPACES = 5, PAGES = 48, STEPS = 20000 };

static struct oct_system machine;
static struct oct_space spaces[SPACES];
static const uintptr_t VA = 0x8000;

static uintptr_t address(unsigned page)
{
	return VA + page * OCT_PAGE_SIZE;
}

static void on(unsigned cpu, struct oct_space *space)
{
	host_cpu = cpu;
	oct_space_switch(&machine, space);
}

static void start(unsigned count)
{
	host_reset();
	assert_int_equal(oct_system_init(&machine, CPUS), 0);
	host_system = &machine;
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(oct_space_init(&spaces[i], &machine), 0);
}

static void finish(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		oct_space_exit(&spaces[i]);
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		assert_null(machine.cpu[cpu].space);
	oct_system_exit(&machine);
	assert_int_equal(host_pages(), 0);
}

static oct_phys_t user_page(void)
{
	oct_phys_t page = oct_port_page_alloc(0, OCT_USE_USER);

	assert_true(page != OCT_NO_PAGE);
	return page;
}

static oct_pte_t wrprotect(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_wrprotect(pte);
}

/* Takes the write right from va; the section is closed. */
static enum oct_flush protect(struct oct_ticket *ticket, uintptr_t va)
{
	struct oct_pte_guard guard;
	enum oct_flush flush;
	oct_pte_t old;

	oct_pte_lock_at(ticket->space, va, &guard);
	flush = oct_entry_update(ticket, &guard, guard.pte, va, wrprotect, 0, &old);
	oct_pte_guard_unlock(ticket, &guard);
	return flush;
}

static void map(struct oct_space *space, unsigned page, unsigned prot)
{
	assert_int_equal(oct_table_map(space, address(page), user_page(), 1, prot, OCT_NORMAL), 0);
}

static void unmap_free(struct oct_space *space, unsigned first, unsigned count)
{
	struct oct_ticket ticket;

	oct_ticket_init(&ticket, space);
	assert_int_equal(oct_table_unmap(space, address(first), address(first + count), true, &ticket), 0);
	oct_ticket_complete(&ticket);
}

/* ---- Random: CPUs, spaces, numbers that run out --------------------------------------------------- */
static oct_phys_t shadow[SPACES][PAGES]; /* what is mapped; bit 0: writable */

static void check_cpu(unsigned cpu)
{
	struct oct_space *space = machine.cpu[cpu].space;

	if (space == NULL)
		return;
	for (unsigned i = 0; i < PAGES; i++) {
		oct_phys_t want = shadow[space - spaces][i];
		oct_pte_t pte = host_tlb_touch(cpu, address(i));

		assert_int_equal(oct_pte_present(pte), want != 0);
		if (want == 0)
			continue;
		assert_int_equal(oct_pte_phys(pte), want & ~(oct_phys_t)1);
		/* A right gained may come late; one taken away is gone (I4). */
		assert_true(!oct_pte_write(pte) || (want & 1));
		assert_true(host_page_is_out(oct_pte_phys(pte)));
	}
}

static void random_change(unsigned which)
{
	struct oct_space *space = &spaces[which];
	unsigned page = (unsigned)rand() % PAGES, count = 1 + (unsigned)rand() % 12;
	struct oct_ticket ticket;

	if (count > PAGES - page)
		count = PAGES - page;
	oct_ticket_init(&ticket, space);
	switch (rand() % 4) {
	case 0:
		unmap_free(space, page, count);
		memset(&shadow[which][page], 0, count * sizeof shadow[0][0]);
		break;
	case 1:
		assert_int_equal(
		    oct_table_protect(space, address(page), address(page + count), OCT_READ, &ticket), 0);
		for (unsigned i = page; i < page + count; i++)
			shadow[which][i] &= ~(oct_phys_t)1;
		break;
	case 2:
		unmap_free(space, 0, PAGES);
		memset(shadow[which], 0, sizeof shadow[which]);
		assert_int_equal(oct_table_trim(space, 0, space->last + 1, &ticket), 0);
		break;
	default:
		if (shadow[which][page] != 0)
			break;
		map(space, page, OCT_READ | OCT_WRITE);
		shadow[which][page] = oct_pte_phys(oct_table_query(space, address(page))) | 1;
	}
	oct_ticket_complete(&ticket);
}

static void random_targets(void **state)
{
	(void)state;
	start(SPACES);
	srand(11);
	memset(shadow, 0, sizeof shadow);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned cpu = (unsigned)rand() % CPUS, which = (unsigned)rand() % (SPACES + 1);

		if (rand() % 3 == 0)
			on(cpu, which == SPACES ? NULL : &spaces[which]);
		host_cpu = cpu;
		random_change((unsigned)rand() % SPACES);
		for (unsigned i = 0; i < CPUS; i++)
			check_cpu(i);
	}
	for (unsigned i = 0; i < SPACES; i++)
		unmap_free(&spaces[i], 0, PAGES);
	finish(SPACES);
}

/* ---- Targets ------------------------------------------------------------------------------------------ */
static void local_when_alone(void **state)
{
	struct oct_ticket ticket;

	(void)state;
	start(1);
	map(&spaces[0], 0, OCT_READ | OCT_WRITE);
	on(2, &spaces[0]);
	host_tlb_touch(2, VA);
	host_mmu = (struct host_mmu_counts){0};
	oct_ticket_init(&ticket, &spaces[0]);
	assert_int_equal(protect(&ticket, VA), OCT_FLUSH_AFTER);
	assert_int_not_equal(host_tlb_cached(2, VA), 0); /* deferred until the ticket completes */
	oct_ticket_complete(&ticket);
	assert_int_equal(host_tlb_cached(2, VA), 0);
	assert_int_equal(host_mmu.ranges, 1);
	assert_int_equal(host_mmu.pages, 1);
	assert_int_equal(host_mmu.broadcasts, 0);
	assert_int_equal(host_interrupts, 0);
	unmap_free(&spaces[0], 0, 1);
	finish(1);
}

static void others_when_not_alone(void **state)
{
	struct oct_ticket ticket;

	(void)state;
	start(1);
	map(&spaces[0], 0, OCT_READ | OCT_WRITE);
	on(1, &spaces[0]);
	on(3, &spaces[0]);
	host_tlb_touch(1, VA);
	host_tlb_touch(3, VA);
	host_cpu = 0; /* who does not run it */
	host_mmu = (struct host_mmu_counts){0};
	oct_ticket_init(&ticket, &spaces[0]);
	assert_int_equal(protect(&ticket, VA), OCT_FLUSH_AFTER);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_tlb_cached(1, VA), 0);
	assert_int_equal(host_tlb_cached(3, VA), 0);
	assert_int_equal(host_interrupts, OCT_FORMAT_BROADCAST ? 0 : 2);
	assert_int_equal(host_mmu.broadcasts, OCT_FORMAT_BROADCAST ? 1 : 0);
	unmap_free(&spaces[0], 0, 1);
	finish(1);
}

/* A CPU that left is no target; when it comes back it has forgotten what was revoked meanwhile. */
static void absent_cpu_catches_up(void **state)
{
	struct oct_ticket ticket;

	(void)state;
	start(2);
	map(&spaces[0], 0, OCT_READ | OCT_WRITE);
	on(1, &spaces[0]);
	host_tlb_touch(1, VA);
	on(1, &spaces[1]);
	on(0, &spaces[0]);
	oct_ticket_init(&ticket, &spaces[0]);
	assert_int_equal(protect(&ticket, VA), OCT_FLUSH_AFTER);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_interrupts, 0);
	on(1, &spaces[0]);
	assert_false(oct_pte_write(host_tlb_touch(1, VA)));
	unmap_free(&spaces[0], 0, 1);
	finish(2);
}

static void numbers_run_out(void **state)
{
	static struct oct_space many[OCT_MAX_ASIDS + 8];
	const unsigned count = OCT_MAX_ASIDS + 8;
	uint64_t epoch;

	(void)state;
	start(1);
	map(&spaces[0], 0, OCT_READ);
	on(1, &spaces[0]); /* runs through the rollover: keeps its number */
	host_tlb_touch(1, VA);
	epoch = machine.epoch;
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(oct_space_init(&many[i], &machine), 0);
		on(0, &many[i]);
		map(&many[i], 0, OCT_READ); /* seen, not what the number's former owner had cached */
		assert_int_equal(host_tlb_touch(0, VA), oct_table_query(&many[i], VA));
		assert_true(machine.cpu[0].asid == 0 || machine.cpu[0].asid != machine.cpu[1].asid);
	}
	assert_true(machine.epoch > epoch);
	assert_int_not_equal(host_tlb_cached(1, VA), 0);
	on(0, &spaces[0]);
	assert_int_equal(machine.cpu[0].asid, machine.cpu[1].asid);
	unmap_free(&spaces[0], 0, 1);
	assert_int_equal(host_tlb_cached(1, VA), 0);
	for (unsigned i = 0; i < count; i++) {
		unmap_free(&many[i], 0, 1);
		oct_space_exit(&many[i]);
	}
	finish(1);
}

/* ---- Tickets --------------------------------------------------------------------------------------------
 */
/* The case that breaks a plain "newest completed" counter: two tickets end out of order. */
static void out_of_order(void **state)
{
	struct oct_space *space = &spaces[0];
	struct oct_ticket early, late;
	unsigned long flushes;

	(void)state;
	start(1);
	map(space, 0, OCT_READ | OCT_WRITE);
	map(space, 1, OCT_READ | OCT_WRITE);
	on(0, space);
	host_tlb_touch(0, address(0));
	host_tlb_touch(0, address(1));
	oct_ticket_init(&early, space);
	oct_ticket_init(&late, space);
	assert_int_equal(protect(&early, address(0)), OCT_FLUSH_AFTER);
	assert_int_equal(protect(&late, address(1)), OCT_FLUSH_AFTER);
	oct_ticket_complete(&late);
	/* completed covers both, and so does what was invalidated */
	assert_int_equal(host_tlb_cached(0, address(0)), 0);
	assert_int_equal(host_tlb_cached(0, address(1)), 0);
	flushes = host_mmu.begin;
	oct_ticket_complete(&early);
	assert_int_equal(host_mmu.begin, flushes); /* joined: done by the other */
	unmap_free(space, 0, 2);
	finish(1);
}

/* At both ends of the space: a record of a range has room for 48 bits of address, Sv57 has more. */
static void far_addresses(void **state)
{
	uintptr_t ends[] = {VA, 0};
	struct oct_ticket ticket;

	(void)state;
	start(1);
	ends[1] = spaces[0].last & OCT_PAGE_MASK;
	on(0, &spaces[0]);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(
		    oct_table_map(&spaces[0], ends[i], user_page(), 1, OCT_READ | OCT_WRITE, OCT_NORMAL), 0);
		host_tlb_touch(0, ends[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		oct_ticket_init(&ticket, &spaces[0]);
		assert_int_equal(oct_table_unmap(&spaces[0], ends[i], ends[i] + OCT_PAGE_SIZE, true, &ticket),
		                 0);
		oct_ticket_complete(&ticket);
		assert_int_equal(host_tlb_cached(0, ends[i]), 0);
	}
	finish(1);
}

static void join_is_one_flush(void **state)
{
	struct oct_ticket ticket;

	(void)state;
	start(1);
	for (unsigned i = 0; i < 4; i++)
		map(&spaces[0], i * 8, OCT_READ | OCT_WRITE);
	on(0, &spaces[0]);
	for (unsigned i = 0; i < 4; i++)
		host_tlb_touch(0, address(i * 8));
	host_mmu = (struct host_mmu_counts){0};
	oct_ticket_init(&ticket, &spaces[0]);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(protect(&ticket, address(i * 8)), OCT_FLUSH_AFTER);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_mmu.begin, 1);
	assert_int_equal(host_mmu.ranges, 4);
	assert_int_equal(host_mmu.pages, 4);
	assert_int_equal(host_tlb_size(0), 0);
	oct_ticket_complete(&ticket); /* an empty ticket costs nothing */
	assert_int_equal(host_mmu.begin, 1);
	unmap_free(&spaces[0], 0, 25);
	finish(1);
}

static void large_is_full(void **state)
{
	/* The second is too large for a record, too. */
	static const size_t sizes[] = {OCT_FLUSH_MAX_PAGES + 1, 200};
	struct oct_ticket ticket;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		unsigned pages = (unsigned)sizes[i];

		start(1);
		assert_int_equal(oct_table_map(&spaces[0], VA, 0x1000000, pages, OCT_READ, OCT_NORMAL), 0);
		on(0, &spaces[0]);
		for (unsigned page = 0; page < pages; page++)
			host_tlb_touch(0, address(page));
		host_mmu = (struct host_mmu_counts){0};
		oct_ticket_init(&ticket, &spaces[0]);
		assert_int_equal(oct_table_unmap(&spaces[0], VA, address(pages), false, &ticket), 0);
		oct_ticket_complete(&ticket);
		assert_int_equal(host_mmu.ranges, 0);
		assert_int_equal(host_mmu.asids, 1);
		assert_int_equal(host_tlb_size(0), 0);
		finish(1);
	}
}

/* More open generations than a space remembers: the whole space goes. */
static void forgotten_ranges(void **state)
{
	enum { OPEN = OCT_OPEN_RANGES + 2 };
	struct oct_ticket tickets[OPEN];

	(void)state;
	start(1);
	for (unsigned i = 0; i < OPEN; i++)
		map(&spaces[0], i, OCT_READ | OCT_WRITE);
	on(0, &spaces[0]);
	for (unsigned i = 0; i < OPEN; i++) {
		host_tlb_touch(0, address(i));
		oct_ticket_init(&tickets[i], &spaces[0]);
		assert_int_equal(protect(&tickets[i], address(i)), OCT_FLUSH_AFTER);
	}
	host_mmu = (struct host_mmu_counts){0};
	oct_ticket_complete(&tickets[OPEN - 1]);
	assert_int_equal(host_mmu.asids, 1);
	assert_int_equal(host_tlb_size(0), 0);
	for (unsigned i = 0; i < OPEN - 1; i++)
		oct_ticket_complete(&tickets[i]);
	assert_int_equal(host_mmu.begin, 1);
	unmap_free(&spaces[0], 0, OPEN);
	finish(1);
}

/* Who finds an entry that already looks done is not done before the other's flush is (races 5). */
static void looks_done(void **state)
{
	struct oct_space *space = &spaces[0];
	struct oct_ticket owner, second;

	(void)state;
	start(1);
	map(space, 0, OCT_READ | OCT_WRITE);
	on(0, space);
	host_tlb_touch(0, VA);
	oct_ticket_init(&owner, space);
	oct_ticket_init(&second, space);
	assert_int_equal(oct_table_unmap(space, VA, address(1), true, &owner), 0);
	assert_int_equal(oct_table_unmap(space, VA, address(1), true, &second), 0);
	assert_int_not_equal(host_tlb_cached(0, VA), 0);
	oct_ticket_complete(&second);
	assert_int_equal(host_tlb_cached(0, VA), 0);
	map(space, 0, OCT_READ | OCT_WRITE);
	host_tlb_touch(0, VA);
	assert_int_equal(protect(&owner, VA), OCT_FLUSH_AFTER);
	assert_int_equal(protect(&second, VA), OCT_FLUSH_NONE); /* found protected */
	oct_ticket_complete(&second);
	assert_int_equal(host_tlb_cached(0, VA), 0);
	unmap_free(space, 0, 1);
	/* The table goes with its entries: who finds none compares the slot it hung from. */
	map(space, 0, OCT_READ | OCT_WRITE);
	host_tlb_touch(0, VA);
	assert_int_equal(oct_table_unmap(space, VA, address(1), true, &owner), 0);
	assert_int_equal(oct_table_trim(space, 0, space->last + 1, &owner), 0);
	assert_null(oct_table_find(space, VA, 0));
	assert_int_equal(oct_table_unmap(space, VA, address(1), true, &second), 0);
	oct_ticket_complete(&second);
	assert_int_equal(host_tlb_cached(0, VA), 0);
	oct_ticket_complete(&owner);
	finish(1);
}

static void reliance(void **state)
{
	struct oct_space *space = &spaces[0];
	struct oct_pte_guard guard;
	struct oct_ticket ticket;
	uint32_t stamp;

	(void)state;
	start(1);
	map(space, 0, OCT_READ | OCT_WRITE);
	on(0, space);
	host_tlb_touch(0, VA);
	oct_ticket_init(&ticket, space);
	oct_pte_lock_at(space, VA, &guard);
	stamp = oct_pte_guard_stamp(&guard);
	assert_false(oct_tlb_rely(&guard)); /* nothing was taken away */
	oct_pte_guard_unlock(NULL, &guard);
	assert_int_equal(protect(&ticket, VA), OCT_FLUSH_AFTER);
	oct_pte_lock_at(space, VA, &guard);
	assert_int_not_equal(oct_pte_guard_stamp(&guard), stamp);
	assert_int_equal(oct_tlb_rely_or_unlock(&guard), -OCT_EAGAIN);
	assert_int_equal(host_tlb_cached(0, VA), 0);
	oct_pte_lock_at(space, VA, &guard); /* it was unlocked */
	assert_int_equal(oct_tlb_rely_or_unlock(&guard), 0);
	assert_false(oct_tlb_rely(&guard));
	oct_pte_guard_unlock(NULL, &guard);
	oct_ticket_complete(&ticket);
	unmap_free(space, 0, 1);
	finish(1);
}

static void break_before_make(void **state)
{
	struct oct_space *space = &spaces[0];
	struct oct_pte_guard guard;
	struct oct_ticket ticket;
	oct_pte_t wanted, old;
	oct_phys_t page;

	(void)state;
	start(1);
	page = user_page();
	map(space, 0, OCT_READ);
	on(0, space);
	host_tlb_touch(0, VA);
	wanted = oct_pte_mkyoung(oct_pte_make(page, OCT_READ, OCT_NORMAL));
	oct_ticket_init(&ticket, space);
	oct_pte_lock_at(space, VA, &guard);
	assert_int_equal(oct_entry_change(&ticket, &guard, guard.pte, VA, wanted, &old), OCT_BREAK_FIRST);
	assert_int_equal(oct_pte_get(&guard), oct_pte_broken());
	oct_ticket_flush(&ticket, &guard);
	assert_int_equal(host_tlb_cached(0, VA), 0);
	assert_int_equal(host_tlb_touch(0, VA), 0);
	oct_entry_install(&guard, guard.pte, VA, wanted);
	oct_ticket_free_page(&ticket, &guard, oct_pte_phys(old));
	oct_pte_guard_unlock(&ticket, &guard);
	assert_true(host_page_is_out(oct_pte_phys(old)));
	oct_ticket_complete(&ticket);
	assert_false(host_page_is_out(oct_pte_phys(old)));
	assert_int_equal(oct_pte_phys(host_tlb_touch(0, VA)), page);
	unmap_free(space, 0, 1);
	finish(1);
}

/* ---- Queue
 * -------------------------------------------------------------------------------------------------- */
static void full_queue(void **state)
{
	enum { COUNT = OCT_GATHER_PAGES + 1 };
	struct oct_ticket ticket;
	unsigned before;

	(void)state;
	start(1);
	for (unsigned i = 0; i < COUNT; i++)
		map(&spaces[0], i, OCT_READ);
	on(0, &spaces[0]);
	for (unsigned i = 0; i < COUNT; i++)
		host_tlb_touch(0, address(i));
	before = host_pages();
	oct_ticket_init(&ticket, &spaces[0]);
	assert_int_equal(oct_table_unmap(&spaces[0], VA, address(COUNT), true, &ticket), 0);
	assert_int_equal(host_pages(), before - OCT_GATHER_PAGES); /* completed itself once */
	oct_ticket_complete(&ticket);
	assert_int_equal(host_pages(), before - COUNT);
	assert_int_equal(host_tlb_size(0), 0);
	finish(1);
}

static void tables_wait_for_walkers(void **state)
{
	struct oct_ticket ticket;
	unsigned before;

	(void)state;
	start(1);
	before = host_pages();
	map(&spaces[0], 0, OCT_READ);
	unmap_free(&spaces[0], 0, 1);
	oct_ticket_init(&ticket, &spaces[0]);
	machine.defer = oct_port_defer;
	assert_int_equal(oct_table_trim(&spaces[0], 0, spaces[0].last + 1, &ticket), 0);
	assert_null(oct_table_find(&spaces[0], VA, 0));
	oct_ticket_complete(&ticket);
	assert_true(host_pages() > before);
	assert_true(host_run_deferred() >= OCT_LEVELS - 1);
	assert_int_equal(host_pages(), before);
	/* Without grace periods of the host: an interrupt to every other CPU. */
	machine.defer = NULL;
	map(&spaces[0], 0, OCT_READ);
	unmap_free(&spaces[0], 0, 1);
	host_interrupts = 0;
	assert_int_equal(oct_table_trim(&spaces[0], 0, spaces[0].last + 1, &ticket), 0);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_pages(), before);
	assert_true(host_interrupts >= CPUS - 1);
	finish(1);
}

static void misuse_panics(void **state)
{
	struct oct_pte_guard guard;
	struct oct_ticket ticket;
	oct_pte_t old;

	(void)state;
	start(1);
	map(&spaces[0], 0, OCT_READ);
	oct_ticket_init(&ticket, &spaces[0]);
	oct_pte_lock_at(&spaces[0], VA, &guard);
	assert_int_equal(oct_entry_change(&ticket, &guard, guard.pte, VA, 0, &old), OCT_FLUSH_AFTER);
	expect_assert_failure(oct_ticket_complete(&ticket));
	expect_assert_failure(oct_ticket_flush(&ticket, NULL));
	oct_ticket_free_page(&ticket, &guard, oct_pte_phys(old));
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
	finish(1);
}

/* A space ends while CPUs still run it: they leave, and walk none of its tables. */
static void leaving(void **state)
{
	(void)state;
	start(2);
	on(0, &spaces[0]);
	on(1, &spaces[0]);
	on(2, &spaces[1]);
	host_cpu = 0;
	oct_space_exit(&spaces[0]);
	assert_null(machine.cpu[1].space);
	assert_ptr_equal(machine.cpu[2].space, &spaces[1]);
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		assert_int_equal(host_tlb_touch(cpu, VA), 0);
	oct_space_exit(&spaces[1]);
	finish(0);
}

/* ---- Lazy CPUs --------------------------------------------------------------------------------------- */
static void lazily_on(unsigned cpu)
{
	host_cpu = cpu;
	oct_space_switch_lazy(&machine);
}

/* A lazy CPU is left alone, and drops what was taken away when it comes back. */
static void lazy_cpu_is_left_alone(void **state)
{
	struct oct_ticket ticket;
	unsigned long interrupts, broadcasts;

	(void)state;
	start(1);
	map(&spaces[0], 0, OCT_READ | OCT_WRITE);
	on(1, &spaces[0]);
	(void)host_tlb_touch(1, address(0));
	lazily_on(1);
	lazily_on(1); /* again: nothing */
	on(0, &spaces[0]);
	interrupts = host_interrupts;
	broadcasts = host_mmu.broadcasts;
	oct_ticket_init(&ticket, &spaces[0]);
	assert_int_equal(protect(&ticket, address(0)), OCT_FLUSH_AFTER);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_interrupts, interrupts);
	if (OCT_FORMAT_BROADCAST) {
		assert_int_equal(host_mmu.broadcasts, broadcasts + 1);
		assert_int_equal(host_tlb_cached(1, address(0)), 0);
	} else {
		assert_int_not_equal(host_tlb_cached(1, address(0)), 0);
		assert_int_equal(oct_counters_read(&machine, 0).lazy_skipped, 1);
	}
	on(1, &spaces[0]);
	assert_int_equal(host_tlb_cached(1, address(0)), 0);
	assert_int_equal(oct_counters_read(&machine, 1).lazy_switches, OCT_FORMAT_BROADCAST ? 2 : 1);
	assert_int_equal(oct_counters_read(&machine, 1).lazy_flushes, OCT_FORMAT_BROADCAST ? 0 : 1);
	/* It is a target again. */
	(void)host_tlb_touch(1, address(0));
	host_cpu = 0;
	assert_int_equal(oct_table_unmap(&spaces[0], address(0), address(1), true, &ticket), 0);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_tlb_cached(1, address(0)), 0);
	for (unsigned cpu = 0; cpu < 2; cpu++)
		on(cpu, NULL);
	finish(1);
}

/* Nothing taken away: coming back costs nothing, the root is not loaded again. */
static void lazy_and_back_is_free(void **state)
{
	unsigned long roots;

	(void)state;
	start(2);
	map(&spaces[0], 0, OCT_READ);
	on(1, &spaces[0]);
	(void)host_tlb_touch(1, address(0));
	roots = host_mmu.roots;
	lazily_on(1);
	on(1, &spaces[0]);
	assert_int_equal(host_mmu.roots, roots);
	assert_int_not_equal(host_tlb_cached(1, address(0)), 0);
	/* From lazy to another space, and back by a real switch. */
	lazily_on(1);
	on(1, &spaces[1]);
	assert_int_equal(host_mmu.roots, roots + 1);
	on(1, &spaces[0]);
	on(1, NULL);
	lazily_on(1); /* no space: nothing */
	assert_null(machine.cpu[1].space);
	unmap_free(&spaces[0], 0, 1);
	finish(2);
}

/* Its walker may be in a table that goes; and a space that ends takes its root away. */
static void lazy_cpu_and_tables(void **state)
{
	struct oct_ticket ticket;

	(void)state;
	start(1);
	map(&spaces[0], 0, OCT_READ);
	on(1, &spaces[0]);
	(void)host_tlb_touch(1, address(0));
	lazily_on(1);
	on(0, &spaces[0]);
	machine.defer = oct_port_defer; /* else a grace period interrupts everybody anyway */
	oct_ticket_init(&ticket, &spaces[0]);
	assert_int_equal(oct_table_unmap(&spaces[0], address(0), address(1), true, &ticket), 0);
	assert_int_equal(oct_table_trim(&spaces[0], 0, spaces[0].last + 1, &ticket), 0);
	oct_ticket_complete(&ticket);
	assert_int_equal(host_tlb_cached(1, address(0)), 0);
	assert_int_equal(oct_counters_read(&machine, 0).lazy_skipped, 0);
	assert_true(host_run_deferred() > 0);
	machine.defer = NULL;
	assert_ptr_equal(machine.cpu[1].space, &spaces[0]);
	finish(1); /* checks that nobody runs a space */
}

static void everything_is_counted(void **state)
{
	struct oct_counters before, now;
	struct oct_ticket ticket, late;

	(void)state;
	start(1);
	map(&spaces[0], 0, OCT_READ | OCT_WRITE);
	map(&spaces[0], 1, OCT_READ | OCT_WRITE);
	on(1, &spaces[0]);
	on(0, &spaces[0]);
	before = oct_counters_read(&machine, 0);
	assert_int_equal(before.switches, 1);
	oct_ticket_init(&ticket, &spaces[0]);
	oct_ticket_init(&late, &spaces[0]);
	(void)protect(&ticket, address(0));
	(void)protect(&late, address(1));
	oct_ticket_complete(&late); /* completes the other's too */
	oct_ticket_complete(&ticket);
	now = oct_counters_read(&machine, 0);
	assert_int_equal(now.joined - before.joined, 1);
	assert_int_equal(now.flushes - before.flushes, 1);
	assert_int_equal(now.ranged - before.ranged, 1);
	assert_int_equal(now.full - before.full, 0);
	assert_int_equal(now.interrupts - before.interrupts, OCT_FORMAT_BROADCAST ? 0 : 1);
	assert_int_equal(oct_table_unmap(&spaces[0], address(0), address(2), true, &ticket), 0);
	assert_int_equal(oct_table_trim(&spaces[0], 0, spaces[0].last + 1, &ticket), 0);
	oct_ticket_complete(&ticket);
	assert_int_equal(oct_counters_read(&machine, 0).graces - now.graces, 1);
	for (unsigned cpu = 0; cpu < 2; cpu++)
		on(cpu, NULL);
	finish(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_targets),
	    cmocka_unit_test(local_when_alone),
	    cmocka_unit_test(others_when_not_alone),
	    cmocka_unit_test(absent_cpu_catches_up),
	    cmocka_unit_test(numbers_run_out),
	    cmocka_unit_test(out_of_order),
	    cmocka_unit_test(far_addresses),
	    cmocka_unit_test(join_is_one_flush),
	    cmocka_unit_test(large_is_full),
	    cmocka_unit_test(forgotten_ranges),
	    cmocka_unit_test(looks_done),
	    cmocka_unit_test(reliance),
	    cmocka_unit_test(break_before_make),
	    cmocka_unit_test(full_queue),
	    cmocka_unit_test(tables_wait_for_walkers),
	    cmocka_unit_test(misuse_panics),
	    cmocka_unit_test(leaving),
	    cmocka_unit_test(lazy_cpu_is_left_alone),
	    cmocka_unit_test(lazy_and_back_is_free),
	    cmocka_unit_test(lazy_cpu_and_tables),
	    cmocka_unit_test(everything_is_counted),
	};

	return cmocka_run_group_tests_name("tlb " OCT_FORMAT_NAME, tests, NULL, NULL);
}
