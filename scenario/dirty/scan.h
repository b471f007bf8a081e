/* scan.h: one page of a space, stored to while it is scanned. SPDX-License-Identifier: MIT
 *
 * It is marked by neither soft-dirty nor userfault write-protection, which is asynchronous. Who is told of it
 * copies it. A store is in a copy, or marks the page. */
#ifndef SCENARIO_DIRTY_SCAN_H
#define SCENARIO_DIRTY_SCAN_H

#include <octavo/check.h>
#include <octavo/track.h>

enum { VA = 0x10000, STORED = 7 };

static struct oct_mm *mm;
static uint32_t copied[2]; /* by whom */
static bool told[2];
static bool stored;

static inline void scan_setup(void)
{
	mm = oc_mm();
	oc_map_anon(mm, VA, 1, OCT_READ | OCT_WRITE);
	OC_ASSERT(OC_ASSERTION, oct_clear_refs(mm, VA, VA + OCT_PAGE_SIZE) == 0);
	OC_ASSERT(OC_ASSERTION, oct_uffd_async(mm, VA, VA + OCT_PAGE_SIZE, true) == 0);
	OC_ASSERT(OC_ASSERTION, oct_uffd_writeprotect(mm, VA, VA + OCT_PAGE_SIZE, true) == 0);
}

static inline bool scan(unsigned category, unsigned flags)
{
	struct oct_scan s = {.start = VA, .end = VA + OCT_PAGE_SIZE, .flags = flags, .required = category};

	OC_ASSERT(OC_ASSERTION, oct_scan_pages(mm, &s) == 0 && s.next == s.end);
	return s.pages != 0;
}

static inline void copy_if(bool is_told)
{
	unsigned self = oct_port_cpu_self() != 0;

	told[self] = is_told;
	if (is_told) {
		copied[self] = oc_peek32(mm, VA);
		oc_cover("told");
	}
}

static inline void written(void)
{
	copy_if(scan(OCT_PAGE_WRITTEN, OCT_SCAN_PROTECT));
}

static inline void scan_final(void)
{
	oct_pte_t entry = oc_entry_get(oc_pte(mm, VA));
	bool copy = copied[0] == STORED || copied[1] == STORED;

	OC_ASSERT(OC_ASSERTION, stored);
	OC_ASSERT(OC_I3, copy || (oct_pte_soft_dirty(entry) && !oct_pte_uffd_wp(entry)));
}

#endif
