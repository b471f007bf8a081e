/* block.h: a contiguous block in raw entries (arm64, riscv64 with Svnapot). SPDX-License-Identifier: MIT
 *
 * BLOCK pages that lie one after the other, as the model's small block of 4, in an area without rights: a
 * user access succeeds through a valid entry, current or stale, and otherwise fails for good. */
#ifndef SCENARIO_BLOCK_H
#define SCENARIO_BLOCK_H

#include <octavo/check.h>

enum { BLOCK_VA = 0x10000, BLOCK = 4 };

struct block {
	struct oct_mm *mm;
	oct_phys_t pages;       /* the first */
	oct_pte_t *entry;       /* of BLOCK_VA; the others follow */
	oct_pte_t plain[BLOCK]; /* without the bit: writable, young, clean */
};

static struct block block;

static inline void block_setup(void)
{
	block.mm = oc_mm();
	block.pages = oct_port_page_alloc(2, OCT_USE_USER);
	oct_port_page_clear(block.pages, 2);
	oc_map_anon(block.mm, BLOCK_VA + BLOCK * OCT_PAGE_SIZE, 1, OCT_READ);
	OC_ASSERT(OC_ASSERTION, oct_mmap(block.mm, BLOCK_VA, BLOCK * OCT_PAGE_SIZE, OCT_NONE, OCT_MAP_FIXED,
	                                 &(uintptr_t){0}) == 0);
	block.entry = oc_pte(block.mm, BLOCK_VA);
	for (unsigned i = 0; i < BLOCK; i++) {
		oct_pte_t pte =
		    oct_pte_make(block.pages + i * OCT_PAGE_SIZE, OCT_READ | OCT_WRITE, OCT_NORMAL);

		block.plain[i] = oct_pte_mkyoung(pte);
	}
}

/* Each page has one reference, that of its entry: who unmaps it by the core's calls gives it up. */
static inline void block_count(void)
{
	for (unsigned i = 0; i < BLOCK; i++) {
		struct oct_folio *folio = oct_port_folio_of(block.pages + i * OCT_PAGE_SIZE);

		folio->page = block.pages + i * OCT_PAGE_SIZE;
		folio->order = 0;
		folio->head = folio;
		folio->mapping = NULL;
		folio->refcount = 1;
		folio->flags = OCT_FOLIO_ANON;
	}
}

static inline oct_pte_t block_entry(unsigned i)
{
	return oct_pte_mk_cont(block.plain[i]);
}

/* The whole block, as one: any CPU may hold it. */
static inline void block_map(void)
{
	for (unsigned i = 0; i < BLOCK; i++)
		oc_entry_set(block.entry + i, block_entry(i));
}

static inline void block_clear(void)
{
	for (unsigned i = 0; i < BLOCK; i++)
		oc_entry_set(block.entry + i, 0);
}

static inline void block_flush(unsigned first, unsigned pages)
{
	oc_dsb();
	oc_tlbi(block.mm, BLOCK_VA + first * OCT_PAGE_SIZE, pages, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

static inline int block_store(unsigned i, uint32_t value)
{
	return oc_store32(block.mm, BLOCK_VA + i * OCT_PAGE_SIZE, value);
}

#endif
