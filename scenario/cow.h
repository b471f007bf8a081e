/* cow.h: copy-on-write through the core's public calls. SPDX-License-Identifier: MIT
 *
 * One page that somebody else holds a reference of, so that a store to its write-protected entry
 * must copy it. One CPU stores to its first word, perhaps through a stale entry; another stores to
 * its second word and copies. Both stores must be in the page that is mapped in the end. */
#ifndef SCENARIO_COW_H
#define SCENARIO_COW_H

#include <octavo/check.h>

enum { COW_VA = 0x10000 };

struct cow {
	struct oct_mm *mm;
	bool stored, copied; /* the store to the first, second word did not fault for good */
};

static struct cow cow;

static inline void cow_setup(struct oct_mm *mm)
{
	cow.mm = mm;
	oc_map_anon(mm, COW_VA, 1, OCT_READ | OCT_WRITE);
	oct_folio_get(oc_folio(mm, COW_VA));
}

static inline void cow_copier(void)
{
	cow.copied = oc_store32(cow.mm, COW_VA + 4, 1) == 0;
}

static inline void cow_writer(void)
{
	cow.stored = oc_store32(cow.mm, COW_VA, 7) == 0;
}

static inline void cow_clear_refs(void)
{
	oct_clear_refs(cow.mm, COW_VA, COW_VA + OCT_PAGE_SIZE);
}

static inline void cow_final(void)
{
	OC_ASSERT(OC_I2, !cow.stored || oc_peek32(cow.mm, COW_VA) == 7);
	OC_ASSERT(OC_I2, !cow.copied || oc_peek32(cow.mm, COW_VA + 4) == 1);
}

#endif
