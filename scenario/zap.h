/* zap.h: DONTNEED by several, through the core's public call. SPDX-License-Identifier: MIT
 *
 * Two neighbouring pages in one leaf table, each with OLD in its first word. Whoever has called
 * DONTNEED on a page finds zeros there, whoever else is still at it: neither memory nor the TLB of the
 * caller's own CPU shows OLD. */
#ifndef SCENARIO_ZAP_H
#define SCENARIO_ZAP_H

#include <octavo/check.h>

enum { ZAP_VA = 0x10000, ZAP_NEIGHBOUR = ZAP_VA + 0x1000, OLD = 5 };

static struct oct_mm *zap_mm;

static inline void zap_setup(struct oct_mm *mm)
{
	zap_mm = mm;
	oc_map_anon(mm, ZAP_VA, 2, OCT_READ | OCT_WRITE);
	oc_store32(mm, ZAP_VA, OLD);
}

static inline void zap(uintptr_t va)
{
	OC_ASSERT(OC_ASSERTION, oct_madvise_dontneed(zap_mm, va, va + OCT_PAGE_SIZE) == 0);
}

static inline void zap_page(void)
{
	zap(ZAP_VA);
}

static inline void zap_neighbour(void)
{
	zap(ZAP_NEIGHBOUR);
}

static inline void zap_page_and_look(void)
{
	uint32_t value = OLD;

	zap(ZAP_VA);
	oc_load32(zap_mm, ZAP_VA, &value);
	OC_ASSERT(OC_I4, value == 0);
}

#endif
