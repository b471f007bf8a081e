/* object.h: the pages of an object, in memory, that become one huge folio. SPDX-License-Identifier: MIT
 *
 * OBJECT_VA shows the OCT_HUGE_PAGES pages of an object, aligned as a huge folio is. All are in memory, the
 * first is mapped, the second has KEPT in its first word, and none is dirty. */
#ifndef SCENARIO_OBJECT_H
#define SCENARIO_OBJECT_H

#include "raw.h"
#include <octavo/collapse.h>
#include <octavo/mapping.h>
#include <octavo/pin.h>

enum {
	OBJECT_PAGES = OCT_HUGE_PAGES,
	OBJECT_VA = 0x40000,
	OBJECT_END = OBJECT_VA + OBJECT_PAGES * 0x1000,
	OBJECT_KEPT = OBJECT_VA + 0x1000,
	KEPT = 5,
	WRITTEN = 7,
};

static struct object {
	struct oct_mm *mm;
	struct oct_mapping mapping;
	int device;               /* its address names the contents */
	struct oct_folio *buffer; /* to look at them */
	bool used[OCT_MAX_CPUS];  /* who has accessed a page: the model has contents */
	bool stored;              /* WRITTEN, to the first page */
} object;

/* Shared (OCT_MAP_SHARED) or private. */
static inline void object_setup(struct oct_mm *mm, unsigned flags)
{
	uintptr_t at;

	object.mm = mm;
	object.buffer = oct_folio_alloc();
	oct_port_page_clear(object.buffer->page, 0);
	for (unsigned i = 0; i < OBJECT_PAGES; i++) {
		struct oct_folio *folio;

		*(uint32_t *)oct_port_phys_to_virt(object.buffer->page) = i == 1 ? KEPT : 0;
		oct_port_page_write(&object.device, i, object.buffer->page);
		if (i == 0)
			oct_mapping_init(&object.mapping, &object.device, OBJECT_PAGES, 0);
		OC_ASSERT(OC_ASSERTION, oct_mapping_get(&object.mapping, i, &folio) == 0);
		oct_folio_put(folio);
	}
	OC_ASSERT(OC_ASSERTION, oct_mmap_file(mm, OBJECT_VA, OBJECT_END - OBJECT_VA, READ_WRITE,
	                                      OCT_MAP_FIXED | flags, &object.mapping, 0, &at) == 0);
	OC_ASSERT(OC_ASSERTION, oct_fault(mm, OBJECT_VA, OCT_READ) == OCT_FAULT_DONE);
}

static inline void object_collapse(void)
{
	int error = oct_collapse_mapping(&object.mapping, 0, 0);

	OC_ASSERT(OC_ASSERTION,
	          error == 0 || error == -OCT_EBUSY || error == -OCT_ENOENT || error == -OCT_EINVAL);
	oc_cover(error ? "left-alone" : "collapsed");
}

static inline void object_store(void)
{
	object.stored = oc_store32(object.mm, OBJECT_VA, WRITTEN) == 0;
	object.used[oct_port_cpu_self()] = true;
}

static inline void object_look(void)
{
	uint32_t value = 0;

	OC_ASSERT(OC_I2, oc_load32(object.mm, OBJECT_KEPT, &value) == 0 && value == KEPT);
	object.used[oct_port_cpu_self()] = true;
}

static inline void object_collapse_and_look(void)
{
	object_collapse();
	object_look();
}

static inline void object_forget(void)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(object.mm, OBJECT_VA, OBJECT_KEPT) == 0);
}

/* The object's page of index as its cache has it. */
static inline uint32_t object_word(uint64_t index, bool *dirty)
{
	struct oct_folio *folio;
	uint32_t word;

	OC_ASSERT(OC_ASSERTION, oct_mapping_get(&object.mapping, index, &folio) == 0);
	word = *(uint32_t *)oct_port_phys_to_virt(oct_folio_page(folio, index));
	*dirty = folio->flags & OCT_FOLIO_DIRTY;
	oct_folio_put(folio);
	return word;
}

/* A store that did not fault for good is in the page, and the page is dirty or written. */
static inline void object_kept(void)
{
	bool dirty, used = false;

	for (unsigned i = 0; i < OCT_MAX_CPUS; i++)
		used |= object.used[i];
	if (!used)
		return;
	OC_ASSERT(OC_I2, object_word(1, &dirty) == KEPT);
	OC_ASSERT(OC_I2, object_word(0, &dirty) == (object.stored ? WRITTEN : 0));
	if (!object.stored || dirty)
		return;
	oct_port_page_read(&object.device, 0, object.buffer->page);
	OC_ASSERT(OC_I3, *(uint32_t *)oct_port_phys_to_virt(object.buffer->page) == WRITTEN);
}

#endif
