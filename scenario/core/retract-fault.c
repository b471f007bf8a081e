/* core/retract-fault: calls that come to entries while their table is retracted. SPDX-License-Identifier: MIT
 *
 * The table is empty, or becomes empty by the other call, or stops being so. no-second-look: a fault makes
 * sure that there is a table, takes the lock that the table has, and stores its entry in what it found
 * before. now-...: the core's call against the core's retraction. */
#include "../retract.h"

static struct oct_mm *child;
static struct oct_folio *cached, *pinned;

static void setup(void)
{
	struct oct_mm *mm = oc_mm();

	child = oc_mm();
	retract_setup(mm, OCT_MAP_SHARED);
	retract_raw_setup(mm);
	OC_ASSERT(OC_ASSERTION, oct_mapping_get(&retract.mapping, 0, &cached) == 0);
	oct_folio_mark_dirty(cached); /* so that write-back looks for its entries */
}

static void against(void (*call)(void))
{
	if (oct_port_cpu_self() == 0)
		retract_now();
	else
		call();
}

static void raw_fault(void)
{
	oct_pte_t *found = oct_table_find(&retract.mm->space, RAW_TABLE, 0), *locked;

	if (!found)
		return;
	locked = raw_alloc_lock();
	oc_entry_set(found, oct_pte_mkyoung(oct_pte_make(retract.folio->page, OCT_READ, OCT_NORMAL)));
	oct_pte_unlock(retract.mm, locked);
	retract.inserted = true;
}

static void no_second_look(void)
{
	if (oct_port_cpu_self() == 0)
		raw_retract(ENTRIES);
	else
		raw_fault();
}

static void store(void)
{
	against(retract_store);
}

static void forget(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(retract.mm, TABLE_VA, TABLE_VA + TABLE_BYTES) == 0);
}

static void dontneed(void)
{
	against(forget);
}

static void write_back(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mapping_writeback(&retract.mapping, 0, TABLE_PAGES) == 0);
}

static void writeback(void)
{
	against(write_back);
}

static void truncate(void)
{
	oct_mapping_truncate(&retract.mapping, 0);
}

static void truncated(void)
{
	against(truncate);
}

static void unmap(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(retract.mm, TABLE_VA, TABLE_BYTES) == 0);
}

static void munmap(void)
{
	against(unmap);
}

static void unmap_part(void)
{
	OC_ASSERT(OC_ASSERTION, oct_munmap(retract.mm, TABLE_VA + OCT_PAGE_SIZE, OCT_PAGE_SIZE) == 0);
}

static void munmap_part(void)
{
	against(unmap_part);
}

static void clone(void)
{
	OC_ASSERT(OC_ASSERTION, oct_fork(child, retract.mm) == 0);
}

static void forked(void)
{
	against(clone);
}

static void watch(void)
{
	OC_ASSERT(OC_ASSERTION, oct_clear_refs(retract.mm, TABLE_VA, TABLE_VA + TABLE_BYTES) == 0);
}

static void clear_refs(void)
{
	against(watch);
}

static void pin(void)
{
	OC_ASSERT(OC_ASSERTION, oct_gup(retract.mm, TABLE_VA, 1, OCT_READ, &pinned) == 1);
}

static void pin_slow(void)
{
	against(pin);
}

static void retract_too(void)
{
	against(retract_now);
}

static void final(void)
{
	OC_ASSERT(OC_I5, !pinned || oc_folio(retract.mm, TABLE_VA) == pinned);
	if (pinned)
		oct_unpin(pinned, false);
	OC_ASSERT(OC_I2, !retract.stored || *(uint32_t *)oct_port_phys_to_virt(cached->page) == INSERTED);
	retract_final();
	oct_folio_put(cached);
}

#define HELD(n, fn, ...)                                                                                     \
	{                                                                                                    \
		.name = (n), .run = (fn), .expected = OC_HOLDS, .cover = { "retracted", __VA_ARGS__ }        \
	}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_THREAD(OC_VARIANT), OC_CPU(OC_VARIANT)},
            .variants = {{.name = "no-second-look", .run = no_second_look, .expected = OC_VIOLATES(OC_UAF)},
                         HELD("now-store", store, "retract-skipped"),
                         HELD("now-dontneed", dontneed),
                         HELD("now-writeback", writeback),
                         HELD("now-truncate", truncated),
                         HELD("now-munmap", munmap),
                         HELD("now-munmap-part", munmap_part),
                         HELD("now-fork", forked),
                         HELD("now-clear-refs", clear_refs),
                         HELD("now-pin", pin_slow, "retract-skipped"),
                         HELD("now-retract", retract_too)})
