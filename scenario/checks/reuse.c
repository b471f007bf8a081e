/* checks/reuse: the same entry, another life of the page (I2). SPDX-License-Identifier: MIT
 *
 * Who reads a page, drops the lock and comes back with a copy compares the entry. Meanwhile the page may have
 * been freed, and come back to the same address with other contents: bits are equal, and the copy is old. A
 * number that each change of the entry raises tells the two apart. */
#include "parts.h"

enum { VA = 0x10000, OLD = 1, NEW = 5 };

static struct oct_mm *mm;
static oct_pte_t *entry;
static oct_phys_t spare;
static uint32_t word, changes; /* changes: under word */
static bool replaced;

static oct_pte_t map_of(oct_phys_t page)
{
	return oct_pte_mkyoung(oct_pte_make(page, OCT_READ, OCT_NORMAL));
}

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ);
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, VA, OCT_PAGE_SIZE, OCT_NONE) == 0);
	entry = oc_pte(mm, VA);
	oc_entry_set(entry, map_of(oct_pte_phys(oc_entry_get(entry))));
	spare = oct_port_page_alloc(0, OCT_USE_USER);
	oct_port_page_clear(spare, 0);
}

static void flush(void)
{
	oc_dsb();
	oc_tlbi(mm, VA, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

static uint32_t *first_word(oct_phys_t page)
{
	return oct_port_phys_to_virt(page);
}

/* Read the page under the lock, drop it, put a copy in the place of the page if nothing has changed. */
static void copy(bool count)
{
	oct_pte_t before;
	uint32_t number, read;

	lock(&word);
	before = oc_entry_get(entry);
	number = changes;
	if (!oct_pte_present(before)) {
		unlock(&word);
		return;
	}
	read = oct_load(first_word(oct_pte_phys(before)), OCT_RLX); /* relaxed: the lock orders it */
	unlock(&word);
	oct_store(first_word(spare), read, OCT_RLX);
	lock(&word);
	if (oc_entry_get(entry) == before && (!count || number == changes)) {
		oc_entry_set(entry, 0);
		flush();
		oc_entry_set(entry, map_of(spare));
	}
	unlock(&word);
}

/* The page goes, and one with new contents comes: perhaps the same. */
static void replace(void)
{
	oct_phys_t page;
	oct_pte_t before;

	lock(&word);
	before = oc_entry_xchg(entry, 0);
	if (oct_pte_phys(before) == spare) { /* copied already: nothing to show */
		oc_entry_set(entry, before);
		unlock(&word);
		return;
	}
	flush();
	changes++;
	unlock(&word);
	oct_port_page_free(oct_pte_phys(before), 0, OCT_USE_USER);
	page = oct_port_page_alloc(0, OCT_USE_USER);
	oct_port_page_clear(page, 0);
	lock(&word);
	oct_store(first_word(page), NEW, OCT_RLX);
	oc_entry_set(entry, map_of(page));
	if (page == oct_pte_phys(before))
		oc_cover("same-page");
	replaced = true;
	unlock(&word);
}

static void by_bits(void)
{
	if (oct_port_cpu_self() == 0)
		copy(false);
	else
		replace();
}

static void by_number(void)
{
	if (oct_port_cpu_self() == 0)
		copy(true);
	else
		replace();
}

static void final(void)
{
	OC_ASSERT(OC_I2, !replaced || oc_peek32(mm, VA) == NEW);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "broken", .run = by_bits, .expected = OC_VIOLATES(OC_I2), .knobs = {.reuse = true}},
                {.name = "off", .run = by_bits, .expected = OC_HOLDS},
                {.name = "repaired",
                 .run = by_number,
                 .expected = OC_HOLDS,
                 .knobs = {.reuse = true},
                 .cover = {"same-page"}}})
