/* retract.h: an empty leaf table that is taken out: raw entries, and the core's public calls.
 * SPDX-License-Identifier: MIT
 *
 * The kernel of the mails: K has emptied the table at RAW_TABLE of the pages of an object, and takes it out
 * under the page-table lock; whether somebody has put something else in, it asks the area, by two words:
 * raw_anon_vma, there may be private pages, and raw_markers, entries may say "write-protected" where no page
 * is.
 *
 * With the core the table at TABLE_VA is empty and belongs to a private area that shows an object of one
 * page, which is in memory: behind it accesses fail for good. */
#ifndef SCENARIO_RETRACT_H
#define SCENARIO_RETRACT_H

#include "raw.h"
#include <octavo/collapse.h>
#include <octavo/mapping.h>

enum {
	TABLE_VA = 0x10000,
	RAW_TABLE = 0x40000,
	TABLE_PAGES = OCT_TABLE_ENTRIES,
	TABLE_BYTES = TABLE_PAGES * OCT_PAGE_SIZE,
	INSERTED = 7,
};

static struct retract {
	struct oct_mm *mm;
	struct oct_mapping mapping;
	int object;
	oct_pte_t *slot;         /* links the table at RAW_TABLE */
	oct_phys_t table;        /* that one */
	struct oct_folio *folio; /* a page with INSERTED in its first word */
	bool inserted, marked;   /* U did it, in raw entries */
	bool protected;          /* TABLE_VA of the core's area */
	bool stored;             /* INSERTED, to the first page of the core's area */
} retract;

static uint32_t raw_anon_vma, raw_markers;

/* Private or OCT_MAP_SHARED. */
static inline void retract_setup(struct oct_mm *mm, unsigned flags)
{
	uintptr_t at;

	retract.mm = mm;
	oct_mapping_init(&retract.mapping, &retract.object, 1, 0);
	OC_ASSERT(OC_ASSERTION, oct_mmap_file(mm, TABLE_VA, TABLE_BYTES, READ_WRITE, OCT_MAP_FIXED | flags,
	                                      &retract.mapping, 0, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, TABLE_VA, OCT_READ) == OCT_FAULT_DONE);
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(mm, TABLE_VA, TABLE_VA + OCT_PAGE_SIZE) == 0);
}

/* Accesses that find no page fail for good. */
static inline void retract_raw_setup(struct oct_mm *mm)
{
	uintptr_t at;

	retract.mm = mm;
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, RAW_TABLE, TABLE_BYTES, OCT_NONE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_table_prepare(&mm->space, RAW_TABLE, RAW_TABLE + OCT_PAGE_SIZE) == 0);
	retract.slot = oc_pte(mm, RAW_TABLE, 1);
	retract.table = oct_pte_phys(oc_entry_get(retract.slot));
	retract.folio = oct_folio_alloc();
	*(uint32_t *)oct_port_phys_to_virt(retract.folio->page) = INSERTED;
}

/* ---- K, by parts --------------------------------------------------------------------------------- */

/* What K looks at under the page-table lock; before it takes the lock it looks at raw_anon_vma. */
enum { ANON_VMA_AGAIN = 1, MARKERS_AGAIN = 2, ENTRIES = 4 };

static inline bool raw_all_none(const oct_pte_t *entries)
{
	for (unsigned i = 0; i < OCT_TABLE_ENTRIES; i++)
		if (!oct_pte_none(oct_load(entries + i, OCT_RLX))) /* the lock orders it */
			return false;
	return true;
}

static inline bool raw_in_use(const oct_pte_t *entries, unsigned looks)
{
	/* Relaxed: the lock orders them, or nothing does. */
	return ((looks & ANON_VMA_AGAIN) && oct_load(&raw_anon_vma, OCT_RLX)) ||
	       ((looks & MARKERS_AGAIN) && oct_load(&raw_markers, OCT_RLX)) ||
	       ((looks & ENTRIES) && !raw_all_none(entries));
}

/* OCT_NO_PAGE: the table stays. */
static inline oct_phys_t raw_unlink(unsigned looks)
{
	oct_phys_t table = OCT_NO_PAGE;
	oct_pte_t *entries = oct_pte_lock(retract.mm, RAW_TABLE);

	if (!entries)
		return OCT_NO_PAGE; /* it has moved */
	if (!raw_in_use(entries, looks))
		table = oct_pte_phys(oc_entry_xchg(retract.slot, 0));
	oct_pte_unlock(retract.mm, entries);
	return table;
}

/* Every CPU; of secondary MMUs nobody thinks. */
static inline void raw_flush_table(void)
{
	oc_dsb();
	oc_tlbi(retract.mm, RAW_TABLE, TABLE_PAGES, OC_BROADCAST, OC_ALL_LEVELS);
	oc_dsb();
}

static inline void raw_free_table(void *arg)
{
	(void)arg;
	oct_port_page_free(retract.table, 0, OCT_USE_TABLE);
}

/* After a grace period. */
static inline void raw_retract(unsigned looks)
{
	oct_phys_t table;

	if (oct_load(&raw_anon_vma, OCT_RLX)) /* a glance */
		return;
	table = raw_unlink(looks);
	oc_cover(table == OCT_NO_PAGE ? "raw-skipped" : "raw-retracted");
	if (table == OCT_NO_PAGE)
		return;
	raw_flush_table();
	oct_port_defer(raw_free_table, NULL);
}

/* ---- U: entries come to a private area with only the lock of the space, for reading ---------------------
 */

/* The locked entry at RAW_TABLE; a table is made where there is none. */
static inline oct_pte_t *raw_alloc_lock(void)
{
	oct_pte_t *pte = oct_pte_lock(retract.mm, RAW_TABLE);

	if (pte)
		return pte;
	OC_ASSERT(OC_ASSERTION,
	          oct_table_prepare(&retract.mm->space, RAW_TABLE, RAW_TABLE + OCT_PAGE_SIZE) == 0);
	return oct_pte_lock(retract.mm, RAW_TABLE);
}

/* A page that a userfault's handler supplies. */
static inline void raw_insert(void)
{
	oct_pte_t *pte;

	oct_store(&raw_anon_vma, 1, OCT_RLX); /* before the lock, which K takes too */
	pte = raw_alloc_lock();
	oc_entry_set(pte, oct_pte_mkyoung(oct_pte_make(retract.folio->page, OCT_READ, OCT_NORMAL)));
	oct_pte_unlock(retract.mm, pte);
	retract.inserted = true;
}

/* A marker: who makes a page here shall not give the right to write. */
static inline void raw_mark(void)
{
	oct_pte_t *pte;

	oct_store(&raw_markers, 1, OCT_RLX); /* the area is registered */
	pte = raw_alloc_lock();
	oc_entry_set(pte, oct_pte_mksoft(OCT_SOFT_MARKER, 1));
	oct_pte_unlock(retract.mm, pte);
	retract.marked = true;
}

/* ---- V: the table moves to another address -------------------------------------------------------- */

/* The slot at RAW_TO, where no table is; needs retract_to_setup. */
enum { RAW_TO = RAW_TABLE + 0x10000, TABLE_TO = TABLE_VA + 0x20000 };

static inline void retract_to_setup(struct oct_mm *mm)
{
	uintptr_t at;

	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, RAW_TO, TABLE_BYTES, OCT_NONE, OCT_MAP_FIXED, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_table_prepare_slot(&mm->space, RAW_TO) == 0);
}

/* With both page-table locks. What moves is the upper entry as it was when it was looked at, before the
 * locks; or, if it was a table then, what is there now; or that, if it is looked at again. */
enum raw_move { LINK_BEFORE, LINK_NOW, LOOK_AGAIN };

static inline void raw_move_table(enum raw_move how)
{
	oct_pte_t *to = oc_pte(retract.mm, RAW_TO, 1);
	oct_pte_t link = oc_entry_get(retract.slot), now;
	struct oct_pte_guard from_guard, to_guard;

	if (!oct_pte_is_table(link, 1))
		return;
	oct_pte_lock_at(&retract.mm->space, RAW_TABLE, &from_guard);
	oct_pte_lock_at(&retract.mm->space, RAW_TO, &to_guard);
	now = oc_entry_xchg(retract.slot, 0);
	if (how != LINK_BEFORE)
		link = now;
	if (how != LOOK_AGAIN || oct_pte_is_table(link, 1)) {
		raw_flush_table();
		oc_entry_set(to, oct_pte_make_table(oct_pte_phys(link), 1, false));
		oc_cover("raw-moved");
	} else {
		oc_cover("raw-gone");
	}
	oct_pte_guard_unlock(NULL, &to_guard);
	oct_pte_guard_unlock(NULL, &from_guard);
}

static inline void raw_read_moved(void)
{
	uint32_t value;

	oc_load32(retract.mm, RAW_TO, &value);
}

static inline void retract_move(void)
{
	uintptr_t at;

	OC_ASSERT(OC_ASSERTION, oct_mremap(retract.mm, TABLE_VA, TABLE_BYTES, TABLE_BYTES,
	                                   OCT_MREMAP_MAYMOVE | OCT_MREMAP_FIXED, TABLE_TO, &at) == 0);
}

/* Before the move this address is nobody's. */
static inline void retract_read_moved(void)
{
	uint32_t value = INSERTED;

	oc_cover(oc_load32(retract.mm, TABLE_TO, &value) == 0 ? "loaded-moved" : "refused");
	OC_ASSERT(OC_I4, value == 0 || value == INSERTED);
}

/* ---- The core ------------------------------------------------------------------------------------- */

static inline void retract_now(void)
{
	OC_ASSERT(OC_ASSERTION, oct_retract_page_tables(&retract.mapping, 0, TABLE_PAGES) >= 0);
}

/* A marker that TABLE_VA is write-protected; the area has OCT_UFFD_WP. */
static inline void retract_mark(void)
{
	OC_ASSERT(OC_ASSERTION,
	          oct_uffd_writeprotect(retract.mm, TABLE_VA, TABLE_VA + OCT_PAGE_SIZE, true) == 0);
	retract.protected = true;
}

static inline void retract_store(void)
{
	OC_ASSERT(OC_I2, oc_store32(retract.mm, TABLE_VA, INSERTED) == 0);
	retract.stored = true;
}

/* What U has put in is there. */
static inline void retract_final(void)
{
	const oct_pte_t *pte = oc_pte(retract.mm, RAW_TABLE);

	OC_ASSERT(OC_I2, !retract.stored || oc_peek32(retract.mm, TABLE_VA) == INSERTED);
	OC_ASSERT(OC_I2, !retract.inserted || oc_peek32(retract.mm, RAW_TABLE) == INSERTED);
	OC_ASSERT(OC_I4,
	          !retract.marked || (pte && oct_pte_soft_kind(oct_load(pte, OCT_RLX)) == OCT_SOFT_MARKER));
	OC_ASSERT(OC_I4, !retract.protected || oct_fault(retract.mm, TABLE_VA, OCT_WRITE) == OCT_FAULT_EVENT);
	if (!retract.inserted)
		oct_folio_put(retract.folio);
}

#endif
