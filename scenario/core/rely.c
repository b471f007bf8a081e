/* core/rely: relying on what another call took away. SPDX-License-Identifier: MIT
 *
 * One CPU protects a page and leaves its ticket open. Another finds the entry protected and needs it to
 * be so: it completes what is missing, by each call that is made for it, and from then on the page
 * does not change (I4), though a third CPU may hold the writable entry. look-only: what the entry says is
 * taken for what every TLB says. */
#include <octavo/check.h>

enum {
	TABLE = 0x10000, /* what the leaf table of VA maps */
	TABLE_BYTES = 0x8000,
	VA = TABLE,
	NEXT_TABLE = TABLE + TABLE_BYTES,
	THIRD = NEXT_TABLE + 0x1000,
	ALIAS = 0x28000,
	READ_WRITE = OCT_READ | OCT_WRITE
};

static struct oct_mm *mm;
static uint32_t after;
static bool relied, cleaned;
static oct_pte_t other; /* another page */
static struct oct_ticket open_ticket;

static void setup(void)
{
	oct_pte_t entry;

	mm = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
	oc_map_anon(mm, NEXT_TABLE, 2, READ_WRITE);
	oc_map_folio(mm, ALIAS, oc_folio(mm, VA), READ_WRITE);
	other = oc_entry_get(oc_pte(mm, NEXT_TABLE));
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

static void protect_at(uintptr_t va)
{
	struct oct_pte_guard guard;
	oct_pte_t old;

	oct_ticket_init(&open_ticket, &mm->space);
	oct_pte_lock_at(&mm->space, va, &guard);
	(void)!oct_entry_update(&open_ticket, &guard, guard.pte, va, wrprotect, 0, &old);
	oct_pte_guard_unlock(&open_ticket, &guard);
}

static void protect(void)
{
	protect_at(VA);
}

static void note(void)
{
	after = oc_peek32(mm, ALIAS);
	relied = true;
	oc_cover("relied");
}

static bool protected_by_now(const struct oct_pte_guard *guard)
{
	return !oct_pte_write(oct_pte_get(guard));
}

static void look_only(void)
{
	struct oct_pte_guard guard;

	oct_pte_lock_at(&mm->space, VA, &guard);
	if (protected_by_now(&guard))
		note();
	oct_pte_guard_unlock(NULL, &guard);
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
	for (unsigned turn = 0; oct_tlb_rely_or_unlock(&guard) != 0; turn++) {
		OC_ASSERT(OC_I9, turn == 0); /* one generation is drawn */
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

/* The first CPU completes its ticket: who finds that done is ordered after it. */
static void done_by_the_first(void)
{
	if (oct_port_cpu_self() != 0) {
		complete_all();
		return;
	}
	protect();
	oct_ticket_complete(&open_ticket);
}

/* The first CPU protects in the next table and leaves that open. The other's own change is the newer
 * one, and is complete as well. */
static void older_joins(void)
{
	if (oct_port_cpu_self() == 0) {
		protect_at(NEXT_TABLE);
		return;
	}
	OC_ASSERT(OC_ASSERTION, oct_clear_refs(mm, VA, NEXT_TABLE + OCT_PAGE_SIZE) == 0);
	note();
}

/* A range goes on in the next table. */
static void across_tables(void)
{
	if (oct_port_cpu_self() == 0) {
		protect();
		return;
	}
	OC_ASSERT(OC_ASSERTION, oct_clear_refs(mm, VA, THIRD + OCT_PAGE_SIZE) == 0);
	OC_ASSERT(OC_ASSERTION, !oct_pte_write(oct_table_query(&mm->space, THIRD)));
	note();
}

/* The entry gets its mark, no right is taken: the right went before, and is gone on return as well. */
static void mark_protected(void)
{
	if (oct_port_cpu_self() == 0) {
		protect();
		return;
	}
	OC_ASSERT(OC_ASSERTION, oct_uffd_writeprotect(mm, VA, VA + OCT_PAGE_SIZE, true) == 0);
	note();
}

/* Empty by the first, with an open ticket. */
static void unmap_open(bool trim)
{
	oct_ticket_init(&open_ticket, &mm->space);
	OC_ASSERT(OC_ASSERTION, oct_table_unmap(&mm->space, VA, VA + OCT_PAGE_SIZE, true, &open_ticket) == 0);
	if (trim)
		OC_ASSERT(OC_ASSERTION,
		          oct_table_trim(&mm->space, TABLE, TABLE + TABLE_BYTES, &open_ticket) == 0);
}

static void note_alias(bool gone)
{
	if (!gone)
		return;
	after = oc_peek32(mm, ALIAS);
	relied = true;
	oc_cover("relied");
}

static void clear_again(void)
{
	struct oct_ticket ticket;
	struct oct_pte_guard guard;
	oct_pte_t old;

	if (oct_port_cpu_self() == 0) {
		unmap_open(false);
		return;
	}
	oct_ticket_init(&ticket, &mm->space);
	oct_pte_lock_at(&mm->space, VA, &guard);
	(void)!oct_entry_change(&ticket, &guard, guard.pte, VA, 0, &old);
	if (oct_pte_present(old))
		oct_ticket_free_page(&ticket, &guard, oct_pte_phys(old));
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
	note_alias(true);
}

/* Another page in an entry that is empty: not while the old one is usable (I11). */
static void fill_again(void)
{
	struct oct_ticket ticket;
	struct oct_pte_guard guard;
	oct_pte_t old;
	bool empty;

	if (oct_port_cpu_self() == 0) {
		unmap_open(false);
		return;
	}
	oct_ticket_init(&ticket, &mm->space);
	oct_pte_lock_at(&mm->space, VA, &guard);
	empty = oct_pte_none(oct_pte_get(&guard));
	if (empty) {
		oct_folio_get(oc_folio(mm, NEXT_TABLE));
		(void)!oct_entry_change(&ticket, &guard, guard.pte, VA, other, &old);
	}
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
	note_alias(empty);
}

/* The same by the call that maps pages of a host. */
static void map_again(void)
{
	int error;

	if (oct_port_cpu_self() == 0) {
		unmap_open(false);
		return;
	}
	error = oct_table_map(&mm->space, VA, oct_pte_phys(other), 1, READ_WRITE, OCT_NORMAL);
	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_EEXIST);
	note_alias(error == 0);
}

/* The same by the call for runs. */
static void fill_run(void)
{
	struct oct_pte_guard guard;
	bool empty;

	if (oct_port_cpu_self() == 0) {
		unmap_open(false);
		return;
	}
	oct_pte_lock_at(&mm->space, VA, &guard);
	empty = oct_pte_none(oct_pte_get(&guard));
	if (empty) {
		oct_folio_get(oc_folio(mm, NEXT_TABLE));
		oct_set_ptes(NULL, &guard, other, 1);
	}
	oct_pte_guard_unlock(NULL, &guard);
	note_alias(empty);
}

/* Clean already: the other's flush is waited for, since until then a store leaves no mark. */
static void clean_again(void)
{
	struct oct_ticket own, *ticket = oct_port_cpu_self() == 0 ? &open_ticket : &own;
	struct oct_pte_guard guard;
	unsigned had;

	oct_ticket_init(ticket, &mm->space);
	oct_pte_lock_at(&mm->space, VA, &guard);
	had = oct_clear_young_dirty_ptes(ticket, &guard, 1, OCT_PTE_DIRTY);
	oct_pte_guard_unlock(ticket, &guard);
	if (oct_port_cpu_self() == 0)
		return;
	oct_ticket_complete(ticket);
	if (had)
		return;
	after = oc_peek32(mm, ALIAS);
	cleaned = true;
	oc_cover("relied");
}

/* No table at all: what was unlinked is waited for. */
static void table_gone(void)
{
	struct oct_ticket ticket;
	struct oct_pte_guard guard;
	bool gone;

	if (oct_port_cpu_self() == 0) {
		unmap_open(true);
		return;
	}
	oct_pte_lock_at(&mm->space, VA, &guard);
	gone = guard.level != 0;
	oct_pte_guard_unlock(NULL, &guard);
	oct_ticket_init(&ticket, &mm->space);
	OC_ASSERT(OC_ASSERTION,
	          oct_table_protect(&mm->space, VA, VA + OCT_PAGE_SIZE, OCT_READ, &ticket) == 0);
	oct_ticket_complete(&ticket);
	note_alias(gone);
}

/* Nothing to mark: the page that was there is gone on return. */
static void mark_empty(void)
{
	bool gone;

	if (oct_port_cpu_self() == 0) {
		unmap_open(false);
		return;
	}
	gone = oct_pte_none(oct_table_query(&mm->space, VA));
	OC_ASSERT(OC_ASSERTION, oct_uffd_writeprotect(mm, VA, VA + OCT_PAGE_SIZE, true) == 0);
	note_alias(gone);
}

static void store(void)
{
	oc_store32(mm, VA, 7);
}

static void look_only_at_open(void)
{
	if (oct_port_cpu_self() == 0)
		protect();
	else
		look_only();
}

static void rely_on_open(void)
{
	if (oct_port_cpu_self() == 0)
		protect();
	else
		rely();
}

static void rely_or_unlock_on_open(void)
{
	if (oct_port_cpu_self() == 0)
		protect();
	else
		rely_or_unlock();
}

static void complete_all_on_open(void)
{
	if (oct_port_cpu_self() == 0)
		protect();
	else
		complete_all();
}

static void protect_again_on_open(void)
{
	if (oct_port_cpu_self() == 0)
		protect();
	else
		protect_again();
}

static void final(void)
{
	OC_ASSERT(OC_I4, !relied || oc_peek32(mm, ALIAS) == after);
	OC_ASSERT(OC_I3, !cleaned || oc_peek32(mm, ALIAS) == after ||
	                     oct_pte_dirty(oct_table_query(&mm->space, VA)));
	oct_ticket_complete(&open_ticket);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(store)}, .cover = {"relied"},
            .variants = {
                {.name = "look-only", .run = look_only_at_open, .expected = OC_VIOLATES(OC_I4)},
                {.name = "rely", .run = rely_on_open, .expected = OC_HOLDS, .cover = {"rely-behind"}},
                {.name = "rely-or-unlock",
                 .run = rely_or_unlock_on_open,
                 .expected = OC_HOLDS,
                 .cover = {"rely-behind", "again"}},
                {.name = "complete-all", .run = complete_all_on_open, .expected = OC_HOLDS},
                {.name = "protect-again", .run = protect_again_on_open, .expected = OC_HOLDS},
                {.name = "done-by-the-first", .run = done_by_the_first, .expected = OC_HOLDS},
                {.name = "mark-protected", .run = mark_protected, .expected = OC_HOLDS},
                {.name = "mark-empty", .run = mark_empty, .expected = OC_HOLDS},
                {.name = "across-tables", .run = across_tables, .expected = OC_HOLDS},
                {.name = "older-joins", .run = older_joins, .expected = OC_HOLDS},
                {.name = "clear-again", .run = clear_again, .expected = OC_HOLDS},
                {.name = "fill-again", .run = fill_again, .expected = OC_HOLDS},
                {.name = "map-again", .run = map_again, .expected = OC_HOLDS},
                {.name = "clean-again", .run = clean_again, .expected = OC_HOLDS},
                {.name = "fill-run", .run = fill_run, .expected = OC_HOLDS},
                {.name = "table-gone", .run = table_gone, .expected = OC_HOLDS}})
