/* space_user.c: user accesses for tests of address spaces. SPDX-License-Identifier: MIT */
#include "space_user.h"
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

enum { MOST_FAULTS = 6 };

bool user_sets_bits = true;
unsigned user_faults;

/* The entry where a walk for va ends, of a leaf table or a large leaf; NULL: nothing is there. */
static oct_pte_t *entry_of(struct oct_mm *mm, uintptr_t va, unsigned *level)
{
	for (*level = 0; *level < 2; ++*level) {
		oct_pte_t *entry = oct_table_find(&mm->space, va, *level);

		if (entry)
			return *level == 0 || oct_pte_is_leaf(*entry, *level) ? entry : NULL;
	}
	return NULL;
}

oct_pte_t user_entry(struct oct_mm *mm, uintptr_t va)
{
	unsigned level;
	oct_pte_t *entry = entry_of(mm, va, &level), pte = entry ? oct_load(entry, OCT_RLX) : 0;

	return level == 1 && oct_pte_present(pte) ? oct_pte_single(pte, level, va) : pte;
}

struct oct_folio *user_folio(struct oct_mm *mm, uintptr_t va)
{
	oct_pte_t pte = user_entry(mm, va);

	return oct_pte_present(pte) ? oct_folio_of(oct_pte_frame(pte, 0, va)) : NULL;
}

/* Hardware sets young, and dirty for a store, in the entry in memory: never in one that software has
 * replaced meanwhile. */
static bool set_bits(struct oct_mm *mm, uintptr_t va, oct_pte_t cached, unsigned access)
{
	unsigned level;
	oct_pte_t *entry = entry_of(mm, va, &level), pte = entry ? oct_load(entry, OCT_RLX) : 0;

	if (!user_sets_bits || !oct_pte_present(pte) ||
	    oct_pte_frame(pte, level, va) != oct_pte_phys(cached) || !(oct_pte_prot(pte) & access))
		return false;
	pte = oct_pte_mkyoung(pte);
	oct_store(entry, access == OCT_WRITE ? oct_pte_mkdirty(pte) : pte, OCT_RLX);
	return true;
}

/* Where the access of this CPU goes, by what it may have cached; NULL if it faults. */
static uint32_t *translate(struct oct_mm *mm, uintptr_t va, unsigned access)
{
	oct_pte_t pte = host_tlb_touch(host_cpu, va);

	if (!oct_pte_present(pte) || !(oct_pte_prot(pte) & access))
		return NULL;
	if ((!oct_pte_young(pte) || (access == OCT_WRITE && !oct_pte_dirty(pte))) &&
	    !set_bits(mm, va, pte, access))
		return NULL;
	if (!host_page_is_out(oct_pte_phys(pte)))
		fail_msg("a stale translation reaches a page that was freed (I1)");
	return (uint32_t *)((char *)oct_port_phys_to_virt(oct_pte_phys(pte)) + (va & ~OCT_PAGE_MASK));
}

/* What the fault itself does to the TLB of this CPU: x86-64 drops the address; elsewhere the entry that
 * faulted stays, unless it was old, which no TLB keeps. */
static void trap(struct oct_mm *mm, uintptr_t va)
{
	user_faults++;
	if (host_tlb_keeps_invalid)
		return; /* all that faulted, it keeps */
	if (!OCT_FORMAT_FAULT_KEEPS || !oct_pte_young(host_tlb_cached(host_cpu, va)))
		oct_mmu_invalidate_range((uint16_t)mm->space.system->cpu[host_cpu].asid, va & OCT_PAGE_MASK,
		                         1, OCT_LOCAL, OCT_LEAF);
}

static int user_access(struct oct_mm *mm, uintptr_t va, unsigned access, uint32_t **word)
{
	oct_mm_switch(mm->space.system, mm);
	for (unsigned faults = 0; faults < MOST_FAULTS; faults++) {
		int result;

		*word = translate(mm, va, access);
		if (*word)
			return 0;
		trap(mm, va);
		result = oct_fault(mm, va, access);
		if (result < 0)
			return result;
		if (result == OCT_FAULT_SIGNAL)
			return -OCT_EFAULT;
		if (result == OCT_FAULT_EVENT)
			return -OCT_EBUSY;
	}
	fail_msg("the access faults for ever (I9)");
	return -OCT_EFAULT;
}

int user_load(struct oct_mm *mm, uintptr_t va, uint32_t *value)
{
	uint32_t *word;
	int error = user_access(mm, va, OCT_READ, &word);

	if (!error)
		*value = *word;
	return error;
}

int user_store(struct oct_mm *mm, uintptr_t va, uint32_t value)
{
	uint32_t *word;
	int error = user_access(mm, va, OCT_WRITE, &word);

	if (!error)
		*word = value;
	return error;
}
