/* cow-fork.h: copy-on-write against fork. SPDX-License-Identifier: MIT
 *
 * A page that must be copied before it is written is copied by faults while fork shares it. The child
 * sees one state of it for good; the parent keeps its stores. no-flush: fork leaves the parent's
 * other CPUs their writable entry. exclusive-before: a fault finds the page its own, then takes the
 * lock, and makes writable what fork has shared meanwhile. */
#ifndef SCENARIO_CORE_COW_FORK_H
#define SCENARIO_CORE_COW_FORK_H

#include "../cow.h"
#include "../raw.h"

static struct oct_mm *child;
static uint32_t child_saw[2], naive_child_saw[2];
static uint32_t naive_references = 1;
static bool forked, naively_forked;

static inline void fork_setup(void)
{
	struct oct_mm *mm = oc_mm();
	oct_pte_t *entry;

	cow_setup(mm);
	entry = oc_pte(mm, COW_VA);
	oc_entry_set(entry, oct_pte_wrprotect(oc_entry_get(entry)));
	raw_setup(mm);
	child = oc_mm();
}

static inline void look(uint32_t *words, struct oct_mm *mm, uintptr_t va)
{
	words[0] = oc_peek32(mm, va);
	words[1] = oc_peek32(mm, va + 4);
}

static void now(void)
{
	if (oct_port_cpu_self() == 1) {
		cow_writer();
	} else if (oct_port_cpu_self() == 2) {
		cow_copier();
	} else {
		OC_ASSERT(OC_ASSERTION, oct_fork(child, cow.mm) == 0);
		look(child_saw, child, COW_VA);
		forked = true;
	}
}

/* The child's entry is RAW_ALIAS. */
static inline void naive_fork(bool flush)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oct_store(&naive_references, 2, OCT_RLX);
	oc_entry_update(pte, oct_pte_wrprotect);
	if (flush)
		raw_flush();
	oct_pte_unlock(raw.mm, pte);
	look(naive_child_saw, raw.mm, RAW_ALIAS);
	naively_forked = true;
}

static inline void naive_store(void)
{
	oc_store32(raw.mm, RAW_VA + 4 * (oct_port_cpu_self() - 1), 7);
}

static void no_flush(void)
{
	if (oct_port_cpu_self() == 0)
		naive_fork(false);
	else
		naive_store();
}

static void exclusive_before(void)
{
	if (oct_port_cpu_self() == 0) {
		naive_fork(true);
		return;
	}
	if (oct_load(&naive_references, OCT_RLX) == 1) {
		oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

		oc_entry_set(pte, raw.writable);
		oct_pte_unlock(raw.mm, pte);
	}
	naive_store();
}

static void final(void)
{
	cow_final();
	for (unsigned i = 0; i < 2; i++) {
		OC_ASSERT(OC_I4, !forked || oc_peek32(child, COW_VA + 4 * i) == child_saw[i]);
		OC_ASSERT(OC_I4,
		          !naively_forked || oc_peek32(raw.mm, RAW_ALIAS + 4 * i) == naive_child_saw[i]);
	}
	raw_restore();
}

#define FORK_VARIANTS                                                                                        \
	{                                                                                                    \
		{.name = "no-flush", .run = no_flush, .expected = OC_VIOLATES(OC_I4)},                       \
		    {.name = "exclusive-before", .run = exclusive_before, .expected = OC_VIOLATES(OC_I4)},   \
		    {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"cow-copy"}},                \
	}

#endif
