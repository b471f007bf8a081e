/* core/folio-faults: two CPUs store to two pages of one empty block. SPDX-License-Identifier: MIT
 *
 * One of them fills the block with a large folio, the other finds its page there; both stores are in it.
 * own-entry: a handler that looks whether its own entry is empty, takes the lock, and fills the block: what
 * came last wins, and two pages are live at one address. part: a handler that looks at its own entry under
 * the lock, and not at those beside it. now-munmap: half of the area goes meanwhile. */
#include "../large-folio.h"

static oct_pte_t fresh[2];
static bool naive, halved;
static unsigned stored;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	block_setup_empty(mm);
	/* Two pages for each CPU of the naive handlers. */
	for (unsigned cpu = 0; cpu < 2; cpu++)
		fresh[cpu] = oc_entry_get(oc_pte(mm, SPARE_VA + 2 * cpu * OCT_PAGE_SIZE));
}

static void now(void)
{
	unsigned cpu = oct_port_cpu_self();

	OC_ASSERT(OC_I2, oc_store32(block_mm, block_page(cpu), cpu + 1) == 0);
}

/* The area loses its first half: the block fits no more, or half of it goes. */
static void now_munmap(void)
{
	if (oct_port_cpu_self() == 0) {
		OC_ASSERT(OC_ASSERTION, oct_munmap(block_mm, BLOCK_VA, OCT_FOLIO_BYTES / 2) == 0);
		halved = true;
	} else {
		OC_ASSERT(OC_I2, oc_store32(block_mm, block_page(BLOCK_PAGES - 1), 7) == 0);
	}
}

static void fill_two(oct_pte_t *first)
{
	oct_pte_t pte = fresh[oct_port_cpu_self()];

	oc_entry_set(first, pte);
	oc_entry_set(first + 1, oct_pte_advance(pte, OCT_PAGE_SIZE));
}

static void store_naively(void)
{
	unsigned cpu = oct_port_cpu_self();

	if (cpu == 0)
		naive = true;
	if (oc_store32(block_mm, block_page(cpu), cpu + 1) == 0)
		oct_fetch_or(&stored, 1u << cpu, OCT_RLX);
}

static void own_entry(void)
{
	unsigned cpu = oct_port_cpu_self();

	if (oct_pte_none(oc_entry_get(oc_pte(block_mm, block_page(cpu))))) {
		oct_pte_t *pte = oct_pte_lock(block_mm, BLOCK_VA);

		fill_two(pte);
		oct_pte_unlock(block_mm, pte);
	}
	store_naively();
}

/* CPU 1 makes one page, CPU 0 the block. */
static void part(void)
{
	unsigned cpu = oct_port_cpu_self();
	oct_pte_t *pte = oct_pte_lock(block_mm, block_page(cpu));

	if (oct_pte_none(oc_entry_get(pte))) {
		if (cpu == 0)
			fill_two(pte);
		else
			oc_entry_set(pte, fresh[cpu]);
	}
	oct_pte_unlock(block_mm, pte);
	store_naively();
}

static void final_halved(void)
{
	struct oct_folio *folio = oc_folio(block_mm, block_page(BLOCK_PAGES - 1));

	OC_ASSERT(OC_I2, oc_peek32(block_mm, block_page(BLOCK_PAGES - 1)) == 7);
	OC_ASSERT(OC_I4, !oc_folio(block_mm, BLOCK_VA));
	OC_ASSERT(OC_LEAK, folio->refcount == (folio->order ? BLOCK_PAGES / 2 : 1));
}

static void final(void)
{
	if (halved) {
		final_halved();
		return;
	}
	for (unsigned cpu = 0; cpu < 2; cpu++)
		OC_ASSERT(OC_I2,
		          (naive && !(stored >> cpu & 1)) || oc_peek32(block_mm, block_page(cpu)) == cpu + 1);
	if (naive) {
		block_clear(0, 2);
		return;
	}
	OC_ASSERT(OC_I2, oc_folio(block_mm, block_page(0)) == oc_folio(block_mm, block_page(1)));
	OC_ASSERT(OC_LEAK, oc_folio(block_mm, BLOCK_VA)->refcount == BLOCK_PAGES);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "own-entry",
                          .run = own_entry,
                          .expected = OC_VIOLATES(OC_I11),
                          .on = {{OC_X86_64, OC_VIOLATES(OC_I2)}}},
                         {.name = "part",
                          .run = part,
                          .expected = OC_VIOLATES(OC_I11),
                          .on = {{OC_X86_64, OC_VIOLATES(OC_I2)}}},
                         {.name = "now-munmap",
                          .run = now_munmap,
                          .expected = OC_HOLDS,
                          .cover = {"fault-large", "zero-fill"}},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"fault-large"}}})
