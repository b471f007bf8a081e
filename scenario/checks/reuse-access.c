/* checks/reuse-access: accesses to a page that was freed, and to its next life (I1, a use of what is freed).
 * SPDX-License-Identifier: MIT
 *
 * The page goes and may come back at once. An access is of the next life if software made it knowing of the
 * free, or a walker by an entry that was stored after it. By the entry from before it is not, nor is that of
 * software which knows nothing. */
#include "space.h"

enum { NEW = 5, AGAIN_VA = 0x48000, LINKED_VA = 0x58000 };

static oct_pte_t *other_entry, *upper, *other_upper;
static oct_phys_t kept;               /* a page that stays */
static oct_pte_t *linked_upper, link; /* a table, made before, with an entry of the page */
static uint32_t lazy;                 /* atomic: CPU1 has said so */
static uint32_t freed;                /* atomic: the page has its next life */

static void setup(void)
{
	uintptr_t at;

	space_setup();
	oc_map_anon(mm, OTHER_VA, 1, OCT_READ | OCT_WRITE);
	other_entry = oc_pte(mm, OTHER_VA);
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, OTHER_VA, OCT_PAGE_SIZE, OCT_NONE) == 0);
	kept = oct_pte_phys(oc_entry_xchg(other_entry, 0));
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, AGAIN_VA, OCT_PAGE_SIZE, OCT_NONE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_table_prepare_slot(&mm->space, AGAIN_VA) == 0);
	oc_map_anon(mm, LINKED_VA, 1, OCT_READ | OCT_WRITE);
	oc_entry_set(oc_pte(mm, LINKED_VA), oct_pte_wrprotect(original));
	linked_upper = oc_pte(mm, LINKED_VA, 1);
	link = oc_entry_xchg(linked_upper, 0);
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, LINKED_VA, OCT_PAGE_SIZE, OCT_NONE) == 0);
	upper = oc_pte(mm, VA, 1);
	other_upper = oc_pte(mm, AGAIN_VA, 1);
}

static void again(bool flushes)
{
	oct_phys_t next;

	oc_entry_set(entry, 0);
	if (flushes)
		flush();
	oct_port_page_free(page, 0, OCT_USE_USER);
	next = oct_port_page_alloc(0, OCT_USE_USER);
	if (next == page)
		oc_cover("same-page");
	/* Relaxed: the releases below order it. */
	oct_store((uint32_t *)oct_port_phys_to_virt(next), NEW, OCT_RLX);
	oct_store(other_entry,
	          oct_pte_mkdirty(oct_pte_mkyoung(oct_pte_make(next, OCT_READ | OCT_WRITE, OCT_NORMAL))),
	          OCT_REL);
	oct_store(&freed, next == page, OCT_REL); /* pairs with the acquire of software_later() */
}

static void flushed(void)
{
	again(true);
}

static void not_flushed(void)
{
	again(false);
}

/* A CPU that says that it is lazy is spared, and loads all the same, by an entry of this race. */
static void not_really_lazy(void)
{
	oct_await(oct_load(&lazy, OCT_ACQ) == 1); /* pairs with the release of lazy_reader() */
	oc_entry_set(other_entry, oct_pte_mkyoung(oct_pte_make(kept, OCT_READ, OCT_NORMAL)));
	oc_entry_set(other_entry, 0);
	oc_dsb();
	oc_tlbi(mm, OTHER_VA, 1, OC_LOCAL, OC_LEAF);
	oc_dsb();
	oct_port_page_free(kept, 0, OCT_USE_USER);
}

static void lazy_reader(void)
{
	uint32_t value;

	OCT_LAZY(true);
	oct_store(&lazy, 1u, OCT_REL); /* pairs with the acquire of not_really_lazy() */
	oc_load32(mm, OTHER_VA, &value);
}

/* A table goes, and is one again at another address. */
static void table_again(void)
{
	oct_phys_t table = oct_pte_phys(oc_entry_get(upper)), next;
	oct_pte_t clean = oct_pte_mkyoung(oct_pte_make(kept, OCT_READ | OCT_WRITE, OCT_NORMAL));

	oc_entry_set(entry, 0);
	oc_entry_set(upper, 0);
	oc_dsb();
	oc_tlbi(mm, 0, 0, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	oct_port_page_free(table, 0, OCT_USE_TABLE);
	next = oct_port_page_alloc(0, OCT_USE_TABLE);
	if (next == table)
		oc_cover("same-page");
	oct_store((oct_pte_t *)oct_port_phys_to_virt(next) + oct_table_index(AGAIN_VA, 0), clean, OCT_RLX);
	oct_store(other_upper, oct_pte_make_table(next, 1, false), OCT_REL); /* to walkers */
}

/* The page's next life is known to a table that was ready before it began, and is linked after that. */
static void link_again(void)
{
	oct_phys_t next;

	oc_entry_set(entry, 0);
	flush();
	oct_port_page_free(page, 0, OCT_USE_USER);
	next = oct_port_page_alloc(0, OCT_USE_USER);
	oct_store((uint32_t *)oct_port_phys_to_virt(next), NEW, OCT_RLX); /* the link's release orders it */
	if (next != page)
		return;
	oc_cover("same-page");
	oct_store(linked_upper, link, OCT_REL); /* to walkers */
}

static void reader_again(void)
{
	uint32_t value;

	if (oc_load32(mm, LINKED_VA, &value) == 0) {
		oc_cover("loaded");
		OC_ASSERT(OC_I2, value == NEW);
	}
}

static void writer_again(void)
{
	if (oc_store32(mm, AGAIN_VA, NEW) == 0)
		oc_cover("stored");
}

static void other_reader(void)
{
	uint32_t value;

	if (oc_load32(mm, OTHER_VA, &value) == 0) {
		oc_cover("loaded");
		OC_ASSERT(OC_I2, value == NEW);
	}
}

static void software(void)
{
	(void)!oct_load((uint32_t *)oct_port_phys_to_virt(page), OCT_RLX); /* knows of nothing */
}

static void software_later(void)
{
	if (!oct_load(&freed, OCT_ACQ)) /* pairs with the release of again() */
		return;
	oc_cover("used");
	OC_ASSERT(OC_I2, oct_load((uint32_t *)oct_port_phys_to_virt(page), OCT_RLX) == NEW);
}

static void broken(void)
{
	PARTS(not_flushed, reader);
}

static void broken_software(void)
{
	PARTS(flushed, software);
}

static void old_entry(void)
{
	PARTS(flushed, reader);
}

static void new_entry(void)
{
	PARTS(flushed, other_reader);
}

static void broken_lazy(void)
{
	PARTS(not_really_lazy, lazy_reader);
}

static void new_link(void)
{
	PARTS(link_again, reader_again);
}

static void new_table(void)
{
	PARTS(table_again, writer_again);
}

static void repaired_software(void)
{
	PARTS(flushed, software_later);
}

OC_SCENARIO(
        .setup = setup, .arch = OC_ARCH_ALL, .knobs = {.reuse = true},
        .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
        .variants = {
            {.name = "broken", .run = broken, .expected = OC_VIOLATES(OC_I1)},
            {.name = "broken-software", .run = broken_software, .expected = OC_VIOLATES(OC_UAF)},
            {.name = "broken-lazy", .run = broken_lazy, .expected = OC_VIOLATES(OC_I1)},
            {.name = "repaired", .run = old_entry, .expected = OC_HOLDS, .cover = {"loaded", "same-page"}},
            {.name = "new-entry", .run = new_entry, .expected = OC_HOLDS, .cover = {"loaded", "same-page"}},
            {.name = "new-link", .run = new_link, .expected = OC_HOLDS, .cover = {"loaded", "same-page"}},
            {.name = "new-table", .run = new_table, .expected = OC_HOLDS, .cover = {"stored", "same-page"}},
            {.name = "repaired-software",
             .run = repaired_software,
             .expected = OC_HOLDS,
             .cover = {"used", "same-page"}}})
