/* core/holders: who finds himself the only holder of a page. SPDX-License-Identifier: MIT
 *
 * What earlier holders did to the page comes before what he does to it: their accesses are plain here, as
 * those of a host are. glance: he reads the count without order. split: a pin without locks looks at a large
 * folio of which one page is mapped, and lets go, while the folio is split. */
#include "../large-folio.h"
#include <octavo/pin.h>

enum { VA = 0x20000 };

static struct oct_folio *folio; /* of VA */
static struct oct_folio *pinned[2];
static uint32_t word; /* of that page, to a host: plain */

static void setup(void)
{
	block_setup(oc_mm());
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(block_mm, block_page(1), block_page(BLOCK_PAGES)) == 0);
	oc_map_anon(block_mm, VA, 1, READ_WRITE);
	folio = oc_folio(block_mm, VA);
	oct_folio_get(folio);
}

static void read_and_put(void)
{
	OC_ASSERT(OC_I2, word == 0);
	oct_folio_put(folio);
}

static void write_if(bool alone)
{
	if (!alone)
		return;
	word = 7;
	oc_cover("alone");
}

static void look_at_count(void)
{
	write_if(oct_load(&folio->refcount, OCT_RLX) == 1);
}

static void look(void)
{
	write_if(oct_folio_exclusive(folio));
}

static void look_at_entry(void)
{
	struct oct_pte_guard guard;

	oct_pte_lock_at(&block_mm->space, VA, &guard);
	write_if(oct_folio_exclusive_at(folio, &guard));
	oct_pte_guard_unlock(NULL, &guard);
}

static void glance(void)
{
	RAW_PARTS(read_and_put, look_at_count);
}

static void now(void)
{
	RAW_PARTS(read_and_put, look);
}

static void now_locked(void)
{
	RAW_PARTS(read_and_put, look_at_entry);
}

static void pin_fast(void)
{
	oct_gup_fast(block_mm, BLOCK_VA, 1, OCT_WRITE, &pinned[0]);
}

static void pin(void)
{
	OC_ASSERT(OC_ASSERTION, oct_gup(block_mm, BLOCK_VA, 1, OCT_WRITE, &pinned[1]) == 1);
}

static void now_split(void)
{
	RAW_PARTS(pin_fast, pin);
}

static void final(void)
{
	for (unsigned i = 0; i < 2; i++)
		if (pinned[i]) {
			OC_ASSERT(OC_I5, pinned[i] == oc_folio(block_mm, BLOCK_VA));
			oct_unpin(pinned[i], false);
		}
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "glance", .run = glance, .expected = OC_VIOLATES(OC_RACE)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"alone"}},
                         {.name = "now-locked", .run = now_locked, .expected = OC_HOLDS, .cover = {"alone"}},
                         {.name = "now-split",
                          .run = now_split,
                          .expected = OC_HOLDS,
                          .cover = {"folio-split", "gup-fast-backs-out"}}})
