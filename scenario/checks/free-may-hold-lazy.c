/* checks/free-may-hold-lazy: what a CPU that uses no user address may keep (I1). SPDX-License-Identifier: MIT
 *
 * A CPU that says that it is lazy makes no access, so a page may go while its TLB has it; a table may not,
 * since its walker may go ahead. Who spares it has to know that it is lazy, and still is. */
#include "space.h"

static oct_pte_t *upper;
static uint32_t lazy; /* atomic: CPU1 has said so */

static void setup(void)
{
	space_setup();
	upper = oc_pte(mm, VA, 1);
}

static void is_lazy(void)
{
	OCT_LAZY(true);
	oct_store(&lazy, 1u, OCT_REL); /* pairs with the acquire of free_page() */
}

/* Who knows what comes before it knows that it is lazy. Here nobody does. */
static void becomes_lazy(void)
{
	oct_store(&lazy, 1u, OCT_REL);
	OCT_LAZY(true);
}

static void was_lazy(void)
{
	OCT_LAZY(true);
	oct_store(&lazy, 1u, OCT_REL); /* pairs with the acquire of free_page() */
	OCT_LAZY(false);
}

static void and_back(void)
{
	is_lazy();
	oct_await(oct_load(&lazy, OCT_ACQ) == 2); /* pairs with the release of free_page() */
	OCT_LAZY(false);
}

static void flush_where(unsigned scope)
{
	oc_dsb();
	oc_tlbi(mm, VA, 1, scope, OC_ALL_LEVELS);
	oc_dsb();
}

static void free_page(bool waits)
{
	if (waits)
		oct_await(oct_load(&lazy, OCT_ACQ) == 1); /* pairs with the releases of CPU1 */
	oc_entry_set(entry, 0);
	flush_where(OC_LOCAL);
	oct_port_page_free(page, 0, OCT_USE_USER);
	oct_store(&lazy, 2u, OCT_REL); /* pairs with the acquire of and_back() */
}

static void free_when_lazy(void)
{
	free_page(true);
}

static void free_at_once(void)
{
	free_page(false);
}

static void free_table(void)
{
	oct_phys_t table = oct_pte_phys(oc_entry_get(upper));

	oct_await(oct_load(&lazy, OCT_ACQ) == 1);
	oc_entry_set(upper, 0);
	flush_where(OC_LOCAL);
	oct_port_page_free(table, 0, OCT_USE_TABLE);
}

static void table(void)
{
	PARTS(free_table, is_lazy);
}

static void not_known(void)
{
	PARTS(becomes_lazy, free_at_once);
}

static void no_longer(void)
{
	PARTS(free_when_lazy, was_lazy);
}

static void known(void)
{
	PARTS(free_when_lazy, is_lazy);
}

static void known_and_back(void)
{
	PARTS(free_when_lazy, and_back);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "broken-table", .run = table, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "broken-not-known", .run = not_known, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "broken-no-longer", .run = no_longer, .expected = OC_VIOLATES(OC_I1)},
                         {.name = "repaired", .run = known, .expected = OC_HOLDS},
                         {.name = "repaired-and-back", .run = known_and_back, .expected = OC_HOLDS}})
