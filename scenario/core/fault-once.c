/* core/fault-once: a fault that was answered does not come again. SPDX-License-Identifier: MIT
 *
 * The kernel faults a page in for a CPU (before it copies to user memory, say); when oct_fault is done,
 * that CPU's next access gets through. Where a fault does not drop what the TLB holds (arm64, riscv64)
 * the handler must; a TLB that keeps invalid entries (riscv64) may keep the missing entry, or the missing
 * table. Another CPU may fault once more. no-forget: the entry gets its right and the TLB keeps the old
 * one. */
#include <octavo/check.h>

enum { VA = 0x10000, EMPTY = 0x11000, NOWHERE = 0x40000, READ_WRITE = OCT_READ | OCT_WRITE };

static struct oct_mm *mm;
static oct_pte_t *entry;
static bool refused;

static void setup(void)
{
	uintptr_t where;

	mm = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
	entry = oc_pte(mm, VA);
	oc_entry_set(entry, oct_pte_wrprotect(oc_entry_get(entry)));
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, EMPTY, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &where) == 0);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, NOWHERE, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &where) == 0);
}

static void store(uintptr_t va)
{
	refused = oc_store32(mm, va, 7) != 0;
}

static void fault_and_store(uintptr_t va)
{
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, va, OCT_WRITE) == OCT_FAULT_DONE);
	store(va);
}

static void no_forget(void)
{
	oc_entry_set(entry, oct_pte_mkdirty(oct_pte_modify(oc_entry_get(entry), READ_WRITE)));
	oc_dsb();
	oc_isb();
	store(VA);
}

static void right_given(void)
{
	fault_and_store(VA);
}

static void filled(void)
{
	fault_and_store(EMPTY);
}

static void table_linked(void)
{
	fault_and_store(NOWHERE);
}

static bool faults_again(void)
{
	return refused;
}

OC_SCENARIO(
        .setup = setup, .arch = OC_ARM64 | OC_RISCV64, .actors = {OC_CPU(OC_VARIANT)},
        .variants = {
            {.name = "no-forget", .run = no_forget, .expected = OC_ALLOWED, .outcome = faults_again},
            {.name = "right-given", .run = right_given, .expected = OC_FORBIDDEN, .outcome = faults_again},
            {.name = "filled",
             .run = filled,
             .expected = OC_FORBIDDEN,
             .on = {{OC_ARM64, OC_OPEN}},
             .outcome = faults_again},
            {.name = "table-linked",
             .run = table_linked,
             .expected = OC_FORBIDDEN,
             .on = {{OC_ARM64, OC_OPEN}},
             .outcome = faults_again}})
