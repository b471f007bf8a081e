/* core/switch-helped: a flush that somebody else completes. SPDX-License-Identifier: MIT
 *
 * One CPU revokes, another completes whatever is open, a third switches to the space and stores. It is
 * a target of whoever completes, or sees the change (F2). no-ticket: the change is entered nowhere, so the
 * one who completes knows of nothing. */
#include "../raw.h"

enum { VA = 0x10000 };

static struct oct_mm *first, *mm;
static uint32_t after, naive_after;

static void setup(void)
{
	first = oc_mm();
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
	raw_setup(mm);
}

static void revoke(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, VA, OCT_PAGE_SIZE, OCT_READ) == 0);
	after = oc_peek32(mm, VA);
}

static void revoke_without_ticket(void)
{
	raw_wrprotect();
	naive_after = oc_peek32(mm, RAW_ALIAS);
}

static void switch_and_store(uintptr_t va)
{
	oct_mm_switch(first->space.system, mm);
	oc_store32(mm, va, 7);
}

static void complete(void)
{
	oct_tlb_complete_all(&mm->space);
}

static void now(void)
{
	if (oct_port_cpu_self() == 0)
		revoke();
	else
		switch_and_store(VA);
}

static void no_ticket(void)
{
	if (oct_port_cpu_self() == 0)
		revoke_without_ticket();
	else
		switch_and_store(RAW_VA);
}

static void final(void)
{
	OC_ASSERT(OC_I4, oc_peek32(mm, VA) == after);
	OC_ASSERT(OC_I4, oc_peek32(mm, RAW_ALIAS) == naive_after);
	raw_restore();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(complete)},
            .variants = {{.name = "no-ticket", .run = no_ticket, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
