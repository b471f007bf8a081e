/* core/lazy: a CPU that keeps a root loaded while it runs no user code. SPDX-License-Identifier: MIT
 *
 * CPU1 goes idle lazily and comes back. A flush need not interrupt it meanwhile, if two things are kept:
 * coming back it looks whether something was taken away (I4: it would store through the old entry), and
 * a flush that unlinked a table does not leave it alone, because its walker may be in the table (I1). The
 * broken forms speak for themselves, with a lazy word and a generation of their own; the others are the
 * core's. A page, as opposed to a table, may be freed while a lazy CPU still holds a translation to it: that
 * uses none before it has looked (I1). */
#include "../switch.h"

enum { VA = 0x28000, OTHER = 0x30000, RAW = 0x38000, READ_WRITE = OCT_READ | OCT_WRITE };

static uint32_t lazy = 1; /* CPU1's own */
static uint32_t after;
static oct_pte_t raw; /* of RAW */
static bool revokes;

static void setup(void)
{
	switch_setup();
	oc_map_anon(sw.mm, VA, 2, READ_WRITE);    /* the table stays when the first goes */
	oc_map_anon(sw.mm, OTHER, 1, READ_WRITE); /* another leaf table */
	oc_map_anon(sw.mm, RAW, 1, READ_WRITE);   /* faults for good when its entry goes */
	raw = oc_entry_get(oc_pte(sw.mm, RAW));
	OC_ASSERT(OC_ASSERTION, oct_mprotect(sw.mm, RAW, OCT_PAGE_SIZE, OCT_NONE) == 0);
	oc_entry_set(oc_pte(sw.mm, RAW), raw);
}

static bool on_cpu1(void)
{
	return oct_port_cpu_self() == 1;
}

/* ---- The handshake in its own words ----------------------------------------------------------------- */
static void forget_local(void)
{
	oc_dsb();
	oc_tlbi(sw.mm, 0, 0, OC_LOCAL, OC_ALL_LEVELS);
	oc_dsb();
	oc_isb();
}

static void come_back(bool told)
{
	oct_store(&lazy, 0u, OCT_RLX);
	oct_fence(OCT_SC);                                  /* pairs with the one in revoke */
	if (told && oct_load(&sw.generation, OCT_ACQ) != 0) /* pairs with the release there */
		forget_local();
	oc_store32(sw.mm, SWITCH_VA, 7);
}

static void revoke(void)
{
	oc_entry_update(sw.entry, oct_pte_wrprotect);
	oct_fetch_add(&sw.generation, 1, OCT_REL); /* the entry before the generation */
	oct_fence(OCT_SC);                         /* pairs with the one in come_back */
	switch_invalidate(oct_load(&lazy, OCT_RLX) ? OC_LOCAL : OC_BROADCAST);
}

static void not_told(void)
{
	if (on_cpu1())
		come_back(false);
	else
		revoke();
}

static void told(void)
{
	if (on_cpu1())
		come_back(true);
	else
		revoke();
}

static void free_table(unsigned scope)
{
	oct_pte_t *upper = oc_pte(sw.mm, OTHER, 1);
	oct_phys_t table = oct_pte_phys(oc_entry_get(upper));

	oc_entry_set(oc_pte(sw.mm, OTHER), 0);
	oc_entry_set(upper, 0);
	oc_dsb();
	oc_tlbi(sw.mm, 0, 0, scope, OC_ALL_LEVELS);
	oc_dsb();
	oct_port_page_free(table, 0, OCT_USE_TABLE);
}

/* CPU1 is lazy all the time: it is left alone although a table goes. */
static void table_skipped(void)
{
	if (!on_cpu1())
		free_table(OC_LOCAL);
}

static void table_told(void)
{
	if (!on_cpu1())
		free_table(OC_BROADCAST);
}

static void come_back_and_load(bool told)
{
	uint32_t value;

	OCT_LAZY(true);
	oct_store(&lazy, 0u, OCT_RLX);
	oct_fence(OCT_SC); /* pairs with the one in free_page */
	OCT_LAZY(false);
	if (told && oct_load(&sw.generation, OCT_ACQ) != 0) /* pairs with the release there */
		forget_local();
	oc_load32(sw.mm, RAW, &value);
}

static void free_page(void)
{
	oc_entry_set(oc_pte(sw.mm, RAW), 0);
	oct_fetch_add(&sw.generation, 1, OCT_REL); /* the entry before the generation */
	oct_fence(OCT_SC);                         /* pairs with the one in come_back_and_load */
	oc_dsb();
	oc_tlbi(sw.mm, RAW, 1, oct_load(&lazy, OCT_RLX) ? OC_LOCAL : OC_BROADCAST, OC_LEAF);
	oc_dsb();
	oct_port_page_free(oct_pte_phys(raw), 0, OCT_USE_USER);
}

static void page_not_told(void)
{
	if (on_cpu1())
		come_back_and_load(false);
	else
		free_page();
}

static void page_told(void)
{
	if (on_cpu1())
		come_back_and_load(true);
	else
		free_page();
}

/* ---- The core's ------------------------------------------------------------------------------------- */
static void lazy_and_back(void)
{
	oct_space_switch_lazy(sw.mm->space.system);
	oct_mm_switch(sw.mm->space.system, sw.mm);
	if (oc_store32(sw.mm, VA, 7) == 0)
		oc_cover("stored");
}

static void revoke_now(void)
{
	revokes = true;
	OC_ASSERT(OC_ASSERTION, oct_mprotect(sw.mm, VA, OCT_PAGE_SIZE, OCT_READ) == 0);
	after = oc_peek32(sw.mm, VA);
}

static void now(void)
{
	if (on_cpu1()) {
		lazy_and_back();
		return;
	}
	revoke_now();
}

/* What it did before it went idle is over when the right is gone. */
static void now_before(void)
{
	if (on_cpu1()) {
		if (oc_store32(sw.mm, VA, 7) == 0)
			oc_cover("stored");
		oct_space_switch_lazy(sw.mm->space.system);
		return;
	}
	revoke_now();
}

static void now_page(void)
{
	if (on_cpu1())
		oct_space_switch_lazy(sw.mm->space.system);
	else
		OC_ASSERT(OC_ASSERTION, oct_munmap(sw.mm, VA, OCT_PAGE_SIZE) == 0);
}

static void now_page_and_back(void)
{
	if (on_cpu1())
		lazy_and_back();
	else
		OC_ASSERT(OC_ASSERTION, oct_munmap(sw.mm, VA, OCT_PAGE_SIZE) == 0);
}

static void now_table(void)
{
	if (on_cpu1())
		oct_space_switch_lazy(sw.mm->space.system);
	else
		OC_ASSERT(OC_ASSERTION, oct_munmap(sw.mm, OTHER, OCT_PAGE_SIZE) == 0);
}

static void now_table_and_back(void)
{
	if (on_cpu1())
		lazy_and_back();
	else
		OC_ASSERT(OC_ASSERTION, oct_munmap(sw.mm, OTHER, OCT_PAGE_SIZE) == 0);
}

static void final(void)
{
	switch_final();
	OC_ASSERT(OC_I4, !revokes || oc_peek32(sw.mm, VA) == after);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "not-told", .run = not_told, .expected = OC_VIOLATES(OC_I4)},
                {.name = "told", .run = told, .expected = OC_HOLDS, .cover = {"store-through-stale-entry"}},
                {.name = "table-skipped", .run = table_skipped, .expected = OC_VIOLATES(OC_I1)},
                {.name = "table-told", .run = table_told, .expected = OC_HOLDS},
                {.name = "page-not-told", .run = page_not_told, .expected = OC_VIOLATES(OC_I1)},
                {.name = "page-told", .run = page_told, .expected = OC_HOLDS},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"stored"}},
                {.name = "now-before", .run = now_before, .expected = OC_HOLDS, .cover = {"stored"}},
                {.name = "now-page", .run = now_page, .expected = OC_HOLDS},
                {.name = "now-page-and-back",
                 .run = now_page_and_back,
                 .expected = OC_HOLDS,
                 .cover = {"stored"}},
                {.name = "now-table", .run = now_table, .expected = OC_HOLDS},
                {.name = "now-table-and-back",
                 .run = now_table_and_back,
                 .expected = OC_HOLDS,
                 .cover = {"stored"}}})
