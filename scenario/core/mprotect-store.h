/* mprotect-store.h: a right taken away while it is used. SPDX-License-Identifier: MIT
 *
 * When mprotect has returned, the page does not change any more, whoever stores. no-flush: the entry
 * alone is changed. flush-first: a walk between the flush and the change brings the old entry back.
 * local: the other CPUs keep theirs. */
#ifndef SCENARIO_MPROTECT_STORE_H
#define SCENARIO_MPROTECT_STORE_H

#include "../raw.h"

enum { VA = 0x10000 };

static struct oct_mm *mm;
static uint32_t after[2], naive_after[2];
static bool looked;

static inline void protect_setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, READ_WRITE);
	raw_setup(mm);
}

static inline void look(uint32_t *words, uintptr_t va)
{
	words[0] = oc_peek32(mm, va);
	words[1] = oc_peek32(mm, va + 4);
	looked = true;
}

static inline void protect_now(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, VA, OCT_PAGE_SIZE, OCT_READ) == 0);
	look(after, VA);
}

static inline void protect_no_flush(void)
{
	raw_wrprotect();
	look(naive_after, RAW_ALIAS);
}

static inline void protect_flush_first(void)
{
	raw_flush();
	raw_wrprotect();
	look(naive_after, RAW_ALIAS);
}

static inline void protect_local(void)
{
	raw_wrprotect();
	oc_dsb();
	oc_tlbi(mm, RAW_VA, 1, OC_LOCAL, OC_LEAF);
	oc_dsb();
	look(naive_after, RAW_ALIAS);
}

/* CPU n, from 1, stores to word n - 1. */
static inline void store_to(uintptr_t va)
{
	unsigned cpu = oct_port_cpu_self();

	oc_cover(oc_store32(mm, va + 4 * (cpu - 1), 7) == 0 ? "stored" : "refused");
}

/* CPU0 takes the right away from va, the others store. */
static inline void protect_against_stores(void (*protect)(void), uintptr_t va)
{
	if (oct_port_cpu_self() == 0)
		protect();
	else
		store_to(va);
}

static void now(void)
{
	protect_against_stores(protect_now, VA);
}

static void no_flush(void)
{
	protect_against_stores(protect_no_flush, RAW_VA);
}

static void flush_first(void)
{
	protect_against_stores(protect_flush_first, RAW_VA);
}

static void local(void)
{
	protect_against_stores(protect_local, RAW_VA);
}

static void final(void)
{
	for (unsigned i = 0; looked && i < 2; i++) {
		OC_ASSERT(OC_I4, oc_peek32(mm, VA + 4 * i) == after[i]);
		OC_ASSERT(OC_I4, oc_peek32(mm, RAW_ALIAS + 4 * i) == naive_after[i]);
	}
	raw_restore();
}

#define PROTECT_VARIANTS                                                                                     \
	{                                                                                                    \
		{.name = "no-flush", .run = no_flush, .expected = OC_VIOLATES(OC_I4)},                       \
		    {.name = "flush-first", .run = flush_first, .expected = OC_VIOLATES(OC_I4)},             \
		    {.name = "local", .run = local, .expected = OC_VIOLATES(OC_I4)},                         \
		    {.name = "now",                                                                          \
		     .run = now,                                                                             \
		     .expected = OC_HOLDS,                                                                   \
		     .cover = {"stored", "refused", "store-through-stale-entry"}},                           \
	}

#endif
