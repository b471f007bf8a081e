/* core/switch-helped: a flush that somebody else completes. SPDX-License-Identifier: MIT
 *
 * One CPU revokes, another completes whatever is open, a third switches to the space and stores. It is
 * a target of whoever completes, or sees the change (F2). */
#include <octavo/check.h>

enum { VA = 0x30000, READ_WRITE = OCT_READ | OCT_WRITE };

static struct oct_mm *first, *mm;
static uint32_t after;

static void setup(void)
{
	first = oc_mm();
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
}

static void revoke(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, VA, OCT_PAGE_SIZE, OCT_READ) == 0);
	after = oc_peek32(mm, VA);
}

static void switch_in(void)
{
	oct_mm_switch(first->space.system, mm);
	oc_store32(mm, VA, 7);
}

static void complete(void)
{
	oct_tlb_complete_all(&mm->space);
}

static void final(void)
{
	OC_ASSERT(OC_I4, oc_peek32(mm, VA) == after);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(revoke), OC_CPU(switch_in), OC_CPU(complete)},
            .variants = {{.name = "now", .expected = OC_HOLDS}})
