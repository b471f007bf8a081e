/* core/publish: who sees an entry sees what was stored before it. SPDX-License-Identifier: MIT
 *
 * A word of the page is stored, then the entry, by each call that stores one; a reader without locks
 * that finds the entry finds the word. relaxed: the entry alone is ordered with nothing. */
#include <octavo/check.h>

enum { VA = 0x10000, SPARE = 0x11000, RUN = 0x12000, READ_WRITE = OCT_READ | OCT_WRITE, VALUE = 5 };

static struct oct_mm *mm;
static oct_pte_t *entry; /* of VA */
static uint32_t *word;   /* in the page that gets mapped */
static oct_pte_t spare;  /* its entry elsewhere */

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
	oc_map_anon(mm, SPARE, 1, READ_WRITE);
	oc_map_anon(mm, RUN, 2, READ_WRITE);
	OC_ASSERT(OC_ASSERTION, oct_clear_refs(mm, VA, VA + OCT_PAGE_SIZE) == 0);
	entry = oc_pte(mm, VA);
	spare = oc_entry_get(oc_pte(mm, SPARE));
	word = oct_port_phys_to_virt(oc_folio(mm, SPARE)->page);
}

static void empty(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, VA, VA + OCT_PAGE_SIZE) == 0);
	oct_store(word, VALUE, OCT_RLX);
}

/* The reader: the entry maps the page, or has got its mark. */
static void look(bool marked)
{
	oct_pte_t pte = oct_table_query(&mm->space, VA);

	if (marked ? !oct_pte_soft_dirty(pte)
	           : !oct_pte_present(pte) || oct_pte_phys(pte) != oct_pte_phys(spare))
		return;
	oc_cover("found");
	OC_ASSERT(OC_ASSERTION, oct_load(word, OCT_RLX) == VALUE);
}

static oct_pte_t entry_of_page(unsigned prot)
{
	return oct_pte_mkyoung(oct_pte_make(oct_pte_phys(spare), prot, OCT_NORMAL));
}

static void install(void)
{
	if (oct_port_cpu_self() == 1) {
		look(false);
		return;
	}
	empty();
	OC_ASSERT(OC_ASSERTION, oct_mm_map_folio(mm, VA, oc_folio(mm, SPARE), READ_WRITE) == 0);
}

static void relaxed(void)
{
	if (oct_port_cpu_self() == 1) {
		look(false);
		return;
	}
	empty();
	oct_folio_get(oc_folio(mm, SPARE));
	oct_store(oc_pte(mm, VA), entry_of_page(READ_WRITE), OCT_RLX);
}

/* Filled by an exchange, then given a right by another: neither takes anything away. */
static void change(void)
{
	struct oct_ticket ticket;
	struct oct_pte_guard guard;
	oct_pte_t old;

	if (oct_port_cpu_self() == 1) {
		look(false);
		return;
	}
	empty();
	oct_folio_get(oc_folio(mm, SPARE));
	oct_ticket_init(&ticket, &mm->space);
	oct_pte_lock_at(&mm->space, VA, &guard);
	OC_ASSERT(OC_ASSERTION, oct_entry_change(&ticket, &guard, guard.pte, VA, entry_of_page(OCT_READ),
	                                         &old) == OCT_FLUSH_NONE);
	OC_ASSERT(OC_ASSERTION, oct_entry_change(&ticket, &guard, guard.pte, VA, entry_of_page(READ_WRITE),
	                                         &old) == OCT_FLUSH_NONE);
	OC_ASSERT(OC_ASSERTION, oct_pte_present(oct_pte_get(&guard)));
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
}

/* By the call for runs, and the reader looks with the one that gathers over blocks. */
static void install_run(void)
{
	struct oct_pte_guard guard;
	oct_pte_t pte;

	if (oct_port_cpu_self() == 1) {
		pte = oct_ptep_get_lockless(entry, VA);
		if (!oct_pte_present(pte) || oct_pte_phys(pte) != oct_pte_phys(spare))
			return;
		oc_cover("found");
		OC_ASSERT(OC_ASSERTION, oct_load(word, OCT_RLX) == VALUE);
		return;
	}
	empty();
	oct_folio_get(oc_folio(mm, SPARE));
	oct_pte_lock_at(&mm->space, VA, &guard);
	oct_set_ptes(NULL, &guard, entry_of_page(READ_WRITE), 1);
	oct_pte_guard_unlock(NULL, &guard);
}

/* The entry is taken out of use for a moment, and comes back with a mark. */
static void modify(void)
{
	struct oct_ticket ticket;
	struct oct_pte_guard guard;
	oct_pte_t old;

	if (oct_port_cpu_self() == 1) {
		look(true);
		return;
	}
	oct_store(word, VALUE, OCT_RLX);
	oct_ticket_init(&ticket, &mm->space);
	oct_pte_lock_at(&mm->space, VA, &guard);
	old = oct_ptep_modify_prot_start(&ticket, &guard);
	oct_ptep_modify_prot_commit(&ticket, &guard, old, oct_pte_mk_soft_dirty(old));
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
}

static oct_pte_t mark(oct_pte_t pte, unsigned long arg)
{
	(void)arg;
	return oct_pte_mk_soft_dirty(pte);
}

/* The entry is there and gets a mark. */
static void update(void)
{
	struct oct_ticket ticket;
	struct oct_pte_guard guard;
	oct_pte_t old;

	if (oct_port_cpu_self() == 1) {
		look(true);
		return;
	}
	oct_store(word, VALUE, OCT_RLX);
	oct_ticket_init(&ticket, &mm->space);
	oct_pte_lock_at(&mm->space, VA, &guard);
	OC_ASSERT(OC_ASSERTION,
	          oct_entry_update(&ticket, &guard, guard.pte, VA, mark, 0, &old) == OCT_FLUSH_NONE);
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
}

/* What a word stood for when its entry was made old. */
static void state(void)
{
	struct oct_ticket ticket;
	struct oct_pte_guard guard;

	if (oct_port_cpu_self() == 1) {
		if (oct_pte_young(oct_table_query(&mm->space, VA)))
			return;
		oc_cover("found");
		OC_ASSERT(OC_ASSERTION, oct_load(word, OCT_RLX) == VALUE);
		return;
	}
	oct_store(word, VALUE, OCT_RLX);
	oct_ticket_init(&ticket, &mm->space);
	oct_pte_lock_at(&mm->space, VA, &guard);
	OC_ASSERT(OC_ASSERTION,
	          oct_clear_young_dirty_ptes(&ticket, &guard, 1, OCT_PTE_YOUNG) == OCT_PTE_YOUNG);
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
}

/* Of two alike the second loses its mark by what was found for the first. */
static void update_run(void)
{
	if (oct_port_cpu_self() == 1) {
		if (oct_pte_soft_dirty(oct_table_query(&mm->space, RUN + OCT_PAGE_SIZE)))
			return;
		oc_cover("found");
		OC_ASSERT(OC_ASSERTION, oct_load(word, OCT_RLX) == VALUE);
		return;
	}
	oct_store(word, VALUE, OCT_RLX);
	OC_ASSERT(OC_ASSERTION, oct_clear_refs(mm, RUN, RUN + (uintptr_t)2 * OCT_PAGE_SIZE) == 0);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .cover = {"found"},
            .variants = {{.name = "relaxed", .run = relaxed, .expected = OC_VIOLATES(OC_ASSERTION)},
                         {.name = "install", .run = install, .expected = OC_HOLDS},
                         {.name = "install-run", .run = install_run, .expected = OC_HOLDS},
                         {.name = "modify", .run = modify, .expected = OC_HOLDS},
                         {.name = "change", .run = change, .expected = OC_HOLDS},
                         {.name = "update", .run = update, .expected = OC_HOLDS},
                         {.name = "state", .run = state, .expected = OC_HOLDS},
                         {.name = "update-run", .run = update_run, .expected = OC_HOLDS}})
