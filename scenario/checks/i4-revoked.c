/* checks/i4-revoked: a right is used after the call that took it away (I4). SPDX-License-Identifier: MIT
 *
 * When protection has returned, the page does not change any more. */
#include "space.h"

static uint32_t after;

static void writer(void)
{
	oc_cover(oc_store32(mm, VA, 7) == 0 ? "stored" : "refused");
}

static void no_flush(void)
{
	oc_entry_update(entry, oct_pte_wrprotect);
	after = oc_peek32(mm, VA);
}

/* arm64: the invalidation is on its way. Elsewhere the call waits. */
static void no_completion(void)
{
	oc_entry_update(entry, oct_pte_wrprotect);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_LEAF);
	after = oc_peek32(mm, VA);
}

static void repaired(void)
{
	oc_entry_update(entry, oct_pte_wrprotect);
	flush();
	after = oc_peek32(mm, VA);
}

static void final(void)
{
	OC_ASSERT(OC_I4, oc_peek32(mm, VA) == after);
}

OC_SCENARIO(.setup = space_setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer)},
            .variants = {{.name = "broken", .run = no_flush, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "broken-no-completion",
                          .run = no_completion,
                          .expected = OC_VIOLATES(OC_I4),
                          .on = {{OC_X86_64 | OC_RISCV64, OC_HOLDS}}},
                         {.name = "repaired",
                          .run = repaired,
                          .expected = OC_HOLDS,
                          .cover = {"stored", "refused", "store-through-stale-entry"}}})
