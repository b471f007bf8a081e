/* uffd.h: one page that a handler supplies, through the core's public calls. SPDX-License-Identifier: MIT
 *
 * UFFD_VA lies in an area of one page with modes; its leaf table is there. A page that is supplied has
 * SUPPLIED in its first word, and 0 in its second. */
#ifndef SCENARIO_UFFD_H
#define SCENARIO_UFFD_H

#include "raw.h"

enum { UFFD_VA = 0x10000, UFFD_NEXT = 0x11000, UFFD_FAR = 0x18000, SUPPLIED = 5 };

static struct oct_mm *uffd_mm;
static oct_phys_t uffd_source;

static inline void uffd_want(uintptr_t va, unsigned modes)
{
	OC_ASSERT(OC_ASSERTION, oct_uffd_register(uffd_mm, va, va + OCT_PAGE_SIZE, modes) == 0);
}

static inline void uffd_setup(struct oct_mm *mm, unsigned modes)
{
	uintptr_t where;

	uffd_mm = mm;
	oc_map_anon(mm, UFFD_NEXT, 1, READ_WRITE);
	OC_ASSERT(OC_ASSERTION, oct_mmap(mm, UFFD_VA, OCT_PAGE_SIZE, READ_WRITE, OCT_MAP_FIXED, &where) == 0);
	uffd_want(UFFD_VA, modes);
	uffd_source = oct_folio_alloc()->page;
	oct_port_page_clear(uffd_source, 0);
	*(uint32_t *)oct_port_phys_to_virt(uffd_source) = SUPPLIED;
}

/* What a handler does with an event: 1, or why not. */
static inline int uffd_copy(unsigned flags)
{
	return oct_uffd_copy(uffd_mm, UFFD_VA, 1, uffd_source, flags);
}

static inline void uffd_protect(bool enable)
{
	OC_ASSERT(OC_ASSERTION,
	          oct_uffd_writeprotect(uffd_mm, UFFD_VA, UFFD_VA + OCT_PAGE_SIZE, enable) == 0);
}

#endif
