/* checks/use-after-free: the kernel uses a page that is given back. SPDX-License-Identifier: MIT
 *
 * Whichever runs first: what is not ordered before the free may come after it. */
#include "parts.h"

static oct_phys_t page;
static uint32_t done;

static void setup(void)
{
	page = oct_port_page_alloc(0, OCT_USE_CORE);
	oct_port_page_clear(page, 0);
}

static uint32_t *contents(void)
{
	return oct_port_phys_to_virt(page);
}

static void use_plain(void)
{
	*contents() = 1;
}

static void use_atomic(void)
{
	oct_store(contents(), 1, OCT_RLX);
}

static void use_and_tell(void)
{
	use_plain();
	oct_store(contents() + 1, 1, OCT_RLX);
	oct_store(&done, 1, OCT_REL); /* pairs with the load of free_when_done() */
}

static void give_back(void)
{
	oct_port_page_free(page, 0, OCT_USE_CORE);
}

static void free_when_done(void)
{
	if (oct_load(&done, OCT_ACQ) == 0)
		return;
	give_back();
	oc_cover("freed");
}

static void after_plain(void)
{
	PARTS(give_back, use_plain);
}

static void before_plain(void)
{
	PARTS(use_plain, give_back);
}

static void atomic(void)
{
	PARTS(give_back, use_atomic);
}

static void before_atomic(void)
{
	PARTS(use_atomic, give_back);
}

static void repaired(void)
{
	PARTS(use_and_tell, free_when_done);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_THREAD(OC_VARIANT), OC_THREAD(OC_VARIANT)},
            .variants = {
                {.name = "broken", .run = after_plain, .expected = OC_VIOLATES(OC_UAF)},
                {.name = "broken-other-way", .run = before_plain, .expected = OC_VIOLATES(OC_UAF)},
                {.name = "broken-atomic", .run = atomic, .expected = OC_VIOLATES(OC_UAF)},
                {.name = "broken-atomic-other-way", .run = before_atomic, .expected = OC_VIOLATES(OC_UAF)},
                {.name = "repaired", .run = repaired, .expected = OC_HOLDS, .cover = {"freed"}}})
