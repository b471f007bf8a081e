/* file.h: one page of an object, shared, through the core's public calls. SPDX-License-Identifier: MIT
 *
 * FILE_VA shows page 0 of an object. A store that did not fault for good is, in the end, in the page, and
 * the page is dirty, or the object has it (I3). */
#ifndef SCENARIO_FILE_H
#define SCENARIO_FILE_H

#include "raw.h"
#include <octavo/mapping.h>

enum { FILE_VA = 0x10000, FILE_PAGE = 0x1000, STORED = 7 };

struct file {
	struct oct_mm *mm;
	struct oct_mapping mapping;
	int object;               /* its address names the contents */
	struct oct_folio *buffer; /* to look at them */
	bool stored;              /* the writer's store did not fault for good */
};

static struct file file;

/* Mapped; with access, faulted in as by a load or a store. */
static inline void file_setup(struct oct_mm *mm, unsigned access)
{
	uintptr_t at;

	file.mm = mm;
	file.buffer = oct_folio_alloc();
	oct_mapping_init(&file.mapping, &file.object, 1, 0);
	OC_ASSERT(OC_ASSERTION, oct_mmap_file(mm, FILE_VA, FILE_PAGE, READ_WRITE,
	                                      OCT_MAP_FIXED | OCT_MAP_SHARED, &file.mapping, 0, &at) == 0);
	if (access)
		OC_ASSERT(OC_ASSERTION, oct_fault(mm, FILE_VA, access) == OCT_FAULT_DONE);
	oct_port_page_write(&file.object, 0, file.buffer->page); /* it has a place */
}

static inline void file_writer(void)
{
	file.stored = oc_store32(file.mm, FILE_VA, STORED) == 0;
}

static inline void file_writeback(void)
{
	OC_ASSERT(OC_ASSERTION, oct_mapping_writeback(&file.mapping, 0, 1) == 0);
}

/* What the object's device holds, at the end. */
static inline uint32_t file_device(void *object)
{
	oct_port_page_read(object, 0, file.buffer->page);
	return *(uint32_t *)oct_port_phys_to_virt(file.buffer->page);
}

/* The page keeps the store, and somebody will write it. */
static inline bool file_kept(const struct oct_folio *folio, void *object)
{
	return *(uint32_t *)oct_port_phys_to_virt(folio->page) == STORED &&
	       ((folio->flags & OCT_FOLIO_DIRTY) || file_device(object) == STORED);
}

static inline void file_final(void)
{
	struct oct_folio *folio;

	if (!file.stored)
		return;
	OC_ASSERT(OC_ASSERTION, oct_mapping_get(&file.mapping, 0, &folio) == 0);
	OC_ASSERT(OC_I3, file_kept(folio, &file.object));
}

/* ---- The same page cleaning, in raw entries -------------------------------------------------------- */
/* The page at RAW_VA (raw.h) belongs to raw_object. */

static int raw_object;

static inline struct oct_folio *raw_folio(void)
{
	return oct_port_folio_of(oct_pte_phys(raw.writable));
}

static inline void file_raw_setup(struct oct_mm *mm)
{
	raw_setup(mm);
	oct_store(&raw_folio()->flags, (uint32_t)OCT_FOLIO_DIRTY, OCT_RLX);
	oct_port_page_write(&raw_object, 0, raw_folio()->page);
}

static inline void raw_zap(void)
{
	oct_pte_t *pte = oct_pte_lock(raw.mm, RAW_VA);

	if (oct_pte_dirty(oc_entry_xchg(pte, 0)))
		oct_folio_mark_dirty(raw_folio());
	oct_pte_unlock(raw.mm, pte);
}

static inline void raw_take_dirty(void)
{
	oct_fetch_and(&raw_folio()->flags, ~(uint32_t)OCT_FOLIO_DIRTY, OCT_ACQ);
}

static inline oct_pte_t raw_clean_entry(oct_pte_t pte)
{
	return oct_pte_present(pte) ? oct_pte_mkclean(oct_pte_wrprotect(pte)) : pte;
}

static inline void raw_write(void)
{
	oct_port_page_write(&raw_object, 0, raw_folio()->page);
}

static inline void raw_file_final(void)
{
	bool kept = (raw_folio()->flags & OCT_FOLIO_DIRTY) || file_device(&raw_object) == STORED ||
	            oct_pte_dirty(oc_entry_get(raw.entry));

	OC_ASSERT(OC_I3, !raw.stored || kept);
	raw_restore();
}

#endif
