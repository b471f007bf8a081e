/* test_contpte.c: runs of entries and contiguous blocks, against an array and against TLBs.
 * SPDX-License-Identifier: MIT */
#include "host_port.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PAGES = 512, BLOCK = 1 << OCT_CONT_SHIFT, STEPS = 6000, CPUS = 2 };
#define FRAMES ((oct_phys_t)64 << 30)

static struct oct_system machine;
static struct oct_space space;
static struct oct_ticket ticket;
static struct oct_pte_guard guard;

static uintptr_t address(unsigned page)
{
	return oct_level_bytes(1) * 5 + page * OCT_PAGE_SIZE;
}

static void start(void)
{
	host_reset();
	assert_int_equal(oct_system_init(&machine, CPUS), 0);
	host_system = &machine;
	assert_int_equal(oct_space_init(&space, &machine), 0);
	for (host_cpu = CPUS; host_cpu-- > 0;)
		oct_space_switch(&machine, &space);
	host_cpu = 0;
	oct_ticket_init(&ticket, &space);
	assert_int_equal(oct_table_prepare(&space, address(0), address(PAGES)), 0);
}

static void finish(void)
{
	oct_ticket_complete(&ticket);
	for (host_cpu = CPUS; host_cpu-- > 0;)
		oct_space_switch(&machine, NULL);
	host_cpu = 0;
	oct_space_exit(&space);
	oct_system_exit(&machine);
	assert_int_equal(host_pages(), 0);
}

static struct oct_pte_guard *lock(unsigned page)
{
	oct_pte_lock_at(&space, address(page), &guard);
	assert_int_equal(guard.level, 0);
	return &guard;
}

static void unlock(void)
{
	oct_pte_guard_unlock(&ticket, &guard);
}

static oct_pte_t *raw(unsigned page)
{
	return oct_table_find(&space, address(page), 0);
}

static oct_pte_t view(unsigned page)
{
	oct_pte_t pte = oct_ptep_get(lock(page));

	unlock();
	return pte;
}

static oct_pte_t writable(unsigned frame)
{
	return oct_pte_make(FRAMES + frame * OCT_PAGE_SIZE, OCT_READ | OCT_WRITE, OCT_NORMAL);
}

static void set(bool fold, unsigned page, oct_pte_t pte, size_t pages)
{
	oct_set_ptes(fold ? &ticket : NULL, lock(page), pte, pages);
	unlock();
}

/* ---- What the tables should say ----------------------------------------------------------------- */
/* Entries one by one, as somebody would keep them who knows the rules and no hardware. */
static struct entry {
	bool there, cont, write, young, dirty;
	unsigned frame;
} want[PAGES];

static unsigned block_of(unsigned page)
{
	return page & ~(BLOCK - 1u);
}

static struct entry gathered(unsigned page)
{
	struct entry e = want[page];

	for (unsigned i = block_of(page); e.cont && i < block_of(page) + BLOCK; i++) {
		e.young |= want[i].young;
		e.dirty |= want[i].dirty;
	}
	return e;
}

static void spread(unsigned page, bool cont)
{
	struct entry all = {.there = false};

	for (unsigned i = block_of(page); i < block_of(page) + BLOCK; i++) {
		all.young |= want[i].young;
		all.dirty |= want[i].dirty;
	}
	for (unsigned i = block_of(page); i < block_of(page) + BLOCK; i++) {
		want[i].young = all.young;
		want[i].dirty = all.dirty;
		want[i].cont = cont;
	}
}

static void want_unfolded(unsigned page)
{
	if (want[page].cont)
		spread(page, false);
}

static bool want_fold(unsigned page)
{
	unsigned first = block_of(page);

	if (!OCT_FORMAT_CONT || want[first].frame % BLOCK != 0)
		return false;
	for (unsigned i = first; i < first + BLOCK; i++)
		if (!want[i].there || want[i].cont || want[i].write != want[first].write ||
		    want[i].frame != want[first].frame + i - first)
			return false;
	spread(page, true);
	return true;
}

/* Blocks that [first, first + count) covers in part. */
static void want_ends(unsigned first, unsigned count)
{
	if (first % BLOCK)
		want_unfolded(first);
	if ((first + count) % BLOCK)
		want_unfolded(first + count - 1);
}

static void check_entry(unsigned page)
{
	struct entry e = gathered(page);
	oct_pte_t pte = view(page), glance = oct_ptep_get_lockless(raw(page), address(page));

	assert_int_equal(glance, pte); /* nobody changes anything */
	assert_int_equal(oct_pte_present(pte), e.there);
	if (!e.there)
		return;
	assert_int_equal(oct_pte_cont(*raw(page)), e.cont);
	assert_false(oct_pte_cont(pte));
	assert_int_equal(oct_pte_phys(pte), FRAMES + e.frame * OCT_PAGE_SIZE);
	assert_int_equal(oct_pte_write(pte), e.write);
	assert_int_equal(oct_pte_young(pte), e.young);
	assert_int_equal(oct_pte_dirty(pte), e.dirty);
	assert_int_equal(oct_pte_young(*raw(page)), want[page].young);
	assert_int_equal(oct_pte_dirty(*raw(page)), want[page].dirty);
}

static void check_all(bool complete)
{
	for (unsigned i = 0; i < PAGES; i++) {
		check_entry(i);
		for (unsigned cpu = 0; cpu < CPUS && complete; cpu++) {
			oct_pte_t held = host_tlb_cached(cpu, address(i));

			if (held == 0)
				continue;
			assert_true(want[i].there);
			assert_int_equal(oct_pte_phys(held), FRAMES + want[i].frame * OCT_PAGE_SIZE);
			assert_true(want[i].write || !oct_pte_write(held));
			assert_true(gathered(i).dirty || !oct_pte_dirty(held));
		}
	}
}

/* ---- Random sequences ----------------------------------------------------------------------------- */
static unsigned random_below(unsigned n)
{
	return (unsigned)rand() % n;
}

static void step_set(unsigned first, unsigned most)
{
	bool fold = rand() % 2, write = rand() % 2;
	unsigned frame = first + (rand() % 4 ? 0 : 1 + random_below(40)) + 4096 * random_below(2), count = 0;
	oct_pte_t pte = writable(frame);

	while (count < most && !want[first + count].there)
		count++;
	if (count == 0)
		return;
	set(fold, first, write ? pte : oct_pte_wrprotect(pte), count);
	for (unsigned i = 0; i < count; i++)
		want[first + i] = (struct entry){.there = true, .write = write, .frame = frame + i};
	for (unsigned i = first; i + BLOCK <= first + count; i++)
		if (i % BLOCK == 0)
			(void)want_fold(i);
	if (fold) {
		(void)want_fold(first);
		(void)want_fold(first + count - 1);
	}
}

static void step_clear(unsigned first, unsigned most)
{
	struct entry was;
	unsigned count;
	oct_pte_t pte;

	count = (unsigned)oct_pte_batch(lock(first), most);
	for (unsigned i = 0; i < count; i++)
		assert_true(want[first + i].there && want[first + i].frame == want[first].frame + i);
	assert_int_equal(count == 0, !want[first].there);
	if (count == 0) {
		unlock();
		return;
	}
	want_ends(first, count);
	was = want[first];
	for (unsigned i = first; i < first + count; i++) {
		was.young |= want[i].young;
		was.dirty |= want[i].dirty;
		want[i] = (struct entry){.there = false};
	}
	if (rand() % 4) {
		pte = oct_get_and_clear_full_ptes(&ticket, &guard, count);
		assert_int_equal(oct_pte_phys(pte), FRAMES + was.frame * OCT_PAGE_SIZE);
		assert_int_equal(oct_pte_young(pte), was.young);
		assert_int_equal(oct_pte_dirty(pte), was.dirty);
		assert_false(oct_pte_cont(pte));
	} else {
		oct_clear_full_ptes(&ticket, &guard, count);
	}
	unlock();
}

static void step_wrprotect(unsigned first, unsigned count)
{
	oct_wrprotect_ptes(&ticket, lock(first), count);
	unlock();
	for (unsigned i = first; i < first + count; i++) {
		if (!want[i].write)
			continue;
		if (block_of(i) >= first && block_of(i) + BLOCK <= first + count) {
			if (want[i].cont && i % BLOCK == 0)
				spread(i, true);
		} else {
			want_unfolded(i);
		}
		want[i].write = false;
	}
}

static void step_state(unsigned first, unsigned count, unsigned state)
{
	unsigned had = 0, from = first, to = first + count, result;

	result = oct_clear_young_dirty_ptes(&ticket, lock(first), count, state);
	unlock();
	if (state & OCT_PTE_DIRTY) {
		want_ends(first, count);
	} else {
		from = want[from].cont ? block_of(from) : from;
		to = want[to - 1].cont ? block_of(to - 1) + BLOCK : to;
	}
	for (unsigned i = from; i < to; i++) {
		had |= (want[i].young ? OCT_PTE_YOUNG : 0) | (want[i].dirty ? OCT_PTE_DIRTY : 0);
		want[i].young &= !(state & OCT_PTE_YOUNG);
		want[i].dirty &= !(state & OCT_PTE_DIRTY);
	}
	assert_int_equal(result, had & state);
}

static void step_access(unsigned page, unsigned state)
{
	unsigned from = want[page].cont ? block_of(page) : page,
	         to = want[page].cont ? from + BLOCK : page + 1;
	bool changed = false;

	if (!want[page].there)
		return;
	for (unsigned i = from; i < to; i++) {
		changed |=
		    (state & OCT_PTE_YOUNG && !want[i].young) || (state & OCT_PTE_DIRTY && !want[i].dirty);
		want[i].young |= state & OCT_PTE_YOUNG;
		want[i].dirty |= (state & OCT_PTE_DIRTY) != 0;
	}
	assert_int_equal(oct_ptep_set_access_flags(lock(page), state), changed);
	unlock();
}

static void step_modify(unsigned page)
{
	struct entry e = gathered(page);
	oct_pte_t old, pte;

	if (!e.there)
		return;
	want_unfolded(page);
	old = oct_ptep_modify_prot_start(&ticket, lock(page));
	assert_false(oct_pte_present(*guard.pte) || oct_pte_none(*guard.pte));
	assert_int_equal(oct_pte_dirty(old), e.dirty);
	pte = oct_pte_modify(old, rand() % 2 ? OCT_READ : OCT_READ | OCT_WRITE);
	e.write = oct_pte_write(pte);
	if (rand() % 3 == 0) { /* another page, clean and old */
		e.frame = 9000 + random_below(100);
		e.young = e.dirty = false;
		pte = e.write ? writable(e.frame) : oct_pte_wrprotect(writable(e.frame));
	}
	oct_ptep_modify_prot_commit(&ticket, &guard, old, pte);
	unlock();
	e.cont = false;
	want[page] = e;
}

static void step_fold(unsigned page)
{
	if (rand() % 3) {
		bool folds = want_fold(page);

		assert_int_equal(oct_contpte_try_fold(&ticket, lock(page)), folds);
	} else {
		oct_contpte_try_unfold(&ticket, lock(page));
		want_unfolded(page);
	}
	unlock();
}

/* A walker sets bits, in any entry of the block that carries the bit. */
static void step_hardware(unsigned page)
{
	unsigned other = want[page].cont ? block_of(page) + random_below(BLOCK) : page;
	oct_pte_t *entry = raw(other);

	if (!want[page].there)
		return;
	*entry = oct_pte_mkyoung(*entry);
	want[other].young = true;
	if (want[page].write && rand() % 2) {
		*entry = oct_pte_mkdirty(*entry);
		want[other].dirty = true;
	}
	for (unsigned i = 0; i < CPUS; i++)
		(void)host_tlb_touch(i, address(page));
}

/* The calls on ranges beside them. */
static void step_unmap(unsigned first, unsigned count)
{
	assert_int_equal(oct_table_unmap(&space, address(first), address(first + count), false, &ticket), 0);
	want_ends(first, count);
	memset(want + first, 0, count * sizeof want[0]);
}

static void random_step(void)
{
	unsigned first = random_below(PAGES), count = 1 + random_below(rand() % 2 ? 6 : 70);

	if (rand() % 3 == 0)
		first = block_of(first);
	if (rand() % 3 == 0)
		count = BLOCK * (1 + random_below(3));
	if (count > PAGES - first)
		count = PAGES - first;
	switch (random_below(12)) {
	case 0:
	case 1:
	case 2:
		step_set(first, count);
		break;
	case 3:
		step_clear(first, count);
		break;
	case 4:
		step_wrprotect(first, count);
		break;
	case 5:
		step_state(first, count, 1 + random_below(3));
		break;
	case 6:
		step_access(first, 1 + random_below(3));
		break;
	case 7:
		step_modify(first);
		break;
	case 8:
		step_fold(first);
		break;
	case 9:
		if (rand() % 2)
			step_unmap(first, count);
		break;
	default:
		for (unsigned i = 0; i < 4; i++)
			step_hardware(random_below(PAGES));
	}
}

static void random_sequences(void **state)
{
	unsigned folded = 0;

	(void)state;
	start();
	srand(5);
	memset(want, 0, sizeof want);
	for (unsigned step = 0; step < STEPS; step++) {
		bool complete = rand() % 3 == 0;

		random_step();
		if (complete)
			oct_ticket_complete(&ticket);
		for (unsigned i = 0; i < PAGES; i += BLOCK)
			folded += want[i].cont;
		if (step % 4 == 0)
			check_all(complete);
	}
	assert_true(!OCT_FORMAT_CONT || folded > STEPS);
	assert_int_equal(oct_table_unmap(&space, address(0), address(PAGES), false, &ticket), 0);
	assert_int_equal(oct_table_trim(&space, 0, space.last + 1, &ticket), 0);
	finish();
}

/* ---- Single promises ------------------------------------------------------------------------------- */
/* Whole blocks go without a flush of their own, blocks in part with one each: two at most. */
static void ragged_ends(void **state)
{
	(void)state;
	start();
	set(false, 0, writable(0), 8 * BLOCK);
	for (unsigned i = 0; i < 8 * BLOCK; i++)
		assert_int_equal(oct_pte_cont(*raw(i)), OCT_FORMAT_CONT);
	host_mmu.ends = 0;
	(void)oct_get_and_clear_full_ptes(&ticket, lock(BLOCK), 2 * BLOCK);
	assert_int_equal(host_mmu.ends, 0);
	unlock();
	oct_ticket_complete(&ticket);
	host_mmu.ends = 0;
	oct_clear_full_ptes(&ticket, lock(3 * BLOCK + 1), 2 * BLOCK);
	assert_in_range(host_mmu.ends, OCT_FORMAT_CONT ? 2 : 0, OCT_FORMAT_CONT ? 2 * CPUS : 0);
	unlock();
	assert_int_equal(oct_pte_cont(*raw(3 * BLOCK)), 0);
	assert_int_equal(oct_pte_cont(*raw(5 * BLOCK + 1)), 0);
	assert_true(oct_pte_present(*raw(5 * BLOCK + 1)));
	assert_int_equal(oct_pte_cont(*raw(6 * BLOCK)), OCT_FORMAT_CONT);
	oct_ticket_complete(&ticket);
	/* One entry of a block: its state is that of all. */
	if (OCT_FORMAT_CONT)
		*raw(6 * BLOCK + 3) = oct_pte_mkdirty(*raw(6 * BLOCK + 3));
	else
		*raw(6 * BLOCK + 9) = oct_pte_mkdirty(*raw(6 * BLOCK + 9));
	assert_true(oct_pte_dirty(oct_get_and_clear_full_ptes(&ticket, lock(6 * BLOCK + 9), 1)));
	unlock();
	oct_ticket_complete(&ticket);
	finish();
}

/* Rights taken from many blocks: they stay blocks, and share flushes. */
static void rights_of_blocks(void **state)
{
	unsigned long flushes;

	(void)state;
	start();
	set(false, 0, writable(0), PAGES);
	oct_ticket_complete(&ticket);
	host_mmu.ends = 0;
	oct_wrprotect_ptes(&ticket, lock(0), PAGES);
	unlock();
	oct_ticket_complete(&ticket);
	flushes = host_mmu.ends;
	assert_in_range(flushes, 1, CPUS * PAGES / BLOCK / 8);
	for (unsigned i = 0; i < PAGES; i++)
		assert_true(oct_pte_cont(*raw(i)) == OCT_FORMAT_CONT && !oct_pte_write(*raw(i)));
	/* Nothing to take: nothing is broken. */
	oct_wrprotect_ptes(&ticket, lock(0), PAGES);
	unlock();
	oct_ticket_complete(&ticket);
	assert_int_equal(host_mmu.ends, flushes);
	finish();
}

/* An entry that leaves its block leaves without the bit, to wherever it goes. */
static void moved_out_of_a_block(void **state)
{
	(void)state;
	start();
	set(false, 0, writable(0), BLOCK);
	*raw(2) = oct_pte_mkdirty(*raw(2));
	oct_table_move_entries(&space, address(2), address(201), 3, &ticket);
	oct_ticket_complete(&ticket);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(oct_pte_cont(*raw(201 + i)), 0);
		assert_int_equal(oct_pte_phys(*raw(201 + i)), FRAMES + (2 + i) * OCT_PAGE_SIZE);
		assert_true(oct_pte_dirty(*raw(201 + i)) == (i == 0 || OCT_FORMAT_CONT));
		assert_int_equal(*raw(2 + i), 0);
	}
	finish();
}

/* What a walker without updates reads is each entry by itself. */
static void raw_entries_count(void **state)
{
	(void)state;
	start();
	set(false, 0, writable(0), BLOCK);
	*raw(3) = oct_pte_mkyoung(oct_pte_mkdirty(*raw(3)));
	assert_int_equal(oct_pte_dirty(view(5)), OCT_FORMAT_CONT); /* says the block */
	assert_true(oct_ptep_set_access_flags(lock(5), OCT_PTE_YOUNG | OCT_PTE_DIRTY));
	assert_false(oct_ptep_set_access_flags(&guard, OCT_PTE_YOUNG | OCT_PTE_DIRTY));
	unlock();
	assert_true(oct_pte_dirty(*raw(5)) && oct_pte_young(*raw(5)));
	assert_int_equal(oct_pte_dirty(*raw(15)), OCT_FORMAT_CONT);
	finish();
}

/* Rights gained cost no flush; taken, one later; another page, one before. */
static void modify(void **state)
{
	oct_pte_t old;

	(void)state;
	start();
	set(false, 1, oct_pte_wrprotect(writable(1)), 1);
	(void)host_tlb_touch(1, address(1));
	host_mmu.ends = 0;
	old = oct_ptep_modify_prot_start(&ticket, lock(1));
	oct_ptep_modify_prot_commit(&ticket, &guard, old, oct_pte_mkwrite(old));
	unlock();
	oct_ticket_complete(&ticket);
	assert_int_equal(host_mmu.ends, 0);
	old = oct_ptep_modify_prot_start(&ticket, lock(1));
	oct_ptep_modify_prot_commit(&ticket, &guard, old, oct_pte_wrprotect(old));
	unlock();
	assert_int_equal(host_mmu.ends, 0);
	oct_ticket_complete(&ticket);
	assert_in_range(host_mmu.ends, 1, CPUS);
	host_mmu.ends = 0;
	old = oct_ptep_modify_prot_start(&ticket, lock(1));
	oct_ptep_modify_prot_commit(&ticket, &guard, old, writable(77));
	assert_in_range(host_mmu.ends, 1, CPUS);
	unlock();
	oct_ticket_complete(&ticket);
	assert_int_equal(oct_pte_phys(view(1)), FRAMES + 77 * OCT_PAGE_SIZE);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_sequences),  cmocka_unit_test(ragged_ends),
	    cmocka_unit_test(rights_of_blocks),  cmocka_unit_test(moved_out_of_a_block),
	    cmocka_unit_test(raw_entries_count), cmocka_unit_test(modify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
