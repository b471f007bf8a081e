/* core/ticket-drawn-at-start: a generation drawn before the change. SPDX-License-Identifier: MIT
 *
 * A protecter draws its generation first. Somebody else, who needs what was drawn so far to be
 * complete, invalidates the whole space and says so; then the protecter changes the entry under a
 * number that already counts as complete. Drawn at the end of the lock section it could not. */
#include "../naive.h"
#include "../zap.h"

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	zap_setup(mm);
	raw_setup(mm);
}

static void protect_drawing_first(void)
{
	uint32_t generation = naive_draw();
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	oc_entry_update(pte, oct_pte_wrprotect);
	oct_store(&naive_stamp, generation, OCT_RLX);
	oct_pte_unlock(raw.mm, pte);
	raw_flush();
	naive_complete(generation);
}

static void protect_drawing_last(void)
{
	uint32_t generation = naive_wrprotect();

	raw_flush();
	naive_complete(generation);
}

/* Completes everything drawn so far, then copies. */
static void complete_all_and_copy(void)
{
	uint32_t generation = oct_load(&naive_generation, OCT_ACQ);

	oc_dsb();
	oc_tlbi(raw.mm, 0, 0, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
	naive_complete(generation);
	naive_cow();
}

/* Two entries in one lock section: one generation, drawn when both are changed. */
static void zap_both(void)
{
	oct_madvise_dontneed(zap_mm, ZAP_VA, ZAP_VA + 2 * OCT_PAGE_SIZE);
}

static void zap_neighbour_and_page(void)
{
	zap_neighbour();
	zap_page_and_look();
}

static void nothing(void)
{
}

static void naive(void)
{
	RAW_PARTS(protect_drawing_first, complete_all_and_copy, raw_writer);
}

static void drawn_last(void)
{
	RAW_PARTS(protect_drawing_last, complete_all_and_copy, raw_writer);
}

static void now(void)
{
	RAW_PARTS(zap_both, zap_neighbour_and_page, nothing);
}

OC_SCENARIO(.setup = setup, .final = raw_final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "naive", .run = naive, .expected = OC_VIOLATES(OC_I2)},
                {.name = "drawn-last", .run = drawn_last, .expected = OC_HOLDS},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"rely-behind", "zero-fill"}}})
