/* core/uffd-move-swap: a page moves to another address while reclaim takes it. SPDX-License-Identifier: MIT
 *
 * The page goes to the new address, from memory or from swap, with its contents. read-first: the move takes
 * the entry that it read before it had the lock; reclaim has given the page back meanwhile. */
#include "../reclaim.h"

enum { TO = SWAP_VA + 0x2000, RAW_TO = RAW_VA + 0x1000 };

static oct_phys_t old_page;
static oct_pte_t old_entry;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();
	uintptr_t where;

	swap_setup(mm);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, TO, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &where) == 0);
	OC_ASSERT(OC_ASSERTION, oct_uffd_register(mm, TO, TO + OCT_PAGE_SIZE, OCT_UFFD_MISSING) == 0);
	raw_setup(mm);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, RAW_TO, OCT_PAGE_SIZE, OCT_READ, OCT_MAP_FIXED, &where) == 0);
	old_page = oct_folio_alloc()->page;
	old_entry = oct_pte_mkdirty(oct_pte_mkyoung(oct_pte_make(old_page, READ_WRITE, OCT_NORMAL)));
	oc_entry_set(raw.entry, old_entry);
}

static void move_raw(void)
{
	oct_pte_t value = oc_entry_get(raw.entry), *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_set(pte, 0);
	raw_flush();
	if (oct_pte_present(value))
		oc_entry_set(oc_pte(raw.mm, RAW_TO), value); /* one lock has both */
	oct_pte_unlock(raw.mm, pte);
	oc_store32(raw.mm, RAW_TO, 7);
}

static void reclaim_raw(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);
	oct_pte_t old = oc_entry_xchg(pte, 0);

	oct_pte_unlock(raw.mm, pte);
	raw_flush();
	if (oct_pte_present(old))
		oct_port_page_free(old_page, 0, OCT_USE_USER);
}

static void read_first(void)
{
	RAW_PARTS(move_raw, reclaim_raw);
}

static void move(void)
{
	uint32_t value = 0;

	OC_ASSERT(OC_ASSERTION, oct_uffd_move(swap_mm, TO, SWAP_VA, 1, 0) == 1);
	OC_ASSERT(OC_I2, oc_load32(swap_mm, TO, &value) == 0 && value == SWAPPED);
}

static void now(void)
{
	RAW_PARTS(move, swap_pageout);
}

static void final(void)
{
	oc_entry_set(oc_pte(raw.mm, RAW_TO), 0);
	raw_restore();
	if (oct_pte_none(oc_entry_get(oc_pte(swap_mm, SWAP_VA))))
		OC_ASSERT(OC_I2, swap_word(swap_mm, TO) == SWAPPED);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "read-first", .run = read_first, .expected = OC_VIOLATES(OC_I1)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"move-page", "move-swapped"}}})
