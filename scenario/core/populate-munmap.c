/* core/populate-munmap: pages are made while their area goes. SPDX-License-Identifier: MIT
 *
 * Populating looks for the area at each page, under the lock of the space. Who looks once and goes on without
 * leaves a page where no area is. */
#include <octavo/check.h>

enum { VA = 0x10000, READ_WRITE = OCT_READ | OCT_WRITE };

static struct oct_mm *mm;

static void setup(void)
{
	uintptr_t where;

	mm = oc_mm();
	oct_mmap(mm, VA, OCT_PAGE_SIZE, READ_WRITE, 0, &where);
	oct_table_prepare(&mm->space, VA, VA + OCT_PAGE_SIZE);
}

static void lock_dropped(void)
{
	struct oct_pte_guard guard;
	struct oct_folio *folio;
	bool there;

	oct_rwlock_read_lock(&mm->lock);
	there = oct_vma_find(&mm->areas, VA) != NULL;
	oct_rwlock_read_unlock(&mm->lock);
	if (!there)
		return;
	folio = oct_folio_alloc();
	oct_port_page_clear(folio->page, 0);
	oct_table_prepare(&mm->space, VA, VA + OCT_PAGE_SIZE);
	oct_pte_lock_at(&mm->space, VA, &guard);
	oct_entry_install(&guard, guard.pte, VA,
	                  oct_pte_mkyoung(oct_pte_make(folio->page, OCT_READ, OCT_NORMAL)));
	oct_pte_guard_unlock(NULL, &guard);
}

static void now(void)
{
	int error = oct_madvise(mm, VA, VA + OCT_PAGE_SIZE, OCT_MADV_POPULATE_WRITE);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_ENOMEM);
	oc_cover(error ? "gone" : "populated");
}

/* Why there is no page is asked of the areas, too. */
static void elsewhere(void)
{
	uintptr_t va = VA + OCT_PAGE_SIZE;

	OC_ASSERT(OC_ASSERTION,
	          oct_madvise(mm, va, va + OCT_PAGE_SIZE, OCT_MADV_POPULATE_WRITE) == -OCT_ENOMEM);
}

static void unmapper(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(mm, VA, OCT_PAGE_SIZE) == 0);
}

static void final(void)
{
	OC_ASSERT(OC_ASSERTION,
	          !oct_vma_find(&mm->areas, VA) && oct_pte_none(oct_table_query(&mm->space, VA)));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(unmapper)},
            .variants = {{.name = "lock-dropped", .run = lock_dropped, .expected = OC_VIOLATES(OC_UAF)},
                         {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"gone", "populated"}},
                         {.name = "elsewhere", .run = elsewhere, .expected = OC_HOLDS}})
