/* core/mremap-fault: a page moves while another CPU stores to it. SPDX-License-Identifier: MIT
 *
 * The store lands in the page, wherever it is by then, and leaves it dirty (I2, I3); or it is refused.
 * Hardware may set dirty in the old entry until it is exchanged: who reads it first and clears it then loses
 * that. */
#include "../raw.h"

enum { FROM = 0x10000, TO = 0x18000 };

static struct oct_mm *mm;
static bool stored;

static void setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, FROM, 1, READ_WRITE);
	oc_map_anon(mm, FROM + OCT_PAGE_SIZE, 1, READ_WRITE); /* for their tables */
	oc_map_anon(mm, TO + OCT_PAGE_SIZE, 1, READ_WRITE);
	oc_entry_update(oc_pte(mm, FROM), oct_pte_mkclean);
}

static void flush(void)
{
	oc_dsb();
	oc_tlbi(mm, FROM, 1, OC_BROADCAST, OC_LEAF);
	oc_dsb();
}

static void read_then_clear(void)
{
	oct_pte_t *from, *to;
	oct_pte_t pte;

	oct_rwlock_write_lock(&mm->lock);
	oct_vma_resize(&mm->areas, oct_vma_find(&mm->areas, FROM), TO, TO + OCT_PAGE_SIZE);
	from = oct_pte_lock(mm, FROM);
	to = oct_pte_lock(mm, TO);
	pte = oc_entry_get(from);
	oc_entry_set(from, 0);
	oc_entry_set(to, pte);
	flush();
	oct_pte_unlock(mm, to);
	oct_pte_unlock(mm, from);
	oct_rwlock_write_unlock(&mm->lock);
}

static void now(void)
{
	uintptr_t where;

	OC_ASSERT(OC_ASSERTION, oct_mremap(mm, FROM, OCT_PAGE_SIZE, OCT_PAGE_SIZE,
	                                   OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, TO, &where) == 0);
}

static void writer(void)
{
	stored = oc_store32(mm, FROM, 7) == 0;
	oc_cover(stored ? "stored" : "refused");
}

static void final(void)
{
	OC_ASSERT(OC_I2, !stored || oc_peek32(mm, TO) == 7);
	OC_ASSERT(OC_I3, !stored || oct_pte_dirty(oc_entry_get(oc_pte(mm, TO))));
	OC_ASSERT(OC_I4, oct_pte_none(oct_table_query(&mm->space, FROM)));
}

OC_SCENARIO(.setup = setup, .final = final, .arch = OC_ARCH_ALL,
            .actors = {OC_CPU(OC_VARIANT), OC_CPU(writer)}, .cover = {"stored", "refused"},
            .variants = {{.name = "read-then-clear", .run = read_then_clear, .expected = OC_VIOLATES(OC_I3)},
                         {.name = "now", .run = now, .expected = OC_HOLDS}})
