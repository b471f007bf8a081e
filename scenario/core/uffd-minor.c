/* core/uffd-minor: what kind of event is an access to a page that is being evicted? SPDX-License-Identifier:
 * MIT
 *
 * Nothing is mapped, and the object has the page in memory (MINOR), has it not (MISSING), or it is just
 * going, and the access comes again. Who had an event waits until the page is supplied anew; to know whether
 * there is still something to wait for he looks at the object. no-lock: the page that was in memory a moment
 * ago is looked at without the lock of the object. */
#include "../file.h"

static struct oct_folio *folio, *source;

static void setup(void)
{
	file_setup(oc_mm(), OCT_READ);
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(file.mm, FILE_VA, FILE_VA + OCT_PAGE_SIZE) == 0);
	OC_ASSERT(OC_ASSERTION, oct_uffd_register(file.mm, FILE_VA, FILE_VA + OCT_PAGE_SIZE,
	                                          OCT_UFFD_MINOR | OCT_UFFD_MISSING) == 0);
	OC_ASSERT(OC_ASSERTION, oct_mapping_get(&file.mapping, 0, &folio) == 0);
	oct_folio_put(folio);
	source = oct_folio_alloc();
	oct_port_page_clear(source->page, 0);
}

static void evict(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mapping_evict(&file.mapping, 0) == 0);
}

static void evict_and_supply(void)
{
	int result;

	evict();
	result = oct_uffd_copy(file.mm, FILE_VA, 1, source->page, 0);
	OC_ASSERT(OC_ASSERTION, result == 1);
	oct_uffd_wake(file.mm);
}

static void look(void)
{
	(void)oct_load((uint32_t *)oct_port_phys_to_virt(folio->page), OCT_RLX);
}

static void no_lock(void)
{
	RAW_PARTS(evict, look);
}

static void ask(void)
{
	struct oct_uffd_event event = {0};
	int result = oct_uffd_fault(file.mm, FILE_VA, OCT_READ, &event);

	OC_ASSERT(OC_ASSERTION,
	          result == OCT_FAULT_EVENT || result == OCT_FAULT_RETRY || result == OCT_FAULT_DONE);
	if (result != OCT_FAULT_EVENT)
		return;
	oc_cover(event.mode == OCT_UFFD_MINOR ? "minor" : "missing");
	oct_uffd_wait(file.mm, FILE_VA, OCT_READ);
}

static void now(void)
{
	RAW_PARTS(evict_and_supply, ask);
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "no-lock", .run = no_lock, .expected = OC_VIOLATES(OC_UAF)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"minor", "missing"}}})
