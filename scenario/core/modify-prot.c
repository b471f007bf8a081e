/* core/modify-prot: an entry is taken out of use, and comes back otherwise. SPDX-License-Identifier: MIT
 *
 * Between start and commit it is not empty but maps nothing. If it comes back with another page, no TLB may
 * have the old one any more (I11); if it comes back without the write right, nobody stores when the ticket is
 * complete (I4). no-break: the other page is stored while a TLB may still hold the first (x86-64 allows
 * that). no-flush: the right goes from the entry alone. */
#include "../raw.h"

enum { VA = 0x10000, OTHER = 0x11000, ALIAS = 0x40000 };

static struct oct_mm *mm;
static oct_pte_t *entry, *raw_entry, first, other;
static uint32_t after, naive_after;
static bool revoked, naively_revoked;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 2, READ_WRITE);
	oc_map_folio(mm, ALIAS, oc_folio(mm, VA), READ_WRITE);
	entry = oc_pte(mm, VA);
	first = oc_entry_get(entry);
	other = oc_entry_get(oc_pte(mm, OTHER));
	raw_forbid_faults(mm, VA); /* a store through no valid entry fails for good */
	raw_setup(mm);
	raw_entry = oc_pte(mm, RAW_VA);
}

static void change(oct_pte_t pte)
{
	struct oct_ticket ticket;
	struct oct_pte_guard guard;
	oct_pte_t old;

	oct_ticket_init(&ticket, &mm->space);
	oct_pte_lock_at(&mm->space, VA, &guard);
	old = oct_ptep_modify_prot_start(&ticket, &guard);
	OC_ASSERT(OC_I3, oct_pte_dirty(old));
	oct_ptep_modify_prot_commit(&ticket, &guard, old, pte);
	oct_pte_guard_unlock(&ticket, &guard);
	oct_ticket_complete(&ticket);
}

static void store(uintptr_t va)
{
	oc_cover(oc_store32(mm, va, 7) == 0 ? "stored" : "refused");
}

static void other_page(void)
{
	if (oct_port_cpu_self() == 0)
		change(other);
	else
		store(VA);
}

static void no_right(void)
{
	if (oct_port_cpu_self() == 1) {
		store(VA);
		return;
	}
	change(oct_pte_wrprotect(first));
	after = oc_peek32(mm, ALIAS);
	revoked = true;
}

static void no_break(void)
{
	if (oct_port_cpu_self() == 1) {
		store(RAW_VA);
		return;
	}
	oc_entry_set(raw_entry, 0);
	oc_entry_set(raw_entry, raw.fresh);
}

static void no_flush(void)
{
	if (oct_port_cpu_self() == 1) {
		store(RAW_VA);
		return;
	}
	raw_wrprotect();
	naive_after = oc_peek32(mm, RAW_ALIAS);
	naively_revoked = true;
}

static void final(void)
{
	OC_ASSERT(OC_I4, !revoked || oc_peek32(mm, ALIAS) == after);
	OC_ASSERT(OC_I4, !naively_revoked || oc_peek32(mm, RAW_ALIAS) == naive_after);
	oc_entry_set(entry, first); /* whose references they are */
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "no-break",
                 .run = no_break,
                 .expected = OC_VIOLATES(OC_I11),
                 .on = {{OC_X86_64, OC_HOLDS}}},
                {.name = "no-flush", .run = no_flush, .expected = OC_VIOLATES(OC_I4)},
                {.name = "now-page", .run = other_page, .expected = OC_HOLDS, .cover = {"stored", "refused"}},
                {.name = "now-right", .run = no_right, .expected = OC_HOLDS, .cover = {"stored", "refused"}}})
