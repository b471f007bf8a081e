/* checks/free-too-early: an invalidation that is not the one, or not complete (I1). SPDX-License-Identifier:
 * MIT
 *
 * arm64: the store of the entry reaches the walkers before the invalidation (barrier), the invalidation
 * names the page, and is complete (barrier) before the page is free. */
#include "space.h"

static void give_back(void)
{
	oct_port_page_free(page, 0, OCT_USE_USER);
}

/* Without the barrier after it the invalidation is on its way. */
static void no_completion(void)
{
	oc_entry_set(entry, 0);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_LEAF);
	give_back();
}

/* The invalidation may overtake the store of the entry, and a walk takes the old one again. */
static void no_publication(void)
{
	oc_entry_set(entry, 0);
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
	give_back();
}

static void another_page(void)
{
	oc_entry_set(entry, 0);
	oc_dsb();
	oc_tlbi(mm, OTHER_VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
	give_back();
}

static void too_early(void)
{
	flush();
	oc_entry_set(entry, 0);
	give_back();
}

static void repaired(void)
{
	oc_entry_set(entry, 0);
	flush();
	give_back();
}

OC_SCENARIO(.setup = space_setup, .arch = OC_ARM64, .actors = {OC_CPU(OC_VARIANT), OC_CPU(reader)},
            .variants = {
                {.name = "broken-no-completion", .run = no_completion, .expected = OC_VIOLATES(OC_I1)},
                {.name = "broken-no-publication", .run = no_publication, .expected = OC_VIOLATES(OC_I1)},
                {.name = "broken-another-page", .run = another_page, .expected = OC_VIOLATES(OC_I1)},
                {.name = "broken-flush-first", .run = too_early, .expected = OC_VIOLATES(OC_I1)},
                {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"loaded"}}})
