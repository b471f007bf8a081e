/* core/put-back: an entry that is put back shows a page that somebody else brought. SPDX-License-Identifier:
 * MIT
 *
 * One reads a page from swap, maps and pins it; another wants to move it, takes the entry, finds the pin, and
 * puts the entry back. A device that walks by the entry as it was put back finds what was read. relaxed: the
 * entry is put back without order. */
#include "../migrate.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	swap_setup_out(mm);
	fresh[0] = oct_folio_alloc();
}

static void bring_and_pin(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fault(swap_mm, SWAP_VA, OCT_WRITE) >= 0);
	pin_to_write();
}

/* What a move does that gives up. */
static void take_and_put_back(void)
{
	oct_pte_t *pte = oct_pte_lock(swap_mm, SWAP_VA), old = oc_entry_get(pte);

	if (oct_pte_present(old)) {
		old = oc_entry_xchg(pte, oct_pte_broken());
		oct_store(pte, old, OCT_RLX);
	}
	oct_pte_unlock(swap_mm, pte);
}

static void load(void)
{
	uint32_t value = 0;

	OC_ASSERT(OC_I2, oc_load32(swap_mm, SWAP_VA, &value) == 0 && value == SWAPPED);
}

static void relaxed(void)
{
	RAW_PARTS(bring_and_pin, take_and_put_back);
}

static void now(void)
{
	RAW_PARTS(bring_and_pin, migrate);
}

static void final(void)
{
	pin_final(swap_mm, PIN_VA);
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT), OC_IOMMU(load)},
            .variants = {{.name = "relaxed", .run = relaxed, .expected = OC_VIOLATES(OC_I2)},
                         {.name = "now",
                          .run = now,
                          .expected = OC_HOLDS,
                          .cover = {"migrate-put-back", "migrate-move", "swap-read"}}})
