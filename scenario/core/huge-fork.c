/* core/huge-fork: a huge folio is shared as one while another thread of the parent stores.
 * SPDX-License-Identifier: MIT
 *
 * What the child sees when fork has returned does not change any more, and what the parent's thread stored is
 * the parent's (I2). not-flushed: the leaf loses the write right, and the TLB of the parent's other CPU keeps
 * it. now-child: the child stores as well. now-collapse: a table becomes a leaf beside the fork. */
#include "../huge.h"

enum { OTHER_VA = 0x50000 };

static struct oct_mm *child;
static struct oct_folio *shared; /* raw: the child's references are ours */
static uint32_t *word, seen;
static bool copied, copied_other;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();
	uintptr_t at;

	child = oc_mm();
	huge_make(mm);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, OTHER_VA, OCT_HUGE_BYTES, READ_WRITE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, OTHER_VA, OCT_WRITE) == OCT_FAULT_DONE);
	word = oct_port_phys_to_virt(oc_folio(mm, HUGE_VA)->page);
}

static void share_raw(void)
{
	struct oct_pte_guard guard;

	oct_pte_lock_at(&huge_mm->space, HUGE_VA, &guard);
	if (oct_pte_write(oct_pte_get(&guard))) {
		oc_entry_update(guard.pte, oct_pte_wrprotect);
		shared = oc_folio(huge_mm, HUGE_VA);
		oct_folio_get_many(shared, OCT_HUGE_PAGES);
	}
	oct_pte_guard_unlock(NULL, &guard);
	seen = oct_load(word, OCT_RLX);
}

static void not_flushed(void)
{
	RAW_PARTS(share_raw, huge_store);
}

static void clone(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, huge_mm) == 0);
	copied = true;
	seen = oct_load(word, OCT_RLX);
}

static void now(void)
{
	RAW_PARTS(clone, huge_store);
}

static void child_stores(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, huge_mm) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(child, HUGE_VA, OCT_WRITE) == OCT_FAULT_DONE);
}

static void now_child(void)
{
	RAW_PARTS(child_stores, huge_store);
}

/* The folio is shared as the pages were: the child's store copies. */
static void collapse_other(void)
{
	int error = oct_collapse_huge(huge_mm, OTHER_VA, OCT_HUGE_PAGES);

	OC_ASSERT(OC_ASSERTION, error == 0 || error == -OCT_EBUSY);
}

static void child_stores_other(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, huge_mm) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(child, OTHER_VA, OCT_WRITE) == OCT_FAULT_DONE);
	copied_other = true;
}

static void now_collapse(void)
{
	RAW_PARTS(collapse_other, child_stores_other);
}

static void final(void)
{
	if (shared) {
		OC_ASSERT(OC_I2, oct_load(word, OCT_RLX) == seen);
		oct_folio_put_many(shared, OCT_HUGE_PAGES);
	}
	if (copied)
		OC_ASSERT(OC_I2, oc_peek32(child, HUGE_VA) == seen);
	OC_ASSERT(OC_I2, !copied_other || oc_folio(child, OTHER_VA) != oc_folio(huge_mm, OTHER_VA));
	huge_final();
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {
                {.name = "not-flushed", .run = not_flushed, .expected = OC_VIOLATES(OC_I2)},
                {.name = "now", .run = now, .expected = OC_HOLDS, .cover = {"fork-leaf", "cow-copy"}},
                {.name = "now-collapse",
                 .run = now_collapse,
                 .expected = OC_HOLDS,
                 .cover = {"collapsed-huge", "cow-copy"}},
                {.name = "now-child",
                 .run = now_child,
                 .expected = OC_HOLDS,
                 .cover = {"fork-leaf", "cow-copy"}}})
