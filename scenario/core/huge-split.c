/* core/huge-split: a page of a huge folio is touched alone while another of its pages is stored to.
 * SPDX-License-Identifier: MIT
 *
 * The leaf becomes a table on touch. It was clean, so hardware sets dirty in whichever entry it finds: a
 * store that succeeded is in the page, and its entry is dirty (I2, I3). read-then-store: a split that looks
 * at the leaf, fills the table, and stores the link (on x86-64, where both sizes may be usable, a dirty bit
 * is lost; elsewhere they are told first). now-whole: all of it is forgotten, as one. */
#include "../huge.h"

static oct_pte_t *slot;
static struct oct_folio *pin;
static bool stored, gone;

static void setup(void)
{
	huge_make(oc_mm());
	slot = oc_pte(huge_mm, HUGE_VA, 1);
	oc_entry_set(slot, oct_pte_mkclean(oc_entry_get(slot)));
}

static void store(void)
{
	stored = oc_store32(huge_mm, huge_page(1), WRITTEN) == 0;
	oc_cover("stored");
}

static void split_raw(void)
{
	oct_phys_t table = oct_port_page_alloc(0, OCT_USE_TABLE);
	oct_pte_t pte = oct_pte_resize(oc_entry_get(slot), 1, 0);

	oct_port_page_clear(table, 0);
	for (unsigned i = 0; i < OCT_HUGE_PAGES; i++, pte = oct_pte_advance(pte, OCT_PAGE_SIZE))
		oc_entry_set((oct_pte_t *)oct_port_phys_to_virt(table) + i, pte);
	oc_dsb();
	oc_entry_set(slot, oct_pte_make_table(table, 1, false));
	oc_dsb();
	oc_tlbi(huge_mm, HUGE_VA, OCT_HUGE_PAGES, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
}

static void read_then_store(void)
{
	RAW_PARTS(split_raw, store);
}

static void forget(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(huge_mm, HUGE_VA, huge_page(1)) == 0);
}

static void dontneed(void)
{
	RAW_PARTS(forget, store);
}

static void pin_first(void)
{
	OC_ASSERT(OC_I9, oct_gup(huge_mm, HUGE_VA, 1, OCT_READ, &pin) == 1);
}

static void pinned(void)
{
	RAW_PARTS(pin_first, store);
}

static void protect(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mprotect(huge_mm, HUGE_VA, OCT_PAGE_SIZE, OCT_READ) == 0);
	OC_ASSERT(OC_I4, oc_store32(huge_mm, HUGE_VA, WRITTEN) != 0);
}

static void mprotect(void)
{
	RAW_PARTS(protect, store);
}

static void forget_all(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(huge_mm, HUGE_VA, HUGE_END) == 0);
	gone = true;
}

static void whole(void)
{
	RAW_PARTS(forget_all, store);
}

static void final(void)
{
	if (pin) {
		OC_ASSERT(OC_I5, oc_folio(huge_mm, HUGE_VA) == pin);
		oct_unpin(pin, false);
	}
	if (stored && !gone) {
		OC_ASSERT(OC_I2, oc_peek32(huge_mm, huge_page(1)) == WRITTEN);
		OC_ASSERT(OC_I3, oct_pte_dirty(oct_table_query(&huge_mm->space, huge_page(1))));
	}
}

#define HELD(n, fn, ...)                                                                                     \
	{                                                                                                    \
		.name = (n), .run = (fn), .expected = OC_HOLDS, .cover = { "stored", __VA_ARGS__ }           \
	}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "read-then-store",
                          .run = read_then_store,
                          .expected = OC_VIOLATES(OC_I11),
                          .on = {{OC_X86_64, OC_VIOLATES(OC_I3)}}},
                         HELD("now-dontneed", dontneed, "stored"),
                         HELD("now-pin", pinned, "folio-split"),
                         HELD("now-mprotect", mprotect, "leaf-split"),
                         HELD("now-whole", whole, "stored")})
