/* core/cow-fork: copy-on-write against fork. SPDX-License-Identifier: MIT
 *
 * A page that must be copied before it is written is copied by a fault while fork shares it. The
 * child sees one state of it for good; the parent keeps its store. */
#include "../cow.h"

static struct oct_mm *child;
static uint32_t child_saw;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();
	oct_pte_t *entry;

	cow_setup(mm);
	entry = oc_pte(mm, COW_VA);
	oc_entry_set(entry, oct_pte_wrprotect(oc_entry_get(entry)));
	child = oc_mm();
}

static void forker(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, cow.mm) == 0);
	child_saw = oc_peek32(child, COW_VA);
}

static void final(void)
{
	cow_final();
	OC_ASSERT(OC_I4, oc_peek32(child, COW_VA) == child_saw);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(forker), OC_CPU(cow_writer)}, .cover = {"cow-copy"},
            .variants = {{.name = "now", .expected = OC_HOLDS}})
