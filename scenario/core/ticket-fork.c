/* core/ticket-fork: the sibling of a thread that forks. SPDX-License-Identifier: MIT
 *
 * fork shares a page with the child. naive: the parent's entry is write-protected and the flush
 * left for later; a sibling thread of the parent still stores through its stale entry, and the child
 * sees the page change after fork returned. */
#include "../raw.h"

enum { VA = 0x10000 };

static struct oct_mm *mm, *child;
static uint32_t child_saw;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
	raw_setup(mm);
	child = oc_mm();
}

/* The child's mapping is RAW_ALIAS. */
static void fork_raw(void)
{
	raw_wrprotect();
	child_saw = oc_peek32(mm, RAW_ALIAS);
	raw_flush();
}

static void fork_now(void)
{
	oct_fork(child, mm);
	child_saw = oc_peek32(child, VA);
	oc_cover("forked");
}

static void store(void)
{
	oc_store32(mm, VA, 7);
}

static void naive(void)
{
	RAW_PARTS(fork_raw, raw_writer);
}

static void now(void)
{
	RAW_PARTS(fork_now, store);
}

static void final_raw(void)
{
	OC_ASSERT(OC_I4, oc_peek32(mm, RAW_ALIAS) == child_saw);
	raw_restore();
}

static void final(void)
{
	if (oc_folio(child, VA) == NULL)
		final_raw();
	else
		OC_ASSERT(OC_I4, oc_peek32(child, VA) == child_saw);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "naive", .run = naive, .expected = OC_VIOLATES(OC_I4)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"forked", "fork-wrprotect", "store-through-stale-entry"}}})
