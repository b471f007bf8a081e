/* checks/reuse: the same entry, another life of the page (I2). SPDX-License-Identifier: MIT
 *
 * CPU1 has read a page and comes back to say so in its entry, here by taking accessed away, if the entry is
 * still what it was. Meanwhile the page may have been freed, and come back to the same address with other
 * contents: all bits are equal, and what CPU1 knows is not so. Who wants to compare holds a reference. */
#include "parts.h"

enum { VA = 0x10000, READ_EARLIER = 0, NEW = 5 };

static struct oct_mm *mm;
static oct_pte_t *entry, before;
static uint32_t done; /* CPU1 has given its reference back */

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ);
	entry = oc_pte(mm, VA);
	before = oct_pte_mkyoung(oct_pte_make(oct_pte_phys(oc_entry_get(entry)), OCT_READ, OCT_NORMAL));
	oc_entry_set(entry, before);
}

static void say(void)
{
	if (oc_entry_cas(entry, before, oct_pte_mkold(before)))
		oc_cover("said");
	oct_store(&done, 1, OCT_REL); /* pairs with the acquire of replace() */
}

/* The page goes, and one with new contents comes: perhaps the same. */
static void replace(bool wait)
{
	oct_phys_t page = oct_pte_phys(before), next;

	oc_entry_xchg(entry, 0);
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
	if (wait)
		oct_await(oct_load(&done, OCT_ACQ) == 1); /* pairs with the release of say() */
	oct_port_page_free(page, 0, OCT_USE_USER);
	next = oct_port_page_alloc(0, OCT_USE_USER);
	if (next == page)
		oc_cover("same-page");
	oct_store((uint32_t *)oct_port_phys_to_virt(next), NEW, OCT_RLX); /* the entry's release orders it */
	oct_store(entry, oct_pte_mkyoung(oct_pte_make(next, OCT_READ, OCT_NORMAL)), OCT_REL);
}

static void at_once(void)
{
	replace(false);
}

static void with_reference(void)
{
	replace(true);
}

static void final(void)
{
	OC_ASSERT(OC_I2, oct_pte_young(oc_entry_get(entry)) || oc_peek32(mm, VA) == READ_EARLIER);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARM64 | OC_RISCV64, .actors = {OC_CPU(OC_VARIANT), OC_CPU(say)},
            .variants = {
                {.name = "broken", .run = at_once, .expected = OC_VIOLATES(OC_I2), .knobs = {.reuse = true}},
                {.name = "off", .run = at_once, .expected = OC_HOLDS, .cover = {"said"}},
                {.name = "repaired",
                 .run = with_reference,
                 .expected = OC_HOLDS,
                 .knobs = {.reuse = true},
                 .cover = {"said", "same-page"}}})
