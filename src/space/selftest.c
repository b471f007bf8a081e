/* selftest.c: a little of T2, for a new port. SPDX-License-Identifier: MIT */
#include <octavo/mm.h>
#include <octavo/selftest.h>

/* Returns from the step that fails, with its line as its number. */
#define STEP(truth)                                                                                          \
	do {                                                                                                 \
		if (!(truth))                                                                                \
			return __LINE__;                                                                     \
	} while (0)

/* The contents of a present page, by the kernel's own address; NULL where nothing is present. */
static uint64_t *contents(struct oct_mm *mm, uintptr_t va)
{
	oct_pte_t pte = oct_table_query(&mm->space, va);

	return oct_pte_present(pte) ? oct_port_phys_to_virt(oct_pte_phys(pte)) : NULL;
}

static int use_spaces(struct oct_mm *parent, struct oct_mm *child)
{
	uint64_t *first, *copy;
	uintptr_t va;

	STEP(oct_mmap(parent, 0, 2 * OCT_PAGE_SIZE, OCT_READ | OCT_WRITE, 0, &va) == 0);
	STEP(oct_fault(parent, va, OCT_WRITE) == OCT_FAULT_DONE);
	first = contents(parent, va);
	STEP(first && *first == 0);
	*first = 1;
	STEP(oct_fork(child, parent) == 0);
	STEP(contents(child, va) == first);
	STEP(oct_fault(parent, va, OCT_WRITE) == OCT_FAULT_DONE);
	copy = contents(parent, va);
	STEP(contents(child, va) == first && copy && copy != first);
	STEP(*copy == 1 && *first == 1);
	STEP(oct_mprotect(child, va, OCT_PAGE_SIZE, OCT_READ) == 0);
	STEP(oct_fault(child, va, OCT_WRITE) == OCT_FAULT_SIGNAL);
	STEP(oct_madvise_dontneed(parent, va, va + OCT_PAGE_SIZE) == 0);
	STEP(!contents(parent, va));
	STEP(oct_munmap(parent, va, 2 * OCT_PAGE_SIZE) == 0);
	STEP(oct_fault(parent, va, OCT_READ) == OCT_FAULT_SIGNAL);
	return 0;
}

static int use_t2(struct oct_system *system)
{
	struct oct_mm parent, child;
	int failed;

	STEP(oct_mm_init(&parent, system) == 0);
	if (oct_mm_init(&child, system)) {
		oct_mm_exit(&parent);
		return __LINE__;
	}
	failed = use_spaces(&parent, &child);
	oct_mm_exit(&child);
	oct_mm_exit(&parent);
	return failed;
}

int oct_selftest(struct oct_system *system)
{
	int failed = oct_selftest_tables(system);

	if (failed)
		return failed;
	failed = use_t2(system);
	oct_port_log(failed ? "octavo " OCT_FORMAT_NAME ": T2 spaces FAIL"
	                    : "octavo " OCT_FORMAT_NAME ": T2 spaces work");
	return failed;
}
