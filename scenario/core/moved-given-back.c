/* core/moved-given-back: where pages end that are merged or moved away. SPDX-License-Identifier: MIT
 *
 * When a merge or a migration has returned, the page that is mapped no more has no reference and is given
 * back, though another CPU looks at it by its entry meanwhile. Where nothing is mapped, or a page is pinned,
 * a merge leaves all as it was, and gives no right. kept: the entry changes, and nobody gives back what it
 * had. */
#include "../merge.h"
#include <octavo/migrate.h>
#include <octavo/pin.h>

enum { VA = 0x40000, HOLE = 0x48000, PINNED = 0x50000 };

static struct oct_mm *mm;
static struct oct_folio *folio, *other, *fresh, *pinned;

static void setup(void)
{
	uintptr_t at;

	merge_setup();
	mm = merge_mm;
	other = oc_folio(mm, MERGE_OTHER);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, VA, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, VA, OCT_WRITE) == OCT_FAULT_DONE);
	folio = oc_folio(mm, VA);
	fresh = oct_folio_alloc();
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, HOLE, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, PINNED, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, PINNED, OCT_WRITE) == OCT_FAULT_DONE);
	OC_ASSERT(OC_ASSERTION, oct_mprotect(mm, PINNED, OCT_PAGE_SIZE, OCT_READ) == 0);
	OC_ASSERT(OC_ASSERTION, oct_gup(mm, PINNED, 1, OCT_READ, &pinned) == 1);
}

static void look_at(uintptr_t va)
{
	uint32_t value = 1;

	OC_ASSERT(OC_I2, oc_load32(mm, va, &value) == 0 && value == 0);
}

static void given_back(const struct oct_folio *gone)
{
	OC_ASSERT(OC_LEAK, oct_load(&gone->refcount, OCT_RLX) == 0);
}

static void kept(void)
{
	if (oct_port_cpu_self() != 0)
		return;
	oc_entry_xchg(oc_pte(mm, VA), 0);
	given_back(folio);
}

static void now_merge(void)
{
	if (oct_port_cpu_self() != 0) {
		look_at(MERGE_OTHER);
		return;
	}
	OC_ASSERT(OC_ASSERTION, oct_merge_pages(mm, MERGE_VA, mm, MERGE_OTHER) == 1);
	given_back(other);
}

static void now_migrate(void)
{
	if (oct_port_cpu_self() != 0) {
		look_at(VA);
		return;
	}
	OC_ASSERT(OC_ASSERTION, oct_migrate_pages(mm, VA, VA + OCT_PAGE_SIZE, &fresh, 1) == 1);
	given_back(folio);
}

static void now_not_merged(void)
{
	if (oct_port_cpu_self() != 0) {
		look_at(PINNED);
		return;
	}
	OC_ASSERT(OC_ASSERTION, oct_merge_pages(mm, MERGE_VA, mm, HOLE) == -OCT_ENOENT);
	OC_ASSERT(OC_ASSERTION, oct_merge_pages(mm, MERGE_VA, mm, PINNED) == -OCT_EBUSY);
	OC_ASSERT(OC_I4, !oct_pte_write(oct_table_query(&mm->space, PINNED)));
}

OC_SCENARIO(.setup = setup, .arch = OC_ARCH_ALL, .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "kept", .run = kept, .expected = OC_VIOLATES(OC_LEAK)},
                {.name = "now-merge", .run = now_merge, .expected = OC_HOLDS, .cover = {"merged"}},
                {.name = "now-migrate", .run = now_migrate, .expected = OC_HOLDS, .cover = {"migrate-move"}},
                {.name = "now-not-merged",
                 .run = now_not_merged,
                 .expected = OC_HOLDS,
                 .cover = {"merge-pinned"}}})
