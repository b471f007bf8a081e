/* core/rely: relying on what another call took away. SPDX-License-Identifier: MIT
 *
 * One CPU protects a page and leaves its ticket open. Another finds the entry protected and needs it to
 * be so: it completes what is missing, by each call that is made for it, and from then on the page
 * does not change (I4), though a third CPU may hold the writable entry. */
#include <octavo/check.h>

enum { VA = 0x10000, READ_WRITE = OCT_READ | OCT_WRITE };

static struct oct_mm *mm;
static uint32_t after;
static bool relied;
static struct oct_ticket open_ticket;

static void setup(void)
{
	oct_pte_t entry;

	mm = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
	entry = oc_entry_get(oc_pte(mm, VA));
	/* A store that faults fails for good. */
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, VA, OCT_PAGE_SIZE, OCT_READ) == 0);
	oc_entry_set(oc_pte(mm, VA), entry);
}

static oct_pte_t wrprotect(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_wrprotect(pte);
}

static void protect(void)
{
	struct oct_pte_guard guard;
	oct_pte_t old;

	oct_ticket_init(&open_ticket, &mm->space);
	oct_pte_lock_at(&mm->space, VA, &guard);
	(void)!oct_entry_update(&open_ticket, &guard, guard.pte, VA, wrprotect, 0, &old);
	oct_pte_guard_unlock(&open_ticket, &guard);
}

static void note(void)
{
	after = oc_peek32(mm, VA);
	relied = true;
	oc_cover("relied");
}

static bool protected_by_now(const struct oct_pte_guard *guard)
{
	return !oct_pte_write(oct_pte_get(guard));
}

static void rely(void)
{
	struct oct_pte_guard guard;

	oct_pte_lock_at(&mm->space, VA, &guard);
	oct_tlb_rely(&guard);
	if (protected_by_now(&guard))
		note();
	oct_pte_guard_unlock(NULL, &guard);
}

static void rely_or_unlock(void)
{
	struct oct_pte_guard guard;

	oct_pte_lock_at(&mm->space, VA, &guard);
	while (oct_tlb_rely_or_unlock(&guard) != 0) {
		oc_cover("again");
		oct_pte_lock_at(&mm->space, VA, &guard);
	}
	if (protected_by_now(&guard))
		note();
	oct_pte_guard_unlock(NULL, &guard);
}

static void complete_all(void)
{
	struct oct_pte_guard guard;
	bool seen;

	oct_pte_lock_at(&mm->space, VA, &guard);
	seen = protected_by_now(&guard);
	oct_pte_guard_unlock(NULL, &guard);
	oct_tlb_complete_all(&mm->space);
	if (seen)
		note();
}

/* The entry looks done: nothing is changed, and the ticket waits for what the table waits for. */
static void protect_again(void)
{
	struct oct_ticket ticket;
	struct oct_pte_guard guard;
	bool seen;
	oct_pte_t old;

	oct_ticket_init(&ticket, &mm->space);
	oct_pte_lock_at(&mm->space, VA, &guard);
	seen = protected_by_now(&guard);
	if (seen)
		(void)!oct_entry_update(&ticket, &guard, guard.pte, VA, wrprotect, 0, &old);
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
	if (seen)
		note();
}

static void store(void)
{
	oc_store32(mm, VA, 7);
}

static void final(void)
{
	OC_ASSERT(OC_I4, !relied || oc_peek32(mm, VA) == after);
	oct_ticket_complete(&open_ticket);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(protect), OC_CPU(OC_VARIANT), OC_CPU(store)}, .cover = {"relied"},
            .variants = {{.name = "rely", .run = rely, .expected = OC_HOLDS, .cover = {"rely-behind"}},
                         {.name = "rely-or-unlock",
                          .run = rely_or_unlock,
                          .expected = OC_HOLDS,
                          .cover = {"rely-behind", "again"}},
                         {.name = "complete-all", .run = complete_all, .expected = OC_HOLDS},
                         {.name = "protect-again", .run = protect_again, .expected = OC_HOLDS}})
